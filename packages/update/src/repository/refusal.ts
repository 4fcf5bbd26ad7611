// Why a repository, or what it serves, is not believed. Each kind of attack has its own code; the text says what was seen, and
// what an administrator does next. Nothing was changed when one of these is thrown.

import { TrustError, UnreachableError } from '@resplice/report';

const ASK = 'nothing was changed; try again, and if it stays so, tell whoever runs the repository';

/** Arbitrary content, or fewer keys than the threshold. */
export function unsigned(file: string, found: string): TrustError {
  return refusal(
    'repository-not-signed',
    file,
    `is not signed by whom it must be (${found}); nothing was changed. Either this is not the repository that root.json is for, or somebody tampers with it`,
  );
}

export function malformed(file: string, found: string, cause?: unknown): TrustError {
  return refusal('repository-malformed', file, `is not valid metadata: ${found}; ${ASK}`, cause);
}

export function rolledBack(file: string, found: string): TrustError {
  return refusal(
    'repository-rolled-back',
    file,
    `is older than what this machine has already seen: ${found}; nothing was changed. Somebody replays an old state, or the repository was restored from a backup: then its operator has to rotate the timestamp and snapshot keys`,
  );
}

export function expired(file: string, expires: string, now: Date): TrustError {
  return refusal(
    'repository-expired',
    file,
    `expired at ${expires}, and this machine's clock says ${now.toISOString()}; nothing was changed. Check the clock; if it is right, the repository is not refreshed any more, or somebody holds back its newer state`,
  );
}

export function damagedState(cause: unknown): TrustError {
  const message =
    'the root that this machine remembers is damaged; delete the folder trust/ in /var/lib/resplice (or where --state points) to begin again from the root that was handed over: the first state it sees then counts as new';
  return new TrustError('trust-state-damaged', message, { cause });
}

/** Mix and match: files that do not belong to one state of the repository. */
export function inconsistent(file: string, found: string): TrustError {
  return refusal('repository-inconsistent', file, `does not belong to the rest: ${found}; ${ASK}`);
}

export function incomplete(file: string, found: string): TrustError {
  return refusal('repository-incomplete', file, `${found}; ${ASK}`);
}

export function endless(file: string, limit: number): TrustError {
  return refusal(
    'repository-data-endless',
    file,
    `goes on after the ${limit} bytes that it may have; the download was stopped, ${ASK}`,
  );
}

export function tooSlow(file: string, found: string): UnreachableError {
  return new UnreachableError(
    'repository-too-slow',
    `${file}: ${found}; the download was stopped and nothing was changed. Try again later or use another mirror`,
    { context: { file } },
  );
}

export function unreachable(file: string, found: string, cause?: unknown): UnreachableError {
  return new UnreachableError(
    'repository-unreachable',
    `${file}: ${found}; nothing was changed. Check the address and the network, then try again`,
    { context: { file }, cause },
  );
}

export function alteredTarget(file: string, found: string): TrustError {
  return refusal('target-altered', file, `is not what was signed: ${found}; ${ASK}`);
}

export function wrongTarget(file: string, found: string): TrustError {
  return refusal(
    'target-for-other-kernel',
    file,
    `is not the update that its place says: ${found}; nothing was changed. Tell whoever runs the repository`,
  );
}

function refusal(code: string, file: string, text: string, cause?: unknown): TrustError {
  return new TrustError(code, `${file}: ${text}`, {
    context: { file },
    ...(cause === undefined ? {} : { cause }),
  });
}

// Whether a check-in is the next one, the last one again, or not this machine's at all. A function of its arguments; what the
// fields mean is in the protocol's check-in.ts.

export interface LastCheckIn {
  readonly sequence: number;
  readonly nonce: string;
  readonly fingerprint: string;
}

export interface ArrivedCheckIn {
  readonly sequence: number;
  readonly nonce: string;
  readonly identity: { readonly fingerprint: string };
}

export type CheckInJudgement = 'next' | 'again' | 'check-in-replayed' | 'machine-cloned';

export function judgeCheckIn(last: LastCheckIn, arrived: ArrivedCheckIn): CheckInJudgement {
  if (arrived.sequence > last.sequence) return 'next';
  if (arrived.sequence === last.sequence) return arrived.nonce === last.nonce ? 'again' : 'machine-cloned';
  return arrived.identity.fingerprint === last.fingerprint ? 'check-in-replayed' : 'machine-cloned';
}

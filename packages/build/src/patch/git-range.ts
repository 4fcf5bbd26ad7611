// Patches out of a git repository. `git format-patch` already makes what the parser reads; here it is only kept from
// what configuration may change (prefixes, colours, external diff programs, attachments), and from leaving out merges silently.

import { EnvironmentError, InputError } from '@resplice/report';
import { execa } from 'execa';
import { parsePatches } from './diff-parser.js';
import type { PatchFile } from './patch-model.js';

const FORMAT = [
  'format-patch',
  '--stdout',
  '--root',
  '--no-signature',
  '--no-attach',
  '--no-cover-letter',
  '--no-thread',
  '--no-color',
  '--no-ext-diff',
  '--no-textconv',
  '--no-relative',
  '--unified=3',
  '--src-prefix=a/',
  '--dst-prefix=b/',
];

/**
 * Reads one commit (`REV`) or the commits behind one up to another (`REV..REV`), oldest first.
 * @throws InputError `git-not-a-repository`, `git-unknown-revision`, `git-merge-commit`, `git-empty-range`, `git-failed`;
 * EnvironmentError `git-missing`.
 */
export async function readGitPatches(repo: string, range: string): Promise<PatchFile[]> {
  await assertRepository(repo);
  const ends = range.split('..');
  const [from, to] = ends;
  if (ends.length > 2 || from === undefined || from === '' || to === '' || range.includes('...')) {
    throw new InputError('git-unknown-revision', `"${range}" is no revision; expected REV or REV..REV`, {
      context: { repo, range },
    });
  }
  const commits: string[] = [];
  for (const end of ends) commits.push(await readCommit(repo, end));
  const [first = '', last] = commits;
  const selection = last === undefined ? ['-1', first] : [`${first}..${last}`];
  await assertLinear(repo, range, selection);
  const mails = await runGit(repo, [...FORMAT, ...selection]);
  return parsePatches(mails, range).map((patch, index) => ({
    ...patch,
    name: nameCommit(patch, range, index),
  }));
}

/** `git:9f3c2a1b04de`, from the first line of the mail. */
function nameCommit(patch: PatchFile, range: string, index: number): string {
  const commit = /^From ([0-9a-f]{12})/.exec(patch.text)?.[1];
  return `git:${commit ?? `${range}#${index + 1}`}`;
}

async function assertRepository(repo: string): Promise<void> {
  try {
    await runGit(repo, ['rev-parse', '--git-dir']);
  } catch (cause) {
    if (!(cause instanceof InputError)) throw cause;
    throw new InputError(
      'git-not-a-repository',
      `${repo}: not a git repository that can be read (${cause.message})`,
      {
        context: { repo },
        cause,
      },
    );
  }
}

async function readCommit(repo: string, revision: string): Promise<string> {
  try {
    // Behind --verify git would still read it as an option.
    if (revision.startsWith('-')) throw new InputError('git-failed', 'a revision does not begin with -');
    return await readGitText(repo, ['rev-parse', '--verify', '--quiet', `${revision}^{commit}`]);
  } catch (cause) {
    if (!(cause instanceof InputError)) throw cause;
    throw new InputError(
      'git-unknown-revision',
      `${repo}: no commit "${revision}"; fetch it first (git fetch), or check the spelling`,
      { context: { repo, revision }, cause },
    );
  }
}

async function assertLinear(repo: string, range: string, selection: readonly string[]): Promise<void> {
  const list = async (...options: string[]) => {
    const text = await readGitText(repo, ['rev-list', ...options, ...selection]);
    return text === '' ? [] : text.split('\n');
  };
  if ((await list()).length === 0) {
    throw new InputError(
      'git-empty-range',
      `${repo}: there are no commits in ${range}; the older end comes first`,
      {
        context: { repo, range },
      },
    );
  }
  const [merge] = (await list('--parents')).filter((line) => line.split(' ').length > 2);
  if (merge === undefined) return;
  const commit = merge.slice(0, 12);
  throw new InputError(
    'git-merge-commit',
    `${repo}: ${commit} in ${range} is a merge, which has no single patch; name the commits it merges (${commit}^1..${commit}^2)`,
    { context: { repo, range, commit: merge.split(' ')[0] ?? commit } },
  );
}

async function readGitText(repo: string, args: readonly string[]): Promise<string> {
  return Buffer.from(await runGit(repo, args))
    .toString('utf8')
    .trim();
}

async function runGit(repo: string, args: readonly string[]): Promise<Uint8Array> {
  const result = await execa('git', ['-C', repo, '--no-pager', ...args], {
    encoding: 'buffer',
    reject: false,
    stdin: 'ignore',
    maxBuffer: 1 << 28,
    env: { LC_ALL: 'C', GIT_OPTIONAL_LOCKS: '0' },
  });
  if (result.exitCode === 0) return result.stdout;
  if (result.exitCode === undefined) {
    const missing = result.code === 'ENOENT';
    if (missing) throw new EnvironmentError('git-missing', 'git is not installed; run: apt-get install git');
  }
  const said = Buffer.from(result.stderr).toString('utf8').trim().split('\n')[0] ?? '';
  throw new InputError('git-failed', said === '' ? (result.shortMessage ?? 'git failed') : said, {
    context: { repo, command: args.slice(0, 2).join(' ') },
  });
}

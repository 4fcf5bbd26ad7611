import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { InputError } from '@resplice/report';
import { execa } from 'execa';
import { readGitPatches } from '../../src/patch/git-range.js';
import { readPatchFiles } from '../../src/patch/patch-reader.js';

async function makeDirectory(context: TestContext): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'resplice-patch-'));
  context.after(() => rm(directory, { recursive: true }));
  return directory;
}

const diff = (name: string) => `--- a/${name}\n+++ b/${name}\n@@ -1 +1 @@\n-a\n+b\n`;

function refused(code: string, pattern: RegExp): (error: unknown) => boolean {
  return (error) => {
    assert.ok(error instanceof InputError, String(error));
    assert.equal(error.code, code, error.message);
    assert.match(error.message, pattern);
    return true;
  };
}

test('reads files in the order given and a directory sorted by name', async (context) => {
  const directory = await makeDirectory(context);
  for (const name of ['0002-b.patch', '0001-a.diff', 'readme'])
    await writeFile(join(directory, name), diff(name));
  await writeFile(join(directory, 'readme'), 'not a patch');
  const patches = await readPatchFiles([join(directory, '0002-b.patch'), directory]);
  assert.deepEqual(
    patches.map((patch) => patch.name),
    ['0002-b.patch', '0001-a.diff', '0002-b.patch'],
  );
});

test('follows the series file of quilt', async (context) => {
  const directory = await makeDirectory(context);
  await mkdir(join(directory, 'net'));
  for (const name of ['net/z.patch', 'a.patch', 'off.patch'])
    await writeFile(join(directory, name), diff('x.c'));
  const series = join(directory, 'series');
  await writeFile(series, '# fixes\nnet/z.patch -p1\n\n#off.patch\na.patch # last\n');
  const patches = await readPatchFiles([directory]);
  assert.deepEqual(
    patches.map((patch) => patch.name),
    ['net/z.patch', 'a.patch'],
  );
  await writeFile(series, 'a.patch -R\n');
  await assert.rejects(readPatchFiles([directory]), refused('patch-malformed', /series:1: the option -R/));
  await writeFile(series, '\n../a.patch\n');
  await assert.rejects(readPatchFiles([directory]), refused('patch-path-unsafe', /series:2: /));
  await writeFile(series, 'gone.patch\n');
  await assert.rejects(
    readPatchFiles([directory]),
    refused('patch-not-readable', /gone\.patch: cannot be read/),
  );
});

test('refuses a directory without patches and a path that is not there', async (context) => {
  const directory = await makeDirectory(context);
  await assert.rejects(readPatchFiles([directory]), refused('patch-empty', /expected a series file/));
  await assert.rejects(
    readPatchFiles([join(directory, 'x')]),
    refused('patch-not-readable', /ENOENT.*check the path/),
  );
});

async function makeRepository(
  context: TestContext,
): Promise<{ repo: string; git: (...args: string[]) => Promise<void> }> {
  const repo = await makeDirectory(context);
  const git = async (...args: string[]) => {
    await execa('git', ['-C', repo, '-c', 'user.name=T', '-c', 'user.email=t@example.org', ...args], {
      env: { GIT_CONFIG_GLOBAL: '/dev/null' },
    });
  };
  await git('init', '-q', '-b', 'main');
  for (const [text, subject] of [
    ['a', 'first'],
    ['b', 'net: second\n\nCVE-2026-0001'],
    ['c', 'third'],
  ] as const) {
    await writeFile(join(repo, 'x.c'), `${text}\n`);
    await git('add', 'x.c');
    await git('commit', '-q', '-m', subject);
  }
  return { repo, git };
}

test('reads one commit, also the first, and a range, oldest first', async (context) => {
  const { repo } = await makeRepository(context);
  const [one, ...rest] = await readGitPatches(repo, 'HEAD~1');
  assert.equal(rest.length, 0);
  assert.equal(one?.subject, 'net: second');
  assert.deepEqual(one.cves, ['CVE-2026-0001']);
  assert.match(one.name, /^git:[0-9a-f]{12}$/);
  const range = await readGitPatches(repo, 'HEAD~2..main');
  assert.deepEqual(
    range.map((patch) => patch.subject),
    ['net: second', 'third'],
  );
  assert.equal((await readGitPatches(repo, 'HEAD~2'))[0]?.files[0]?.kind, 'create');
});

test('is not misled by the configuration of the repository', async (context) => {
  const { repo, git } = await makeRepository(context);
  for (const [key, value] of [
    ['diff.noprefix', 'true'],
    ['diff.mnemonicPrefix', 'true'],
    ['color.ui', 'always'],
    ['diff.external', '/bin/false'],
    ['format.attach', 'true'],
    ['format.coverLetter', 'true'],
  ] as const) {
    await git('config', key, value);
  }
  const [patch] = await readGitPatches(repo, 'HEAD');
  assert.equal(patch?.subject, 'third');
  assert.equal(patch.files[0]?.newPath, 'x.c');
  assert.equal(patch.files[0]?.prefixKnown, true);
});

test('refuses what is no repository, no revision, empty or a merge, each by its name', async (context) => {
  const { repo, git } = await makeRepository(context);
  const empty = await makeDirectory(context);
  await assert.rejects(
    readGitPatches(empty, 'HEAD'),
    refused('git-not-a-repository', /not a git repository/),
  );
  await assert.rejects(readGitPatches(join(repo, 'no'), 'HEAD'), refused('git-not-a-repository', /no/));
  for (const revision of ['v9', 'HEAD..v9', '--output=x', 'HEAD:x.c']) {
    await assert.rejects(
      readGitPatches(repo, revision),
      refused('git-unknown-revision', /no commit ".*fetch/),
    );
  }
  for (const range of ['', 'HEAD~1..', '..HEAD', 'HEAD~1...HEAD', 'a..b..c']) {
    await assert.rejects(
      readGitPatches(repo, range),
      refused('git-unknown-revision', /expected REV or REV\.\.REV/),
    );
  }
  await assert.rejects(
    readGitPatches(repo, 'HEAD..HEAD~1'),
    refused('git-empty-range', /the older end comes first/),
  );
  await git('checkout', '-q', '-b', 'side', 'HEAD~1');
  await git('commit', '-q', '--allow-empty', '-m', 'side');
  await git('checkout', '-q', 'main');
  await git('merge', '-q', '--no-ff', '-m', 'merge', 'side');
  for (const range of ['HEAD', 'HEAD~1..HEAD']) {
    await assert.rejects(readGitPatches(repo, range), refused('git-merge-commit', /is a merge/));
  }
});

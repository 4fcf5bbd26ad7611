import assert from 'node:assert/strict';
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { askScript } from '@resplice/factory/guest';

const BUNDLE = fileURLToPath(new URL('../resplice.cjs', import.meta.url));
let folder = '';
let attendant: ChildProcess;
let count = 0;

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'resplice-attend-'));
  await promisify(execFile)('mkfifo', [join(folder, 'ask'), join(folder, 'answer')]);
  attendant = spawn(process.execPath, [BUNDLE, 'attend', folder], {
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  const ended = once(attendant, 'exit').then(() => assert.fail('the attendant ended by itself'));
  const isThere = async (): Promise<void> => {
    while (!existsSync(join(folder, 'attendant'))) await wait(20);
  };
  await Promise.race([isThere(), ended]);
});

after(async () => {
  attendant.kill('SIGKILL');
  await rm(folder, { recursive: true, force: true });
});

/** As a guest's steps ask: the output goes to files, and the end is the command's. */
async function ask(...args: readonly string[]) {
  count += 1;
  const [out, err] = [join(folder, `out-${count}`), join(folder, `err-${count}`)];
  const script = `exec >>${out} 2>>${err}\n${askScript(folder)}`;
  const shell = spawn('sh', ['-c', script, 'sh', JSON.stringify(args)]);
  const [status, signal] = (await once(shell, 'exit')) as [number | null, string | null];
  const texts = await Promise.all([out, err].map((file) => readFile(file, 'utf8')));
  return { status, signal, stdout: texts[0], stderr: texts[1] };
}

test('commands run one after the other in one process, each with its own output and exit status', async () => {
  assert.equal(await readFile(join(folder, 'attendant'), 'utf8'), `${attendant.pid}\n`);
  const version = await ask('--version');
  assert.equal(version.status, 0);
  assert.match(version.stdout ?? '', /^\d+\.\d+\.\d+\n$/);
  const absent = await ask('inspect', join(folder, 'absent.splice'));
  assert.equal(absent.status, 3);
  assert.equal(absent.stdout, '');
  assert.match(
    absent.stderr ?? '',
    /^resplice: .*absent\.splice: cannot be read .*\[update-not-readable\]\n$/,
  );
  const usage = await ask('apply', '--json', '--frob', 'it\'s "quoted" $HOME');
  assert.equal(usage.status, 2);
  assert.equal(JSON.parse(usage.stdout ?? '').error.code, 'usage');
  assert.equal((await ask('--version')).status, 0);
});

test('who asks a process that is gone ends by a signal, as the command itself would have', async () => {
  const ended = once(attendant, 'exit');
  attendant.kill('SIGSTOP');
  const asked = ask('--version');
  while (!existsSync(join(folder, 'asking'))) await wait(20);
  const second = await ask('--version');
  assert.equal(second.signal, 'SIGKILL', 'nobody waits behind somebody who is not answered');
  // Time to open the answer, whose end is then seen.
  await wait(500);
  attendant.kill('SIGKILL');
  await ended;
  const { status, signal, stderr } = await asked;
  assert.deepEqual([status, signal], [null, 'SIGKILL']);
  assert.match(stderr ?? '', /the process that runs commands in this guest is gone/);
});

import assert from 'node:assert/strict';
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { encodeUpdate } from '@resplice/update';
import { tellingUpdate } from '@resplice/update/sample';
import { buildProgram } from '../src/program.js';

const main = fileURLToPath(new URL('../src/main.js', import.meta.url));
let directory = '';
let splice = '';

before(() => {
  directory = mkdtempSync(join(tmpdir(), 'resplice-cli-'));
  splice = join(directory, 'fix.splice');
  writeFileSync(splice, encodeUpdate(tellingUpdate()));
});
after(() => rmSync(directory, { recursive: true }));

function resplice(...args: string[]) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [main, ...args], { encoding: 'utf8' });
  return { status, stdout, stderr };
}

test('prints help without arguments, and the version', () => {
  const help = resplice();
  assert.equal(help.status, 0);
  assert.match(help.stdout, /Usage: resplice/);
  assert.match(help.stdout, /Exit status: 0 done/);
  assert.match(resplice('--version').stdout, /^\d+\.\d+\.\d+\n$/);
});

test('every command has --json and an example in its help', async () => {
  const program = await buildProgram([]);
  const leaves = program.commands.flatMap((each) => (each.commands.length > 0 ? each.commands : [each]));
  assert.ok(leaves.length > 40, `${leaves.length} commands`);
  for (const command of leaves) {
    let help = '';
    command.configureOutput({
      writeOut: (text) => {
        help += text;
      },
    });
    command.outputHelp();
    assert.match(help, /^ {2}--json /m);
    assert.match(help, /\nExamples?:\n {2}(?:sudo |[A-Z_]+=\S+ )?resplice /);
  }
});

test('inspect prints what an update changes and why', () => {
  const { status, stdout, stderr } = resplice('inspect', splice);
  assert.equal(status, 0, stderr);
  assert.deepEqual(stdout.split('\n'), [
    'update       sample_1',
    'fixes        CVE-2026-53236',
    'description  restricts socket filters',
    'kernel       6.1.0-47-amd64 (6.1.170-3, x86_64)',
    `build id     ${'ab'.repeat(20)}`,
    'engine       livepatch: every function can be redirected by it',
    'module       resplice_sample_1, 15 B, not signed',
    'made with    resplice 0.1.0, gcc-12 12.2.0',
    'patches      patches/0001-tcp.patch: tcp: restrict filters',
    'changes      1 function in 1 kernel object',
    'not built    drivers/net/absent.o',
    '',
    'vmlinux (net/core/sock.c)',
    '  replaces sk_attach_filter, number 2 of that name at 0xffffffff81a3b2c0, 6 bytes by 12 (net/core/sock.c)',
    '    first difference:',
    '    before  +0x5  ret',
    '    after   +0x5  mov edi, 0xc',
    '  added function check_filter, 32 B',
    '',
  ]);
});

test('inspect --json prints one JSON value with the manifest', () => {
  const { stdout } = resplice('inspect', '--json', splice);
  const result: unknown = JSON.parse(stdout);
  assert.ok(typeof result === 'object' && result !== null && 'ok' in result && 'manifest' in result);
  assert.equal(result.ok, true);
  assert.deepEqual(result.manifest, tellingUpdate().manifest);
});

test('does not let the text of an update steer the terminal', () => {
  const hostile = join(directory, 'hostile.splice');
  writeFileSync(hostile, encodeUpdate(tellingUpdate({ description: 'x\u001b]0;owned\u0007' })));
  assert.match(resplice('inspect', hostile).stdout, /x\\x1b\]0;owned\\x07/);
});

test('exit status 2 for usage, 3 for bad input, 4 for damage', () => {
  const cut = join(directory, 'cut.splice');
  writeFileSync(cut, encodeUpdate(tellingUpdate()).subarray(0, 3000));
  const cases = [
    [2, 'frob'],
    [2, 'kernel'],
    [2, 'inspect'],
    [2, 'inspect', splice, 'more'],
    [2, 'create', '--frob'],
    [2, 'create'],
    [2, 'create', '--git', '.'],
    [2, 'create', '--patch', 'x', '--git', '.', '--commit', 'HEAD'],
    [2, 'apply', splice, '--timeout', '0'],
    [2, 'doctor', 'fly'],
    [3, 'inspect', join(directory, 'absent')],
    [3, 'inspect', main],
    [3, 'show', 'absent'],
    [3, 'try', splice, '--probe', splice],
    [4, 'inspect', cut],
  ] as const;
  for (const [expected, ...args] of cases) {
    const { status, stdout, stderr } = resplice(...args);
    assert.equal(status, expected, `${args.join(' ')}: ${stderr}`);
    assert.equal(stdout, '');
    assert.match(stderr, /^resplice: .+ \[[a-z-]+\]\n$/);
  }
});

test('usage errors name the help of the command they are about', () => {
  assert.match(resplice('kernel', 'fetc').stderr, /Did you mean fetch\?.*see "resplice kernel --help"/);
  assert.match(resplice('create', '--frob').stderr, /see "resplice create --help"/);
});

test('failures are JSON too with --json', () => {
  for (const args of [['inspect', main], ['frob']]) {
    const { stdout, stderr } = resplice(...args, '--json');
    const result: unknown = JSON.parse(stdout);
    assert.ok(typeof result === 'object' && result !== null && 'ok' in result && 'error' in result);
    assert.equal(result.ok, false);
    assert.equal(stderr, '');
  }
});

test('a reader that goes away does not make a command fail', () => {
  const script = 'set -o pipefail; "$0" "$1" inspect "$2" --json | true; echo "$?"';
  const output = execFileSync('bash', ['-c', script, process.execPath, main, splice], { encoding: 'utf8' });
  assert.equal(output, '0\n');
});

test('Ctrl-C asks the work to stop, and the exit status says so', async () => {
  const { status, stdout, stderr } = await runWork(`
    const alive = setInterval(() => {}, 1000);
    signal.addEventListener('abort', () => { clearInterval(alive); console.log('cleaned up'); reject(signal.reason); });
    console.log('working');`);
  assert.equal(stdout, 'working\ncleaned up\n');
  assert.equal(stderr, 'resplice: interrupted by SIGINT [interrupted]\n');
  assert.equal(status, 130);
});

test('a second Ctrl-C ends work that does not stop, and says so', async () => {
  const { status, stderr } = await runWork(`
    setInterval(() => {}, 1000);
    signal.addEventListener('abort', () => process.kill(process.pid, 'SIGINT'));
    console.log('working');`);
  assert.equal(stderr, 'resplice: ended at once by a second signal, SIGINT [interrupted]\n');
  assert.equal(status, 130);
});

test('work that waits for what can no longer come does not end in silence', async () => {
  const { status, stdout, stderr } = await runWork('');
  assert.equal(stdout, '');
  assert.match(stderr, /^resplice: the command ends before its work is done: .* \[work-abandoned\]\n/);
  assert.equal(status, 70);
});

/** A session in a process of its own; Ctrl-C comes when it has printed `working`. */
async function runWork(work: string) {
  const session = new URL('../src/session.js', import.meta.url).href;
  const script = `
    import { runSession } from ${JSON.stringify(session)};
    void runSession({}, ({ signal }) => new Promise((_, reject) => {${work}}));`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let stdout = '';
  let stderr = '';
  child.stderr.on('data', (chunk) => {
    stderr += chunk;
  });
  child.stdout.on('data', (chunk) => {
    stdout += chunk;
    if (stdout === 'working\n') child.kill('SIGINT');
  });
  const status = await new Promise((resolve) => child.on('close', resolve));
  return { status, stdout, stderr };
}

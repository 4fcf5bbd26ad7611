import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CHANNEL_MAGIC } from '../../src/guest-init.js';
import { ResultChannel } from '../../src/result-channel.js';

const STEPS = [
  { name: 'one', argv: ['one'] },
  { name: 'two', argv: ['two', 'x'] },
];

function open(): { readonly channel: ResultChannel; readonly calls: string[] } {
  const calls: string[] = [];
  const channel = new ResultChannel(STEPS, {
    booted: () => calls.push('booted'),
    stepStarted: (index) => calls.push(`started ${index}`),
    stepFinished: (index) => calls.push(`finished ${index}`),
    ended: () => calls.push('ended'),
  });
  return { channel, calls };
}

function records(...lines: readonly string[]): Buffer {
  return Buffer.from(lines.map((line) => `${CHANNEL_MAGIC} ${line}\n`).join(''));
}

const base64 = (bytes: string | Uint8Array) => Buffer.from(bytes).toString('base64');
const EVERY_BYTE = Buffer.from(Array.from({ length: 256 }, (_, index) => index));

const GOOD_RUN = records(
  'boot',
  'start 0',
  `data 0 out 0 ${base64(EVERY_BYTE)}`,
  `data 0 out 256 ${base64('tail')}`,
  `data 0 err 0 ${base64('oh')}`,
  'stop 0 code 3 1.25 260 2 260 2',
  'start 1',
  'stop 1 signal 11 0.01 0 0 0 0',
  `data log out 0 ${base64('[    0.000000] Linux\n')}`,
  'end 21',
);

test('a whole run is read the same however its bytes are cut', () => {
  for (const size of [1, 7, 64, GOOD_RUN.length]) {
    const { channel, calls } = open();
    for (let at = 0; at < GOOD_RUN.length; at += size) channel.push(GOOD_RUN.subarray(at, at + size));
    assert.deepEqual(calls, ['booted', 'started 0', 'finished 0', 'started 1', 'finished 1', 'ended']);
    assert.deepEqual(channel.problems, []);
    assert.equal(channel.kernelLog, '[    0.000000] Linux\n');
    const [first, second] = channel.results();
    assert.deepEqual(first?.stdoutBytes, Buffer.concat([EVERY_BYTE, Buffer.from('tail')]));
    assert.equal(first?.stderr, 'oh');
    assert.equal(first?.exitCode, 3);
    assert.equal(first?.milliseconds, 1250);
    assert.equal(second?.signal, 'SIGSEGV');
    assert.equal(second?.exitCode, null);
  }
});

test('carriage returns and empty lines of a terminal mean nothing', () => {
  const { channel } = open();
  channel.push(Buffer.from(`\r\n\n${CHANNEL_MAGIC} boot\r\n`));
  assert.equal(channel.booted, true);
  assert.deepEqual(channel.problems, []);
});

test('a step the guest did not finish keeps its output and has neither code nor signal', () => {
  const { channel } = open();
  channel.push(records('boot', 'start 0', `data 0 out 0 ${base64('partial')}`));
  channel.push(Buffer.from(`${CHANNEL_MAGIC} data 0 out 7 YWJ`));
  const [step] = channel.results();
  assert.equal(step?.stdout, 'partial');
  assert.deepEqual([step?.exitCode, step?.signal, step?.timedOut], [null, null, false]);
  assert.equal(channel.ended, false);
});

test('a step over its time is told apart from one that was killed', () => {
  const { channel } = open();
  channel.push(
    records('boot', 'start 0', 'stop 0 timeout 9 - 0 0 0 0', 'start 1', 'stop 1 signal 9 0.10 0 0 0 0'),
  );
  assert.deepEqual(
    channel.results().map(({ timedOut, signal }) => [timedOut, signal]),
    [
      [true, 'SIGKILL'],
      [false, 'SIGKILL'],
    ],
  );
});

test('output that was cut at the limit says so', () => {
  const { channel } = open();
  channel.push(records('boot', 'start 0', `data 0 out 0 ${base64('abc')}`, 'stop 0 code 0 0.1 3 0 9 0'));
  assert.equal(channel.results()[0]?.truncated, true);
  assert.deepEqual(channel.problems, []);
});

test('a record that makes no sense becomes a problem and changes nothing', () => {
  const bad: readonly string[] = [
    'boot',
    'hello',
    'start',
    'start 2',
    'start -1',
    'start 0',
    'start 1e0',
    'data 1 out 0 AAAA',
    'data 0 in 0 AAAA',
    'data 0 out 1 AAAA',
    'data 0 out 0 AAA',
    'data 0 out 0 A*AA',
    'data 0 out 0',
    'data 0 out 0 AAAA AAAA',
    'data log err 0 AAAA',
    'data 99999999999999999999 out 0 AAAA',
    'stop 1 code 0 0.1 0 0 0 0',
    'stop 0 code 0 0.1 0 0',
    'stop 0 code x 0.1 0 0 0 0',
    'stop 0 vanished 0 0.1 0 0 0 0',
  ];
  for (const line of bad) {
    const { channel } = open();
    channel.push(records('boot', 'start 0'));
    channel.push(records(line));
    assert.equal(channel.problems.length, 1, line);
    channel.push(records(`data 0 out 0 ${base64('ok')}`, 'stop 0 code 0 0.1 2 0 2 0', 'end 0'));
    assert.equal(channel.problems.length, 1, line);
    assert.equal(channel.results()[0]?.stdout, 'ok', line);
  }
});

test('missing bytes of a step or of the kernel log are noticed', () => {
  const { channel } = open();
  channel.push(
    records('boot', 'start 0', `data 0 out 0 ${base64('ab')}`, 'stop 0 code 0 0.1 5 0 5 0', 'end 7'),
  );
  assert.equal(channel.problems.length, 2);
  assert.match(channel.problems.join('\n'), /output got lost.*\n.*kernel log/);
});

test('nothing is believed before the boot or after the end', () => {
  const { channel } = open();
  channel.push(records('start 0', 'end 0'));
  assert.equal(channel.ended, false);
  channel.push(records('boot', 'end 0', 'start 0'));
  assert.deepEqual(channel.results(), []);
  assert.equal(channel.problems.length, 3);
});

test('a flood without line ends does not fill the memory', () => {
  const { channel } = open();
  for (let count = 0; count < 100; count += 1) channel.push(Buffer.alloc(64 * 1024, 'x'));
  assert.ok(channel.problems.length <= 20);
  channel.push(Buffer.from('\n'));
  channel.push(records('boot'));
  assert.equal(channel.booted, true);
});

test('random damage never throws, and output that is missing never passes as a clean run', () => {
  let seed = 0x5eed;
  const random = (below: number) => {
    seed = (seed * 1103515245 + 12345) & 0x7fffffff;
    return seed % below;
  };
  for (let round = 0; round < 2000; round += 1) {
    const damaged = Buffer.from(GOOD_RUN);
    const at = random(damaged.length);
    if (round % 2 === 0) damaged[at] = random(256);
    const cut =
      round % 2 === 0
        ? damaged
        : Buffer.concat([damaged.subarray(0, at), damaged.subarray(at + 1 + random(20))]);
    const { channel } = open();
    channel.push(cut);
    const sizes = channel.results().map(({ stdoutBytes }) => stdoutBytes.length);
    if (channel.ended && channel.problems.length === 0) assert.deepEqual(sizes, [260, 0]);
  }
});

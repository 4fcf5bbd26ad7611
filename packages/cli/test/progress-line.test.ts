import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type ProgressStyle, startProgress } from '../src/progress-line.js';

function record(style: ProgressStyle, columns = 80) {
  const port = { text: '', time: 0 };
  const line = startProgress(style, {
    write: (text) => {
      port.text += text;
    },
    columns: () => columns,
    now: () => port.time,
  });
  return { port, line };
}

test('writes a plain line when a stage begins, ends, or has been silent for long', () => {
  const { port, line } = record('plain');
  line.sink({ stage: 'fetch-image', state: 'start', detail: 'linux-image' });
  line.sink({ stage: 'fetch-image', state: 'update', done: 1, total: 4, unit: 'bytes' });
  port.time = 16_000;
  line.sink({ stage: 'fetch-image', state: 'update', done: 2_000_000, total: 4_000_000, unit: 'bytes' });
  port.time = 20_000;
  line.sink({ stage: 'fetch-image', state: 'done' });
  line.stop();
  assert.deepEqual(port.text.split('\n'), [
    '  ...  fetch-image: linux-image',
    '  ...  fetch-image: 50 %, 2.0 MB of 4.0 MB, linux-image',
    ' done  fetch-image: linux-image (20 s)',
    '',
  ]);
});

test('says that a stage failed', () => {
  const { port, line } = record('plain');
  line.sink({ stage: 'compile', state: 'start' });
  line.sink({ stage: 'compile', state: 'failed' });
  assert.match(port.text, /^failed compile \(0\.0 s\)$/m);
});

test('writes every event as one JSON line', () => {
  const { port, line } = record('json');
  line.sink({ stage: 'compile', state: 'update', done: 1, total: 2, unit: 'objects' });
  line.stop();
  assert.deepEqual(JSON.parse(port.text), {
    type: 'progress',
    stage: 'compile',
    state: 'update',
    done: 1,
    total: 2,
    unit: 'objects',
  });
});

test('redraws one line on a terminal, never longer than it is wide, and removes it at the end', async () => {
  const { port, line } = record('terminal', 40);
  line.sink({ stage: 'compile', state: 'start', detail: `a\u001b[2J${'x'.repeat(100)}` });
  const deadline = Date.now() + 10_000;
  while (port.text === '' && Date.now() < deadline) await new Promise((resolve) => setTimeout(resolve, 20));
  line.stop();
  const drawn = port.text.split('\r\u001b[K').filter((text) => text !== '');
  assert.ok(drawn.length > 0);
  for (const text of drawn) assert.ok(text.length < 40 && !text.includes('\u001b'), JSON.stringify(text));
  assert.ok(port.text.endsWith('\r\u001b[K'));
});

test('keeps a line for each finished stage on a terminal', () => {
  const { port, line } = record('terminal');
  line.sink({ stage: 'check', state: 'start', detail: 'fix_1' });
  line.sink({ stage: 'check', state: 'done' });
  line.stop();
  assert.match(port.text, /done {2}check: fix_1 \(0\.0 s\)\n/);
});

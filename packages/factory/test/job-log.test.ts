import assert from 'node:assert/strict';
import { test } from 'node:test';
import { JobLog } from '../src/job-log.js';

const at = () => new Date('2026-11-25T12:34:56Z');

test('starts and ends of stages are lines, and what is between moves the figures', async () => {
  const written: string[] = [];
  const log = new JobLog(async (text) => void written.push(text), at);
  log.follow({ stage: 'compile', state: 'start', detail: 'a.o' });
  log.follow({ stage: 'compile', state: 'update', done: 3, total: 4 });
  assert.deepEqual(log.stage, { stage: 'compile', percent: 75 });
  log.follow({ stage: 'compile', state: 'done', detail: 'a.o' });
  await log.close();
  assert.equal(written.join(''), '12:34:56 compile a.o …\n12:34:56 compile a.o: done\n');
});

test('lines that could not be written come with the next ones, in order', async () => {
  const written: string[] = [];
  let away = true;
  const log = new JobLog(async (text) => {
    if (away) throw new Error('the database is away');
    written.push(text);
  }, at);
  log.note('one');
  await log.flush();
  log.note('two');
  away = false;
  await log.close();
  assert.equal(written.join(''), '12:34:56 one\n12:34:56 two\n');
});

test('a log without end is cut, and says so once', async () => {
  const written: string[] = [];
  const log = new JobLog(async (text) => void written.push(text), at);
  for (let line = 0; line < 400; line++) log.note('x'.repeat(1000));
  await log.close();
  const text = written.join('');
  assert.ok(text.length < 300_000);
  assert.equal(text.match(/the log ends here/g)?.length, 1);
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openMemory } from '../../src/create/workshop.js';

test('a question is asked once while it is among the latest, and again when it failed', async () => {
  const recall = openMemory(2);
  const asked: string[] = [];
  const ask = (question: string) =>
    recall(question, async () => {
      asked.push(question);
      if (asked.length === 1) throw new Error('not now');
      return question.length;
    });
  await assert.rejects(ask('a'), /not now/);
  assert.deepEqual([await ask('a'), await ask('bb'), await ask('a'), await ask('ccc')], [1, 2, 1, 3]);
  // The second one was wanted longest ago.
  assert.deepEqual([await ask('a'), await ask('bb')], [1, 2]);
  assert.deepEqual(asked, ['a', 'a', 'bb', 'ccc', 'bb']);
});

test('nothing is an answer, too', async () => {
  const recall = openMemory(1);
  let times = 0;
  const ask = () =>
    recall('nothing', async () => {
      times += 1;
    });
  await ask();
  await ask();
  assert.equal(times, 1);
});

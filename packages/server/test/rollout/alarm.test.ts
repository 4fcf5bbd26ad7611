import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { RolloutAlarm } from '../../src/rollout/alarm.js';

test('an alarm that is stopped waits for what is on its way, and rings no more', async () => {
  let open = true;
  let late = 0;
  let sent = 0;
  const alarm = new RolloutAlarm(
    {
      send: async () => {
        await sleep(50);
        sent += 1;
        if (!open) late += 1;
      },
    },
    (error) => assert.fail(String(error)),
  );
  alarm.ring();
  await sleep(10);
  await alarm.stop();
  open = false;
  alarm.ring();
  await sleep(100);
  assert.deepEqual([sent, late], [1, 0]);
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { InputError } from '@resplice/report';
import { parseChangelog } from '../../src/debian/changelog.js';

const TEXT = `linux (6.1.176-1) bookworm; urgency=medium

  * New upstream stable update:
    https://www.kernel.org/pub/linux/kernel/v6.x/ChangeLog-6.1.171
    - tcp: restrict SO_ATTACH_FILTER to priv users (CVE-2026-53236)
    - eventpoll: defer struct eventpoll free to RCU grace period
      (CVE-2026-43074, CVE-2026-43075)
    - net: plain fix

  [ Somebody ]
  * d/bin: Fix a script

 -- Some Body <some@body.example>  Fri, 08 May 2026 10:00:00 +0200

linux (6.1.170-3) bookworm; urgency=medium

  * Rebuild

 -- Some Body <some@body.example>  Fri, 01 May 2026 10:00:00 +0200
`;

test('lists subjects and CVE numbers per version, newest first', () => {
  const entries = parseChangelog(TEXT);
  assert.deepEqual(
    entries.map((entry) => entry.version),
    ['6.1.176-1', '6.1.170-3'],
  );
  const items = entries[0]?.items ?? [];
  assert.deepEqual(items[1], {
    subject: 'tcp: restrict SO_ATTACH_FILTER to priv users',
    cves: ['CVE-2026-53236'],
  });
  assert.deepEqual(items[2], {
    subject: 'eventpoll: defer struct eventpoll free to RCU grace period',
    cves: ['CVE-2026-43074', 'CVE-2026-43075'],
  });
  assert.deepEqual(items[3], { subject: 'net: plain fix', cves: [] });
});

test('refuses a text that is no changelog', () => {
  assert.throws(() => parseChangelog('<html>\n'), InputError);
  assert.deepEqual(parseChangelog(''), []);
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CheckInAnswer, CheckInRequest, ERRORS, MAX_MESSAGE_BYTES, RegisterRequest } from '../src/index.js';

const identity = { machineId: 'a'.repeat(64), fingerprint: 'b'.repeat(64) };
const report = {
  client: '0.1.0',
  kernel: {
    release: '6.1.0-47-amd64',
    version: '6.1.170-3',
    buildId: 'c'.repeat(40),
    architecture: 'x86_64',
    flavour: 'amd64',
  },
  bootId: '5d2d1c5c-9a0f-4d0b-8f4e-1d9f5a3b1c11',
  uptimeSeconds: 12,
  effective: { release: '6.1.176-1', cvesFixed: 1, cvesOpen: null },
  updates: [{ id: 'fix_1', engine: 'livepatch', state: 'applied', since: '2026-11-25T10:00:00Z' }],
  health: { state: 'good', complaints: [] },
  disabled: null,
  lastReboot: '2026-11-25T09:00:00+01:00',
};

test('a registration and a check-in are read, and fields of later versions are ignored', () => {
  const accessKey = `rsk_${'x'.repeat(32)}`;
  assert.equal(RegisterRequest.safeParse({ accessKey, identity, report }).success, true);
  const checkIn = { sequence: 1, nonce: '0'.repeat(32), identity, report: { ...report, later: 1 } };
  assert.equal('later' in CheckInRequest.parse(checkIn).report, false);
});

test('a refused update may bring a reason that this version does not know', () => {
  const reasons = [{ code: 'a-later-code', subject: 'vmlinux' }];
  const updates = [{ id: 'fix_1', engine: 'livepatch', state: 'refused', reasons }];
  const checkIn = { sequence: 1, nonce: '0'.repeat(32), identity, report: { ...report, updates } };
  assert.deepEqual(CheckInRequest.parse(checkIn).report.updates[0]?.reasons, reasons);
});

test('malformed messages are refused', () => {
  const good = { sequence: 1, nonce: '0'.repeat(32), identity, report };
  const bad = [
    { ...good, sequence: 0 },
    { ...good, sequence: 1.5 },
    { ...good, sequence: 2 ** 60 },
    { ...good, nonce: 'short' },
    { ...good, identity: { ...identity, fingerprint: 'B'.repeat(64) } },
    { ...good, report: { ...report, kernel: { ...report.kernel, buildId: '../../etc' } } },
    { ...good, report: { ...report, updates: [{ id: '../x', engine: 'livepatch', state: 'applied' }] } },
    { ...good, report: { ...report, updates: new Array(1001).fill(report.updates[0]) } },
    { ...good, report: { ...report, uptimeSeconds: -1 } },
  ];
  for (const message of bad) assert.equal(CheckInRequest.safeParse(message).success, false);
});

test('a report with as much as a machine can say fits into a message', () => {
  const updates = Array.from({ length: 1000 }, (_, at) => ({
    id: `update_${at}_${'x'.repeat(20)}`,
    name: 'x'.repeat(60),
    engine: 'livepatch',
    state: 'applied',
    since: '2026-11-25T10:00:00Z',
  }));
  const text = JSON.stringify({
    sequence: 1,
    nonce: '0'.repeat(32),
    identity,
    report: { ...report, updates },
  });
  assert.ok(text.length < MAX_MESSAGE_BYTES, `${text.length} bytes`);
});

test('an answer says what to leave out and what to take back', () => {
  const desired = { mode: null, updates: 'all', except: ['fix_2'], remove: ['fix_1'] };
  const answer = { state: 'active', group: null, ring: 0, desired, nextCheckInSeconds: 3600 };
  assert.deepEqual(CheckInAnswer.parse(answer), answer);
});

test('every error has a status that says the same to a proxy', () => {
  for (const { status } of Object.values(ERRORS)) assert.ok(status >= 400 && status < 600);
});

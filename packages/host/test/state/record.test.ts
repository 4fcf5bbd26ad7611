import assert from 'node:assert';
import { test } from 'node:test';
import { encodeRecord, parseRecord, type UpdateRecord } from '../../src/state/record.js';
import { assertSurvivesMutations } from '../mutation.js';

const RECORD: UpdateRecord = {
  id: 'fix_one',
  phase: 'applying',
  since: '2026-01-01T00:00:00.000Z',
  description: 'a fix',
  cves: ['CVE-2026-53236'],
  requires: ['fix_two'],
  addressTaken: ['late_timer'],
  requiresUnloaded: ['xt_owner'],
  engine: 'livepatch',
};

test('reads back what was written', () => {
  assert.deepEqual(parseRecord(encodeRecord(RECORD)), RECORD);
});

test('takes anything else for no record', () => {
  const value = JSON.parse(new TextDecoder().decode(encodeRecord(RECORD)));
  const changes = [
    { format: 2 },
    { phase: 'resting' },
    { id: 7 },
    { since: null },
    { description: [] },
    { cves: 'x' },
    { requires: [1] },
    { addressTaken: 'late_timer' },
  ];
  for (const change of changes) {
    assert.equal(
      parseRecord(Buffer.from(JSON.stringify({ ...value, ...change }))),
      undefined,
      JSON.stringify(change),
    );
  }
  for (const text of ['', 'null', '[]', '7', '{"format":1'])
    assert.equal(parseRecord(Buffer.from(text)), undefined, text);
});

test('survives damaged records', () => {
  assertSurvivesMutations(encodeRecord(RECORD), parseRecord);
});

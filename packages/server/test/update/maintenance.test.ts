import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { MaintenanceWindow } from '@resplice/protocol/console';
import { listOpenings, secondsToOpening } from '../../src/update/maintenance.js';

const show = (window: MaintenanceWindow | readonly MaintenanceWindow[], now: string, count = 2) =>
  listOpenings([window].flat(), new Date(now))
    ?.slice(0, count)
    .map(({ from, to }) => `${from.toISOString().slice(0, 16)} ${to.toISOString().slice(0, 16)}`);

const night: MaintenanceWindow = { days: ['sat'], from: '22:00', to: '04:00', timeZone: 'Europe/Berlin' };

describe('a maintenance window', () => {
  it('is in the time of its place, over midnight, and again in a week', () => {
    assert.deepEqual(show(night, '2026-11-25T12:00:00Z'), [
      '2026-11-28T21:00 2026-11-29T03:00',
      '2026-12-05T21:00 2026-12-06T03:00',
    ]);
  });

  it('that is open is the first, until it ends', () => {
    assert.deepEqual(show(night, '2026-11-29T02:59:00Z', 1), ['2026-11-28T21:00 2026-11-29T03:00']);
    assert.deepEqual(show(night, '2026-11-29T03:00:00Z', 1), ['2026-12-05T21:00 2026-12-06T03:00']);
  });

  it('keeps the clock of its place when that changes', () => {
    // Berlin: on 29 March 2026 at 2:00 it is 3:00, on 25 October at 3:00 it is 2:00.
    assert.deepEqual(show(night, '2026-03-28T00:00:00Z', 1), ['2026-03-28T21:00 2026-03-29T02:00']);
    assert.deepEqual(show(night, '2026-10-24T00:00:00Z', 1), ['2026-10-24T20:00 2026-10-25T03:00']);
    const skipped: MaintenanceWindow = {
      days: ['sun'],
      from: '02:30',
      to: '05:00',
      timeZone: 'Europe/Berlin',
    };
    assert.deepEqual(show(skipped, '2026-03-28T00:00:00Z', 1), ['2026-03-29T01:30 2026-03-29T03:00']);
  });

  it('is found wherever the place is', () => {
    const base = { days: ['mon'], from: '01:00', to: '02:00' } as const;
    const in_ = (timeZone: string): MaintenanceWindow => ({ ...base, days: ['mon'], timeZone });
    assert.deepEqual(show(in_('Pacific/Kiritimati'), '2026-11-25T12:00:00Z', 1), [
      '2026-11-29T11:00 2026-11-29T12:00',
    ]);
    assert.deepEqual(show(in_('Pacific/Pago_Pago'), '2026-11-25T12:00:00Z', 1), [
      '2026-11-30T12:00 2026-11-30T13:00',
    ]);
    assert.deepEqual(show(in_('Asia/Kathmandu'), '2026-11-25T12:00:00Z', 1), [
      '2026-11-29T19:15 2026-11-29T20:15',
    ]);
  });

  it('is one with those that it meets', () => {
    const utc = (from: string, to: string): MaintenanceWindow => ({
      days: ['thu'],
      from,
      to,
      timeZone: 'UTC',
    });
    const windows = [
      utc('05:00', '06:00'),
      utc('01:00', '03:00'),
      utc('02:00', '04:00'),
      utc('04:00', '04:30'),
    ];
    assert.deepEqual(show(windows, '2026-11-25T12:00:00Z'), [
      '2026-11-26T01:00 2026-11-26T04:30',
      '2026-11-26T05:00 2026-11-26T06:00',
    ]);
  });

  it('does not exist when nobody made one, and then machines install at any time', () => {
    assert.equal(listOpenings(null, new Date()), undefined);
    assert.equal(listOpenings([], new Date()), undefined);
  });

  it('calls machines when it opens, and nobody while it is open', () => {
    const now = new Date('2026-11-28T20:00:00Z');
    assert.equal(secondsToOpening(listOpenings([night], now), now), 3600);
    const open = new Date('2026-11-28T21:00:01Z');
    assert.equal(secondsToOpening(listOpenings([night], open), open), undefined);
    assert.equal(secondsToOpening(undefined, now), undefined);
  });

  it('that makes no sense is refused', () => {
    for (const change of [
      { from: '24:00' },
      { to: '22:00' },
      { days: [] },
      { days: ['sunday'] },
      { timeZone: 'Mars/Base' },
    ])
      assert.equal(
        MaintenanceWindow.safeParse({ ...night, ...change }).success,
        false,
        JSON.stringify(change),
      );
  });
});

// The package for machines on a Debian that systemd boots, with the stock kernel: an update that was applied before a reboot is applied again before
// the network is up, by the unit alone. Two boots of one disk.

import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { findKernelComplaints } from '@resplice/vm';
import { makeFix } from '../../src/fix.js';
import { type BootOfDebian, DebianMachine } from '../../src/fleet/debian-machine.js';
import { must } from '../../src/fleet/fresh-debian.js';
import { ROOT } from '../../src/resplice-command.js';
import { Workshop } from '../../src/workshop.js';

const SCRIPT = `
probe() { echo "=== probe $1"; setpriv --reuid=65534 --regid=65534 --clear-groups /usr/local/bin/probe; echo "exit $?"; }
when() { systemctl show -P "$2" "$1"; }
if [ "$boot" = 1 ]; then
  probe before
  echo "=== apply"; resplice apply /fix.splice --keep --json; echo "exit $?"
  probe applied
else
  echo "=== times"
  echo "resplice $(when resplice-boot.service ExecMainExitTimestampMonotonic)"
  echo "before-network $(when network-pre.target ActiveEnterTimestampMonotonic)"
  echo "networkd $(when systemd-networkd.service ExecMainStartTimestampMonotonic)"
  echo "online $(when network-online.target ActiveEnterTimestampMonotonic)"
  echo "=== unit"; systemctl show -p ActiveState -p Result -p ExecMainStatus resplice-boot.service
  echo "=== journal"; journalctl -b -u resplice-boot.service -o cat --no-pager
  echo "=== network"; grep -h OPER_STATE /run/systemd/netif/links/*
  echo "=== list"; resplice list --json
  probe rebooted
  echo "=== failed"; systemctl --failed --no-legend --plain
  echo "=== timer"; systemctl is-active resplice-upgrade.timer resplice-health.path
fi
`;

let workshop: Workshop | undefined;
let id = '';
let first: BootOfDebian;
let second: BootOfDebian;

before(async () => {
  const ours = await Workshop.open();
  workshop = ours;
  const [{ update, probe }, deb] = await Promise.all([
    makeFix(ours, 'attach-filter'),
    must(process.execPath, join(ROOT, 'scripts/package.mjs')),
  ]);
  id = update.id;
  const machine = await DebianMachine.make({
    directory: ours.directory,
    kernel: await ours.fetch(),
    deb: deb.trim().split('\n').at(-1) ?? '',
    files: new Map([
      ['fix.splice', update.file],
      ['usr/local/bin/probe', probe],
    ]),
    script: SCRIPT,
  });
  first = await machine.boot();
  second = await machine.boot();
});
after(() => workshop?.close());

test('the command of the package applies an update by hand and keeps it', () => {
  assert.match(first.section('probe before'), /^exit 1$/m);
  assert.match(first.section('apply'), /^exit 0$/m, first.section('apply'));
  assert.match(first.section('probe applied'), /^exit 0$/m);
});

test('after a reboot the unit has applied it again before the network was up', () => {
  const unit = second.section('unit');
  assert.match(unit, /^ActiveState=active$/m, `${unit}${second.section('journal')}`);
  assert.match(unit, /^Result=success$/m);
  const lines = second.section('times').trim().split('\n');
  const times = new Map(lines.map((line) => line.split(' ')).map(([name, time]) => [name, Number(time)]));
  const at = (name: string): number => times.get(name) ?? Number.NaN;
  const order = [0, at('resplice'), at('before-network'), at('networkd'), at('online')];
  for (const [index, time] of order.entries()) {
    if (index > 0) assert.ok(time > (order[index - 1] ?? 0), `${lines.join(', ')}`);
  }
  assert.match(second.section('network'), /^OPER_STATE=routable$/m);
});

test('the machine is safe, and says what it has', () => {
  const { updates } = JSON.parse(second.section('list')) as { updates: { id: string; state: string }[] };
  assert.deepEqual(
    updates.map((each) => [each.id, each.state]),
    [[id, 'applied']],
  );
  assert.match(second.section('probe rebooted'), /^exit 0$/m);
});

test('systemd has nothing to complain about: no unit failed, timer and watch are active', () => {
  assert.equal(second.section('failed').trim(), '');
  assert.deepEqual(second.section('timer').trim().split('\n'), ['active', 'active']);
  for (const boot of [first, second]) {
    assert.equal(boot.section('end').trim(), '');
    assert.deepEqual(findKernelComplaints(boot.console), []);
  }
});

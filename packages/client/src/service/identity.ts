// Tells machines, and copies of them, apart without naming them: both values are hashes, so the server learns neither the machine id, which
// other software treats as confidential, nor a serial number or address.

import { createHash } from 'node:crypto';
import type { Machine } from '@resplice/host';
import type { MachineIdentity } from '@resplice/protocol';
import { EnvironmentError } from '@resplice/report';
import { readLine } from '../client.js';

const SALT = 'resplice machine identity 1';
const NETWORK = '/sys/class/net';

/** Throws EnvironmentError `machine-id-missing`. */
export function readIdentity(machine: Machine): MachineIdentity {
  const id = readLine(machine, '/etc/machine-id') || readLine(machine, '/var/lib/dbus/machine-id');
  if (!/^[0-9a-f]{32}$/.test(id)) {
    const message = '/etc/machine-id: names no machine; make it with "systemd-machine-id-setup"';
    throw new EnvironmentError('machine-id-missing', message);
  }
  const hardware = [
    readLine(machine, '/sys/class/dmi/id/product_uuid').toLowerCase(),
    findFirstAddress(machine),
  ];
  return { machineId: hash(id), fingerprint: hash(hardware.join('\n')) };
}

/** Of the first network card that is hardware, by name: bridges and tunnels come and go. */
function findFirstAddress(machine: Machine): string {
  const cards = (machine.listDirectory(NETWORK) ?? [])
    .filter((name) => machine.listDirectory(`${NETWORK}/${name}/device`) !== undefined)
    .sort();
  return cards[0] === undefined ? '' : readLine(machine, `${NETWORK}/${cards[0]}/address`);
}

function hash(text: string): string {
  return createHash('sha256').update(SALT).update('\0').update(text).digest('hex');
}

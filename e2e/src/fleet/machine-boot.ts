// One boot of a machine that looks after itself: a guest with a disk that outlives it, where the client keeps its state, and with a network that
// is down until a step brings it up, as early at boot.

import { execFile } from 'node:child_process';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { FetchedKernel } from '@resplice/build';
import { type GuestEvent, runGuest } from '@resplice/vm';
import { GuestScript } from '../guest-script.js';

const DISK_BYTES = 64 * 1024 * 1024;
const MODULES = ['virtio_pci', 'virtio_blk', 'ext4', 'crc32c_generic', 'virtio_net'];

/** The other machine may have to wait for its place among the guests. */
const GATE_SECONDS = 1500;

/** Where the guest finds what listens on this machine's loopback. */
export const HOST_FROM_GUEST = '10.0.2.2';

export interface Machine {
  /** Its disk. */
  readonly disk: string;
  /** 32 hexadecimal digits. */
  readonly id: string;
  readonly root: string;
  readonly probe: string;
}

/** An empty disk for a new machine. */
export async function makeDisk(directory: string, name: string): Promise<string> {
  const disk = join(directory, `${name}.img`);
  const handle = await open(disk, 'wx');
  await handle.truncate(DISK_BYTES);
  await handle.close();
  await promisify(execFile)('mkfs.ext4', ['-q', disk], {
    env: { ...process.env, PATH: `${process.env.PATH}:/usr/sbin:/sbin` },
  });
  return disk;
}

export class MachineBoot extends GuestScript {
  readonly #machine: Machine;
  readonly #kernel: FetchedKernel;

  constructor(machine: Machine, kernel: FetchedKernel) {
    super();
    this.#machine = machine;
    this.#kernel = kernel;
    for (const name of MODULES) this.module(name);
    this.file('/etc/machine-id', Buffer.from(`${machine.id}\n`));
    this.file('/etc/resplice/resplice.conf', Buffer.from('auto = install\n'));
    this.file('/etc/resplice/root.json', machine.root);
    this.shell(
      'disk',
      [
        'set -e',
        'modprobe -a virtio_pci virtio_blk ext4 crc32c_generic',
        'i=0; until [ -b /dev/vda ]; do i=$((i + 1)); [ $i -lt 500 ] || exit 2; sleep 0.02; done',
        'mkdir -p /var/lib/resplice && mount -t ext4 /dev/vda /var/lib/resplice',
      ].join('\n'),
    );
  }

  get kernelRelease(): string {
    return this.#kernel.identity.release;
  }

  /** Brings the network up; says first that it was down. */
  network(): void {
    this.shell(
      'network',
      [
        'set -e',
        'ip route | grep . && { echo "the network was up already"; exit 3; }',
        'modprobe virtio_net',
        'i=0; until [ -e /sys/class/net/eth0 ]; do i=$((i + 1)); [ $i -lt 500 ] || exit 2; sleep 0.02; done',
        'ip link set eth0 up && ip addr add 10.0.2.15/24 dev eth0 && ip route add default via 10.0.2.2',
      ].join('\n'),
    );
  }

  ask(name: string): void {
    this.probe(name, this.#machine.probe);
  }

  /** Waits until the test lets it go on; see {@link Gate}. */
  waitFor(gate: string, address: string): void {
    const script = `until wget -q -O /dev/null ${address}/${gate}; do sleep 1; done`;
    this.step({ name: gate, argv: ['/bin/sh', '-c', script], timeoutSeconds: GATE_SECONDS });
  }

  /** To its end. */
  async run(onEvent: (event: GuestEvent) => void = () => {}): Promise<void> {
    this.finish(await runGuest({ ...this.#spec(), onEvent }));
  }

  /** Until a step is over; then the power goes. Gives back the steps that had come to their end. */
  async runUntil(step: string): Promise<readonly string[]> {
    const power = new AbortController();
    const over: string[] = [];
    const onEvent = (event: GuestEvent) => {
      if (event.type !== 'step-finished') return;
      over.push(event.result.name);
      if (event.result.name === step) power.abort(new Error('the power is gone'));
    };
    try {
      await runGuest({ ...this.#spec(), onEvent, signal: power.signal });
    } catch (error) {
      if (!power.signal.aborted) throw error;
    }
    return over;
  }

  #spec() {
    const { disk } = this.#machine;
    return { ...this.spec(this.#kernel), disk, network: true };
  }
}

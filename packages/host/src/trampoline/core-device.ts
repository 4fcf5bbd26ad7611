// Talking to the trampoline engine's core. What takes long is done by a thread of the core, and its reply says so until it is over, so that
// neither our process nor its end is in the way of anything.

import {
  type CoreReply,
  type CoreRequest,
  type CoreUpdate,
  encodeCoreRequest,
  parseCoreReply,
} from '@resplice/engine';
import { EnvironmentError, RespliceError } from '@resplice/report';
import type { Device, Machine } from '../machine/machine.js';

const DEVICE = 'resplice';
/** Room for the status of 800 updates. */
const REPLY_SIZE = 64 * 1024;
/** Milliseconds between two looks at a reply: short, for the usual switch takes one of them. */
const FIRST_PAUSE = 1;
const LONGEST_PAUSE = 50;

/** What the core is doing meanwhile; called between two looks. */
export type OnRunning = (reply: CoreReply) => void;

/** Throws EnvironmentError `core-unreachable`. */
export async function askCore(
  machine: Machine,
  request: CoreRequest,
  onRunning?: OnRunning,
): Promise<CoreReply> {
  const device = openCore(machine);
  try {
    send(device, request);
    for (let pause = FIRST_PAUSE; ; pause = Math.min(2 * pause, LONGEST_PAUSE)) {
      const reply = receive(device);
      if (reply.code !== 'RUNNING') return reply;
      onRunning?.(reply);
      await machine.sleep(pause);
    }
  } finally {
    device.close();
  }
}

/** The updates that the core knows, in the order in which they were applied; undefined when it cannot be asked. */
export function readCoreUpdates(machine: Machine): readonly CoreUpdate[] | undefined {
  const opened = machine.openDevice(DEVICE);
  if (!opened.ok) return opened.code === 'ENOENT' || opened.code === 'ENXIO' ? [] : undefined;
  try {
    send(opened.device, { type: 'STATUS' });
    return receive(opened.device).updates;
  } catch (error) {
    // Also a core of another version, whose answer is none that we know.
    if (error instanceof RespliceError) return undefined;
    throw error;
  } finally {
    opened.device.close();
  }
}

function openCore(machine: Machine): Device {
  const opened = machine.openDevice(DEVICE);
  if (opened.ok) return opened.device;
  throw unreachable(`it cannot be opened (${opened.code})`);
}

function send(device: Device, request: CoreRequest): void {
  const code = device.write(encodeCoreRequest(request));
  if (code !== undefined) throw unreachable(`it answered ${code} to a request of type ${request.type}`);
}

function receive(device: Device): CoreReply {
  const buffer = new Uint8Array(REPLY_SIZE);
  const length = device.read(buffer);
  if (typeof length === 'string') throw unreachable(`it answered ${length} when its reply was read`);
  return parseCoreReply(buffer.subarray(0, length));
}

function unreachable(what: string): EnvironmentError {
  const message = `/dev/${DEVICE}: ${what}; look into the kernel log (\`dmesg\`), and run the command again`;
  return new EnvironmentError('core-unreachable', message);
}

// Asking the core to switch until it could, or until it took too long. One request makes a number of attempts within a second. When all
// of them met a thread in the old code, we wait with dry runs, in which no hook is called, and ask again as soon as one succeeds;
// so that Ctrl-C and the time limit are heeded, and hooks are not called over and over.

import type { CoreReply, CoreRequest } from '@resplice/engine';
import type { ProgressSink } from '@resplice/report';
import type { Machine } from '../machine/machine.js';
import { askCore } from './core-device.js';

export interface SwitchOptions {
  readonly timeoutSeconds: number;
  readonly progress: ProgressSink;
  readonly signal: AbortSignal | undefined;
}

export interface SwitchRequests {
  readonly switch: CoreRequest;
  readonly check: CoreRequest;
  /** The update's id. */
  readonly id: string;
}

/** About a second: 1, 2, 4, … ms between the attempts. */
export const QUICK = { attempts: 11, backoffMicroseconds: 1000 } as const;
export const ONCE = { attempts: 1, backoffMicroseconds: 0 } as const;
const PAUSE = 200;

export type SwitchEnd = {
  readonly reply: CoreReply;
  readonly end: 'answered' | 'timeout' | 'cancelled';
};

/** The core's last answer, and whether we stopped asking before it was a final one. */
export async function switchOver(
  machine: Machine,
  requests: SwitchRequests,
  { timeoutSeconds, progress, signal }: SwitchOptions,
): Promise<SwitchEnd> {
  const start = machine.milliseconds();
  const stage = 'switch';
  progress({ stage, state: 'start', detail: requests.id });
  let reply = await askCore(machine, requests.switch);
  for (;;) {
    if (reply.code !== 'BUSY') {
      progress({ stage, state: reply.code === 'OK' ? 'done' : 'failed', detail: requests.id });
      return { reply, end: 'answered' };
    }
    const late = machine.milliseconds() - start >= timeoutSeconds * 1000;
    if (late || signal?.aborted === true) {
      progress({ stage, state: 'failed', detail: requests.id });
      return { reply, end: late ? 'timeout' : 'cancelled' };
    }
    const { command, pid } = reply.busy;
    progress({ stage, state: 'update', detail: `waiting for ${command} (pid ${pid})` });
    await machine.sleep(PAUSE, signal);
    const dry = await askCore(machine, requests.check);
    reply = dry.code === 'OK' ? await askCore(machine, requests.switch) : dry;
  }
}

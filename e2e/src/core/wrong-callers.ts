// Calls of the core's device that fail before a request is even read: who calls, and how. Run in the guest, as root.

import { spawnSync } from 'node:child_process';
import { chmodSync, closeSync, openSync, readSync, writeSync } from 'node:fs';
import { CORE_REQUEST } from '@resplice/engine/trampoline';
import { errnoOf } from './guest-kernel.js';
import { encodeRaw } from './raw-request.js';

const DEVICE = '/dev/resplice';
const NOBODY = 65534;
const LIMIT_BYTES = 16 << 20;
const STATUS = () => encodeRaw({ type: 'STATUS' });

export interface WrongCall {
  readonly title: string;
  readonly expect: string;
  /** Gives the errno. */
  readonly run: () => string;
}

export const WRONG_CALLS: readonly WrongCall[] = [
  {
    title: 'nobody cannot open the device',
    expect: 'EACCES',
    run: () => asNobody(() => closeSync(openSync(DEVICE, 'r+'))),
  },
  {
    title: 'nobody cannot open it for reading',
    expect: 'EACCES',
    run: () => asNobody(() => closeSync(openSync(DEVICE, 'r'))),
  },
  {
    title: 'nobody cannot open it when the file permits',
    expect: 'EPERM',
    run: () => {
      chmodSync(DEVICE, 0o666);
      const errno = asNobody(() => closeSync(openSync(DEVICE, 'r+')));
      chmodSync(DEVICE, 0o600);
      return errno;
    },
  },
  {
    title: 'nobody cannot write through a file that root has opened',
    expect: 'EPERM',
    run: () => withDevice((file) => asNobody(() => writeSync(file, STATUS()))),
  },
  ...['sys_module', 'sys_admin'].map(
    (capability): WrongCall => ({
      title: `root cannot open it without CAP_${capability.toUpperCase()}`,
      expect: 'EPERM',
      run: () => {
        const { stderr } = spawnSync(
          '/vm/bin/setpriv',
          ['--bounding-set', `-${capability}`, 'sh', '-c', `: <>${DEVICE}`],
          { encoding: 'utf8' },
        );
        return /Operation not permitted/.test(stderr) ? 'EPERM' : stderr;
      },
    }),
  ),
  {
    title: 'a file has one request',
    expect: 'EBUSY',
    run: () =>
      withDevice((file) => {
        writeSync(file, STATUS());
        return errnoIn(() => writeSync(file, STATUS()));
      }),
  },
  {
    title: 'a file has no reply before its request',
    expect: 'ENODATA',
    run: () => withDevice((file) => errnoIn(() => readSync(file, Buffer.alloc(64), 0, 64, 0))),
  },
  {
    title: 'a request has a longest size',
    expect: 'EMSGSIZE',
    run: () =>
      withDevice((file) => errnoIn(() => writeSync(file, Buffer.alloc(LIMIT_BYTES + CORE_REQUEST.size)))),
  },
];

function withDevice(use: (file: number) => string): string {
  const file = openSync(DEVICE, 'r+');
  try {
    return use(file);
  } finally {
    closeSync(file);
  }
}

function asNobody(action: () => void): string {
  process.seteuid?.(NOBODY);
  try {
    return errnoIn(action);
  } finally {
    process.seteuid?.(0);
  }
}

function errnoIn(action: () => void): string {
  try {
    action();
    return 'none';
  } catch (error) {
    return errnoOf(error);
  }
}

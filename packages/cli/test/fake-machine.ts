// A machine that only says which kernel it runs; the kernel's own simulation is in the tests of the host package.

import { type Machine, openMachine } from '@resplice/host';

export const KERNEL = { release: '6.1.0-47-amd64', buildId: 'ab'.repeat(20) };

/** An ELF note with the build id, as in /sys/kernel/notes. */
function buildIdNote(): Uint8Array {
  const id = Buffer.from(KERNEL.buildId, 'hex');
  const head = Buffer.alloc(12);
  head.writeUInt32LE(4, 0);
  head.writeUInt32LE(id.length, 4);
  head.writeUInt32LE(3, 8);
  return Buffer.concat([head, Buffer.from('GNU\0'), id]);
}

export function fakeMachine(): Machine {
  const files = new Map<string, Uint8Array>([
    ['/proc/sys/kernel/osrelease', Buffer.from(`${KERNEL.release}\n`)],
    ['/sys/kernel/notes', buildIdNote()],
    ['/proc/modules', new Uint8Array()],
  ]);
  return {
    ...openMachine(),
    uid: 0,
    state: { read: () => undefined, write: () => {}, remove: () => {}, list: () => [] },
    readFile: (path) => {
      const bytes = files.get(path);
      return bytes === undefined ? { ok: false, code: 'ENOENT' } : { ok: true, bytes };
    },
    openFile: () => ({ ok: false, code: 'ENOENT' }),
    listDirectory: () => [],
    writeControl: () => 'EACCES',
    insertModule: async () => ({ status: 1, output: '' }),
    removeModule: async () => ({ status: 1, output: '' }),
  };
}

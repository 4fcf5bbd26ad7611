// The trampoline engine's core as far as the host package can tell it from the real one: states of updates, their order, a busy thread, a
// hook that refuses. What the core itself checks is tested where it is real, in a guest.

import {
  CORE_ABI,
  CORE_BUSY,
  CORE_CODE,
  CORE_DATA,
  CORE_HOOK,
  CORE_MAGIC,
  CORE_NAME,
  CORE_OBJECT,
  CORE_REPLY,
  CORE_REQUEST,
  CORE_SITE,
  CORE_STATE,
  CORE_SYMBOL,
  CORE_TYPE,
  CORE_UPDATE,
  type CoreCode,
  type CoreState,
} from '@resplice/engine';
import { ByteReader, ByteWriter } from '@resplice/engine/bytes';
import type { Device } from '../../src/machine/machine.js';

export interface BusyThread {
  readonly pid: number;
  readonly command: string;
  readonly address: bigint;
  /** Requests that still meet it. */
  left: number;
}

export interface Prepared {
  readonly objects: readonly string[];
  readonly symbols: readonly string[];
  readonly fixups: number;
}

export class FakeEngine {
  /** In the order in which they were applied. */
  readonly updates = new Map<string, CoreState>();
  busy: BusyThread | undefined;
  /** Answers to the next requests of a type, whatever they ask. */
  readonly scripted = new Map<keyof typeof CORE_TYPE, CoreCode>();
  readonly requests: string[] = [];
  /** Of each PREPARE: what it says of modules. */
  readonly prepared: Prepared[] = [];
  readonly #beforeRequest: (type: string, module: string) => void;

  constructor(beforeRequest: (type: string, module: string) => void) {
    this.#beforeRequest = beforeRequest;
  }

  open(): Device {
    let reply: Uint8Array = new Uint8Array();
    return {
      write: (request) => {
        reply = this.#answer(request);
        return undefined;
      },
      read: (buffer) => {
        buffer.set(reply);
        return reply.length;
      },
      close: () => {},
    };
  }

  #answer(request: Uint8Array): Uint8Array {
    const head = CORE_REQUEST.read(new ByteReader(request, { file: 'request' }));
    const type = (Object.keys(CORE_TYPE) as (keyof typeof CORE_TYPE)[]).find(
      (each) => CORE_TYPE[each] === head.type,
    );
    const module = Buffer.from(head.name).toString().replace(/\0+$/, '');
    if (type === undefined) return encode('BAD_TYPE', undefined, []);
    if (type === 'STATUS') return encode('OK', undefined, [...this.updates]);
    this.#beforeRequest(type, module);
    this.requests.push(`${type} ${module}`);
    if (type === 'PREPARE') this.prepared.push(readModules(request, head));
    const code = this.scripted.get(type) ?? this.#decide(type, module);
    if (code !== 'OK') return encode(code, this.busy, []);
    this.#change(type, module, listNames(request, head.names));
    return encode('OK', undefined, []);
  }

  #decide(type: keyof typeof CORE_TYPE, module: string): CoreCode {
    const state = this.updates.get(module);
    if (type === 'PREPARE') return state === undefined ? 'OK' : 'KNOWN';
    if (state === undefined) return 'UNKNOWN';
    if (type === 'FORGET') return state === 'applied' ? 'WRONG_STATE' : 'OK';
    if (this.busy !== undefined && this.busy.left > 0) {
      this.busy.left -= 1;
      return 'BUSY';
    }
    if (type === 'UNDO') return state === 'applied' ? 'OK' : 'WRONG_STATE';
    return 'OK';
  }

  #change(type: keyof typeof CORE_TYPE, module: string, replaces: readonly string[]): void {
    if (type === 'PREPARE') this.updates.set(module, 'prepared');
    if (type === 'UNDO') this.updates.set(module, 'undone');
    if (type === 'FORGET') this.updates.delete(module);
    if (type !== 'APPLY') return;
    for (const name of replaces) this.updates.set(name, 'undone');
    this.updates.delete(module);
    this.updates.set(module, 'applied');
  }
}

function readModules(request: Uint8Array, head: ReturnType<typeof CORE_REQUEST.read>): Prepared {
  const reader = new ByteReader(request, { file: 'request' });
  reader.skip(CORE_REQUEST.size + head.sites * CORE_SITE.size + head.data * CORE_DATA.size);
  reader.skip(head.hooks * CORE_HOOK.size + head.names * CORE_NAME.size);
  const bytes = request.subarray(request.length - head.bytes);
  const text = (from: Uint8Array) => Buffer.from(from).toString().replace(/\0.*$/s, '');
  const objects = Array.from({ length: head.objects }, () => text(CORE_OBJECT.read(reader).name));
  const symbols = Array.from({ length: head.symbols }, () =>
    text(bytes.subarray(CORE_SYMBOL.read(reader).name)),
  );
  return { objects, symbols, fixups: head.fixups };
}

/** Behind a request that has nothing else. */
function listNames(request: Uint8Array, count: number): readonly string[] {
  const start = CORE_REQUEST.size;
  return Array.from({ length: count }, (_, index) =>
    Buffer.from(request.subarray(start + index * 64, start + (index + 1) * 64))
      .toString()
      .replace(/\0+$/, ''),
  );
}

function encode(
  code: CoreCode,
  busy: BusyThread | undefined,
  updates: readonly (readonly [string, CoreState])[],
): Uint8Array {
  const thread = new ByteWriter();
  const { pid = 0, command = '', address = 0n } = busy ?? {};
  CORE_BUSY.write(thread, { address, pid, tgid: pid, frame: 0, flags: 0, comm: field(command, 16) });
  const writer = new ByteWriter();
  CORE_REPLY.write(writer, {
    ...{ magic: CORE_MAGIC, abi: CORE_ABI, type: 0, size: 0, code: CORE_CODE[code], item: 0xffffffff },
    ...{ error: code === 'HOOK_REFUSED' ? -16 : 0, attempts: 1, updates: updates.length },
    ...{ pause_ns: 250_000n, stop_ns: 0n, switched_ns: 0n, prepare_ns: 0n, judged: 0, judged_again: 0 },
    ...{ busy: thread.finish(), name: field('', 64) },
  });
  for (const [name, state] of updates) {
    const number = CORE_STATE[state.toUpperCase() as keyof typeof CORE_STATE];
    CORE_UPDATE.write(writer, { name: field(name, 64), state: number, sites: 1, data: 0, waiting: 0 });
  }
  return writer.finish();
}

function field(text: string, length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  bytes.set(new TextEncoder().encode(text));
  return bytes;
}

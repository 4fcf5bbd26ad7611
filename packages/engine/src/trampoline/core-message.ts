// Requests to the trampoline engine's core as bytes, and its replies as values.

import { InternalError } from '@resplice/report';
import { ByteReader, ByteWriter } from '../bytes/index.js';
import type { HookKind } from '../diff/custom-record.js';
import { hookNumber } from '../diff/custom-record.js';
import {
  CORE_ABI,
  CORE_BUSY,
  CORE_CODE,
  CORE_FLAG,
  CORE_HOOK,
  CORE_MAGIC,
  CORE_NAME,
  CORE_REPLY,
  CORE_REQUEST,
  CORE_SITE,
  CORE_STATE,
  CORE_TYPE,
  CORE_UPDATE,
  NAME_SIZE,
  NO_ITEM,
} from './core-abi.layout.js';

/** One replaced function, at its addresses in the running kernel. */
export interface CoreSite {
  readonly oldStart: bigint;
  readonly oldSize: number;
  readonly jumpOffset: number;
  /** The five bytes that the jump overwrites, as they were before any update. */
  readonly oldBytes: Uint8Array;
  readonly target: bigint;
  readonly newStart: bigint;
  readonly newSize: number;
}

export interface CoreHook {
  readonly address: bigint;
  readonly kind: HookKind;
}

export interface Patience {
  readonly attempts: number;
  /** Before the second attempt; doubled each time, at most a second. */
  readonly backoffMicroseconds: number;
}

export type CoreRequest =
  | {
      readonly type: 'PREPARE';
      readonly module: string;
      readonly sites: readonly CoreSite[];
      readonly hooks: readonly CoreHook[];
      /** Modules whose addresses the update's code contains. */
      readonly uses: readonly string[];
    }
  | ({
      readonly type: 'APPLY' | 'CHECK';
      readonly module: string;
      /** Applied updates that it replaces. */
      readonly replaces: readonly string[];
    } & Patience)
  | ({ readonly type: 'UNDO' | 'CHECK-UNDO' | 'FORGET'; readonly module: string } & Patience)
  | { readonly type: 'STATUS' };

export type CoreCode = keyof typeof CORE_CODE;
export type CoreState = Lowercase<keyof typeof CORE_STATE>;

export interface CoreUpdate {
  readonly module: string;
  readonly state: CoreState;
}

/** A thread that is in the way. */
export interface CoreBusy {
  readonly address: bigint;
  readonly pid: number;
  readonly tgid: number;
  /** 0 is the innermost. */
  readonly frame: number;
  readonly command: string;
  /** Found by a scan of the stack: the address may be a left-over. */
  readonly guessed: boolean;
  /** A tracer keeps return addresses elsewhere. */
  readonly hidden: boolean;
}

export interface CoreReply {
  /** Undefined for a code that this side does not know. */
  readonly code: CoreCode | undefined;
  /** Index of the site, hook or name that it is about. */
  readonly item: number | undefined;
  /** A negative errno, or 0. */
  readonly error: number;
  readonly attempts: number;
  readonly pauseNanoseconds: number;
  readonly busy: CoreBusy;
  readonly name: string;
  readonly updates: readonly CoreUpdate[];
}

export function encodeCoreRequest(request: CoreRequest): Uint8Array {
  const body = new ByteWriter();
  const { sites, hooks, names } = partsOf(request);
  for (const site of sites) writeSite(body, site);
  for (const { address, kind } of hooks)
    CORE_HOOK.write(body, { function: address, kind: hookNumber(kind), reserved: 0 });
  for (const name of names) CORE_NAME.write(body, { name: encodeName(name) });
  const patience = 'attempts' in request ? request : { attempts: 0, backoffMicroseconds: 0 };
  const writer = new ByteWriter();
  CORE_REQUEST.write(writer, {
    magic: CORE_MAGIC,
    abi: CORE_ABI,
    type: request.type === 'CHECK-UNDO' ? CORE_TYPE.CHECK : CORE_TYPE[request.type],
    size: CORE_REQUEST.size + body.offset,
    flags: request.type === 'CHECK-UNDO' ? CORE_FLAG.CHECK_UNDO : 0,
    sites: sites.length,
    data: 0,
    hooks: hooks.length,
    names: names.length,
    bytes: 0,
    attempts: patience.attempts,
    backoff_us: patience.backoffMicroseconds,
    reserved: 0,
    name: encodeName('module' in request ? request.module : ''),
  });
  return writer.bytes(body.finish()).finish();
}

function partsOf(request: CoreRequest) {
  if (request.type === 'PREPARE') return { sites: request.sites, hooks: request.hooks, names: request.uses };
  const names = request.type === 'APPLY' || request.type === 'CHECK' ? request.replaces : [];
  return { sites: [], hooks: [], names };
}

function writeSite(writer: ByteWriter, site: CoreSite): void {
  CORE_SITE.write(writer, {
    old_start: site.oldStart,
    target: site.target,
    new_start: site.newStart,
    old_size: site.oldSize,
    new_size: site.newSize,
    jump_offset: site.jumpOffset,
    flags: 0,
    old_bytes: site.oldBytes,
    reserved: new Uint8Array(11),
  });
}

function encodeName(name: string): Uint8Array {
  const text = new TextEncoder().encode(name);
  if (text.length >= NAME_SIZE)
    throw new InternalError('module-name-too-long', `${name} has no room in a request`);
  const field = new Uint8Array(NAME_SIZE);
  field.set(text);
  return field;
}

/** Throws InputError when it is no reply. */
export function parseCoreReply(data: Uint8Array): CoreReply {
  const reader = new ByteReader(data, { file: '/dev/resplice' });
  const reply = CORE_REPLY.read(reader);
  if (reply.magic !== CORE_MAGIC || reply.abi !== CORE_ABI) {
    const got = `0x${reply.magic.toString(16)}, version ${reply.abi}`;
    reader.fail(
      'not-a-core-reply',
      'start of the reply',
      `0x${CORE_MAGIC.toString(16)}, version ${CORE_ABI}`,
      got,
    );
  }
  const updates: CoreUpdate[] = [];
  for (let count = 0; count < reply.updates; count++) {
    const { name, state } = CORE_UPDATE.read(reader);
    const known = STATES.get(state);
    if (known !== undefined) updates.push({ module: decodeText(name), state: known });
  }
  return {
    code: CODES.get(reply.code),
    item: reply.item === NO_ITEM ? undefined : reply.item,
    error: reply.error,
    attempts: reply.attempts,
    pauseNanoseconds: Number(reply.pause_ns),
    busy: parseBusy(reply.busy),
    name: decodeText(reply.name),
    updates,
  };
}

const CODES = new Map<number, CoreCode>(
  Object.entries(CORE_CODE).map(([name, number]) => [number, name as CoreCode]),
);
const STATES = new Map<number, CoreState>(
  Object.entries(CORE_STATE).map(([name, number]) => [number, name.toLowerCase() as CoreState]),
);

function parseBusy(data: Uint8Array): CoreBusy {
  const { address, pid, tgid, frame, flags, comm } = CORE_BUSY.read(
    new ByteReader(data, { file: '/dev/resplice' }),
  );
  return {
    address,
    pid,
    tgid,
    frame,
    command: decodeText(comm),
    guessed: (flags & CORE_FLAG.GUESSED) !== 0,
    hidden: (flags & CORE_FLAG.HIDDEN) !== 0,
  };
}

function decodeText(field: Uint8Array): string {
  const end = field.indexOf(0);
  return new TextDecoder().decode(end < 0 ? field : field.subarray(0, end));
}

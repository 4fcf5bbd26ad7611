// Requests to the trampoline engine's core as bytes, and its replies as values.

import { InternalError } from '@resplice/report';
import { ByteReader, ByteWriter } from '../bytes/index.js';
import type { HookKind } from '../diff/custom-record.js';
import { hookNumber } from '../diff/custom-record.js';
import {
  BUILD_ID_SIZE,
  CORE_ABI,
  CORE_BUSY,
  CORE_CODE,
  CORE_DATA,
  CORE_FIXUP,
  CORE_FLAG,
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
  NAME_SIZE,
  NO_ITEM,
} from './core-abi.layout.js';

/** Where something of the running kernel is: an address, or the index of a symbol whose module may come later. */
export type CorePlace = { readonly address: bigint } | { readonly symbol: number };

/** One replaced function. */
export interface CoreSite {
  readonly old: CorePlace;
  /** The old function as it was before any update, and a mask of the same size: bits that nobody rewrites. */
  readonly code: Uint8Array;
  readonly mask: Uint8Array;
  readonly jumpOffset: number;
  readonly target: bigint;
  readonly newStart: bigint;
  readonly newSize: number;
  /** Old and new code may run together. */
  readonly coexists: boolean;
}

/** Data that is changed in place. */
export type CoreData = { readonly place: CorePlace } & (
  | {
      readonly before: Uint8Array;
      /** As long. */
      readonly after: Uint8Array;
    }
  | {
      /** Bytes from the symbol on. */
      readonly from: number;
      readonly size: number;
      /** Where the update's module has `size` old bytes, and then as many new ones. */
      readonly content: bigint;
    }
);

export interface CoreHook {
  readonly address: bigint;
  readonly kind: HookKind;
  /** Index of the object that must be there; undefined for the kernel itself. */
  readonly object: number | undefined;
}

/** A module that is changed, or one that its new code uses. */
export interface CoreObject {
  readonly name: string;
  /** Index of the changed one: its own. */
  readonly user: number;
  /** Another build of it is not let in; undefined when any will do. */
  readonly buildId: Uint8Array | undefined;
}

export interface CoreSymbol {
  /** Index. */
  readonly object: number;
  readonly name: string;
  /** 0 when the name is unique in the object, else its rank from 1. */
  readonly position: number;
}

/** A field of the update that gets the address of a symbol. */
export interface CoreFixup {
  readonly place: bigint;
  readonly addend: bigint;
  /** Index. */
  readonly symbol: number;
  /** R_X86_64_… */
  readonly type: number;
}

export interface Patience {
  readonly attempts: number;
  /** Before the second attempt; doubled each time, at most a second. */
  readonly backoffMicroseconds: number;
}

/** All that an update changes. */
export interface CorePreparation {
  readonly sites: readonly CoreSite[];
  readonly data: readonly CoreData[];
  readonly hooks: readonly CoreHook[];
  /** Applied updates whose addresses the update's code contains. */
  readonly uses: readonly string[];
  readonly objects: readonly CoreObject[];
  readonly symbols: readonly CoreSymbol[];
  readonly fixups: readonly CoreFixup[];
}

export type CoreRequest =
  | ({ readonly type: 'PREPARE'; readonly module: string } & CorePreparation)
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
  /** Modules that it changes and that are not there. */
  readonly waiting: number;
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

const NOTHING: CorePreparation = {
  ...{ sites: [], data: [], hooks: [], uses: [], objects: [], symbols: [], fixups: [] },
};

export function encodeCoreRequest(request: CoreRequest): Uint8Array {
  const all = request.type === 'PREPARE' ? request : NOTHING;
  const names = request.type === 'APPLY' || request.type === 'CHECK' ? request.replaces : all.uses;
  const { entries, bytes } = encodeEntries(all, names);
  const patience = 'attempts' in request ? request : { attempts: 0, backoffMicroseconds: 0 };
  const writer = new ByteWriter();
  CORE_REQUEST.write(writer, {
    magic: CORE_MAGIC,
    abi: CORE_ABI,
    type: request.type === 'CHECK-UNDO' ? CORE_TYPE.CHECK : CORE_TYPE[request.type],
    size: CORE_REQUEST.size + entries.length + bytes.length,
    flags: request.type === 'CHECK-UNDO' ? CORE_FLAG.CHECK_UNDO : 0,
    sites: all.sites.length,
    data: all.data.length,
    hooks: all.hooks.length,
    names: names.length,
    objects: all.objects.length,
    symbols: all.symbols.length,
    fixups: all.fixups.length,
    bytes: bytes.length,
    attempts: patience.attempts,
    backoff_us: patience.backoffMicroseconds,
    name: encodeName('module' in request ? request.module : ''),
  });
  return writer.bytes(entries).bytes(bytes).finish();
}

/** All entries in the order of the header, and the bytes that they point into. */
function encodeEntries(
  { sites, data, hooks, objects, symbols, fixups }: CorePreparation,
  names: readonly string[],
): { readonly entries: Uint8Array; readonly bytes: Uint8Array } {
  const writer = new ByteWriter();
  const bytes = new ByteWriter();
  const store = (...parts: readonly Uint8Array[]): number => {
    const offset = bytes.offset;
    for (const part of parts) bytes.bytes(part);
    return offset;
  };
  // 0 is the kernel.
  const objectOf = (place: CorePlace) => ('symbol' in place ? (symbols[place.symbol]?.object ?? 0) + 1 : 0);
  const pointOf = (place: CorePlace) => ('symbol' in place ? BigInt(place.symbol) : place.address);
  for (const site of sites)
    CORE_SITE.write(writer, {
      old_start: pointOf(site.old),
      target: site.target,
      new_start: site.newStart,
      old_size: site.code.length,
      new_size: site.newSize,
      jump_offset: site.jumpOffset,
      flags: site.coexists ? CORE_FLAG.COEXIST : 0,
      object: objectOf(site.old),
      code: store(site.code, site.mask),
    });
  for (const entry of data) {
    const [address, object] = [pointOf(entry.place), objectOf(entry.place)];
    const content =
      'content' in entry
        ? { content: entry.content, size: entry.size, from: entry.from, flags: CORE_FLAG.IN_UPDATE }
        : { content: BigInt(store(entry.before, entry.after)), size: entry.before.length, from: 0, flags: 0 };
    CORE_DATA.write(writer, { address, object, ...content });
  }
  for (const { address, kind, object } of hooks)
    CORE_HOOK.write(writer, {
      function: address,
      kind: hookNumber(kind),
      object: object === undefined ? 0 : object + 1,
    });
  for (const name of names) CORE_NAME.write(writer, { name: encodeName(name) });
  for (const { name, user, buildId } of objects)
    CORE_OBJECT.write(writer, {
      name: encodeName(name),
      user,
      build_id_size: buildId?.length ?? 0,
      build_id: encodeBuildId(buildId ?? new Uint8Array(0)),
    });
  for (const { object, name, position } of symbols)
    CORE_SYMBOL.write(writer, {
      object,
      name: store(new TextEncoder().encode(`${name}\0`)),
      position,
      reserved: 0,
    });
  for (const fixup of fixups) CORE_FIXUP.write(writer, fixup);
  return { entries: writer.finish(), bytes: bytes.finish() };
}

function encodeName(name: string): Uint8Array {
  const text = new TextEncoder().encode(name);
  if (text.length >= NAME_SIZE)
    throw new InternalError('module-name-too-long', `${name} has no room in a request`);
  const field = new Uint8Array(NAME_SIZE);
  field.set(text);
  return field;
}

function encodeBuildId(buildId: Uint8Array): Uint8Array {
  if (buildId.length > BUILD_ID_SIZE)
    throw new InternalError('build-id-too-long', `${buildId.length} bytes have no room in a request`);
  const field = new Uint8Array(BUILD_ID_SIZE);
  field.set(buildId);
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
    const { name, state, waiting } = CORE_UPDATE.read(reader);
    const known = STATES.get(state);
    if (known !== undefined) updates.push({ module: decodeText(name), state: known, waiting });
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

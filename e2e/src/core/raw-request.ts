// Requests to the trampoline engine's core in which any field can be wrong; `encodeCoreRequest` of the engine only makes right ones.

import { ByteWriter, type LayoutValue } from '@resplice/engine/bytes';
import {
  BUILD_ID_SIZE,
  CORE_ABI,
  CORE_DATA,
  CORE_FIXUP,
  CORE_HOOK,
  CORE_MAGIC,
  CORE_NAME,
  CORE_OBJECT,
  CORE_REQUEST,
  CORE_SITE,
  CORE_SYMBOL,
  CORE_TYPE,
  NAME_SIZE,
} from '@resplice/engine/trampoline';

/** `code` is found out unless it is given. */
export type RawSite = Omit<LayoutValue<typeof CORE_SITE>, 'code'> & {
  readonly code?: number;
  /** The old function; all of it is compared. */
  readonly memory: Uint8Array;
};
export type RawData = LayoutValue<typeof CORE_DATA>;
export type RawHook = LayoutValue<typeof CORE_HOOK>;
export type RawSymbol = Omit<LayoutValue<typeof CORE_SYMBOL>, 'name'> & { readonly name: string | number };
export type RawFixup = LayoutValue<typeof CORE_FIXUP>;

export interface RawObject {
  readonly name: string | Uint8Array;
  readonly user: number;
  readonly buildIdSize?: number;
  readonly buildId?: Uint8Array;
}

export interface RawRequest {
  readonly type: keyof typeof CORE_TYPE;
  /** Of the update; STATUS has none. */
  readonly name?: string | Uint8Array;
  readonly sites?: readonly RawSite[];
  readonly data?: readonly RawData[];
  readonly hooks?: readonly RawHook[];
  readonly names?: readonly (string | Uint8Array)[];
  readonly objects?: readonly RawObject[];
  readonly symbols?: readonly RawSymbol[];
  readonly fixups?: readonly RawFixup[];
  /** Those of sites and symbols come behind. */
  readonly bytes?: Uint8Array;
  /** Header fields that are to be wrong. */
  readonly header?: Partial<LayoutValue<typeof CORE_REQUEST>>;
}

const ONE_AT_A_TIME: ReadonlySet<string> = new Set(['CHECK', 'APPLY', 'UNDO', 'FORGET']);

export function encodeRaw(request: RawRequest): Uint8Array {
  const { sites = [], data = [], hooks = [], names = [] } = request;
  const { objects = [], symbols = [], fixups = [] } = request;
  const body = new ByteWriter();
  const bytes = new ByteWriter().bytes(request.bytes ?? new Uint8Array());
  const store = (part: Uint8Array): number => {
    const { offset } = bytes;
    bytes.bytes(part);
    return offset;
  };
  for (const { memory, ...site } of sites) {
    const code = store(Uint8Array.of(...memory, ...memory.map(() => 0xff)));
    CORE_SITE.write(body, { code, ...site });
  }
  for (const entry of data) CORE_DATA.write(body, entry);
  for (const hook of hooks) CORE_HOOK.write(body, hook);
  for (const name of names) CORE_NAME.write(body, { name: encodeName(name) });
  for (const { name, user, buildId = new Uint8Array(0), buildIdSize = buildId.length } of objects) {
    const field = new Uint8Array(BUILD_ID_SIZE);
    field.set(buildId);
    CORE_OBJECT.write(body, { name: encodeName(name), user, build_id_size: buildIdSize, build_id: field });
  }
  for (const { name, ...symbol } of symbols) {
    const at = typeof name === 'number' ? name : store(new TextEncoder().encode(`${name}\0`));
    CORE_SYMBOL.write(body, { ...symbol, name: at });
  }
  for (const fixup of fixups) CORE_FIXUP.write(body, fixup);
  const length = bytes.offset;
  body.bytes(bytes.finish());
  const writer = new ByteWriter();
  CORE_REQUEST.write(writer, {
    magic: CORE_MAGIC,
    abi: CORE_ABI,
    type: CORE_TYPE[request.type],
    size: CORE_REQUEST.size + body.offset,
    flags: 0,
    sites: sites.length,
    data: data.length,
    hooks: hooks.length,
    names: names.length,
    objects: objects.length,
    symbols: symbols.length,
    fixups: fixups.length,
    bytes: length,
    attempts: ONE_AT_A_TIME.has(request.type) ? 50 : 0,
    backoff_us: ONE_AT_A_TIME.has(request.type) ? 1000 : 0,
    name: encodeName(request.name ?? ''),
    ...request.header,
  });
  return writer.bytes(body.finish()).finish();
}

function encodeName(name: string | Uint8Array): Uint8Array {
  if (typeof name !== 'string') return name;
  const field = new Uint8Array(NAME_SIZE);
  field.set(new TextEncoder().encode(name));
  return field;
}

// Requests to the trampoline engine's core in which any field can be wrong; `encodeCoreRequest` of the engine only makes right ones.

import { ByteWriter, type LayoutValue } from '@resplice/engine/bytes';
import {
  CORE_ABI,
  CORE_DATA,
  CORE_HOOK,
  CORE_MAGIC,
  CORE_NAME,
  CORE_REQUEST,
  CORE_SITE,
  CORE_TYPE,
  NAME_SIZE,
} from '@resplice/engine/trampoline';

export type RawSite = LayoutValue<typeof CORE_SITE>;
export type RawData = LayoutValue<typeof CORE_DATA>;
export type RawHook = LayoutValue<typeof CORE_HOOK>;

export interface RawRequest {
  readonly type: keyof typeof CORE_TYPE;
  /** Of the update; STATUS has none. */
  readonly name?: string | Uint8Array;
  readonly sites?: readonly RawSite[];
  readonly data?: readonly RawData[];
  readonly hooks?: readonly RawHook[];
  readonly names?: readonly (string | Uint8Array)[];
  readonly bytes?: Uint8Array;
  /** Header fields that are to be wrong. */
  readonly header?: Partial<LayoutValue<typeof CORE_REQUEST>>;
}

const ONE_AT_A_TIME: ReadonlySet<string> = new Set(['CHECK', 'APPLY', 'UNDO', 'FORGET']);

export function encodeRaw(request: RawRequest): Uint8Array {
  const { sites = [], data = [], hooks = [], names = [], bytes = new Uint8Array() } = request;
  const body = new ByteWriter();
  for (const site of sites) CORE_SITE.write(body, site);
  for (const entry of data) CORE_DATA.write(body, entry);
  for (const hook of hooks) CORE_HOOK.write(body, hook);
  for (const name of names) CORE_NAME.write(body, { name: encodeName(name) });
  body.bytes(bytes);
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
    bytes: bytes.length,
    attempts: ONE_AT_A_TIME.has(request.type) ? 50 : 0,
    backoff_us: ONE_AT_A_TIME.has(request.type) ? 1000 : 0,
    reserved: 0,
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

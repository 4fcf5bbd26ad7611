// What the command and the trampoline engine's core say to each other, as kmod/core-abi.h declares it; a test compares both. That
// header says what the requests mean.

import { bytes, defineLayout, type LayoutValue } from '../bytes/index.js';

export const CORE_MAGIC = 0x31435352;
export const CORE_ABI = 4;
export const NAME_SIZE = 64;
export const BUILD_ID_SIZE = 32;
export const NO_ITEM = 0xffffffff;

export const CORE_REQUEST = defineLayout('resplice_core_request', {
  magic: 'u32',
  abi: 'u16',
  type: 'u16',
  size: 'u32',
  flags: 'u32',
  sites: 'u32',
  data: 'u32',
  hooks: 'u32',
  names: 'u32',
  objects: 'u32',
  symbols: 'u32',
  fixups: 'u32',
  bytes: 'u32',
  attempts: 'u32',
  backoff_us: 'u32',
  name: bytes(NAME_SIZE),
});

export const CORE_SITE = defineLayout('resplice_core_site', {
  old_start: 'u64',
  target: 'u64',
  new_start: 'u64',
  old_size: 'u32',
  new_size: 'u32',
  jump_offset: 'u32',
  flags: 'u32',
  object: 'u32',
  code: 'u32',
});

export const CORE_DATA = defineLayout('resplice_core_data', {
  address: 'u64',
  content: 'u64',
  size: 'u32',
  from: 'u32',
  object: 'u32',
  flags: 'u32',
});

export const CORE_HOOK = defineLayout('resplice_core_hook', {
  function: 'u64',
  kind: 'u32',
  object: 'u32',
});

export const CORE_NAME = defineLayout('resplice_core_name', { name: bytes(NAME_SIZE) });

export const CORE_OBJECT = defineLayout('resplice_core_object', {
  name: bytes(NAME_SIZE),
  user: 'u32',
  build_id_size: 'u32',
  build_id: bytes(BUILD_ID_SIZE),
});

export const CORE_SYMBOL = defineLayout('resplice_core_symbol', {
  object: 'u32',
  name: 'u32',
  position: 'u32',
  reserved: 'u32',
});

export const CORE_FIXUP = defineLayout('resplice_core_fixup', {
  place: 'u64',
  addend: 'i64',
  symbol: 'u32',
  type: 'u32',
});

export const CORE_BUSY = defineLayout('resplice_core_busy', {
  address: 'u64',
  pid: 'u32',
  tgid: 'u32',
  frame: 'u32',
  flags: 'u32',
  comm: bytes(16),
});

export const CORE_REPLY = defineLayout('resplice_core_reply', {
  magic: 'u32',
  abi: 'u16',
  type: 'u16',
  size: 'u32',
  code: 'u32',
  item: 'u32',
  error: 'i32',
  attempts: 'u32',
  updates: 'u32',
  pause_ns: 'u64',
  stop_ns: 'u64',
  switched_ns: 'u64',
  prepare_ns: 'u64',
  judged: 'u32',
  judged_again: 'u32',
  busy: bytes(CORE_BUSY.size),
  name: bytes(NAME_SIZE),
});

export const CORE_UPDATE = defineLayout('resplice_core_update', {
  name: bytes(NAME_SIZE),
  state: 'u32',
  sites: 'u32',
  data: 'u32',
  waiting: 'u32',
});

export type CoreReplyFields = LayoutValue<typeof CORE_REPLY>;

/** Types of request. */
export const CORE_TYPE = { PREPARE: 1, CHECK: 2, APPLY: 3, UNDO: 4, FORGET: 5, STATUS: 6 } as const;

/** What the core makes of a request. */
export const CORE_CODE = {
  OK: 0,
  RUNNING: 1,
  BAD_SIZE: 2,
  BAD_MAGIC: 3,
  BAD_ABI: 4,
  BAD_TYPE: 5,
  BAD_COUNT: 6,
  BAD_FIELD: 7,
  BAD_NAME: 8,
  NO_MODULE: 9,
  KNOWN: 10,
  UNKNOWN: 11,
  WRONG_STATE: 12,
  NOT_TEXT: 13,
  NOT_FUNCTION: 14,
  NOT_IN_UPDATE: 15,
  TOO_FAR: 16,
  OVERLAP: 17,
  OLD_BYTES: 18,
  BAD_DATA: 19,
  OLD_DATA: 20,
  BAD_HOOK: 21,
  PROBED: 22,
  CONFLICT: 23,
  BUSY: 24,
  HOOK_REFUSED: 25,
  NEEDED: 26,
  FAILED: 27,
  BAD_OBJECT: 28,
  BAD_FIXUP: 29,
  NO_SYMBOL: 30,
  WRONG_BUILD: 31,
} as const;

export const CORE_STATE = { PREPARED: 1, APPLIED: 2, UNDONE: 3 } as const;

export const CORE_FLAG = {
  CHECK_UNDO: 1,
  BY_WORDS: 2,
  COEXIST: 1,
  IN_UPDATE: 1,
  GUESSED: 1,
  HIDDEN: 2,
} as const;

export const CORE_LIMIT = { ATTEMPTS: 1000, BACKOFF_US: 1_000_000, COUNT: 16_384, FIXUPS: 1 << 18 } as const;

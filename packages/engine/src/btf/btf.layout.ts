// BTF, the kernel's compact type information. Source: Documentation/bpf/btf.rst, "BTF Type and String Encoding".
// Names are those of include/uapi/linux/btf.h; a test compares them with gcc.

import { defineLayout, type LayoutValue } from '../bytes/index.js';

export const btf_header = defineLayout('btf_header', {
  magic: 'u16',
  version: 'u8',
  flags: 'u8',
  hdr_len: 'u32',
  type_off: 'u32',
  type_len: 'u32',
  str_off: 'u32',
  str_len: 'u32',
});

/** `size_or_type` is the union of `size` and `type`. */
export const btf_type = defineLayout('btf_type', {
  name_off: 'u32',
  info: 'u32',
  size_or_type: 'u32',
});

export const btf_array = defineLayout('btf_array', { type: 'u32', index_type: 'u32', nelems: 'u32' });
export const btf_member = defineLayout('btf_member', { name_off: 'u32', type: 'u32', offset: 'u32' });
export const btf_enum = defineLayout('btf_enum', { name_off: 'u32', val: 'i32' });
export const btf_enum64 = defineLayout('btf_enum64', { name_off: 'u32', val_lo32: 'u32', val_hi32: 'u32' });
export const btf_param = defineLayout('btf_param', { name_off: 'u32', type: 'u32' });
export const btf_var = defineLayout('btf_var', { linkage: 'u32' });
export const btf_var_secinfo = defineLayout('btf_var_secinfo', {
  type: 'u32',
  offset: 'u32',
  size: 'u32',
});
export const btf_decl_tag = defineLayout('btf_decl_tag', { component_idx: 'i32' });

export type btf_type = LayoutValue<typeof btf_type>;

export const BTF_MAGIC = 0xeb9f;
export const BTF_VERSION = 1;

export const BTF_KIND = {
  UNKN: 0,
  INT: 1,
  PTR: 2,
  ARRAY: 3,
  STRUCT: 4,
  UNION: 5,
  ENUM: 6,
  FWD: 7,
  TYPEDEF: 8,
  VOLATILE: 9,
  CONST: 10,
  RESTRICT: 11,
  FUNC: 12,
  FUNC_PROTO: 13,
  VAR: 14,
  DATASEC: 15,
  FLOAT: 16,
  DECL_TAG: 17,
  TYPE_TAG: 18,
  ENUM64: 19,
} as const;

export type BtfKind = (typeof BTF_KIND)[keyof typeof BTF_KIND];

/** Bytes that follow `btf_type`: a fixed part, and one per element of `vlen`. */
export const BTF_TRAILERS: ReadonlyMap<number, { readonly fixed: number; readonly each: number }> = new Map([
  [BTF_KIND.INT, { fixed: 4, each: 0 }],
  [BTF_KIND.PTR, { fixed: 0, each: 0 }],
  [BTF_KIND.ARRAY, { fixed: btf_array.size, each: 0 }],
  [BTF_KIND.STRUCT, { fixed: 0, each: btf_member.size }],
  [BTF_KIND.UNION, { fixed: 0, each: btf_member.size }],
  [BTF_KIND.ENUM, { fixed: 0, each: btf_enum.size }],
  [BTF_KIND.FWD, { fixed: 0, each: 0 }],
  [BTF_KIND.TYPEDEF, { fixed: 0, each: 0 }],
  [BTF_KIND.VOLATILE, { fixed: 0, each: 0 }],
  [BTF_KIND.CONST, { fixed: 0, each: 0 }],
  [BTF_KIND.RESTRICT, { fixed: 0, each: 0 }],
  [BTF_KIND.FUNC, { fixed: 0, each: 0 }],
  [BTF_KIND.FUNC_PROTO, { fixed: 0, each: btf_param.size }],
  [BTF_KIND.VAR, { fixed: btf_var.size, each: 0 }],
  [BTF_KIND.DATASEC, { fixed: 0, each: btf_var_secinfo.size }],
  [BTF_KIND.FLOAT, { fixed: 0, each: 0 }],
  [BTF_KIND.DECL_TAG, { fixed: btf_decl_tag.size, each: 0 }],
  [BTF_KIND.TYPE_TAG, { fixed: 0, each: 0 }],
  [BTF_KIND.ENUM64, { fixed: 0, each: btf_enum64.size }],
]);

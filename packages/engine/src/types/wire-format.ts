// Types that only describe bytes: kernel code marks every number of more than one byte that comes from a wire, a disk or a device with its
// byte order (`__le32`, `__be16`), and nothing else that it keeps. Example: `struct hal_rx_mpdu_info` of ath11k's firmware.

import type { Btf } from '../btf/btf.js';
import { BTF_KIND, btf_array } from '../btf/btf.layout.js';
import { layoutOf } from '../btf/struct-layout.js';
import { isRecord } from './type-shape.js';

const MAX_DEPTH = 16;

/** Whether every leaf is a byte or a number of a stated order, and at least one is the latter. */
export function isWireFormat(btf: Btf, id: number): boolean {
  const found = { ordered: false };
  return isWire(btf, id, found, 0) && found.ordered;
}

function isWire(btf: Btf, id: number, found: { ordered: boolean }, depth: number): boolean {
  if (depth > MAX_DEPTH) return false;
  const type = btf.type(id);
  if (isRecord(type))
    return layoutOf(btf, id).members.every(({ typeId }) => isWire(btf, typeId, found, depth + 1));
  switch (type.kind) {
    case BTF_KIND.ARRAY:
      return isWire(btf, btf_array.read(btf.body(type, btf_array.size)).type, found, depth + 1);
    case BTF_KIND.TYPEDEF:
      if (/^(?:__)?[lb]e(?:16|32|64)$/.test(type.name)) {
        found.ordered = true;
        return true;
      }
      return isWire(btf, type.sizeOrType, found, depth + 1);
    case BTF_KIND.CONST:
    case BTF_KIND.VOLATILE:
    case BTF_KIND.TYPE_TAG:
      return isWire(btf, type.sizeOrType, found, depth + 1);
    case BTF_KIND.INT:
      return type.sizeOrType === 1;
    default:
      return false;
  }
}

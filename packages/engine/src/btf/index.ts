export { Btf, type BtfType, parseBtf } from './btf.js';
export { BTF_KIND, type BtfKind } from './btf.layout.js';
export {
  type ByteMember,
  findEnum,
  findStruct,
  layoutOf,
  requireMember,
  requireStruct,
  type StructLayout,
  type StructMember,
} from './struct-layout.js';

export {
  type BytesField,
  bytes,
  defineLayout,
  type FieldKind,
  type Fields,
  type Layout,
  type LayoutValue,
  type StructOf,
} from './layout.js';
export { ByteReader, type ByteSource } from './reader.js';
export { ByteWriter } from './writer.js';

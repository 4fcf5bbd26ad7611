export type { ImageRelocation, ImageRelocationKind, ImageRelocations } from './image-relocations.js';
export { parseImageSites, requireBtf } from './image-sites.js';
export { parseKallsyms } from './kallsyms.js';
export {
  findSection,
  type ImageSection,
  type ImageSegment,
  imageBytes,
  type KernelImage,
  parseKernelImage,
} from './kernel-image.js';
export { parseModuleSites } from './module-sites.js';
export { type Compression, type KernelPayload, locatePayload } from './payload.js';
export { REWRITE_TABLES, type RewriteTable, type SiteKind } from './rewrite-table.js';
export type { CodeSite, SiteTable } from './site-table.js';
export type { KernelSymbol, SymbolTable } from './symbol-table.js';
export { type ExportedSymbol, parseSymvers } from './symvers.js';

export { type Btf, parseBtf } from './btf/btf.js';
export { KernelLayouts } from './btf/kernel-layouts.js';
export { findEnum } from './btf/struct-layout.js';
export { hashCode } from './diff/code-hash.js';
export type { Side } from './diff/compare.js';
export { type Correlation, correlate } from './diff/correlate.js';
export { type CustomCode, type Hook, mayCoexist, type Statement } from './diff/custom-record.js';
export type { Definition } from './diff/definition.js';
export type { LedPointer } from './diff/device-table.js';
export { isLiftedWhenFresh } from './diff/fresh-module.js';
export { type ChangedBytes, listChangedBytes } from './diff/in-place.js';
export { endbrLength, findJumpPlace, JUMP_LENGTH, type JumpPlace } from './diff/jump-place.js';
export { nameModuleExit } from './diff/module-exit.js';
export { findMoved, listMigrants, type Migration } from './diff/moved.js';
export {
  type DiffOptions,
  diffObjects,
  hasEffect,
  isEmpty,
  type ObjectDiff,
  openSide,
  type ReplacedPair,
} from './diff/object-diff.js';
export { checkOutsideSymbols, findOutsideSymbols, type OutsideSymbol } from './diff/outside-symbol.js';
export { isPlainText } from './diff/plain-text.js';
export type { Engine } from './diff/redirection.js';
export type { StructLayouts } from './diff/table.js';
export { encodeObject } from './elf/encode.js';
export { findSection, type ObjectFile, parseObject } from './elf/object.js';
export { parseImageSites, requireBtf } from './kernel/image-sites.js';
export { parseKallsyms } from './kernel/kallsyms.js';
export { type KernelImage, parseKernelImage } from './kernel/kernel-image.js';
export { findModinfo, findModuleBuildId } from './kernel/module-info.js';
export { type Compression, locatePayload } from './kernel/payload.js';
export { parseSymbolList, type SymbolList } from './kernel/symbol-list.js';
export type { SymbolTable } from './kernel/symbol-table.js';
export { type ExportedSymbol, parseSymvers } from './kernel/symvers.js';
export { type FunctionMatch, matchFunction } from './match/match-function.js';
export { type MatchedFunction, matchObject, type ObjectMatch } from './match/match-object.js';
export { type LinkedModule, linkModule } from './match/module-object.js';
export type { RunningObject, RunningSite } from './match/running-object.js';
export { openVmlinux } from './match/vmlinux.js';
export { type AssemblyInput, assembleUpdate } from './module/assemble.js';
export { type BindContext, bindImports } from './module/bind.js';
export type { ModuleBuild } from './module/build-table.js';
export type { ModuleExit } from './module/exit-table.js';
export { type AbsoluteImport, finalizeModule } from './module/finalize.js';
export type { FreshModule } from './module/fresh-table.js';
export { type ObjectHook, orderHooks } from './module/hook-table.js';
export type { Import } from './module/import-names.js';
export { type Fixup, linkAbsolute, takeFixups } from './module/link-absolute.js';
export type { LivepatchFunction } from './module/livepatch-table.js';
export type { ModuleIdentity } from './module/module-section.js';
export { ownPart, type Part, partOfDiff } from './module/part.js';
export {
  CORE_ABI,
  CORE_BUSY,
  CORE_CODE,
  CORE_DATA,
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
} from './trampoline/core-abi.layout.js';
export {
  type CoreBusy,
  type CoreCode,
  type CoreHook,
  type CoreObject,
  type CorePlace,
  type CorePreparation,
  type CoreReply,
  type CoreRequest,
  type CoreSite,
  type CoreState,
  type CoreSymbol,
  type CoreUpdate,
  encodeCoreRequest,
  parseCoreReply,
} from './trampoline/core-message.js';
export {
  type ComparedTypes,
  compareTypes,
  type EnumeratorChange,
  findRecordIds,
} from './types/compare-types.js';
export { isKernelObject } from './types/kernel-object.js';
export { crossesBound, hasOrderedValues, listRangeBounds } from './types/member-order.js';
export { moveMembers, restoreMembers } from './types/member-text.js';
export { findMovedMembers } from './types/moved-members.js';
export { isPlainRename } from './types/rename-text.js';
export {
  describeMember,
  type MemberChange,
  type MemberPlaces,
  type TypeChange,
} from './types/type-change.js';
export {
  findMacroTypes,
  findTouchedTypes,
  findTypeBodies,
  stripComments,
  type TouchedDeclarations,
} from './types/type-text.js';
export { findTypeUses, type SourceText, type TypeUses } from './types/type-uses.js';
export {
  judgeEnumerators,
  judgeRecord,
  judgeUnloaded,
  type TypeClass,
  type TypeVerdict,
} from './types/type-verdict.js';
export { isWireFormat } from './types/wire-format.js';
export { type DisassembledLine, decodeInstructions, disassemble } from './x86/instruction.js';

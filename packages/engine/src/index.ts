export { parseObject } from './elf/object.js';
export { type ObjectDiff, diffObjects } from './diff/object-diff.js';
export type { StructLayouts } from './diff/table.js';
export { decodeInstructions, type DisassembledLine, disassemble } from './x86/instruction.js';

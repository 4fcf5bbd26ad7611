// Whether a function of the running kernel can be made to lead to new code, as each engine does it. The livepatch core needs the call that the
// compiler puts at the entry for ftrace. The trampoline engine needs room for a jump (jump-place.ts), and that control comes in by the
// first instruction only: assembly may branch to a label inside of a function, and would then go on in the old code.

import type { Reason } from '@resplice/report';
import { STB } from '../elf/elf.layout.js';
import type { Side } from './compare.js';
import type { DefinedObject, Definition } from './definition.js';
import { findJumpPlace, type JumpObstacle } from './jump-place.js';
import { parentOfFragment } from './symbol-name.js';
import { entryTarget } from './table.js';

/** How code of the running kernel is replaced; the manifest's word. */
export type Engine = 'livepatch' | 'trampoline';

/** What stands against redirecting a function; the subject is the caller's. */
export type Obstacle = Pick<Reason, 'code' | 'found'> & { readonly offset?: number };

/** Before interrupts and system calls have switched to the kernel's page tables, no module can be reached. */
const ENTRY_SECTION = /^\.entry\.text/;

/** Undefined when the engine can redirect the function. */
export function findObstacle(engine: Engine, side: Side, definition: Definition): Obstacle | undefined {
  if (engine === 'trampoline') return findJumpObstacle(side, definition);
  if (isTraceable(side.object, definition)) return findOtherEntry(side.object, definition);
  return { code: 'not-traceable', found: describeUntraceable(side.object) };
}

/** ftrace's call is the first instruction, or the second behind an ENDBR. */
export function isTraceable(object: DefinedObject, definition: Definition): boolean {
  return findFentry(object, definition) !== undefined;
}

/** Offset of ftrace's call. */
function findFentry(object: DefinedObject, definition: Definition): number | undefined {
  const first = object.referencesOf(definition).find((reference) => reference.offset >= 0);
  const isCall =
    first !== undefined &&
    first.offset <= 5 &&
    'symbol' in first.target &&
    first.target.symbol === '__fentry__';
  return isCall ? first.offset - 1 : undefined;
}

function findJumpObstacle(side: Side, definition: Definition): Obstacle | undefined {
  const { section, name } = definition;
  if (ENTRY_SECTION.test(section.name)) {
    const found = `it lies in ${section.name}, which runs before the page tables of the kernel are in use`;
    return { code: 'entry-code', found };
  }
  if (parentOfFragment(name) !== undefined)
    return { code: 'no-room-for-jump', found: 'it is a piece of a function, which is not entered by a call' };
  const place = findJumpPlace(side.object.bytesOf(definition), collectSites(side, definition));
  if (!place.ok) return { code: place.code, found: place.found, offset: place.offset };
  return findOtherEntry(side.object, definition);
}

/** What the kernel rewrites in a function, as far as a jump would be in its way. */
function collectSites({ object, tables }: Side, definition: Definition): readonly JumpObstacle[] {
  const sites: JumpObstacle[] = [];
  const fentry = findFentry(object, definition);
  if (fentry !== undefined) sites.push({ at: fentry, length: 5, kind: 'fentry' });
  const instructions = object.instructionsOf(definition);
  const add = (at: number, kind: string) => {
    const length = instructions.find(({ offset }) => offset === at)?.length ?? 1;
    sites.push({ at, length, kind });
  };
  // objtool turns these into static call sites when the object is linked.
  for (const { target, offset } of object.referencesOf(definition))
    if ('symbol' in target && target.symbol.startsWith('__SCT__')) add(offset - 1, 'static-call');
  for (const { section, ownerOffset, start, relocations } of tables.of(definition)) {
    const kind = LIVE_TABLES.get(section.name);
    const owner = relocations.find(({ offset }) => offset === start + ownerOffset);
    if (kind !== undefined && owner !== undefined) add(entryTarget(object, owner).offset, kind);
  }
  return sites;
}

const LIVE_TABLES: ReadonlyMap<string, string> = new Map([
  ['__jump_table', 'jump-label'],
  ['.static_call_sites', 'static-call'],
]);

/** A way into the function that does not pass its first instruction: a label that others know, or a branch from other code. */
function findOtherEntry(object: DefinedObject, definition: Definition): Obstacle | undefined {
  const label = definition.symbols.find(
    (symbol) => symbol.value !== definition.start && symbol.binding !== STB.LOCAL,
  );
  if (label !== undefined) {
    const found = `other code can enter it at ${label.name}`;
    return { code: 'branch-into-function', found, offset: label.value - definition.start };
  }
  for (const other of object.definitions) {
    // Code without a name stands apart from a function and goes back into it (.fixup of older kernels).
    if (
      other === definition ||
      other.kind !== 'function' ||
      other.symbols.length === 0 ||
      parentOfFragment(other.name) === definition.name
    )
      continue;
    const reference = object
      .referencesOf(other)
      .find(({ target }) => 'definition' in target && target.definition === definition && target.offset > 0);
    if (reference === undefined) continue;
    const found = `${other.name} enters it behind its first instruction`;
    return { code: 'branch-into-function', found, offset: reference.target.offset };
  }
  return undefined;
}

/** Some files are compiled without ftrace as a whole: lib/, kernel/trace/, kernel/irq_work.c. */
function describeUntraceable(object: DefinedObject): string {
  const code = object.definitions.filter(
    (definition) => definition.sectionClass === 'text' && parentOfFragment(definition.name) === undefined,
  );
  const why = code.some((definition) => isTraceable(object, definition))
    ? 'it is notrace or of a section without ftrace'
    : 'no function of this file has an ftrace entry, for the kernel compiles it without';
  return `it changes, more than calls from this object lead to it, and it cannot be redirected: ${why}`;
}

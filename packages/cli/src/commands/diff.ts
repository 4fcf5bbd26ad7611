import { readFile } from 'node:fs/promises';
import { findTypes } from '@resplice/build';
import {
  type ComparedTypes,
  checkOutsideSymbols,
  compareTypes,
  diffObjects,
  findOutsideSymbols,
  type ObjectDiff,
  type ObjectFile,
  parseObject,
  parseSymbolList,
  type SymbolList,
} from '@resplice/engine';
import { InputError } from '@resplice/report';
import { newCommand } from '../command.js';
import { DONE, type Outcome, REFUSED } from '../outcome.js';
import { alignColumns, count } from '../printed-text.js';
import { renderReasons } from '../reason-text.js';
import { runSession } from '../session.js';

/** Sizes of table entries are then taken from the objects themselves: no kernel is named here whose types could say. */
const NO_TYPES = { find: () => undefined };

export function diffCommand() {
  return newCommand('diff', 'compare two versions of an object as "create" does, without a kernel', [
    'resplice diff before.o after.o',
  ])
    .argument('<before>', 'an x86-64 object, compiled from the source before the patch')
    .argument('<after>', 'the same object, compiled from the patched source')
    .option('--module <name>', 'judge it as part of this loadable module; default: as part of vmlinux')
    .option(
      '--symbols <file>',
      "the kernel's symbols, as /proc/kallsyms, System.map or Module.symvers has them: tells which ones the new code finds",
    )
    .action((before, after, options) =>
      runSession(options, async () => {
        const old = await readObject(before);
        const now = await readObject(after);
        const list = options.symbols === undefined ? undefined : await readSymbols(options.symbols);
        const diff = diffObjects(after, old, now, NO_TYPES, { isModule: options.module !== undefined });
        const types = await compareTypesOf([before, old], [after, now]);
        return renderDiff(diff, { list, types, module: options.module?.replaceAll('-', '_') });
      }),
    );
}

async function readObject(file: string): Promise<ObjectFile> {
  return parseObject(await readInput(file, 'object-not-readable'), file);
}

/** Undefined unless both carry types. */
async function compareTypesOf(
  before: readonly [string, ObjectFile],
  after: readonly [string, ObjectFile],
): Promise<ComparedTypes | undefined> {
  const [old, patched] = await Promise.all([findTypes(...before), findTypes(...after)]);
  return old === undefined || patched === undefined ? undefined : compareTypes(old, patched);
}

async function readSymbols(file: string): Promise<SymbolList> {
  return parseSymbolList((await readInput(file, 'symbols-not-readable')).toString('latin1'), file);
}

async function readInput(file: string, code: string): Promise<Buffer> {
  try {
    return await readFile(file);
  } catch (cause) {
    const words = cause instanceof Error ? cause.message : String(cause);
    const message = `${file}: cannot be read (${words}); check the path`;
    throw new InputError(code, message, { context: { file }, cause });
  }
}

const OUTSIDE = { one: 'found', several: 'ambiguous', none: 'not found', unknown: 'not listed' } as const;

const TYPE_CHANGE = {
  removed: 'member gone',
  padding: 'in unused bytes',
  renamed: 'renamed',
  'initial-value': 'must be set up',
  layout: 'layout changes',
} as const;

/** Whether objects of them live is not known here, so no verdict follows. */
function listTypes({ records, renumbered, added }: ComparedTypes) {
  return {
    changed: records.map(({ type, kind, sizeBefore, sizeAfter, members, found }) => ({
      ...{ type, kind, sizeBefore, sizeAfter, members, found },
    })),
    renumbered: renumbered.map(({ type, name, before, after }) => ({
      ...{ type, name, before: `${before}`, after: `${after}` },
    })),
    added: [...added].map(([type, names]) => ({ type, names })),
  };
}

/** What else is known about the kernel that the object belongs to. */
export interface Surroundings {
  readonly list?: SymbolList | undefined;
  readonly module?: string | undefined;
  /** What becomes of the types that both objects carry; undefined when they carry none. */
  readonly types?: ComparedTypes | undefined;
}

export function renderDiff(diff: ObjectDiff, { list, module, types }: Surroundings = {}): Outcome {
  const { replaced, selection, correlation, pre } = diff;
  const outside = list === undefined ? [] : findOutsideSymbols(diff, list, module);
  const reasons = [
    ...diff.reasons,
    ...(list === undefined ? [] : checkOutsideSymbols(diff, list, outside, module)),
  ];
  const added = selection.added.map(({ name, kind, size }) => ({ name, kind, size }));
  const removed = pre.object.definitions
    .filter((definition) => definition.symbols.length > 0 && !correlation.pairs.has(definition))
    .map(({ name, kind, size }) => ({ name, kind, size }));
  const changed = replaced.map(({ before, after, difference }) => ({
    name: before.name,
    size: before.size,
    newSize: after.size,
    firstDifference: difference ?? null,
  }));
  const rows = [
    ...changed.map(({ name, size, newSize, firstDifference: first }) => [
      'replaced',
      name,
      `${size} bytes by ${newSize}`,
      first === null ? '' : `+0x${first.offsetBefore.toString(16)}: ${first.before} | ${first.after}`,
    ]),
    ...added.map(({ name, kind, size }) => ['added', name, `${kind}, ${size} bytes`, '']),
    ...removed.map(({ name, kind, size }) => ['removed', name, `${kind}, ${size} bytes`, '']),
    ...outside.map(({ name, found, owners }) => ['needs', name, OUTSIDE[found], owners.join(', ')]),
    ...(types?.records ?? []).map(({ type, kind, found }) => ['type', type, TYPE_CHANGE[kind], found]),
    ...(types?.renumbered ?? []).map(({ type, name, before, after }) => [
      'type',
      type,
      'renumbered',
      `${name} is ${before} before and ${after} after`,
    ]),
  ];
  const sum = `${count(changed.length, 'function')} replaced, ${added.length} added, ${removed.length} removed`;
  return {
    exitStatus: reasons.length === 0 ? DONE : REFUSED,
    json: {
      verdict: reasons.length === 0 ? 'accepted' : 'refused',
      replaced: changed,
      added,
      removed,
      ...(list === undefined ? {} : { needs: outside }),
      ...(types === undefined ? {} : { types: listTypes(types) }),
      reasons,
    },
    lines: [
      ...alignColumns(rows),
      ...(rows.length === 0 ? [] : ['']),
      sum,
      ...(reasons.length === 0 ? [] : ['', ...renderReasons(reasons)]),
    ],
  };
}

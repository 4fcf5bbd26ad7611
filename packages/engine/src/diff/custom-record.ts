// What the macros of kmod/resplice.h leave in an object: hooks, and statements of the author about changes that need no replacing.
// A record is { function pointer, name, why, u32 kind, u32 order }; only its references and the two numbers hold anything.

import { InternalError, type Reason } from '@resplice/report';
import type { Correlation } from './correlate.js';
import type { DefinedObject, Definition } from './definition.js';
import { baseName } from './symbol-name.js';

const HOOK_KINDS = new Map([
  [1, 'pre-apply'],
  [2, 'apply'],
  [3, 'post-apply'],
  [4, 'fail-apply'],
  [5, 'pre-undo'],
  [6, 'undo'],
  [7, 'post-undo'],
  [8, 'fail-undo'],
  [9, 'check-apply'],
  [10, 'check-undo'],
] as const);
const STATEMENT_KINDS = new Map([
  [16, 'ignore-function'],
  [17, 'ignore-data'],
  [18, 'handles-init'],
  [19, 'handles-data'],
  [20, 'handles-type'],
  [21, 'handles-callback'],
  [22, 'shadow'],
  [23, 'shadow-function'],
  [24, 'handles-coexistence'],
] as const);

export type HookKind = typeof HOOK_KINDS extends Map<number, infer K> ? K : never;
export type StatementKind = typeof STATEMENT_KINDS extends Map<number, infer K> ? K : never;

/** The number by which C knows a kind of hook. */
export function hookNumber(kind: HookKind): number {
  for (const [number, known] of HOOK_KINDS) if (known === kind) return number;
  throw new InternalError('no-such-hook', `${kind} is no kind of hook`);
}

export interface Hook {
  readonly kind: HookKind;
  /** The number by which C knows the kind. */
  readonly number: number;
  readonly name: string;
  readonly order: number;
  readonly definition: Definition;
}

export interface Statement {
  readonly kind: StatementKind;
  readonly name: string;
  readonly why: string;
}

export interface CustomCode {
  readonly hooks: readonly Hook[];
  readonly statements: readonly Statement[];
  /** Records that cannot be read, or say something of what is not there. */
  readonly reasons: readonly Reason[];
}

const RECORD_SIZE = 32;

/** The records of `after` that `before` does not have: those of an update below are its own affair. */
export function readCustomCode(name: string, before: DefinedObject, after: DefinedObject): CustomCode {
  const old = readRecords(name, before);
  const now = readRecords(name, after);
  const known = new Set([...old.hooks, ...old.statements].map(keyOf));
  const isNew = (record: Hook | Statement) => !known.has(keyOf(record));
  const hooks = now.hooks.filter(isNew).sort((a, b) => a.order - b.order);
  const statements = now.statements.filter(isNew);
  const reasons = [
    ...now.reasons,
    ...statements.flatMap((each) => judgeStatement(name, before, after, each)),
  ];
  return { hooks, statements, reasons };
}

function keyOf(record: Hook | Statement): string {
  return `${record.kind}\0${record.name}\0${'why' in record ? record.why : ''}`;
}

function readRecords(object: string, side: DefinedObject): CustomCode {
  const hooks: Hook[] = [];
  const statements: Statement[] = [];
  const reasons: Reason[] = [];
  for (const record of side.definitions) {
    if (record.sectionClass !== 'custom') continue;
    const read = record.size === RECORD_SIZE ? readRecord(side, record) : undefined;
    if (read === undefined) reasons.push(invalid(object, record.name, 'it is no record of resplice.h'));
    else if ('definition' in read) hooks.push(read);
    else statements.push(read);
  }
  return { hooks, statements, reasons };
}

function readRecord(side: DefinedObject, record: Definition): Hook | Statement | undefined {
  const bytes = side.bytesOf(record);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const number = view.getUint32(24, true);
  const name = readText(side, record, 8);
  const why = readText(side, record, 16);
  if (name === undefined || why === undefined) return undefined;
  const statement = STATEMENT_KINDS.get(number as 16);
  if (statement !== undefined) return { kind: statement, name, why };
  const kind = HOOK_KINDS.get(number as 1);
  const target = side.referencesOf(record).find(({ offset }) => offset === 0)?.target;
  if (kind === undefined || target === undefined || !('definition' in target)) return undefined;
  const { definition, offset } = target;
  if (definition.kind !== 'function' || definition.sectionClass !== 'text' || offset !== 0) return undefined;
  return { kind, number, name, order: view.getUint32(28, true), definition };
}

function readText(side: DefinedObject, record: Definition, at: number): string | undefined {
  const target = side.referencesOf(record).find(({ offset }) => offset === at)?.target;
  if (target === undefined || !('definition' in target)) return undefined;
  const text = Buffer.from(side.bytesOf(target.definition)).toString('utf8');
  const end = text.indexOf('\0', target.offset);
  return end < 0 ? undefined : text.slice(target.offset, end);
}

/** A misspelt name would excuse nothing, or tomorrow something else. */
function judgeStatement(
  object: string,
  before: DefinedObject,
  after: DefinedObject,
  { kind, name, why }: Statement,
): readonly Reason[] {
  // As a skeleton leaves it: nobody has looked at it yet.
  if (why.startsWith('FIXME')) {
    const advice =
      'look at what it is about, then write into the patch why it is right; or take the line out when it is not';
    return [{ ...invalid(object, name, `${kind}: its reason is still "${why}"`), advice }];
  }
  if (kind === 'handles-type' || kind === 'shadow' || kind === 'shadow-function') return [];
  const exists = [...before.definitions, ...after.definitions].some((each) => isNamed(each, name));
  return exists ? [] : [invalid(object, name, `${kind}: neither version of the object has it`)];
}

export function isNamed(definition: Definition, name: string): boolean {
  return definition.name === name || baseName(definition.name) === name;
}

function invalid(object: string, symbol: string, found: string): Reason {
  return { code: 'custom-code-invalid', subject: { object, symbol }, found };
}

const LEFT_ALONE: readonly StatementKind[] = [
  'ignore-function',
  'ignore-data',
  'handles-init',
  'handles-data',
];

/**
 * Takes what the author answers for out of the changed definitions. Data whose size differs stays: new code would reach
 * beyond the running object.
 */
export function leaveAlone(
  changed: Set<Definition>,
  { origins }: Correlation,
  { statements }: CustomCode,
): void {
  for (const { kind, name } of statements) {
    if (!LEFT_ALONE.includes(kind)) continue;
    for (const definition of changed) {
      const isSized = definition.kind === 'function' || origins.get(definition)?.size === definition.size;
      if (isSized && fits(kind, definition) && isNamed(definition, name)) changed.delete(definition);
    }
  }
}

function fits(kind: StatementKind, definition: Definition): boolean {
  if (kind === 'ignore-function') return definition.kind === 'function';
  if (kind === 'handles-init') return /^init-/.test(definition.sectionClass);
  return definition.kind !== 'function';
}

/** Without reasons about parameters, initcalls and initial values that a hook brings about. */
export function withoutHandled(reasons: readonly Reason[], { statements }: CustomCode): readonly Reason[] {
  const handled = statements.filter(({ kind }) => kind === 'handles-init').map(({ name }) => name);
  return reasons.filter(
    ({ code, subject }) =>
      !/^changed-init-/.test(code) || !handled.some((name) => baseName(subject.symbol ?? '') === name),
  );
}

/** Functions that may go on in their old code while others are in the new. */
export function mayCoexist({ statements }: CustomCode, definition: Definition): boolean {
  return statements.some(({ kind, name }) => kind === 'handles-coexistence' && isNamed(definition, name));
}

/** New functions of which the author, or a shadow variable, sees to it that nothing calls them after an undo. */
export function isReleased({ statements }: CustomCode, definition: Definition): boolean {
  return statements.some(
    ({ kind, name }) =>
      (kind === 'handles-callback' || kind === 'shadow-function') && isNamed(definition, name),
  );
}

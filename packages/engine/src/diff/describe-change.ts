// How data that cannot be carried differs, in the words that whoever writes a hook for it needs: offsets, old and new values.

import type { DefinedObject, Definition, Target } from './definition.js';

/** Differences named in one reason; a table that grew by one row differs everywhere behind it. */
const NAMED = 4;

interface Part {
  readonly offset: number;
  readonly old: string;
  readonly now: string;
}

/**
 * @param changed definitions after that differ from their originals, by which a pointer to one of them differs as well
 * @returns for example `its content changes at +0x8 from nothing to foo_flush, at +0x1c from 01 to 02`
 */
export function describeDataChange(
  pre: DefinedObject,
  before: Definition,
  post: DefinedObject,
  after: Definition,
  changed: ReadonlySet<Definition>,
): string {
  if (before.size !== after.size) return `its size changes from ${before.size} to ${after.size} bytes`;
  const parts = [...changedPointers(pre, before, post, after), ...changedBytes(pre, before, post, after)];
  if (parts.length === 0) return describePointed(post, after, changed);
  const named = parts
    .toSorted((a, b) => a.offset - b.offset)
    .slice(0, NAMED)
    .map(({ offset, old, now }) => `at +0x${offset.toString(16)} from ${old} to ${now}`);
  const more = parts.length > NAMED ? `, and at ${parts.length - NAMED} more places` : '';
  return `its content changes ${named.join(', ')}${more}`;
}

function changedPointers(
  pre: DefinedObject,
  before: Definition,
  post: DefinedObject,
  after: Definition,
): readonly Part[] {
  const old = pointersOf(pre, before);
  const now = pointersOf(post, after);
  const offsets = [...new Set([...old.keys(), ...now.keys()])];
  return offsets.flatMap((offset): readonly Part[] => {
    const [was, is] = [old.get(offset) ?? 'nothing', now.get(offset) ?? 'nothing'];
    return was === is ? [] : [{ offset, old: was, now: is }];
  });
}

function pointersOf(object: DefinedObject, definition: Definition): ReadonlyMap<number, string> {
  return new Map(
    object.referencesOf(definition).map(({ offset, target }) => [offset, nameTarget(object, target)]),
  );
}

function nameTarget(object: DefinedObject, target: Target): string {
  const plus = target.offset === 0 ? '' : `+0x${target.offset.toString(16)}`;
  if ('symbol' in target) return `${target.symbol}${plus}`;
  const { definition } = target;
  if (definition.kind !== 'string') return `${definition.name}${plus}`;
  const [text = ''] = Buffer.from(object.bytesOf(definition)).toString('latin1').split('\0');
  return JSON.stringify(text);
}

/** Runs of bytes that differ outside of pointers. */
function changedBytes(
  pre: DefinedObject,
  before: Definition,
  post: DefinedObject,
  after: Definition,
): readonly Part[] {
  const pointers = [...pre.referencesOf(before), ...post.referencesOf(after)];
  const isPointer = (at: number) => pointers.some(({ offset, size }) => at >= offset && at < offset + size);
  const old = pre.bytesOf(before);
  const now = post.bytesOf(after);
  const parts: Part[] = [];
  for (let at = 0; at < old.length; at++) {
    const start = at;
    while (at < old.length && old[at] !== now[at] && !isPointer(at)) at++;
    if (at > start) parts.push({ offset: start, old: hex(old, start, at), now: hex(now, start, at) });
  }
  return parts;
}

function hex(bytes: Uint8Array, start: number, end: number): string {
  const text = Buffer.from(bytes.subarray(start, Math.min(end, start + 8))).toString('hex');
  return text.replace(/..(?=.)/g, '$& ') + (end > start + 8 ? ' …' : '');
}

/** Equal itself, so something that it points at is not. */
function describePointed(post: DefinedObject, after: Definition, changed: ReadonlySet<Definition>): string {
  const pointed = post
    .referencesOf(after)
    .filter(({ target }) => 'definition' in target && changed.has(target.definition))
    .map(({ offset, target }) => `${nameTarget(post, target)} at +0x${offset.toString(16)}`);
  return pointed.length === 0
    ? 'what it points at changes'
    : `what it points at changes (${[...new Set(pointed)].slice(0, NAMED).join(', ')})`;
}

// One reason as C that an author completes. Values, lines and members come from the sources; where assigning them is plain, the hook does it.

import type { Reason } from '@resplice/report';
import { addedLines, findFunction, findMembers, findVariable, readMembers } from './skeleton-source.js';

export interface SourceText {
  readonly before: string;
  readonly after: string;
}

/** How a member is set up that zero bytes do not. */
const SETUPS: readonly (readonly [RegExp, string])[] = [
  [/^struct list_head\b/, 'INIT_LIST_HEAD'],
  [/^struct mutex\b/, 'mutex_init'],
  [/^(?:raw_)?spinlock_t\b/, 'spin_lock_init'],
  [/^struct rw_semaphore\b/, 'init_rwsem'],
  [/^wait_queue_head_t\b/, 'init_waitqueue_head'],
  [/^struct completion\b/, 'init_completion'],
  [/^refcount_t\b/, 'FIXME'],
];

/** Undefined when no code at the end of the file could help. */
export function renderPart(reason: Reason, text: SourceText): string | undefined {
  const { code, subject, found } = reason;
  const name = subject.symbol;
  // Numbered static locals and nameless tables cannot be reached from another function.
  if (name === undefined || !/^\w+$/.test(name) || /its size changes/.test(found)) return undefined;
  if (code === 'changed-data') return renderData(name, found, text);
  if (code === 'changed-init-code' || code === 'changed-init-data') return renderInit(name, found, text);
  if (code === 'changed-type-layout') return renderLayout(name, found, text);
  return code === 'type-needs-initial-value' ? renderSetUp(name, found, text) : undefined;
}

function renderData(name: string, found: string, { before, after }: SourceText): string | undefined {
  const [old, now] = [findVariable(before, name), findVariable(after, name)];
  if (old === undefined || now === undefined) return undefined;
  const changes = assignments(name, old.value ?? '0', now.value ?? '0', now.head);
  const lines = addedLines(old.value ?? '', now.value ?? '');
  const shown = changes === undefined ? [`new: ${lines.map((line) => line.trim()).join(' ')}`] : [];
  return hooks(name, [`${name}: ${found}`, ...shown], {
    apply: changes?.map(([place, , value]) => `WRITE_ONCE(${place}, ${value});`) ?? [
      '/* FIXME: give the running object its new value, under the lock that its readers take */',
    ],
    undo: changes?.map(([place, value]) => `WRITE_ONCE(${place}, ${value});`) ?? [
      '/* FIXME: back to what it was */',
    ],
    macro: 'RESPLICE_HANDLES_DATA',
  });
}

/** Places with their values before and after; undefined where they cannot simply be assigned. */
function assignments(
  name: string,
  before: string,
  after: string,
  head: string,
): readonly (readonly [place: string, old: string, now: string])[] | undefined {
  if (/\bconst\b|\[|__ro_after_init/.test(head)) return undefined;
  if (!before.startsWith('{') && !after.startsWith('{')) return [[name, before, after]];
  const [old, now] = [readMembers(before), readMembers(after)];
  if (old === undefined || now === undefined) return undefined;
  const members = [...new Set([...old.keys(), ...now.keys()])].filter(
    (member) => old.get(member) !== now.get(member),
  );
  const changes = members.map((member) => {
    return [`${name}.${member}`, old.get(member) ?? '0', now.get(member) ?? '0'] as const;
  });
  // Arrays and structures are no values that one store gives.
  const isPlain = changes.every((change) => change.slice(1).every((value) => !/^[{"]/.test(value)));
  return isPlain && changes.length > 0 ? changes : undefined;
}

function renderInit(name: string, found: string, { before, after }: SourceText): string {
  const [old, now] = [findFunction(before, name) ?? '', findFunction(after, name) ?? ''];
  const lines = [
    ...addedLines(now, old).map((line) => `gone: ${line.trim()}`),
    ...addedLines(old, now).map((line) => `new: ${line.trim()}`),
  ];
  return hooks(name, [`${name}: ${found}`, ...lines], {
    apply: ['/* FIXME: do what its changed lines do, on what they have made at the start */'],
    undo: ['/* FIXME: back to what it was */'],
    macro: 'RESPLICE_HANDLES_INIT',
  });
}

function renderLayout(tag: string, found: string, text: SourceText): string {
  const members = newMembers(tag, text);
  const fields = members?.map((member) => `\t${member};`) ?? [
    '\t/* FIXME: its new members */',
    '\tunsigned long value;',
  ];
  const own = `resplice_${tag}`;
  return [
    comment([
      `struct ${tag}: ${found}`,
      'FIXME: leave the new members out of the struct. Here they are attached to objects instead, also to those that exist:',
      `${own}_get_or_alloc(object, GFP_KERNEL, NULL) where they are written, ${own}_get(object) where they are read (NULL: none`,
      `yet), ${own}_free(object) before the object is freed. A member in bytes that no other member has needs none of this.`,
    ]),
    `struct ${own} {`,
    ...fields,
    '};',
    `RESPLICE_SHADOW(struct ${own}, ${own}, NULL, NULL);`,
    `RESPLICE_HANDLES_TYPE(${tag}, "FIXME: why objects that exist do no harm");`,
    '',
  ].join('\n');
}

function renderSetUp(tag: string, found: string, text: SourceText): string {
  const steps = (newMembers(tag, text) ?? []).flatMap((member) => {
    const [, macro] = SETUPS.find(([type]) => type.test(member)) ?? [];
    const name = /(\w+)\s*$/.exec(member)?.[1];
    return macro === undefined || macro === 'FIXME' || name === undefined
      ? []
      : [`${macro}(&object->${name});`];
  });
  const own = `resplice_set_up_${tag}`;
  return [
    comment([`struct ${tag}: ${found}`]),
    `static void __maybe_unused ${own}(struct ${tag} *object)`,
    '{',
    ...(steps.length === 0 ? ['/* FIXME: set up the new members */'] : steps).map((line) => `\t${line}`),
    '}',
    '',
    `static void resplice_apply_${tag}(void)`,
    '{',
    `\t/* FIXME: take the lock of the list of all objects, and call ${own}() for each */`,
    '}',
    `RESPLICE_APPLY(resplice_apply_${tag});`,
    `RESPLICE_HANDLES_TYPE(${tag}, "FIXME: why no object is missed, also of those that old code makes meanwhile");`,
    '',
  ].join('\n');
}

/** Declarations that only the new type has; undefined when the text does not tell. */
function newMembers(tag: string, { before, after }: SourceText): readonly string[] | undefined {
  const [old, now] = [before, after].map((text) => findMembers(findBody(text, tag) ?? '#'));
  const fresh = now?.filter((member) => old?.includes(member) !== true);
  return old === undefined || fresh === undefined || fresh.length === 0 ? undefined : fresh;
}

function findBody(text: string, tag: string): string | undefined {
  const match = new RegExp(`^(?:struct|union)\\s+${tag}\\s*\\{[\\s\\S]*?^\\}`, 'm').exec(
    text.replace(/\/\*[\s\S]*?\*\//g, ''),
  );
  return match?.[0];
}

interface HookCode {
  readonly apply: readonly string[];
  readonly undo: readonly string[];
  readonly macro: 'RESPLICE_HANDLES_DATA' | 'RESPLICE_HANDLES_INIT';
}

function hooks(name: string, facts: readonly string[], { apply, undo, macro }: HookCode): string {
  const body = (lines: readonly string[]) => ['{', ...lines.map((line) => `\t${line}`), '}'];
  return [
    comment(facts),
    `static void resplice_apply_${name}(void)`,
    ...body(apply),
    `RESPLICE_APPLY(resplice_apply_${name});`,
    '',
    `static void resplice_undo_${name}(void)`,
    ...body(undo),
    `RESPLICE_UNDO(resplice_undo_${name});`,
    `RESPLICE_FAIL_APPLY(resplice_undo_${name});`,
    `${macro}(${name}, "FIXME: why this is enough");`,
    '',
  ].join('\n');
}

function comment(lines: readonly string[]): string {
  const safe = lines.map((line) => line.replaceAll('*/', '* /').replaceAll('/*', '/ *'));
  return safe.length === 1 ? `/* ${safe[0]} */` : `/*\n${safe.map((line) => ` * ${line}\n`).join('')} */`;
}

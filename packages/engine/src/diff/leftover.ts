// Everything that differs between the two objects and that replacing functions cannot bring about. Nothing is dropped: each
// difference either went into the update or becomes a reason here. Exceptions have no effect on a running kernel: code and data that it
// does not keep, and EXPORT_SYMBOL. Exports matter when a module is loaded, and the modules of this kernel were linked with the
// exports that it has (cdrom_probe_write_features() of drivers/cdrom/cdrom.c is exported for sr.c, which the same update replaces).

import type { Reason } from '@resplice/report';
import type { Definition } from './definition.js';
import { describeDataChange } from './describe-change.js';
import { hasPrivateNames, isDeviceTableName, isForDepmodOnly } from './fresh-module.js';
import { isModuleExit } from './module-exit.js';
import { findObstacle } from './redirection.js';
import { isDirectory } from './section-class.js';
import type { SelectionInput } from './select.js';
import { isCopyable } from './symbol-name.js';

/** The linker fills in the numbers, and the kernel sorts them. */
const ADVICE_FOR_SETS =
  'leave the set as it is, and have the function that searches it decide on what comes or goes (btf_id_set_contains() and its callers)';

/** Reasons for all changes outside of the included definitions, and for replaced functions that cannot be redirected. */
export function findLeftovers(
  input: SelectionInput,
  included: ReadonlySet<Definition>,
  rewritten: ReadonlySet<Definition>,
): readonly Reason[] {
  const reasons: Reason[] = [];
  for (const definition of input.changed)
    if (!rewritten.has(definition)) reasons.push(...judgeChanged(input, included, definition));
  for (const definition of input.post.object.definitions) {
    if (!input.correlation.origins.has(definition) && !included.has(definition))
      reasons.push(...judgeAlone(input, definition, 'new'));
  }
  for (const definition of input.pre.object.definitions) {
    if (!input.correlation.pairs.has(definition)) reasons.push(...judgeAlone(input, definition, 'removed'));
  }
  reasons.push(...judgeTables(input));
  return reasons;
}

function judgeChanged(
  input: SelectionInput,
  included: ReadonlySet<Definition>,
  after: Definition,
): readonly Reason[] {
  const before = input.correlation.origins.get(after);
  if (before === undefined) return [];
  const reason = (code: Reason['code'], found: string, advice?: string): readonly Reason[] => {
    const subject = { object: input.name, section: after.section.name, symbol: after.name };
    return [{ code, subject, found, ...(advice === undefined ? {} : { advice }) }];
  };
  // Code that stands apart, such as .fixup of older kernels, is copied by those that lead to it.
  if (after.kind === 'function' && after.symbols.length === 0 && included.has(after)) return [];
  if (after.kind === 'function' && after.symbols.length === 0)
    return reason(
      'unknown-section',
      `code in ${after.section.name} changes that no symbol names: the object is stripped, or the code is written by hand`,
    );
  switch (after.sectionClass) {
    case 'text':
      return input.carried.has(after) ? [] : judgeRedirection(input, before, after);
    case 'init-text':
      if (included.has(after)) return [];
      return reason(
        'changed-init-code',
        input.isModule
          ? 'it ran when the module was loaded; one that is loaded later runs what its file holds, which is the old code'
          : 'it ran when the kernel started, and is gone',
      );
    case 'exit-text':
      // The kernel is never unloaded: __exit code of built-in objects is freed with the init sections.
      if (!input.isModule || input.carried.has(after)) return [];
      if (input.engine === 'trampoline') return judgeRedirection(input, before, after);
      if (included.has(after)) return [];
      return reason(
        'changed-exit-code',
        'it runs when the module is unloaded, has no ftrace entry, and is reached by more than calls from the exit function',
      );
    case 'init-data':
    case 'init-table':
      if (included.has(after)) return [];
      return reason(
        'changed-init-data',
        input.isModule
          ? 'it was read when the module was loaded; one that is loaded later reads what its file holds, which is the old value'
          : 'it was read when the kernel started, and is gone',
      );
    case 'constant':
      if (after.binding === 'local' || isForDepmodOnly(input, after)) return [];
      if (hasPrivateNames(after) && input.led.some(({ tableAfter }) => tableAfter === after)) return [];
      if (input.fresh && included.has(after) && hasPrivateNames(after)) return [];
      return reason('changed-data', describeConstant(input, before, after));
    case 'data':
    case 'percpu':
    case 'registry':
      if (isCopyable(after.name, after.size) || input.moved.has(after)) return [];
      if (input.led.some(({ holderAfter }) => holderAfter === after)) return [];
      return reason(
        'changed-data',
        describeDataChange(input.pre.object, before, input.post.object, after, input.changed),
        after.section.name === '.BTF_ids' ? ADVICE_FOR_SETS : undefined,
      );
    default:
      return included.has(after)
        ? []
        : reason(
            'unknown-section',
            `it changes in section ${after.section.name}, whose meaning is not known`,
          );
  }
}

function judgeRedirection(input: SelectionInput, before: Definition, after: Definition): readonly Reason[] {
  const obstacle = findObstacle(input.engine, input.pre, before);
  if (obstacle === undefined) return [];
  const { code, found, offset } = obstacle;
  const place = { object: input.name, section: after.section.name, symbol: after.name };
  return [{ code, subject: offset === undefined ? place : { ...place, offset }, found }];
}

/** What exists on one side only matters where it takes effect without being called: initcalls, parameters, unknown tables. */
function judgeAlone(
  input: SelectionInput,
  definition: Definition,
  how: 'new' | 'removed',
): readonly Reason[] {
  const subject = { object: input.name, section: definition.section.name, symbol: definition.name };
  if (
    definition.sectionClass === 'init-table' ||
    (definition.sectionClass === 'init-data' && definition.symbols.length === 0)
  ) {
    return [
      {
        code: 'changed-init-data',
        subject,
        found: `it is ${how} and only takes effect when the kernel or the module starts`,
      },
    ];
  }
  if (input.isModule && how === 'removed' && isModuleExit(definition)) {
    const found = 'the module loses its exit function, and unloading would still run the old one';
    return [{ code: 'changed-exit-code', subject, found }];
  }
  if (definition.sectionClass === 'registry' && how === 'new' && !isDirectory(definition.section)) {
    const found = `it is new in ${definition.section.name}, a table that is read when the kernel or the module starts`;
    return [{ code: 'new-data-in-special-section', subject, found }];
  }
  const isNameless = definition.kind === 'function' && definition.symbols.length === 0;
  if (definition.section.name.startsWith('.kpatch.')) return how === 'new' ? [explainKpatch(subject)] : [];
  if (definition.sectionClass === 'unknown' || (isNameless && definition.sectionClass === 'text')) {
    return [
      {
        code: 'unknown-section',
        subject,
        found: isNameless
          ? `code without a symbol is ${how} in ${definition.section.name}`
          : `it is ${how} in section ${definition.section.name}, whose meaning is not known`,
      },
    ];
  }
  return [];
}

/** Patches written for kpatch bring its macros along. */
function explainKpatch(subject: Reason['subject']): Reason {
  const section = subject.section ?? '';
  const ours = section.startsWith('.kpatch.callbacks')
    ? 'RESPLICE_PRE_APPLY and its like'
    : 'RESPLICE_IGNORE_FUNCTION or RESPLICE_IGNORE_DATA';
  const found = `a macro of kpatch left it in ${section}; resplice.h has ${ours}`;
  return { code: 'custom-code-invalid', subject, found };
}

function judgeTables(input: SelectionInput): readonly Reason[] {
  return input.post.tables.misshapen.map((section) => ({
    code: 'unknown-section',
    subject: { object: input.name, section: section.name },
    found: `its ${section.size} bytes do not divide into entries`,
  }));
}

function describeConstant(input: SelectionInput, before: Definition, after: Definition): string {
  const change = describeDataChange(input.pre.object, before, input.post.object, after, input.changed);
  const isDeviceTable = after.symbols.some(({ name }) => isDeviceTableName(name));
  return isDeviceTable
    ? `the driver core matches devices with this table of IDs and goes on with the one that is registered; ${change}`
    : `a constant that other objects can read: ${change}`;
}

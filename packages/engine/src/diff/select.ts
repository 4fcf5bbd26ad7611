// What goes into the update, and what stands against it. Starting from the changed functions, references are followed: what the
// running kernel has unchanged is used where it is, what it does not have is copied, and what must not be copied (data that
// is alive in the running kernel with another content) is a reason to refuse.

import type { Reason } from '@resplice/report';
import { branchOperands, isLookedUp } from './branch-operand.js';
import type { Side } from './compare.js';
import type { Correlation } from './correlate.js';
import { type CustomCode, isReleased, withoutHandled } from './custom-record.js';
import { holdsFunctions, isOffered, isOfLostState, isStored } from './data-use.js';
import type { Definition, Reference, Target } from './definition.js';
import { describeDataChange } from './describe-change.js';
import type { LedPointer } from './device-table.js';
import { isModuleInit, isRewritable, isWritable } from './fresh-module.js';
import { findLeftovers } from './leftover.js';
import { isModuleExit } from './module-exit.js';
import type { Engine } from './redirection.js';
import { gainsEndbr } from './resolve.js';
import { isDirectory, type SectionClass } from './section-class.js';
import { isCopyable, parentOfFragment, variableName } from './symbol-name.js';
import { entryTarget } from './table.js';

export interface SelectionInput {
  readonly name: string;
  readonly pre: Side;
  readonly post: Side;
  readonly correlation: Correlation;
  /** Post definitions that differ from their originals, and the callers that stand in for those that cannot be redirected. */
  readonly changed: ReadonlySet<Definition>;
  /** Those of `changed` that are copied for their callers instead of being redirected. */
  readonly carried: ReadonlySet<Definition>;
  /** Functions before that the running kernel does not have, whether they change or not. */
  readonly absent: ReadonlySet<Definition>;
  /** The object is part of a loadable module. */
  readonly isModule: boolean;
  readonly engine: Engine;
  /** The object is compiled from an assembly file. */
  readonly isAssembly: boolean;
  /** The object's module is not loaded before the update is applied; see fresh-module.ts. */
  readonly fresh: boolean;
  /** Data of a fresh module that lies in the update instead. */
  readonly moved: ReadonlySet<Definition>;
  /** Constants that change where they are. */
  readonly inPlace: ReadonlySet<Definition>;
  /** Pointers to tables of device IDs that lead to the update's. */
  readonly led: readonly LedPointer[];
  readonly custom: CustomCode;
  /** Whether the running kernel object has a symbol, in whatever of its objects. */
  readonly isRunning: (symbol: string) => boolean;
}

export interface Selection {
  /** Post functions that take the place of their originals. */
  readonly replaced: readonly Definition[];
  /** Post function that runs in place of the module's exit function when the module is unloaded. */
  readonly exit: Definition | undefined;
  /** Post function that runs in place of the module's init function when the module is loaded. */
  readonly init: Definition | undefined;
  /** Post data whose content the running data gets: that of a module before its init code runs, or read-only data in place. */
  readonly rewritten: readonly Definition[];
  /** Pointers of live data that lead into the update while it is applied. */
  readonly led: readonly LedPointer[];
  /** Post definitions whose content is part of the update, in order of their sections; `replaced` is among them. */
  readonly included: readonly Definition[];
  /** Of the included ones, those that the running kernel has no counterpart of, or may go on using as well as it. */
  readonly added: readonly Definition[];
  /** Those of `added` whose address the kernel may keep beyond an undo: functions whose address is taken, and tables of functions. */
  readonly addressTaken: ReadonlySet<Definition>;
  readonly reasons: readonly Reason[];
}

/** Classes of new data that the module loader sets up for an update as it does for any module. */
const CARRIED: ReadonlySet<SectionClass> = new Set(['data', 'constant', 'call-site', 'percpu']);

/** Per-CPU data that must lie where only the kernel's own linker puts it: at the very start, or on pages that are not encrypted. */
const FIXED_PERCPU = /^\.data\.\.percpu\.\.(first|decrypted)/;

function isCarried({ section, sectionClass }: Definition): boolean {
  if (FIXED_PERCPU.test(section.name)) return false;
  return CARRIED.has(sectionClass) || isDirectory(section);
}

export function selectDefinitions(input: SelectionInput): Selection {
  const selector = new Selector(input);
  selector.run();
  return selector.finish();
}

class Selector {
  readonly #input: SelectionInput;
  readonly #included = new Set<Definition>();
  readonly #rewritten = new Set<Definition>();
  readonly #addressTaken = new Set<Definition>();
  readonly #queue: Definition[] = [];
  readonly #reasons: Reason[] = [];

  constructor(input: SelectionInput) {
    this.#input = input;
  }

  run(): void {
    if (this.#input.fresh) this.#startFresh();
    for (const definition of this.#input.changed)
      if (this.#input.inPlace.has(definition)) this.#rewritten.add(definition);
    for (const definition of this.#input.changed) {
      if (
        (this.#isRedirected(definition) && !this.#input.carried.has(definition)) ||
        this.#isChangedExit(definition)
      )
        this.#include(definition);
    }
    for (const { tableAfter } of this.#input.led) {
      this.#include(tableAfter);
      this.#addressTaken.add(tableAfter);
    }
    for (const definition of this.#input.post.object.definitions) {
      const fresh = !this.#input.correlation.origins.has(definition);
      if (fresh && definition.binding !== 'local' && definition.sectionClass === 'text')
        this.#include(definition);
      else if (fresh && isOffered(this.#input, definition)) this.#offer(definition);
    }
    for (const { definition } of this.#input.custom.hooks) this.#include(definition);
    for (let next = this.#queue.pop(); next !== undefined; next = this.#queue.pop()) this.#follow(next);
    this.#reasons.push(
      ...findLeftovers(this.#input, this.#included, this.#rewritten),
      ...this.#input.custom.reasons,
    );
  }

  #offer(definition: Definition): void {
    this.#include(definition);
    if (holdsFunctions(this.#input, definition)) this.#addressTaken.add(definition);
  }

  #startFresh(): void {
    const { changed, post } = this.#input;
    for (const definition of changed) {
      if (!isRewritable(this.#input, definition)) continue;
      this.#rewritten.add(definition);
      this.#queue.push(definition);
    }
    const isOfStart = ({ sectionClass }: Definition) => /^init-(text|data)$/.test(sectionClass);
    const init = post.object.definitions.find((each) => isModuleInit(each) && isOfStart(each));
    if (init !== undefined && [...changed].some(isOfStart)) this.#include(init);
  }

  finish(): Selection {
    const order = (definition: Definition) => definition.section.index * 2 ** 32 + definition.start;
    const included = [...this.#included].sort((a, b) => order(a) - order(b));
    const { origins } = this.#input.correlation;
    return {
      replaced: included.filter((definition) => this.#isReplacement(definition)),
      exit: included.find((definition) => this.#isChangedExit(definition)),
      init: this.#input.fresh
        ? included.find((each) => each.sectionClass === 'init-text' && isModuleInit(each))
        : undefined,
      rewritten: [...this.#rewritten],
      led: this.#input.led,
      included,
      added: included.filter(
        (each) => (!origins.has(each) || this.#addressTaken.has(each)) && each.symbols.length > 0,
      ),
      // What a fresh module may hold goes with it, and the update stays until it is gone.
      addressTaken: new Set(
        [...this.#addressTaken].filter((each) => !this.#input.fresh && !isReleased(this.#input.custom, each)),
      ),
      reasons: withoutHandled(this.#reasons, this.#input.custom),
    };
  }

  #isReplacement(definition: Definition): boolean {
    const { changed, carried, correlation } = this.#input;
    if (definition.kind !== 'function' || carried.has(definition)) return false;
    // Init code of a fresh module runs by way of its init function.
    if (definition.symbols.length === 0 || definition.sectionClass === 'init-text') return false;
    if (this.#isChangedExit(definition)) return false;
    return changed.has(definition) && correlation.origins.has(definition);
  }

  /** Livepatch has no way to exit code; a jump can be put there. */
  #isRedirected({ kind, sectionClass, symbols }: Definition): boolean {
    const { isModule, engine } = this.#input;
    const isExit = sectionClass === 'exit-text' && isModule && engine === 'trampoline';
    // Code without a symbol cannot be named to any engine.
    return kind === 'function' && symbols.length > 0 && (sectionClass === 'text' || isExit);
  }

  #isChangedExit(definition: Definition): boolean {
    const { isModule, engine, changed, correlation } = this.#input;
    if (!isModule || engine !== 'livepatch' || !changed.has(definition) || !isModuleExit(definition))
      return false;
    const before = correlation.origins.get(definition);
    // One that is not __exit has an ftrace entry and is replaced like any function.
    return before?.sectionClass === 'exit-text' && isModuleExit(before);
  }

  #include(definition: Definition): void {
    if (this.#included.has(definition)) return;
    this.#included.add(definition);
    this.#queue.push(definition);
  }

  #follow(user: Definition): void {
    const { post, correlation } = this.#input;
    const branches = branchOperands(post, user);
    for (const reference of post.object.referencesOf(user)) {
      if (reference.implicit && reference.size < 4) this.#refuseShortBranch(user, reference);
      const { target } = reference;
      const original = 'definition' in target ? correlation.origins.get(target.definition) : undefined;
      if (
        'definition' in target &&
        target.definition !== user &&
        (original === undefined || gainsEndbr(original, target.definition)) &&
        target.definition.kind === 'function' &&
        target.definition.symbols.length > 0 &&
        !branches.has(reference.offset)
      ) {
        this.#addressTaken.add(target.definition);
      }
      this.#visit(user, reference.target, reference);
    }
    for (const entry of post.tables.of(user)) {
      for (const relocation of entry.relocations) this.#visit(user, entryTarget(post.object, relocation));
    }
  }

  #visit(user: Definition, target: Target, reference?: Reference): void {
    if ('symbol' in target || target.definition === user) return;
    const { definition } = target;
    if (definition.kind === 'string' || definition.symbols.length === 0) this.#include(definition);
    else if (definition.kind === 'function') this.#visitFunction(user, definition);
    else this.#visitData(user, definition, reference);
  }

  #visitFunction(user: Definition, definition: Definition): void {
    const isGone = definition.sectionClass === 'exit-text' && !this.#input.isModule;
    if (this.#isStart(user) && definition.sectionClass === 'init-text') {
      this.#include(definition);
      return;
    }
    if (definition.sectionClass === 'init-text' || isGone) {
      this.#refuse('uses-init-code', definition, `${user.name} refers to it, and it is gone after boot`);
      return;
    }
    const { carried, correlation, absent } = this.#input;
    const fragment = parentOfFragment(definition.name) !== undefined;
    const original = correlation.origins.get(definition);
    // In assembly, local code is a continuation of others as often as a function, and objtool wants to see where it goes.
    const isContinuation = this.#input.isAssembly && definition.binding === 'local';
    if (
      isContinuation ||
      fragment ||
      carried.has(definition) ||
      original === undefined ||
      absent.has(original)
    )
      this.#include(definition);
  }

  /** Init code of the update that runs in place of the module's. */
  #isStart({ sectionClass }: Definition): boolean {
    return this.#input.fresh && sectionClass === 'init-text';
  }

  #visitData(user: Definition, definition: Definition, reference: Reference | undefined): void {
    const { origins } = this.#input.correlation;
    // Once for each time the module is loaded, so it must not change meanwhile.
    if (this.#isStart(user) && definition.sectionClass === 'init-data' && !isWritable(definition)) {
      this.#include(definition);
      return;
    }
    if (!origins.has(definition) && isStored(this.#input, user, definition, reference))
      this.#addressTaken.add(definition);
    // A module's pr_debug() call sites hold jump label keys, which are not there yet when the update's jump labels are set up.
    const copiedCallSite = definition.sectionClass === 'call-site' && this.#input.isModule;
    if (copiedCallSite || isCopyable(definition.name, definition.size)) {
      this.#include(definition);
    } else if (this.#input.moved.has(definition)) {
      this.#include(definition);
    } else if (origins.has(definition)) {
      if (definition.kind !== 'constant' || !this.#input.changed.has(definition)) return;
      this.#visitChangedConstant(user, definition, reference);
    } else if (isOfLostState(this.#input, definition)) {
      const found = `${user.name} uses it, and it cannot be told which \`${variableName(definition.name)}\` of the running kernel it is`;
      this.#refuse('ambiguous-static-local', definition, found);
    } else if (!isCarried(definition)) {
      this.#refuse(
        'new-data-in-special-section',
        definition,
        `${user.name} uses new data in ${definition.section.name}`,
      );
    } else {
      this.#include(definition);
    }
  }

  #visitChangedConstant(user: Definition, table: Definition, reference: Reference | undefined): void {
    if (this.#rewritten.has(table)) return;
    if (!this.#input.fresh && reference !== undefined && isStored(this.#input, user, table, reference)) {
      if (!isLookedUp(this.#input.post, user, reference)) {
        this.#refuseLiveTable(user, table);
        return;
      }
      // Who looked it up may have kept a row.
      this.#addressTaken.add(table);
    }
    this.#include(table);
  }

  #refuseLiveTable(user: Definition, table: Definition): void {
    const { pre, post, correlation } = this.#input;
    const original = correlation.origins.get(table);
    if (original === undefined) return;
    const change = describeDataChange(pre.object, original, post.object, table, this.#input.changed);
    const found = `${user.name} takes its address, and what exists already uses the original; ${change}`;
    this.#refuse('changed-data', table, found);
  }

  #refuseShortBranch(user: Definition, reference: Reference): void {
    const found = `a two-byte branch leaves ${user.name} for its neighbour in ${user.section.name} and cannot reach it from the update`;
    this.#refuse('short-branch', user, found, reference.offset);
  }

  #refuse(code: Reason['code'], definition: Definition, found: string, offset?: number): void {
    const place = { object: this.#input.name, section: definition.section.name, symbol: definition.name };
    const subject = offset === undefined ? place : { ...place, offset };
    // Code may use the same thing many times.
    const isKnown = this.#reasons.some(
      (reason) =>
        reason.code === code &&
        reason.found === found &&
        reason.subject.symbol === subject.symbol &&
        reason.subject.offset === offset,
    );
    if (!isKnown) this.#reasons.push({ code, subject, found });
  }
}

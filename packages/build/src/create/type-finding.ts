// One changed type of a patch with all that is known of it: what changes, who allocates and who uses it, what the author says, and the verdict.

import {
  type EnumeratorChange,
  findTypeUses,
  isPlainRename,
  judgeEnumerators,
  judgeRecord,
  type TypeChange,
  type TypeUses,
  type TypeVerdict,
} from '@resplice/engine';
import type { Reason } from '@resplice/report';
import { ChangedType } from '@resplice/update';
import type { ComparedObject } from './compare.js';
import type { TypeTexts } from './type-texts.js';

/** One type that the patch changes, with what follows from it. */
export interface TypeFinding {
  /** `struct eventpoll` */
  readonly type: string;
  /** Where it is defined. */
  readonly file: string;
  readonly change: TypeChange | undefined;
  readonly found: string;
  readonly uses: TypeUses;
  /** Objects of the update that have it. */
  readonly usedBy: readonly string[];
  /** Sources that mention it and whose code stays. */
  readonly alsoIn: readonly string[];
  readonly verdict: TypeVerdict;
  /** Modules that must not be loaded before the update is applied, for the verdict to hold. */
  readonly unloaded: readonly string[];
  /** It, or a struct that holds one, has a pointer: an object of this kernel and no format that others know. */
  readonly internal: boolean;
}

export interface FoundRecord {
  readonly change: TypeChange;
  /** Those looked at that have it. */
  readonly objects: string[];
  readonly wireFormat: boolean;
  readonly internal: boolean;
}

export interface FoundEnum {
  readonly renumbered: readonly EnumeratorChange[];
  readonly added: readonly string[];
  readonly objects: string[];
}

/** Brings together what changes, who uses it, and what the author says. */
export class TypeJudge {
  readonly #handled: ReadonlySet<string>;
  readonly #changedSources: ReadonlySet<string>;

  constructor(
    readonly compared: readonly ComparedObject[],
    readonly texts: TypeTexts,
    readonly kernel: { readonly clearsMemory: boolean; readonly addsState: boolean },
  ) {
    // RESPLICE_HANDLES_TYPE(tag, why) says that custom code deals with existing objects; the manifest records it.
    const statements = compared.flatMap(({ diff }) => diff.custom.statements);
    this.#handled = new Set(statements.filter(({ kind }) => kind === 'handles-type').map(({ name }) => name));
    this.#changedSources = new Set(compared.map(({ source }) => source));
  }

  record({ change, objects, wireFormat, internal }: FoundRecord): TypeFinding {
    const { type } = change;
    const uses = findTypeUses(type, this.texts.all);
    const verdict = judgeRecord(change, uses, {
      handled: this.#isHandled(type),
      ...this.kernel,
      wireFormat,
      plainRename: this.#isPlainRename(change),
    });
    const place = this.#place(type, uses, objects);
    return { ...place, change, found: change.found, uses, verdict, unloaded: [], internal };
  }

  enumerators(type: string, { renumbered, added, objects }: FoundEnum): TypeFinding {
    const uses = findTypeUses(type, this.texts.all);
    const codes = this.texts.all.map(({ text }) => text);
    const verdict = judgeEnumerators(renumbered, codes, this.#isHandled(type));
    const parts = [
      ...(added.length === 0 ? [] : [`new: ${shorten(added)}`]),
      ...renumbered
        .slice(0, 3)
        .map(({ name, before, after }) => `${name} is ${before} before and ${after} after`),
      ...(renumbered.length > 3 ? [`${renumbered.length - 3} more values change`] : []),
    ];
    return {
      ...this.#place(type, uses, objects),
      change: undefined,
      found: parts.join('; '),
      uses,
      verdict,
      unloaded: [],
      internal: false,
    };
  }

  #place(type: string, uses: TypeUses, objects: readonly string[]) {
    const mention = new Set(uses.files);
    const also = this.compared.filter(({ source }) => mention.has(source)).map(({ name }) => name);
    const usedBy = [...new Set([...objects, ...also])].sort();
    const alsoIn = uses.files.filter((file) => file.endsWith('.c') && !this.#changedSources.has(file));
    return { type, file: this.texts.findDefinition(type) ?? '', usedBy, alsoIn };
  }

  #isHandled(type: string): boolean {
    return this.#handled.has(type) || this.#handled.has(type.split(' ').at(-1) ?? '');
  }

  #isPlainRename({ kind, members }: TypeChange): boolean {
    if (kind !== 'renamed') return false;
    const last = (name: string) => name.split('.').at(-1) ?? name;
    const names = new Map(
      members.flatMap(({ name, newName, change }) =>
        change === 'renamed' && newName !== undefined ? [[last(name), last(newName)] as const] : [],
      ),
    );
    const { before, after } = this.texts.patched;
    return isPlainRename(before, after, names);
  }
}

/** A reason when it is refused. */
export function explainFinding(finding: TypeFinding): readonly Reason[] {
  const { type, file, found, verdict } = finding;
  if (verdict.safe) return [];
  const code = verdict.class === 'initial-value' ? 'type-needs-initial-value' : 'changed-type-layout';
  const subject = { ...(file === '' ? {} : { file }), symbol: type.replace(/^(?:struct|union) /, '') };
  return [{ code, subject, found: [found, ...describeUses(finding), verdict.because].join('; ') }];
}

/** Who allocates and who uses, for people. */
function describeUses(finding: TypeFinding): readonly string[] {
  const { usedBy, alsoIn, uses } = finding;
  const allocations = listAllocations(uses);
  return [
    ...(allocations.length === 0 ? [] : [`allocated by ${shorten(allocations)}`]),
    ...(uses.embeddedIn.length === 0 ? [] : [`part of ${shorten(uses.embeddedIn)}`]),
    ...(uses.variables.length === 0 ? [] : [`variables: ${shorten(uses.variables)}`]),
    ...(uses.sized.length === 0 ? [] : [`its size is taken in ${shorten(uses.sized)}`]),
    ...(usedBy.length === 0 ? [] : [`used by ${shorten(usedBy)}`]),
    ...(alsoIn.length === 0 ? [] : [`also in ${shorten(alsoIn)}`]),
  ];
}

/** `kzalloc() in ep_alloc() of fs/eventpoll.c` */
function listAllocations({ allocations }: TypeUses): readonly string[] {
  // What is only so by its name is shown when nothing better is known.
  const certain = allocations.filter((each) => each.certain);
  const places = (certain.length > 0 ? certain : allocations).map(
    ({ by, inside, file }) => `${by}() in ${inside === '' ? file : `${inside}() of ${file}`}`,
  );
  return [...new Set(places)];
}

function shorten(names: readonly string[], most = 4): string {
  const rest = names.length - most;
  return rest <= 0 ? names.join(', ') : `${names.slice(0, most).join(', ')} and ${rest} more`;
}

/** As the manifest records it; undefined for one that is refused. */
export function recordFinding(finding: TypeFinding): ChangedType | undefined {
  const { type, file, change, found, uses, usedBy, alsoIn, verdict } = finding;
  const recorded = ChangedType.shape.class.safeParse(verdict.class);
  if (!recorded.success) return undefined;
  return {
    type,
    file,
    class: recorded.data,
    size: change === undefined ? null : { before: change.sizeBefore, after: change.sizeAfter },
    members: (change?.members ?? []).map(({ name, change, before, after }) => ({
      name,
      change,
      before,
      after,
    })),
    found,
    because: verdict.because,
    allocatedBy: [...listAllocations(uses)],
    partOf: [...uses.embeddedIn, ...uses.variables],
    usedBy: [...usedBy],
    alsoIn: [...alsoIn],
  };
}

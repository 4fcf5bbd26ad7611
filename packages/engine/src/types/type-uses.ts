// Where the objects of a type live, told from the text of every file that mentions it: who allocates them and whether that clears them, what
// they are part of, which variables hold one. BTF and DWARF know layouts and not allocations, and the call in the machine code has only
// a number left. Text can be read wrongly, so every doubt counts as a life beyond a call: a verdict gets milder only by what is *not* here.

import { closing, type FunctionBody, functionsOf } from './function-body.js';
import { findContainers, findHolders, findVariables, isAnothers } from './type-home.js';
import { stripComments } from './type-text.js';

export interface SourceText {
  readonly path: string;
  readonly text: string;
}

export interface Allocation {
  /** `kzalloc` */
  readonly by: string;
  /** Function around it; empty outside of functions. */
  readonly inside: string;
  readonly file: string;
  /** Whether the allocator clears by its name or flags. */
  readonly clears: boolean;
  /** The pointer that it is for is declared in the same function; a name may be another type's elsewhere. */
  readonly certain: boolean;
}

export interface TypeUses {
  readonly allocations: readonly Allocation[];
  /** Structs and unions that hold one, not a pointer: `struct ep_pqueue`. */
  readonly embeddedIn: readonly string[];
  /** Variables at file scope, static ones of functions, per-CPU ones: `fs/eventpoll.c: static epmutex`. */
  readonly variables: readonly string[];
  /** Those of them that are no constants. */
  readonly writable: readonly string[];
  /** Members and variables that hold a pointer to one. */
  readonly held: readonly string[];
  /** Other places that take its size, so that memory for one may come from there: `net/x.c: setup()`. */
  readonly sized: readonly string[];
  /** Why an object on a stack may be seen by another thread, or bytes of something else be taken for one. */
  readonly shared: readonly string[];
  readonly files: readonly string[];
}

const ALLOCATOR = /(?:alloc|memdup|cache_create|KMEM_CACHE|_create_cache|mempool_create)/i;
const CLEARS =
  /(?:zalloc|calloc|alloc_percpu|alloc_netdev|alloc_etherdev|alloc_candev|sock_kzalloc|DEFINE_PER_CPU)/;
/** Uses of a size that give no memory away. */
const HARMLESS_SIZE =
  /^(?:memset|memzero_explicit|BUILD_BUG_ON\w*|static_assert|sizeof_field|copy_from_user|copy_to_user)$/;
/** Calls through which another thread or a later moment gets at what they are given. */
const HANDS_ON =
  /\b(?:kthread_\w+|queue_\w*work\w*|schedule_\w*work\w*|schedule_on_each_cpu|work_on_cpu\w*|smp_call_\w+|on_each_cpu\w*|stop_machine\w*|call_rcu\w*|add_timer\w*|mod_timer|hrtimer_start\w*|task_work_add|irq_work_queue\w*|list_add\w*|llist_add\w*|hlist_add\w*|rb_link_node|add_wait_queue\w*|complete|init_completion|wait_for_completion\w*|wake_up\w*)\b/;

/** Collects the uses of `struct tag`, `union tag` or the name of a typedef. */
export function findTypeUses(type: string, texts: readonly SourceText[]): TypeUses {
  const spelled = `\\b${type.replace(' ', '\\s+')}\\b`;
  const mentions = new RegExp(spelled);
  const found = {
    allocations: [] as Allocation[],
    embeddedIn: new Set<string>(),
    variables: new Set<string>(),
    writable: new Set<string>(),
    held: new Set<string>(),
    sized: new Set<string>(),
    shared: new Set<string>(),
    files: [] as string[],
  };
  const pointers = new Set<string>();
  // `struct a *b, *c;`, of variables, parameters and members alike.
  const declaration = new RegExp(`${spelled}(\\s*(?:__\\w+\\s+)?\\*[^;(){}]{0,300})`, 'g');
  const sources = texts.flatMap(({ path, text }) => {
    if (!text.includes(type.split(' ').at(-1) ?? '')) return [];
    // Conditions stand anywhere, and macros may allocate.
    const code = stripComments(text).replace(/^[ \t]*#[ \t]*(?:if|el|end|inc)(?:\\\r?\n|.)*/gm, '');
    if (!mentions.test(code) && !isNamedOnly(code, type)) return [];
    for (const [, names = ''] of code.matchAll(declaration)) {
      for (const declarator of names.split(',')) {
        const name = /^\s*(?:__\w+\s+)?\*[\s*]*(?:(?:const|__\w+)\s+)*(\w+)/.exec(declarator)?.[1];
        if (name === undefined) break;
        pointers.add(name);
      }
    }
    return [{ path, code }];
  });
  for (const { path, code } of sources) {
    found.files.push(path);
    const bodies = functionsOf(code);
    const at = (index: number) => bodies.findLast(({ start }) => start <= index);
    const inside = (index: number) => {
      const body = at(index);
      return body !== undefined && index < body.end ? body.name : '';
    };
    const isDeclared = (name: string, index: number) => {
      const body = at(index);
      const text = body === undefined ? code : code.slice(body.head, body.end);
      return new RegExp(`${spelled}[^;(){}]{0,200}\\*\\s*${name}\\b`).test(text);
    };
    const isOthers = (name: string, index: number) => {
      const body = at(index);
      return (
        body !== undefined && index < body.end && isAnothers(code.slice(body.head, body.end), name, spelled)
      );
    };
    collectSizes(code, type, spelled, pointers, (call, index, text, name, plain) => {
      if (plain && name !== undefined && isOthers(name, index)) return;
      if (call !== undefined && ALLOCATOR.test(call)) {
        const clears = CLEARS.test(call) || /__GFP_ZERO/.test(text);
        const certain = name === undefined || isDeclared(name, index);
        found.allocations.push({ by: call, inside: inside(index), file: path, clears, certain });
      } else if (call === undefined || !HARMLESS_SIZE.test(call)) {
        found.sized.add(`${path}: ${inside(index) || 'outside of functions'}`);
      }
    });
    for (const container of findContainers(code, spelled))
      if (container !== type) found.embeddedIn.add(container);
    for (const { name, constant } of findVariables(code, spelled, bodies)) {
      found.variables.add(`${path}: ${name}`);
      if (!constant) found.writable.add(`${path}: ${name}`);
    }
    for (const name of findHolders(code, spelled, bodies)) found.held.add(`${path}: ${name}`);
    const isMine = (name: string, index: number) =>
      name.startsWith('.') ? pointers.has(name.slice(1)) : pointers.has(name) && !isOthers(name, index);
    for (const why of findShared(code, spelled, isMine, bodies)) found.shared.add(`${path}: ${why}`);
  }
  return {
    allocations: found.allocations,
    embeddedIn: [...found.embeddedIn],
    variables: [...found.variables],
    writable: [...found.writable],
    held: [...found.held],
    sized: [...found.sized],
    shared: [...found.shared],
    files: found.files,
  };
}

/** Whether nothing shows that an object lives longer than the call that has it on its stack. */
export function livesOnStackOnly(uses: TypeUses): boolean {
  return !livesInMemory(uses) && uses.sized.length + uses.shared.length === 0;
}

/** Whether its objects are nothing but tables that the compiler wrote, and no pointer to a row outlives a call. */
export function livesInConstantsOnly(uses: TypeUses): boolean {
  const { allocations, embeddedIn, variables, writable, held, sized, shared } = uses;
  const others = [allocations, embeddedIn, writable, held, sized, shared];
  return variables.length > 0 && others.every((list) => list.length === 0);
}

/** Whether memory is set aside for objects of the type anywhere but on a stack. */
export function livesInMemory({ allocations, embeddedIn, variables }: TypeUses): boolean {
  return allocations.length + embeddedIn.length + variables.length > 0;
}

/** KMEM_CACHE(tag, …) writes the tag without `struct`. */
function isNamedOnly(code: string, type: string): boolean {
  return new RegExp(`\\bKMEM_CACHE\\w*\\s*\\(\\s*${type.split(' ').at(-1)}\\b`).test(code);
}

/** `pointer`: the name by which the size is taken; `plain`: it is no member of something. */
type OnSize = (
  call: string | undefined,
  index: number,
  argumentsText: string,
  pointer?: string,
  plain?: boolean,
) => void;

/** Every place that takes the type's size, with the innermost call around it that is no `sizeof`. */
function collectSizes(
  code: string,
  type: string,
  spelled: string,
  pointers: ReadonlySet<string>,
  onSize: OnSize,
): void {
  const tag = type.split(' ').at(-1) ?? '';
  for (const match of code.matchAll(new RegExp(`\\b(\\w*KMEM_CACHE\\w*)\\s*\\(\\s*${tag}\\b[^)]*`, 'g')))
    onSize(match[1], match.index, match[0]);
  for (const match of code.matchAll(
    new RegExp(`\\b(\\w*(?:alloc|DEFINE_PER_CPU)\\w*)\\s*\\(\\s*${spelled}\\s*[,)]`, 'g'),
  ))
    onSize(match[1], match.index, match[0]);
  const sizes = /\b(?:sizeof|struct_size|struct_size_t|offsetofend|__struct_size)\s*(\(?)/g;
  for (const match of code.matchAll(sizes)) {
    const start = match.index + match[0].length;
    const operand =
      match[1] === ''
        ? (/^\s*\*?[\w>.-]+/.exec(code.slice(start, start + 80))?.[0] ?? '')
        : code.slice(start, closing(code, start));
    if (!isOfType(operand, match[0], spelled, pointers)) continue;
    const around = enclosingCall(code, match.index);
    onSize(
      around?.name,
      match.index,
      around === undefined ? '' : code.slice(around.open, closing(code, around.open + 1)),
      namedPointer(operand),
      !/->|\./.test(operand),
    );
  }
  // memdup and friends through a pointer's own type, and allocators that are given none.
  const given =
    /\b(\w+)\s*=\s*(?:\([^()]*\)\s*)?(\w*(?:alloc|memdup|netdev_priv|_priv|get_drvdata)\w*)\s*\(([^;]*);/g;
  for (const match of code.matchAll(given))
    if (pointers.has(match[1] ?? ''))
      onSize(match[2], match.index, match[3] ?? '', match[1], !isMemberAt(code, match.index));
}

function isMemberAt(code: string, index: number): boolean {
  return /(?:->|\.)\s*$/.test(code.slice(Math.max(0, index - 8), index));
}

/** `p` of `*p`, `(*x->p)` or `p, member, 3`; none when the type itself stands there. */
function namedPointer(operand: string): string | undefined {
  return /^\s*\*+\s*\(?[^()]*?(\w+)\s*\)?\s*$|^\s*[\w>.-]*?(\w+)\s*,/
    .exec(operand)
    ?.slice(1)
    .find((name) => name !== undefined);
}

function isOfType(operand: string, keyword: string, spelled: string, pointers: ReadonlySet<string>): boolean {
  if (new RegExp(`^\\s*${spelled}\\s*(?:,|\\)|$|\\[)`).test(operand)) return true;
  if (/^struct_size/.test(keyword)) return pointers.has(/^\s*([\w>.-]*?)(\w+)\s*,/.exec(operand)?.[2] ?? '');
  const target = /^\s*\*+\s*\(?\s*(?:[\w\][]+\s*(?:->|\.)\s*)*(\w+)\s*\)?\s*$/.exec(operand)?.[1];
  return target !== undefined && pointers.has(target);
}

/** The function or macro whose parentheses the place stands in. */
function enclosingCall(
  code: string,
  index: number,
): { readonly name: string; readonly open: number } | undefined {
  let depth = 0;
  for (let at = index - 1; at >= 0 && index - at < 600; at--) {
    const character = code[at];
    if (character === ')') depth++;
    else if (character === ';' || character === '{' || character === '}') return undefined;
    else if (character === '(' && depth-- === 0) {
      const name = /(\w+)\s*$/.exec(code.slice(Math.max(0, at - 60), at))?.[1];
      if (name !== undefined && !/^(?:sizeof|if|while|return|size_t|min|max|min_t|max_t)$/.test(name))
        return { name, open: at };
      depth = 0;
    }
  }
  return undefined;
}

function findShared(
  code: string,
  spelled: string,
  isMine: (name: string, index: number) => boolean,
  bodies: readonly FunctionBody[],
): readonly string[] {
  const why: string[] = [];
  for (const { name, start, end } of bodies) {
    const body = code.slice(start, end);
    if (!new RegExp(`${spelled}\\s+\\w`).test(body)) continue;
    const call = HANDS_ON.exec(body)?.[0];
    if (call !== undefined) why.push(`${name}() calls ${call}()`);
  }
  if (new RegExp(`\\(\\s*${spelled}\\s*\\*+\\s*\\)`).test(code)) why.push('other bytes are taken for one');
  for (const match of code.matchAll(/\b(\w+)\s*=\s*([^=;][^;]*);/g)) {
    const [, name = '', value = ''] = match;
    // A member may be of this type whatever a variable of its name is.
    if (!isMine(isMemberAt(code, match.index) ? `.${name}` : name, match.index)) continue;
    if (/^(?:&\s*\w+\s*$|NULL\s*$|container_of\s*\(|from_timer)/.test(value.trim())) continue;
    if (/->|\./.test(value) || /\w\s*\(/.test(value))
      why.push(`${name} is taken from ${value.trim().replace(/\s+/g, ' ').slice(0, 40)}`);
  }
  for (const { 1: name = '', index } of code.matchAll(/(?:->|\.)\s*\w+\s*=\s*(\w+)\s*;/g))
    if (isMine(name, index)) why.push(`${name} is kept in memory`);
  return why;
}

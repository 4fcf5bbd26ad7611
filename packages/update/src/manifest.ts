// The manifest is the contract between the machine that makes an update and every machine that applies it: all that the
// applying side checks before it touches the kernel stands here. docs/update-format.md describes it for readers.
// It holds nothing that differs between two builds of the same update (no time, no path, no host name).

import { z } from 'zod';

/** Version of the format; a reader refuses a newer one. */
export const FORMAT_VERSION = 1;

const Sha256 = z.string().regex(/^[0-9a-f]{64}$/);
/** A kernel address as the kernel prints it, for example `0xffffffff81a3b2c0`. */
const Address = z.string().regex(/^0x[0-9a-f]{1,16}$/);
const BuildId = z.string().regex(/^[0-9a-f]{16,64}$/);
const Offset = z.number().int().nonnegative();

/** Letters, digits and `_`: the id is part of the module's name, which the kernel limits to 55 characters. */
export const UpdateId = z.string().regex(/^[a-z0-9][a-z0-9_]{3,39}$/);

/**
 * A range of a function whose bytes in memory may differ from the bytes in the image, and why.
 * `abs32`, `abs64` move by the KASLR slide, `inv32` by its negative (per-CPU); the checker computes their value.
 * Every other kind is rewritten by the kernel at boot or at run time, or by the module loader, and is not compared.
 */
export const CodeSite = z.strictObject({
  at: Offset,
  length: z.number().int().positive(),
  kind: z.enum([
    'abs32',
    'abs64',
    'inv32',
    'relocation',
    'fentry',
    'alternative',
    'jump-label',
    'static-call',
    'retpoline',
    'return-thunk',
    'call-thunk',
    'smp-lock',
    'paravirt',
    'endbr',
    'runtime-const',
  ]),
});

/** The first instruction at which the function before and after differ, as text for people. */
export const FirstDifference = z.strictObject({
  offsetBefore: Offset,
  offsetAfter: Offset,
  before: z.string(),
  after: z.string(),
});

/** Code of an update below, which this one's jump is written into. */
const CodeBelow = z.strictObject({
  update: UpdateId,
  /** Offset in `.text` of that update's module. */
  at: Offset,
  size: z.number().int().positive(),
  /** Its bytes there before they are loaded, base64. */
  code: z.base64(),
  sites: z.array(CodeSite),
});

/** How the trampoline engine redirects one function. */
const Jump = z.strictObject({
  /** Offset of the jump in the code that is active before. */
  at: Offset,
  /** Offset of the new code in `.text` of the update's module. */
  to: Offset,
  /** What is active before, when that is not the shipped function. */
  below: CodeBelow.nullable(),
});

export const ReplacedFunction = z.strictObject({
  /** As kallsyms spells it. */
  name: z.string().min(1),
  /** livepatch's old_sympos: 0 when the name is unique in the object, else its 1-based rank. */
  position: Offset,
  /** Link-time address in vmlinux; null in a module, where `position` and the code decide. */
  address: Address.nullable(),
  size: z.number().int().positive(),
  /** The function's bytes in the image, base64. */
  code: z.base64(),
  sites: z.array(CodeSite),
  /** Source file, relative to the kernel tree. */
  source: z.string(),
  /** Symbol of the new code in the update's module. */
  replacement: z.string().min(1),
  newSize: z.number().int().positive(),
  /** Hash of the new code with its references named, so that a later update can be built on top of this one. */
  newCode: Sha256,
  firstDifference: FirstDifference.nullable(),
  /** Null in an update that uses livepatch. */
  jump: Jump.nullable(),
  /** The author states that old and new may run together, so that nobody has to leave the old code. */
  coexists: z.boolean(),
});

/** A pointer in a module's data that leads to something of the update. */
const LedPointer = z.strictObject({
  /** The data that holds it. */
  name: z.string().min(1),
  /** 0 when the name is unique in the module, else its 1-based rank. */
  position: Offset,
  /** Where in it. */
  at: Offset,
  /** What it leads to, as the update's module calls it. */
  to: z.string().min(1),
  /** Where in `.data` of the update's module the old and the new address stand. */
  content: Offset,
});

/** Read-only data that is changed where it is. */
const ChangedData = z.strictObject({
  name: z.string().min(1),
  /** In a module: 0 when the name is unique in it, else its 1-based rank. */
  position: Offset,
  /** Link-time address of the first byte that changes; null in a module, where that is the first byte of `name`. */
  address: Address.nullable(),
  /** base64, both of one length. */
  before: z.base64(),
  after: z.base64(),
});

export const PatchedObject = z.strictObject({
  /** `vmlinux`, or a module's name with underscores as the kernel spells it. */
  name: z.string().min(1),
  /** Build id of the module's .ko; null for vmlinux, whose build id is the kernel's. */
  buildId: BuildId.nullable(),
  /** Whether the module can be loaded again after it was unloaded while the update is applied; true for vmlinux. */
  reloadable: z.boolean(),
  sources: z.array(z.string()),
  functions: z.array(ReplacedFunction),
  /** Empty in an update that uses livepatch. */
  data: z.array(ChangedData),
  /** Left out when there are none. */
  pointers: z.array(LedPointer).optional(),
  /** Symbol of the function that takes the place of the module's exit function; null when that stays. */
  exit: z.string().min(1).nullable(),
  /** Functions and data that only the new code has. */
  added: z.array(
    z.strictObject({
      name: z.string(),
      kind: z.enum(['function', 'data']),
      size: Offset,
      /** A function whose address is stored or passed on, so that the kernel may still call it after an undo. */
      addressTaken: z.boolean(),
    }),
  ),
});

const HookKind = z.enum([
  'pre-apply',
  'apply',
  'post-apply',
  'fail-apply',
  'pre-undo',
  'undo',
  'post-undo',
  'fail-undo',
  'check-apply',
  'check-undo',
]);

/** What the author of the patch answers for, and why. */
const Statement = z.strictObject({
  what: z.enum(['function', 'data', 'init', 'type', 'callback', 'coexistence']),
  name: z.string().min(1),
  why: z.string(),
  source: z.string(),
});

/** A symbol that the module leaves undefined; its address is filled in before the module is loaded. */
const AbsoluteImport = z.strictObject({
  /** In the module. */
  symbol: z.string().min(1),
  /** `vmlinux`, or the module that has it. */
  object: z.string().min(1),
  /** As kallsyms spells it. */
  name: z.string().min(1),
  /** 0 when the name is unique in the object, else its 1-based rank. */
  position: Offset,
  /** Link-time address in vmlinux; without it, as in a module, the symbol is looked up by name. */
  address: Address.optional(),
  /** Of the module that has it. */
  buildId: BuildId.optional(),
  /** `vmlinux`, or the patched module whose new code uses it: it is filled in when that is there. */
  applyWith: z.string().min(1),
});

/** What only the trampoline engine needs. */
export const Trampoline = z.strictObject({
  imports: z.array(AbsoluteImport),
  /** Hooks in the order in which those of a kind run. */
  hooks: z.array(
    z.strictObject({
      kind: HookKind,
      function: z.string().min(1),
      /** `vmlinux`, or the module whose presence lets it run. */
      object: z.string().min(1),
      /** Offset in `.text` of the update's module. */
      at: Offset,
    }),
  ),
  /** The kernel side of the engine, the same for all updates of a kernel. */
  core: z.strictObject({
    file: z.string(),
    name: z.string(),
    sha256: Sha256,
    imports: z.array(AbsoluteImport),
  }),
});

/** A type that the patch changes and that code of the update has: what was found, and why objects that exist can bear it. */
export const ChangedType = z.strictObject({
  /** `struct eventpoll`, or the name of a typedef. */
  type: z.string().min(1),
  /** Where it is defined; empty when that is not known. */
  file: z.string(),
  class: z.enum([
    'unused-bytes',
    'member-gone',
    'renamed',
    'on-stack',
    'constant-table',
    'wire-format',
    'enumerators-added',
    'handled',
    'no-objects-yet',
  ]),
  /** In bytes; null for an enum. */
  size: z.strictObject({ before: Offset, after: Offset }).nullable(),
  members: z.array(
    z.strictObject({
      name: z.string(),
      change: z.enum(['added', 'removed', 'renamed', 'moved', 'retyped']),
      before: z.string().nullable(),
      after: z.string().nullable(),
    }),
  ),
  /** One sentence on what changes. */
  found: z.string(),
  /** One sentence on why that is safe. */
  because: z.string(),
  allocatedBy: z.array(z.string()),
  /** Structs that hold one, and variables. */
  partOf: z.array(z.string()),
  /** Objects of the update. */
  usedBy: z.array(z.string()),
  /** Sources that mention it and whose code stays. */
  alsoIn: z.array(z.string()),
});

/** A module that must not be loaded when the update is applied or undone: what exists while it is loaded cannot be brought up to date. */
export const UnloadedModule = z.strictObject({
  /** With underscores, as the kernel spells it. */
  module: z.string().min(1),
  /** What exists only while it is loaded; one sentence each. */
  because: z.array(z.string().min(1)).min(1),
});

export const Manifest = z.strictObject({
  format: z.literal(FORMAT_VERSION),
  id: UpdateId,
  description: z.string(),
  cves: z.array(z.string().regex(/^CVE-\d{4}-\d{4,}$/)),
  kernel: z.strictObject({
    /** uname -r */
    release: z.string().min(1),
    /** Version of the distribution's package. */
    version: z.string().min(1),
    architecture: z.enum(['x86_64']),
    buildId: BuildId,
  }),
  engine: z.enum(['livepatch', 'trampoline']),
  /** Why this engine and not the other one, for people. */
  engineReason: z.string(),
  /** Ids of updates that must be active, and topmost on the functions both replace, before this one is applied. */
  requires: z.array(UpdateId),
  /** Left out when it may be applied whatever is loaded. */
  requiresUnloaded: z.array(UnloadedModule).min(1).optional(),
  /**
   * One of a row of updates of this kernel, each of which takes the place of the one before in one moment, and of the updates that it
   * contains. Left out of an update for itself.
   */
  cumulative: z.strictObject({ number: z.number().int().positive(), contains: z.array(UpdateId) }).optional(),
  patches: z.array(z.strictObject({ file: z.string(), sha256: Sha256, subject: z.string() })),
  module: z.strictObject({ file: z.string(), name: z.string(), sha256: Sha256, signed: z.boolean() }),
  objects: z.array(PatchedObject),
  /** Code and decisions that are the author's own (resplice.h). */
  custom: z.strictObject({
    hooks: z.array(
      z.strictObject({
        kind: HookKind,
        function: z.string().min(1),
        object: z.string().min(1),
        source: z.string(),
      }),
    ),
    shadow: z.array(z.strictObject({ name: z.string().min(1), type: z.string(), source: z.string() })),
    ignored: z.array(Statement),
    handled: z.array(Statement),
  }),
  /** Null in an update that uses livepatch. */
  trampoline: Trampoline.nullable(),
  /** Left out when the patch changes no type. */
  types: z.array(ChangedType).min(1).optional(),
  /** Objects the patch touches that this configuration does not build. */
  notBuilt: z.array(z.string()),
  tools: z.strictObject({
    resplice: z.string(),
    compiler: z.string(),
    /** The compiler the kernel was built with, when another one was forced; else null. */
    compilerOverride: z.string().nullable(),
  }),
});

export type AbsoluteImport = z.infer<typeof AbsoluteImport>;
export type CodeSite = z.infer<typeof CodeSite>;
export type FirstDifference = z.infer<typeof FirstDifference>;
export type ReplacedFunction = z.infer<typeof ReplacedFunction>;
export type PatchedObject = z.infer<typeof PatchedObject>;
export type ChangedType = z.infer<typeof ChangedType>;
export type UnloadedModule = z.infer<typeof UnloadedModule>;
export type Manifest = z.infer<typeof Manifest>;

// Why a patch cannot be turned into an update.

import type { ReasonEntry } from './reasons.js';

export const CREATE_REASONS = {
  'patch-changes-nothing-built': {
    stage: 'create',
    title: 'no file that the patch touches is built in this kernel configuration',
    advice: 'this kernel is not affected by the patch; nothing needs to be applied',
  },
  'patch-changes-no-code': {
    stage: 'create',
    title: 'the objects are the same before and after the patch',
    advice:
      'the patch changes only comments, line numbers or code that this configuration leaves out; nothing needs to be applied',
  },
  'patch-changes-build': {
    stage: 'create',
    title: 'the patch changes how the kernel is built or configured',
    advice: 'leave Makefile, Kconfig and script hunks out when the fix does not need them',
  },
  'patch-removes-source': {
    stage: 'create',
    title: 'the patch removes a source file that is part of the running kernel',
    advice: 'keep the file, and remove its use instead',
  },
  'patch-changes-boot-code': {
    stage: 'create',
    title: 'the patch changes code that is not part of the running kernel: boot code, the vDSO, the EFI stub',
    advice:
      'leave that hunk out when the fix of the running kernel does not need it; it takes effect at the next boot',
  },
  'original-differs': {
    stage: 'create',
    title: 'the rebuilt original is not the code of the shipped kernel',
    advice:
      'use the source and the compiler that this kernel was built with; `resplice doctor` shows what is installed',
  },
  'function-not-in-kernel': {
    stage: 'create',
    title: 'a function that changes cannot be found in the shipped kernel',
    advice:
      'the linker or the compiler may have dropped or overridden it; check whether another object provides it',
  },
  'ambiguous-symbol': {
    stage: 'create',
    title: 'it cannot be told which of several symbols of the same name is meant',
    advice: 'change the patch so that the new code refers to it only where the old code did',
  },
  'unresolved-symbol': {
    stage: 'create',
    title: 'the new code needs a symbol that the running kernel does not have',
    advice: 'include the patch that adds it, or make the code independent of it',
  },
  'changed-data': {
    stage: 'create',
    title: 'the content or size of data that is alive in the running kernel changes',
    advice: 'keep the data as it is and set the new value from code, or move the change into a function',
  },
  'changed-init-code': {
    stage: 'create',
    title: 'code changes that runs only when the kernel or a module starts',
    advice:
      'leave that hunk out when it matters only at the next start, or do its work in a hook and say RESPLICE_HANDLES_INIT; `create --skeleton FILE` writes the start of it',
  },
  'changed-exit-code': {
    stage: 'create',
    title: 'code changes that runs only when a module is unloaded',
    advice:
      'have nothing but calls from the exit function lead to it, which then is replaced as a whole; or leave that hunk out when a correct unload is not part of the fix',
  },
  'changed-type-layout': {
    stage: 'create',
    title: 'a struct or union changes in a way that existing objects do not have',
    advice:
      'keep the type as it is and attach new data with a shadow variable, or say with RESPLICE_HANDLES_TYPE that your custom code deals with existing objects',
  },
  'type-needs-initial-value': {
    stage: 'create',
    title: 'a new member of a type has to be set up in objects that exist already',
    advice:
      'use a member for which zero is a fit value, attach the data with a shadow variable, or set it up in a hook and say RESPLICE_HANDLES_TYPE',
  },
  'changed-init-data': {
    stage: 'create',
    title: 'data changes that is read only when the kernel or a module starts',
    advice:
      'leave that hunk out when it matters only at the next boot, or do its work from code that still runs',
  },
  'uses-init-code': {
    stage: 'create',
    title: 'new code refers to code that is gone after boot',
    advice: 'give the new code a function of its own that is not __init',
  },
  'ambiguous-static-local': {
    stage: 'create',
    title: 'a static variable before and after the patch cannot be paired, so its state would be lost',
    advice:
      'keep the static variables of the function in their order and number, or give the new one another name',
  },
  'new-data-in-special-section': {
    stage: 'create',
    title: 'new data in a section that an update cannot carry yet',
    advice: 'use ordinary static data or allocate it when needed',
  },
  'not-traceable': {
    stage: 'create',
    title: 'the livepatch core cannot redirect the function',
    advice:
      'use the trampoline engine (--engine trampoline, or auto), which needs no ftrace entry: notrace and noinstr code, assembly and some objects have none',
  },
  'no-room-for-jump': {
    stage: 'create',
    title: 'a function is too short for the jump to its new code',
    advice: 'patch its callers instead, or use the livepatch engine when the function has an ftrace entry',
  },
  'site-in-the-way': {
    stage: 'create',
    title: 'the kernel itself rewrites the place where the jump to the new code would go',
    advice: 'use the livepatch engine (--engine livepatch, or auto), or patch the callers instead',
  },
  'branch-into-function': {
    stage: 'create',
    title: 'other code enters a function behind the place where the jump to its new code would go',
    advice: 'patch the functions that call or enter it, so that none of them leads to the old code',
  },
  'entry-code': {
    stage: 'create',
    title: 'the function runs before the processor can see the code of modules',
    advice: 'leave that hunk out when the fix of the running kernel does not need it, or patch what it calls',
  },
  'moved-definition': {
    stage: 'create',
    title: 'a function or variable moves from one object file to another',
    advice: 'leave it in the file where it is, and let the new code refer to it there',
  },
  'short-branch': {
    stage: 'create',
    title: 'a branch is too short to be moved into an update',
    advice: 'declare the function it leads to noinline, or move one of the two out of their common section',
  },
  'module-special-section': {
    stage: 'create',
    title:
      'a table that the kernel reads when loading refers to a symbol of a module that is resolved only later',
    advice:
      'in a function of a module, use static_key_enabled() instead of static_branch_*() for keys that are not exported',
  },
  'unknown-section': {
    stage: 'create',
    title: 'something changes in a section whose meaning is not known',
    advice: 'report the section with the object; until it is understood, the change cannot be carried',
  },
  'unsupported-relocation': {
    stage: 'create',
    title: 'the new code has a reference that a module cannot have',
    advice: 'check the compiler flags of the object: kernel code model, no PIC',
  },
  'objtool-complaint': {
    stage: 'create',
    title: 'objtool finds fault with the new code',
    advice: 'read its message: stack frames, returns and indirect branches must be as the kernel wants them',
  },
  'engines-mixed': {
    stage: 'create',
    title: 'two engines would replace the same function, one on top of the other',
    advice: 'make both updates for the same engine (--engine)',
  },
  'update-below-differs': {
    stage: 'create',
    title: 'the update that this one is built on was not made from the same code',
    advice: 'make the lower update again with the same source and compiler',
  },
  'coexistence-needs-trampoline': {
    stage: 'create',
    title: 'the author lets threads stay in old code, which the livepatch core does not do',
    advice: 'use the trampoline engine (--engine trampoline, or auto), or take RESPLICE_COEXISTS out',
  },
  'constant-needs-trampoline': {
    stage: 'create',
    title: 'read-only data changes that others read too, which only the trampoline engine does in place',
    advice: 'use the trampoline engine (--engine trampoline, or auto)',
  },
  'custom-code-invalid': {
    stage: 'create',
    title: 'what a macro of resplice.h says does not fit the object',
    advice: 'check the spelling of the name; hooks are functions of the same file that are not __init',
  },
} as const satisfies Record<string, ReasonEntry>;

// Why an update cannot be applied to, or taken back from, this machine.

import type { ReasonEntry } from './reasons.js';

export const APPLY_REASONS = {
  'not-root': {
    stage: 'apply',
    title: 'the command does not run as root',
    advice: 'run it with sudo',
  },
  'switched-off': {
    stage: 'apply',
    title: 'updates are switched off on this machine',
    advice: 'switch them on again, as described in docs/client.md',
  },
  'kernel-complained': {
    stage: 'apply',
    title: 'the kernel log had a warning or an oops soon after the update was applied, so it was undone',
    advice:
      'read the log with `resplice status`; when something else was the cause, apply the update again by name with `resplice upgrade --id`',
  },
  'new-code-may-be-called': {
    stage: 'undo',
    title: 'the kernel may still call code that exists only in the update',
    advice:
      'keep the update until the next reboot, or undo it with --force when nothing can hold the address any more',
  },
  'wrong-architecture': {
    stage: 'apply',
    title: 'the update is for another processor architecture',
    advice: 'get the update that was made for this architecture',
  },
  'wrong-kernel': {
    stage: 'apply',
    title: 'the update is for another build of the kernel',
    advice: 'get or create the update for the kernel that runs here; `uname -r` names it',
  },
  'lock-prefix-in-the-way': {
    stage: 'apply',
    title: 'the kernel writes to the place of a jump when a second processor comes',
    advice: 'switch the other processors on first, or create the update again with `--engine livepatch`',
  },
  'livepatch-missing': {
    stage: 'apply',
    title: 'this kernel has no livepatch support',
    advice:
      'create the update again with `--engine trampoline`, which needs none, or boot a kernel built with CONFIG_LIVEPATCH',
  },
  'ftrace-disabled': {
    stage: 'apply',
    title: 'function tracing, which live patches are built on, is switched off',
    advice: 'switch it on with `sysctl kernel.ftrace_enabled=1`',
  },
  'module-must-be-signed': {
    stage: 'apply',
    title: 'this kernel loads only signed modules, and the update is not signed',
    advice:
      'whoever made the update signs it with `resplice keys sign FILE`; otherwise start without Secure Boot lockdown',
  },
  'module-key-unknown': {
    stage: 'apply',
    title: 'this kernel loads only signed modules, and it does not know the key that signed the update',
    advice:
      'get the certificate of the key from whoever made the update; `resplice keys mok --certificate FILE` says how to enroll it',
  },
  'modules-disabled': {
    stage: 'apply',
    title: 'loading modules is disabled until the next reboot',
    advice: 'an administrator set kernel.modules_disabled=1; only a reboot takes that back',
  },
  'kallsyms-hidden': {
    stage: 'apply',
    title: 'the kernel hides the addresses of its functions',
    advice: 'allow root to see them with `sysctl kernel.kptr_restrict=1`',
  },
  'kernel-memory-unreadable': {
    stage: 'apply',
    title: 'the running kernel cannot be read, so its code cannot be compared with the update',
    advice: 'make /proc/kcore readable for root: lockdown mode "confidentiality" and some containers hide it',
  },
  'function-not-found': {
    stage: 'apply',
    title: 'a function to be replaced is not in the running kernel',
    advice: 'the update does not fit this kernel; create it again from the source of this kernel',
  },
  'function-moved': {
    stage: 'apply',
    title: 'a function to be replaced is not where the update expects it',
    advice: 'the update does not fit this kernel; create it again from the source of this kernel',
  },
  'data-altered': {
    stage: 'apply',
    title: 'read-only data in memory is not the data the update was made for',
    advice:
      'find out what changed the kernel in memory; if nobody knows, treat the machine as compromised. If the update was made from other source, create it again',
  },
  'function-altered': {
    stage: 'apply',
    title: 'the code of a function in memory is not the code the update was made for',
    advice:
      'find out what changed the kernel in memory (a debugger, a security agent, a rootkit); if nobody knows, treat the machine as compromised. If the update was made from other source, create it again',
  },
  'kprobe-on-function': {
    stage: 'apply',
    title: 'a kprobe sits on a function to be replaced, and would silently stop firing',
    advice: 'remove the probe, apply the update, then set the probe again on the new function',
  },
  'function-held-by-tracer': {
    stage: 'apply',
    title: 'another tracer has redirected a function to be replaced',
    advice: 'stop the tracer that redirects the function, then apply again',
  },
  'function-held-by-livepatch': {
    stage: 'apply',
    title: 'a live patch that is not ours already replaces the function',
    advice: 'remove that live patch with the tool that loaded it, then apply again',
  },
  'function-held-by-update': {
    stage: 'apply',
    title: 'another update already replaces the function, and this one was not built on top of it',
    advice: 'undo the other update first, or create this update on top of it',
  },
  'required-update-missing': {
    stage: 'apply',
    title: 'the update builds on another update that is not applied',
    advice: 'apply the required update first',
  },
  'update-id-taken': {
    stage: 'apply',
    title: 'another update with the same id is applied',
    advice: 'undo the applied one first, or create this update with an id of its own',
  },
  'module-left-behind': {
    stage: 'apply',
    title: "the update's module is loaded but does not patch anything",
    advice: 'run `resplice undo` with the id of this update to remove what is left, then apply again',
  },
  'module-not-loaded': {
    stage: 'apply',
    title: 'a module that the update changes or uses is not loaded',
    advice: 'load the module first, then apply again',
  },
  'module-loaded': {
    stage: 'apply',
    title: 'the update applies only while a module is not loaded, and it is loaded',
    advice:
      'unload the module, apply the update, then load it again; or restart and apply the update before it is loaded',
  },
  'symbol-not-found': {
    stage: 'apply',
    title: 'the new code needs a symbol that the running kernel does not show',
    advice: 'the update does not fit this kernel; create it again from the source of this kernel',
  },
  'core-refused': {
    stage: 'apply',
    title: "the trampoline engine's core did not accept the update",
    advice: 'nothing was changed; report it together with the kernel log',
  },
  'transition-running': {
    stage: 'apply',
    title: 'the kernel is still switching its tasks to or from another live patch',
    advice: 'wait until it is done (`resplice list` shows it), then try again',
  },
  'other-module-build': {
    stage: 'apply',
    title: 'a loaded module is not the build the update was made for',
    advice: 'the module comes from another package; use the module of this kernel, or unload it',
  },
  'other-module-file': {
    stage: 'apply',
    title: 'the file that a module would be loaded from is not the build the update was made for',
    advice:
      'take away what DKMS or you have put before the module of the package (`modinfo -n NAME` shows its path) and run `depmod`; when the kernel package was upgraded since the boot, restart into it and use an update for it',
  },
  'module-signature-rejected': {
    stage: 'apply',
    title: "the kernel does not accept the signature of the update's module",
    advice: 'have the update signed with a key this kernel trusts',
  },
  'module-format-rejected': {
    stage: 'apply',
    title: "the kernel does not accept the format of the update's module",
    advice: 'the update does not fit this kernel; create it again from the source of this kernel',
  },
  'livepatch-rejected': {
    stage: 'apply',
    title: "the kernel's livepatch core refuses the update",
    advice: 'the lines of the kernel log below say why; nothing was changed',
  },
  'module-rejected': {
    stage: 'apply',
    title: "the update's module could not be loaded",
    advice: 'the lines of the kernel log below say why; nothing was changed',
  },
  'tasks-busy': {
    stage: 'apply',
    title: 'some tasks did not leave the old code in time, so the update was taken back',
    advice: 'restart or stop the tasks named below, or give more time with --timeout, then apply again',
  },
  'apply-cancelled': {
    stage: 'apply',
    title: 'applying was cancelled and taken back',
    advice: 'nothing is left; run the command again when ready',
  },
  'update-vanished': {
    stage: 'apply',
    title: 'the live patch was disabled by somebody else while it was being applied',
    advice: 'find out which other tool manages live patches on this machine, then apply again',
  },
  'reversal-busy': {
    stage: 'apply',
    title: 'some tasks did not leave the new code in time while the update was being taken back',
    advice:
      'the kernel keeps trying by itself; restart or stop the tasks named below, then run `resplice undo` with the id',
  },
  'undo-module-loaded': {
    stage: 'undo',
    title:
      'a module is loaded that the update was made to be in before, and everything of it counts on the update',
    advice:
      'unload the module, then undo; not even --force helps, for the old code would misread what exists',
  },
  'needed-by-update': {
    stage: 'undo',
    title: 'a later update stands on top of this one',
    advice: 'undo the later update first',
  },
  'undo-tasks-busy': {
    stage: 'undo',
    title: 'some tasks did not leave the code of the update in time, so it stays applied',
    advice: 'restart or stop the tasks named below, or give more time with --timeout, then undo again',
  },
  'undo-cancelled': {
    stage: 'undo',
    title: 'undoing was cancelled, so the update stays applied',
    advice: 'run the command again when ready',
  },
  'hook-refused': {
    stage: 'apply',
    title: 'a hook of the update found that it must not be applied now',
    advice: 'read what the hook wrote into the kernel log; the author of the update knows what it asks for',
  },
  'undo-hook-refused': {
    stage: 'undo',
    title: 'a hook of the update found that it must not be undone now',
    advice: 'read what the hook wrote into the kernel log, and try again later',
  },
  'undo-rejected': {
    stage: 'undo',
    title: 'the kernel does not let the update be disabled',
    advice: 'look into the kernel log (`dmesg`) for the reason',
  },
} as const satisfies Record<string, ReasonEntry>;

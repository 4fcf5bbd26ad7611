// What a caller says about a guest, and what comes back. A guest is a real kernel, a file system in memory, and a list of
// steps; everything it does, dying included, is data in the result and never an exception.

import type { GuestDebugger } from './guest-debugger.js';

export type GuestFileSource = { readonly file: string } | { readonly bytes: Uint8Array };

export interface GuestFile {
  /** Absolute path in the guest. Not under /proc, /sys, /dev or /vm, which the guest itself fills. */
  readonly path: string;
  /** A host file, or bytes. A dynamically linked program from a host file brings its shared libraries along. */
  readonly source: GuestFileSource;
  /** Permission bits; default 0o755 when the host file is executable, else 0o644. */
  readonly mode?: number;
}

export interface GuestStep {
  readonly name: string;
  /** Program (found through the guest's PATH) and arguments; no shell is involved. */
  readonly argv: readonly string[];
  /** User and group id; default 0. */
  readonly uid?: number;
  /** Added to PATH, HOME and LANG. */
  readonly env?: Readonly<Record<string, string>>;
  /** Default 300. When it is over, the step's whole session gets SIGKILL. */
  readonly timeoutSeconds?: number;
  /**
   * `true`: runs beside the following steps, and the guest waits for it at the end.
   * `'until-end'`: the same, but it is sent SIGTERM when the last foreground step is over (a daemon, a load generator).
   */
  readonly background?: boolean | 'until-end';
}

export interface GuestModules {
  /** The `lib/modules/RELEASE` folder of the kernel's image package, on the host; its depmod files may be missing. */
  readonly directory: string;
  /** Module names for the guest; all they depend on comes along. `modprobe NAME` then works there. Nothing is loaded. */
  readonly names: readonly string[];
}

/** UEFI with Secure Boot as far as the variables say so; without it a guest has a BIOS. Debian's package ovmf has both files. */
export interface GuestFirmware {
  /** Host path of the code. */
  readonly code: string;
  /** Host path of the variables, keys among them; what the guest changes outlives it. */
  readonly variables: string;
}

export interface GuestSpec {
  /** Host path of the bzImage. */
  readonly vmlinuz: string;
  readonly files: readonly GuestFile[];
  readonly modules?: GuestModules;
  readonly steps: readonly GuestStep[];
  /** Default 1024, or more when the files need it. */
  readonly memoryMb?: number;
  /** Default 2. */
  readonly cpus?: number;
  /** Further kernel parameters, after our own, so that they win. */
  readonly commandLine?: string;
  /** A raw image on the host, which the guest has as /dev/vda and may change; what reached it outlives the guest. */
  readonly disk?: string;
  readonly firmware?: GuestFirmware;
  /**
   * A network card (virtio) behind address translation: 10.0.2.15 is the guest, 10.0.2.2 the host with what listens on its loopback. It is
   * down until a step brings it up.
   */
  readonly network?: boolean;
  /** Puts the node that runs this process into the guest as /usr/bin/node. */
  readonly withNode?: boolean;
  /** Default true: an oops ends the guest, and the outcome says `panicked`. */
  readonly panicOnOops?: boolean;
  /**
   * The guest's clock counts instructions, one a nanosecond, so that what a program costs comes out the same each time. One
   * processor, emulated; slow.
   */
  readonly instructionClock?: boolean;
  /** Can halt the guest, also at an instruction. */
  readonly debugger?: GuestDebugger;
  /** From the start of QEMU to the first step; default 180. */
  readonly bootTimeoutSeconds?: number;
  /** All steps together, from the first one on; default 900. */
  readonly timeoutSeconds?: number;
  readonly onEvent?: (event: GuestEvent) => void;
  /** Ends the guest; `runGuest` then rejects with the signal's reason. */
  readonly signal?: AbortSignal;
}

export type Accelerator = 'kvm' | 'tcg';

export type GuestEvent =
  /** All places for guests are taken by other runs of this user. Sent once. */
  | { readonly type: 'waiting' }
  /** The first use of KVM since this machine booted: whether it works is tried with a guest of its own. */
  | { readonly type: 'probing' }
  | { readonly type: 'started'; readonly accelerator: Accelerator; readonly pid: number }
  | { readonly type: 'booted'; readonly milliseconds: number }
  | { readonly type: 'step-started'; readonly index: number; readonly step: GuestStep }
  | { readonly type: 'step-finished'; readonly index: number; readonly result: StepResult }
  /** One line of the kernel's console. */
  | { readonly type: 'console'; readonly line: string };

/** A step that ended has an exit code or a signal. One with neither was cut short by the end of the guest. */
export interface StepResult {
  readonly name: string;
  readonly argv: readonly string[];
  /** 127: the program was not found in the guest. */
  readonly exitCode: number | null;
  /** For example `SIGSEGV`. */
  readonly signal: string | null;
  readonly timedOut: boolean;
  /** Output read as UTF-8. */
  readonly stdout: string;
  readonly stderr: string;
  /** The same output, byte for byte. */
  readonly stdoutBytes: Uint8Array;
  readonly stderrBytes: Uint8Array;
  /** A stream was longer than OUTPUT_LIMIT bytes and lost its tail. */
  readonly truncated: boolean;
  /** By the guest's clock, to 10 ms. 0 when the guest died before the step ended. */
  readonly milliseconds: number;
}

/**
 * `completed`: all steps were run, whatever they returned. `panicked`: the kernel said so. `timed-out`: one of the two
 * time limits of the whole guest passed. `lost`: QEMU or the guest went away without a word.
 */
export type GuestOutcome = 'completed' | 'panicked' | 'timed-out' | 'lost';

export interface GuestResult {
  readonly accelerator: Accelerator;
  readonly outcome: GuestOutcome;
  /** Why the outcome is not `completed`, in one sentence; empty when it is. */
  readonly explanation: string;
  /** The steps that were started, in the order of the spec. */
  readonly steps: readonly StepResult[];
  /** `[    1.234567] text` lines: the whole kernel log, or what reached the console when the guest did not end well. */
  readonly kernelLog: string;
  readonly console: string;
  /** From the start of QEMU to the first step; when it never came to that, to the end. */
  readonly bootMilliseconds: number;
}

/** Bytes kept of each output stream of a step. An emulated serial port takes about 6 s for a megabyte. */
export const OUTPUT_LIMIT = 4 * 1024 * 1024;

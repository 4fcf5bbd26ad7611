// What is done in one guest, put together by several test cases that share the boot, and afterwards the results by name.

import { askAttendant, COMMAND, planAttendant, WASM_ONCE } from '@resplice/factory/guest';
import {
  GuestDebugger,
  type GuestEvent,
  type GuestResult,
  type GuestSpec,
  type GuestStep,
  type StepResult,
} from '@resplice/vm';
import { type Answer, BUNDLE, parseAnswer } from './resplice-command.js';
import type { MadeUpdate } from './workshop.js';

/** A user who may do nothing special. */
export const NOBODY = 65534;
const ATTENDANT = planAttendant(BUNDLE);
/** An apply may wait for tasks for a minute, and all takes much longer when the machine is busy with something else. */
const COMMAND_SECONDS = 300;
/** Ten times what the longest script takes on an idle machine. */
const GUEST_SECONDS = 1800;
/** Lines of the console; two processors' traces fit. */
const LAST_WORDS = 120;

/** What the host does when a step is over, while the guest goes on. */
export type Attendance = (step: StepResult, debug: GuestDebugger) => Promise<void>;

export class GuestScript {
  readonly #files = new Map(ATTENDANT.files.map((file) => [file.path, file]));
  readonly #modules = new Set<string>();
  readonly #steps = new Map<string, GuestStep>();
  readonly #attendances = new Map<string, Attendance>();
  readonly #attended = new Map<string, Promise<void>>();
  #result: GuestResult | undefined;

  /** Puts a host file into the guest. */
  file(path: string, source: string | Uint8Array, mode?: number): string {
    const content = typeof source === 'string' ? { file: source } : { bytes: source };
    this.#files.set(path, { path, source: content, ...(mode === undefined ? {} : { mode }) });
    return path;
  }

  /** Puts an update into the guest and gives its path there. */
  update({ file }: MadeUpdate): string {
    return this.file(`/updates/${file.split('/').at(-1) ?? ''}`, file);
  }

  /** Makes a kernel module and all it needs available to modprobe. */
  module(name: string): void {
    this.#modules.add(name);
  }

  step(step: GuestStep): void {
    if (this.#steps.has(step.name)) throw new Error(`two steps are called ${step.name}`);
    this.#steps.set(step.name, step);
  }

  shell(name: string, script: string, uid = 0): void {
    this.step({ name, argv: ['/bin/sh', '-c', script], uid, timeoutSeconds: COMMAND_SECONDS });
  }

  /** The real command, in the guest; root's is run by a process that stays. */
  resplice(name: string, args: readonly string[], uid = 0): void {
    const step =
      uid === 0 ? askAttendant(name, ...args, '--json') : { name, argv: [...respliceCommand(args)], uid };
    this.step({ ...step, timeoutSeconds: COMMAND_SECONDS });
  }

  /** Of one step; such a guest has a debugger. */
  attend(name: string, attendance: Attendance): void {
    this.#attendances.set(name, attendance);
  }

  /** Rejects when that attendance failed. */
  async attended(name: string): Promise<void> {
    this.ran(name);
    await this.#attended.get(name);
  }

  probe(name: string, probe: string, user: 'root' | 'nobody' = 'nobody'): void {
    const path = this.file(`/probes/${probe.split('/').at(-1) ?? ''}`, probe, 0o755);
    this.step({ name, argv: [path], uid: user === 'root' ? 0 : NOBODY });
  }

  /** What the kernel itself says about live patches and modules of ours; for {@link kernelState}. */
  inspectKernel(name: string): void {
    const script = [
      'cd /sys/kernel/livepatch',
      'for p in *; do [ -e $p/enabled ] && echo "patch $p $(cat $p/enabled) $(cat $p/transition)"; done',
      "sed -n 's/^\\(resplice_[^ ]*\\) .*/module \\1/p' /proc/modules",
      'true',
    ].join('\n');
    this.shell(name, script);
  }

  spec(
    kernel: { readonly vmlinuz: string; readonly modules: string },
    more: Partial<GuestSpec> = {},
  ): GuestSpec {
    return {
      vmlinuz: kernel.vmlinuz,
      modules: { directory: kernel.modules, names: [...this.#modules] },
      files: [...this.#files.values()],
      steps: [...ATTENDANT.steps, ...this.#steps.values()],
      withNode: true,
      timeoutSeconds: GUEST_SECONDS,
      ...this.#makeDebugger(),
      ...more,
    };
  }

  #makeDebugger(): Partial<GuestSpec> {
    if (this.#attendances.size === 0) return {};
    const debug = new GuestDebugger();
    const onEvent = (event: GuestEvent): void => {
      if (event.type !== 'step-finished') return;
      const { name } = event.result;
      const attended = this.#attendances.get(name)?.(event.result, debug);
      if (attended === undefined) return;
      this.#attended.set(name, attended);
      // Whoever asks for it gets the error.
      attended.catch(() => {});
    };
    return { debugger: debug, onEvent };
  }

  /** Of a guest that did not end well the explanation gets the end of the console, which nothing else would show. */
  finish(result: GuestResult): void {
    const { outcome, explanation, console } = result;
    if (outcome === 'completed') this.#result = result;
    else this.#result = { ...result, explanation: `${explanation}\n${lastLines(console, LAST_WORDS)}` };
  }

  get result(): GuestResult {
    if (this.#result === undefined) throw new Error('the guest was not run');
    return this.#result;
  }

  /** Throws when the guest did not get that far. */
  ran(name: string): StepResult {
    const step = this.result.steps.find((each) => each.name === name);
    if (step !== undefined) return step;
    const [reason = ''] = this.result.explanation.split('\n');
    throw new Error(`the guest did not come to "${name}": ${this.result.outcome} ${reason}`);
  }

  /** What a step printed, without white space around it. */
  printed(name: string): string {
    const { stdout, stderr, exitCode } = this.ran(name);
    if (exitCode !== 0) throw new Error(`"${name}" ended with ${exitCode}: ${stdout}${stderr}`);
    return stdout.trim();
  }

  /** Lines of the kernel log from the time of a step, without those of the guest's own. */
  loggedDuring(name: string): readonly string[] {
    const lines = this.result.kernelLog.split('\n');
    const isMark = (line: string, mark: RegExp) => mark.test(line) && line.endsWith(`: ${name}`);
    const start = lines.findIndex((line) => isMark(line, /resplice-vm: step \d+ starts/));
    const index = /step (\d+) starts/.exec(lines[start] ?? '')?.[1];
    if (index === undefined) throw new Error(`the kernel log has no step called "${name}"`);
    const end = lines.findIndex((line) => line.includes(`resplice-vm: step ${index} is over`));
    return lines.slice(start + 1, end < 0 ? undefined : end);
  }

  answer(name: string): Answer {
    const { exitCode, signal, timedOut, stdout, stderr } = this.ran(name);
    if (exitCode === null) {
      throw new Error(
        `"${name}" ${timedOut ? 'took too long' : `was ended by ${signal}`}: ${stdout}${stderr}`,
      );
    }
    return parseAnswer(exitCode, stdout, stderr);
  }

  kernelState(name: string): KernelState {
    const lines = this.ran(name).stdout.trim().split('\n');
    return {
      patches: lines.flatMap((line) => {
        const [, module, enabled, transition] = /^patch (\S+) ([01]) ([01])$/.exec(line) ?? [];
        return module === undefined
          ? []
          : [{ module, enabled: enabled === '1', transition: transition === '1' }];
      }),
      modules: lines.flatMap((line) => /^module (\S+)$/.exec(line)?.[1] ?? []),
    };
  }
}

export interface KernelState {
  readonly patches: readonly {
    readonly module: string;
    readonly enabled: boolean;
    readonly transition: boolean;
  }[];
  readonly modules: readonly string[];
}

export const NOTHING_LEFT: KernelState = { patches: [], modules: [] };

function lastLines(text: string, count: number): string {
  return text.trimEnd().split('\n').slice(-count).join('\n');
}

/** The command line of the real command in the guest, as a process of its own. */
export function respliceCommand(args: readonly string[]): readonly string[] {
  return ['node', WASM_ONCE, COMMAND, ...args, '--json'];
}

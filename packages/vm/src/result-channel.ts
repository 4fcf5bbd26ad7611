// Reads what guest-init.ts says on the second serial port (the records are described there). The guest may be cut off in the
// middle of a byte, and a step running as root can write to the port as well, so nothing is believed blindly: a line that is
// no record, or one out of place, is kept as a problem and changes nothing. A run with problems is never called completed.

import { constants } from 'node:os';
import type { GuestStep, StepResult } from './guest.js';
import { CHANNEL_MAGIC } from './guest-init.js';

/** Longer lines are no records; the longest one is 44 KB. */
const MAX_LINE_LENGTH = 128 * 1024;
const MAX_PROBLEMS = 20;

export interface ChannelListener {
  readonly booted: () => void;
  readonly stepStarted: (index: number) => void;
  readonly stepFinished: (index: number, result: StepResult) => void;
  readonly ended: () => void;
}

type Stop = {
  readonly how: 'code' | 'signal' | 'timeout';
  readonly status: number;
  readonly milliseconds: number;
  readonly truncated: boolean;
};

/** One stream of bytes that arrives in pieces. */
class Stream {
  readonly #chunks: Buffer[] = [];
  length = 0;

  append(chunk: Buffer): void {
    this.#chunks.push(chunk);
    this.length += chunk.length;
  }

  bytes(): Buffer {
    return Buffer.concat(this.#chunks);
  }
}

interface StepRecord {
  readonly step: GuestStep;
  readonly startedAt: number;
  readonly out: Stream;
  readonly err: Stream;
  stop?: Stop;
}

export class ResultChannel {
  readonly #steps: readonly GuestStep[];
  readonly #listener: ChannelListener;
  readonly #records = new Map<number, StepRecord>();
  readonly #log = new Stream();
  readonly #problems: string[] = [];
  #rest = '';
  #booted = false;
  #ended = false;

  constructor(steps: readonly GuestStep[], listener: ChannelListener) {
    this.#steps = steps;
    this.#listener = listener;
  }

  get booted(): boolean {
    return this.#booted;
  }

  /** The guest has said everything. */
  get ended(): boolean {
    return this.#ended;
  }

  /** What did not make sense, at most MAX_PROBLEMS lines. */
  get problems(): readonly string[] {
    return this.#problems;
  }

  get kernelLog(): string {
    return this.#log.bytes().toString();
  }

  /** Results of all started steps in their order; those the guest did not finish have neither exit code nor signal. */
  results(): readonly StepResult[] {
    return [...this.#records.values()].map(describeStep);
  }

  /** Takes the next bytes; records may be split anywhere. */
  push(chunk: Uint8Array): void {
    // Everything we send is ASCII; latin1 keeps a foreign byte one character.
    const lines = (this.#rest + Buffer.from(chunk).toString('latin1')).split('\n');
    this.#rest = lines.pop() ?? '';
    for (const line of lines) this.#readLine(line.replace(/\r$/, ''));
    if (this.#rest.length > MAX_LINE_LENGTH) {
      this.#complain('a line without an end', this.#rest);
      this.#rest = '';
    }
  }

  #readLine(line: string): void {
    if (line === '') return;
    const [magic, kind, ...fields] = line.split(' ');
    // Before the first record the port is the firmware's: UEFI shows its screen on every serial port.
    if (magic !== CHANNEL_MAGIC && !this.#booted) return;
    const problem = magic === CHANNEL_MAGIC ? this.#readRecord(kind ?? '', fields) : 'not a record';
    if (problem !== undefined) this.#complain(problem, line);
  }

  /** Returns what is wrong with the record, if anything. */
  #readRecord(kind: string, fields: readonly string[]): string | undefined {
    if (this.#ended) return 'a record after the end';
    if (!this.#booted && kind !== 'boot') return 'a record before the boot';
    switch (kind) {
      case 'boot':
        return this.#readBoot();
      case 'start':
        return this.#readStart(fields);
      case 'data':
        return this.#readData(fields);
      case 'stop':
        return this.#readStop(fields);
      case 'end':
        return this.#readEnd(fields);
      default:
        return 'an unknown kind of record';
    }
  }

  #readBoot(): string | undefined {
    if (this.#booted) return 'a second boot';
    this.#booted = true;
    this.#listener.booted();
    return undefined;
  }

  #readStart([indexText]: readonly string[]): string | undefined {
    const index = parseNumber(indexText);
    const step = index === undefined ? undefined : this.#steps[index];
    if (index === undefined || step === undefined) return 'a step that is not in the plan';
    if (this.#records.has(index)) return 'a step that was started before';
    this.#records.set(index, { step, startedAt: Date.now(), out: new Stream(), err: new Stream() });
    this.#listener.stepStarted(index);
    return undefined;
  }

  #readData([indexText, name, offsetText, base64, ...rest]: readonly string[]): string | undefined {
    const stream = this.#findStream(indexText, name);
    if (stream === undefined) return 'data for no running step';
    if (
      base64 === undefined ||
      rest.length > 0 ||
      !/^[A-Za-z0-9+/]+={0,2}$/.test(base64) ||
      base64.length % 4 !== 0
    ) {
      return 'data that is not base64';
    }
    if (parseNumber(offsetText) !== stream.length)
      return `data at the wrong offset, expected ${stream.length}`;
    stream.append(Buffer.from(base64, 'base64'));
    return undefined;
  }

  #findStream(indexText: string | undefined, name: string | undefined): Stream | undefined {
    if (indexText === 'log') return name === 'out' ? this.#log : undefined;
    const record = this.#records.get(parseNumber(indexText) ?? -1);
    if (record === undefined || record.stop !== undefined) return undefined;
    return name === 'out' ? record.out : name === 'err' ? record.err : undefined;
  }

  #readStop(fields: readonly string[]): string | undefined {
    const [indexText, how, statusText, secondsText, ...sizeTexts] = fields;
    const index = parseNumber(indexText) ?? -1;
    const record = this.#records.get(index);
    if (record === undefined || record.stop !== undefined) return 'the end of a step that does not run';
    const status = parseNumber(statusText);
    const sizes = sizeTexts.map(parseNumber);
    const [sentOut, sentErr, fullOut, fullErr] = sizes;
    if (status === undefined || sizes.length !== 4 || fullOut === undefined || fullErr === undefined) {
      return 'the end of a step without its numbers';
    }
    if (how !== 'code' && how !== 'signal' && how !== 'timeout') return 'a step that ended in an unknown way';
    const seconds = /^\d+\.\d+$/.test(secondsText ?? '') ? Number(secondsText) : undefined;
    record.stop = {
      how,
      status,
      milliseconds: seconds === undefined ? Date.now() - record.startedAt : Math.round(seconds * 1000),
      truncated: sentOut !== fullOut || sentErr !== fullErr,
    };
    this.#listener.stepFinished(index, describeStep(record));
    const whole = sentOut === record.out.length && sentErr === record.err.length;
    return whole ? undefined : `output got lost: ${record.out.length} and ${record.err.length} bytes arrived`;
  }

  #readEnd([sizeText]: readonly string[]): string | undefined {
    this.#ended = true;
    this.#listener.ended();
    return parseNumber(sizeText) === this.#log.length
      ? undefined
      : `only ${this.#log.length} bytes of the kernel log arrived`;
  }

  #complain(problem: string, line: string): void {
    if (this.#problems.length < MAX_PROBLEMS)
      this.#problems.push(`${problem}: ${JSON.stringify(line.slice(0, 100))}`);
  }
}

function parseNumber(text: string | undefined): number | undefined {
  return text !== undefined && /^\d{1,15}$/.test(text) ? Number(text) : undefined;
}

function describeStep({ step, out, err, stop }: StepRecord): StepResult {
  const stdoutBytes = out.bytes();
  const stderrBytes = err.bytes();
  return {
    name: step.name,
    argv: step.argv,
    exitCode: stop?.how === 'code' ? stop.status : null,
    signal:
      stop === undefined || stop.how === 'code'
        ? null
        : stop.how === 'timeout'
          ? 'SIGKILL'
          : nameSignal(stop.status),
    timedOut: stop?.how === 'timeout',
    stdout: stdoutBytes.toString(),
    stderr: stderrBytes.toString(),
    stdoutBytes,
    stderrBytes,
    truncated: stop?.truncated ?? false,
    milliseconds: stop?.milliseconds ?? 0,
  };
}

/** The guest has the host's architecture, so its signal numbers are node's. */
function nameSignal(number: number): string {
  const names = Object.entries(constants.signals).filter(([, value]) => value === number);
  return names[0]?.[0] ?? `signal ${number}`;
}

// How a soak gives its commands: to a process that stays (tool-guest.ts), or as a user does, one process a command. Either can be killed at any moment.

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import type { ToolAnswer } from './plan.js';

/** Undefined: it was killed before it answered. */
export type Answer = ToolAnswer | undefined;

/** @param killAfter in milliseconds; undefined lets it end */
export async function runCommand(argv: readonly string[], killAfter: number | undefined): Promise<Answer> {
  const [program = '', ...args] = argv;
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (output += String(chunk)));
  const timer = killLater(child, killAfter);
  const [status] = (await once(child, 'close')) as [number | null];
  clearTimeout(timer);
  return status === null ? undefined : { status, output };
}

export class ResidentTool {
  readonly #argv: readonly string[];
  /** The one that works, and one started meanwhile, so that nobody waits for node after a kill. */
  readonly #ready: ChildProcess[] = [];

  constructor(argv: readonly string[]) {
    this.#argv = argv;
  }

  async run(args: readonly string[], killAfter: number | undefined): Promise<Answer> {
    while (this.#ready.length < 2) this.#ready.push(this.#start());
    const [child] = this.#ready;
    if (child?.stdin === null || child === undefined) throw new Error('the tool has no standard input');
    const ended = once(child, 'close').then(() => undefined);
    const answered = readAnswer(child);
    child.stdin.write(`${JSON.stringify(args)}\n`);
    const timer = killLater(child, killAfter);
    const answer = await Promise.race([answered, ended]);
    clearTimeout(timer);
    if (answer === undefined && !child.killed)
      throw new Error(`the tool ended by itself with status ${child.exitCode} at ${args.join(' ')}`);
    // It may have been killed at the very moment of its answer.
    if (child.killed) {
      await ended;
      this.#ready.shift();
    }
    return answer;
  }

  async end(): Promise<void> {
    for (const child of this.#ready.splice(0)) {
      const ended = once(child, 'close');
      child.stdin?.end();
      await ended;
    }
  }

  #start(): ChildProcess {
    const [program = '', ...args] = this.#argv;
    return spawn(program, args, { stdio: ['pipe', 'pipe', 'inherit'] });
  }
}

function killLater(child: ChildProcess, after: number | undefined): NodeJS.Timeout | undefined {
  return after === undefined ? undefined : setTimeout(() => child.kill('SIGKILL'), after);
}

/** The next line of its output. */
function readAnswer(child: ChildProcess): Promise<ToolAnswer> {
  return new Promise((resolve) => {
    let text = '';
    const read = (chunk: Buffer) => {
      text += chunk.toString();
      if (!text.endsWith('\n')) return;
      child.stdout?.off('data', read);
      resolve(JSON.parse(text) as ToolAnswer);
    };
    child.stdout?.on('data', read);
  });
}

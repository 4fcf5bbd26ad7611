// Runs `make -n` and reads its output as it comes: 157 MB that are never held at once. make ends with an error about vmlinux.a
// or vmlinux.o, because in a dry run the archives do not exist; whether the log is whole is decided by what it contains.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { EnvironmentError } from '@resplice/report';
import { lastWords, toolEnvironment } from '../debian/command.js';
import { DatabaseBuilder } from './database-builder.js';
import { parseRecipe, type Recipe } from './recipe.js';

export interface RecordOptions {
  readonly makeArguments: readonly string[];
  readonly compiler: string;
  readonly environment: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal | undefined;
  readonly onObjects?: (count: number) => void;
}

/** Collects the recipes of a whole build of the prepared tree in `directory`. */
export async function recordRecipes(directory: string, options: RecordOptions): Promise<DatabaseBuilder> {
  const builder = new DatabaseBuilder();
  const makeArguments = [...options.makeArguments, 'all'];
  const { objects, complaint } = await runDry(directory, { ...options, makeArguments }, builder);
  if (objects > 0) return builder;
  throw new EnvironmentError('make-failed', `make -n printed no compile command: ${lastWords(complaint)}`);
}

/** The recipes of the targets in `options.makeArguments`, in make's order; none when nothing is built there. */
export async function readRecipes(directory: string, options: RecordOptions): Promise<readonly Recipe[]> {
  const recipes: Recipe[] = [];
  await runDry(directory, options, { add: (recipe) => recipes.push(recipe) });
  return recipes;
}

async function runDry(
  directory: string,
  options: RecordOptions,
  sink: RecipeSink,
): Promise<{ readonly objects: number; readonly complaint: string }> {
  const reader = new RecipeReader(options.compiler, sink, options.onObjects);
  const make = spawn('make', ['-n', '-k', ...options.makeArguments], {
    cwd: directory,
    env: toolEnvironment(options.environment),
    stdio: ['ignore', 'pipe', 'pipe'],
    ...(options.signal === undefined ? {} : { signal: options.signal }),
  });
  let complaint = '';
  make.stderr.setEncoding('latin1').on('data', (text: string) => {
    complaint = (complaint + text).slice(-4000);
  });
  // Commands are bytes to us; latin1 keeps each byte as it is and is the fastest to decode.
  const output = make.stdout.setEncoding('latin1');
  const closed = once(make, 'close');
  for await (const chunk of output) reader.write(chunk as string);
  await closed;
  options.signal?.throwIfAborted();
  reader.end();
  return { objects: reader.objects, complaint };
}

export interface RecipeSink {
  readonly add: (recipe: Recipe) => void;
}

/** Cuts text into recipes (lines, with `\` continuations joined) and hands them on. */
export class RecipeReader {
  readonly #compiler: string;
  readonly #sink: RecipeSink;
  readonly #onObjects: ((count: number) => void) | undefined;
  #rest = '';
  #joined = '';
  objects = 0;

  constructor(compiler: string, sink: RecipeSink, onObjects?: (count: number) => void) {
    this.#compiler = compiler;
    this.#sink = sink;
    this.#onObjects = onObjects;
  }

  write(text: string): void {
    const whole = this.#rest + text;
    let start = 0;
    for (let end = whole.indexOf('\n'); end >= 0; end = whole.indexOf('\n', start)) {
      this.#readLine(whole.slice(start, end));
      start = end + 1;
    }
    this.#rest = whole.slice(start);
  }

  end(): void {
    if (this.#rest !== '') this.#readLine(this.#rest);
    this.#rest = '';
  }

  #readLine(line: string): void {
    if (line.endsWith('\\')) {
      this.#joined += `${line}\n`;
      return;
    }
    const recipe = parseRecipe(this.#joined + line, this.#compiler);
    this.#joined = '';
    if (recipe === undefined) return;
    this.#sink.add(recipe);
    if (recipe.kind !== 'compile') return;
    this.objects += 1;
    if (this.objects % 500 === 0) this.#onObjects?.(this.objects);
  }
}

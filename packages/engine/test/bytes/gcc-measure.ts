// Asks the C compiler how large a structure is and where its fields lie, so that no descriptor rests on our reading alone.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export interface MeasuredLayout {
  readonly name: string;
  readonly size: number;
  readonly fields: readonly string[];
  offsetOf(field: never): number;
}

export interface Spelling {
  /** Our field name to C's, where they differ; undefined for a field that C has no name for. */
  readonly spelling?: ReadonlyMap<string, string | undefined>;
  /** `struct `, for structures without a typedef. */
  readonly prefix?: string;
}

/** Values of C expressions, by key. */
export function measureWithGcc(
  header: string,
  expressions: readonly (readonly [key: string, c: string])[],
): Map<string, number> {
  const folder = mkdtempSync(join(tmpdir(), 'layout-'));
  try {
    const prints = expressions.map(([key, c]) => `printf("%s %zu\\n", "${key}", (size_t)(${c}));`).join('\n');
    const includes = [header, 'stddef.h', 'stdio.h'].map((file) => `#include <${file}>\n`).join('');
    writeFileSync(join(folder, 'a.c'), `${includes}int main(void){${prints}return 0;}`);
    execFileSync('gcc-12', ['-o', join(folder, 'a'), join(folder, 'a.c')]);
    const lines = execFileSync(join(folder, 'a'), { encoding: 'utf8' }).trim().split('\n');
    return new Map(
      lines.map((line) => {
        const [key = '', value] = line.split(' ');
        return [key, Number(value)];
      }),
    );
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** Asserts that every field and the size of each layout are as in the C header. */
export function assertSameAsGcc(
  header: string,
  layouts: readonly MeasuredLayout[],
  options: Spelling = {},
): void {
  const questions: [string, string][] = [];
  const ours = new Map<string, number>();
  for (const layout of layouts) {
    const c = `${options.prefix ?? ''}${layout.name}`;
    questions.push([layout.name, `sizeof(${c})`]);
    ours.set(layout.name, layout.size);
    for (const field of layout.fields) {
      const spelled = options.spelling?.has(field) === true ? options.spelling.get(field) : field;
      if (spelled === undefined) continue;
      questions.push([`${layout.name}.${field}`, `offsetof(${c}, ${spelled})`]);
      ours.set(`${layout.name}.${field}`, layout.offsetOf(field as never));
    }
  }
  assert.deepEqual(measureWithGcc(header, questions), ours);
}

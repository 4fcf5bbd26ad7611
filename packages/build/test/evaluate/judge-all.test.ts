import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import type { UnitResult } from '../../src/evaluate/evaluation.js';
import { type JudgingRequest, judgeAll } from '../../src/evaluate/judge-all.js';
import { ResultStore } from '../../src/evaluate/result-store.js';
import type { DraftUnit } from '../../src/split/unit.js';

function draft(id: string): DraftUnit {
  const unit = { id, files: ['net/a.c'], patch: Buffer.from(id), subjects: [], cves: [], joined: [] };
  return { unit, atoms: [], subjects: [] };
}

function resultOf(id: string, code: string | undefined): UnitResult {
  return {
    id,
    files: ['net/a.c'],
    joined: [],
    cves: [],
    built: true,
    changesCode: true,
    verdict: code === undefined ? 'automatic' : 'refused',
    requiresUnloaded: [],
    reasons: code === undefined ? [] : [{ code, subject: '', found: "net/a.c:1:1: error: 'x' undeclared" }],
    applied: null,
    applyProblem: null,
    functions: 1,
    milliseconds: 5,
    toolMilliseconds: 4,
    program: '',
  };
}

/** Judges as the codes say, and counts. */
async function withStore(
  work: (
    run: (
      codes: Readonly<Record<string, string | undefined>>,
      change?: Partial<JudgingRequest>,
      signal?: AbortSignal,
    ) => Promise<readonly string[]>,
  ) => Promise<void>,
): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), 'resplice-judge-'));
  try {
    const store = await ResultStore.open(directory, 'kernel');
    await work(async (codes, change = {}, signal) => {
      const judged: string[] = [];
      const request: JudgingRequest = {
        judge: async ({ unit: { id } }) => {
          judged.push(id);
          return { result: resultOf(id, codes[id]), update: undefined };
        },
        store,
        retry: 'none',
        codeOf: () => [],
        round: 1,
        program: 'one',
        ...change,
      };
      await judgeAll(Object.keys(codes).map(draft), request, signal === undefined ? {} : { signal });
      return judged.sort();
    });
  } finally {
    await rm(directory, { recursive: true });
  }
}

test('what was judged before an interruption is not judged again, the rest is', async () => {
  await withStore(async (run) => {
    const stop = new AbortController();
    const codes = { a: undefined, b: undefined, c: undefined, d: undefined, e: undefined };
    let seen: string[] = [];
    const judge: JudgingRequest['judge'] = async ({ unit: { id } }) => {
      seen.push(id);
      if (seen.length === 3) stop.abort();
      return { result: resultOf(id, undefined), update: undefined };
    };
    await assert.rejects(run(codes, { judge }, stop.signal));
    const before = seen;
    seen = [];
    const after = await run(codes);
    assert.ok(before.length >= 3 && before.length < 5);
    assert.deepEqual([...before, ...after].sort(), ['a', 'b', 'c', 'd', 'e']);
  });
});

test('a retry asks again what another engine may answer otherwise, once', async () => {
  await withStore(async (run) => {
    const codes = { good: undefined, data: 'changed-data', broken: 'does-not-compile', crash: 'bug' };
    assert.equal((await run(codes)).length, 4);
    assert.deepEqual(await run(codes), []);
    // The same program gives the same verdict; a crash may have been a full disk.
    assert.deepEqual(await run(codes, { retry: 'refused' }), ['crash']);
    const second = { retry: 'refused', program: 'two' } as const;
    assert.deepEqual(await run({ ...codes, crash: undefined }, second), ['crash', 'data']);
    assert.deepEqual(await run({ ...codes, crash: undefined }, second), []);
    assert.deepEqual(await run(codes, { retry: 'all', program: 'three' }), [
      'broken',
      'crash',
      'data',
      'good',
    ]);
  });
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Evaluation, summarize, type UnitResult } from '@resplice/build';
import { renderPage } from '../src/evaluation-page.js';

const VOID = new Set(['meta', 'br', 'input']);

function unit(id: string, change: Partial<UnitResult> = {}): UnitResult {
  return {
    id,
    files: [`net/ipv4/${id}.c`],
    cves: [],
    built: true,
    changesCode: true,
    verdict: 'automatic',
    requiresUnloaded: [],
    reasons: [],
    applied: null,
    applyProblem: null,
    functions: 1,
    joined: [],
    program: '0123456789ab',
    milliseconds: 4000,
    toolMilliseconds: 3000,
    ...change,
  };
}

function evaluation(units: readonly UnitResult[]): Evaluation {
  return {
    from: '6.1.170-3',
    to: '6.1.176-1',
    kernel: { release: '6.1.0-47-amd64', version: '6.1.170-3' },
    sample: { size: units.length, seed: 1 },
    units,
    summary: summarize(units, 7),
  };
}

const HOSTILE = `</script><script>alert('1')</script>"&\u001b[31m`;
const UNITS = [
  unit('raw', { cves: ['CVE-2026-1'], applied: true }),
  unit('comment', { changesCode: false }),
  unit('absent', { requiresUnloaded: ['dummy'] }),
  unit('hooked', { verdict: 'with-hook' }),
  unit('away', { built: false, files: ['kernel/fork.c'] }),
  unit('data', {
    verdict: 'refused',
    files: [HOSTILE],
    reasons: [{ code: 'data-changed', subject: HOSTILE, found: HOSTILE }],
  }),
  unit('guest', { applied: false, applyProblem: HOSTILE }),
];

/** Every element is closed, in order; what scripts and styles contain is not markup. */
function assertBalanced(page: string): void {
  const markup = page.replace(/(<(script|style)>)[\s\S]*?(<\/\2>)/g, '$1$3');
  const open: string[] = [];
  for (const [, slash, name = ''] of markup.matchAll(/<(\/?)([a-z][a-z0-9]*)\b(?:"[^"]*"|[^">])*>/gi)) {
    if (slash === '/') assert.equal(open.pop(), name);
    else if (!VOID.has(name)) open.push(name);
  }
  assert.deepEqual(open, []);
}

test('every element of the page is closed', () => {
  assertBalanced(renderPage(evaluation(UNITS)));
  assertBalanced(renderPage(evaluation([])));
});

test('the page refers to nothing outside of it', () => {
  const page = renderPage(evaluation(UNITS));
  assert.doesNotMatch(page, /https?:\/\/|src=|href=|url\(|@import/);
});

test('text of a unit never becomes markup', () => {
  const page = renderPage(evaluation(UNITS));
  assert.equal(page.match(/<script/g)?.length, 1);
  assert.ok(!page.includes('\u001b'));
  assert.ok(
    page.includes('&lt;/script&gt;&lt;script&gt;alert(&#39;1&#39;)&lt;/script&gt;&quot;&amp;\\x1b[31m'),
  );
});

test('the numbers of the page are those of the summary', () => {
  const { summary } = evaluation(UNITS);
  const page = renderPage(evaluation(UNITS));
  const sums = new Map(
    [...page.matchAll(/<th scope="row">([^<]*)<\/th><td class="number">(\d+)/g)].map(([, name, value]) => [
      name,
      Number(value),
    ]),
  );
  assert.equal(sums.get('Units'), summary.units);
  assert.equal(sums.get('Built in this configuration'), summary.built);
  assert.equal(sums.get('Automatic'), summary.automatic);
  assert.equal(sums.get('With hook'), summary.withHook);
  assert.equal(sums.get('Refused'), summary.refused);
  assert.equal(sums.get('Applied and undone in guests'), summary.applied);
  assert.ok(page.includes(`<strong>${summary.percentAutomatic.toFixed(1)} %</strong> of 6 built units`));
  assert.equal(sums.get('Automatic while a module is not loaded'), 1);
  assert.ok(page.includes(`<strong>${summary.percentWhileUnloaded.toFixed(1)} %</strong> with those`));
  assert.ok(page.includes('<tspan class="label">data-changed</tspan> 1<'));
  assert.ok(page.includes(`<tspan class="label">Tied to no unit</tspan> 7<`));
  assert.equal(page.match(/<tr data-verdict=/g)?.length, UNITS.length);
});

test('units are counted under the directory of their first file', () => {
  const page = renderPage(evaluation(UNITS));
  assert.ok(page.includes('<tspan class="label">kernel</tspan> 0 automatic, 0 refused of 1<'));
  assert.match(page, /<tspan class="label">net\/ipv4<\/tspan> 2 automatic, 0 refused of 5</);
});

// docs/refusals.md from the list in packages/report, with a test that brings each reason about: one that names its code, or a fixture that expects
// it. `node scripts/refusals.mjs --write` refreshes it; the check compares, and wants a test for every reason. A test that the page
// names stays as long as it names the code, so that a new test elsewhere changes nothing.

import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { REASONS } from '@resplice/report';

const ROOT = dirname(dirname(fileURLToPath(import.meta.url)));
export const REFUSALS_FILE = join(ROOT, 'docs/refusals.md');

const INTRODUCTION = `# Refusals

Everything Resplice refuses because it cannot be done safely, by the command that refuses it. All reasons that apply are shown
together, each with the object, section, symbol or line it is about, what was found, and what can be done instead. The exit status is 1.

The list is one for both engines. The last column names a test that brings the reason about; those in \`e2e/\` run the real command, most of them in a
guest. A check wants one for each.

This file is written by \`node scripts/refusals.mjs --write\` from \`packages/report/src/*-reasons.ts\`; a check holds the two equal.
`;

const STAGES = [
  ['create', 'Making an update'],
  ['apply', 'Applying an update'],
  ['undo', 'Taking an update back'],
];

/** What can show a reason, the real command first. */
function listTests() {
  const inside = (folder, ending) =>
    readdirSync(join(ROOT, folder), { recursive: true })
      .filter((name) => name.endsWith(ending))
      .map((name) => `${folder}/${name}`)
      .sort();
  const packages = readdirSync(join(ROOT, 'packages')).filter((name) =>
    existsSync(join(ROOT, 'packages', name, 'test')),
  );
  return [
    ...inside('e2e/test', '.ts'),
    ...inside('packages/engine/fixtures', 'expect.json'),
    ...packages.flatMap((name) => inside(`packages/${name}/test`, '.test.ts')),
  ];
}

/** Code → the file that shows it; undefined when nothing does. */
export function findTests() {
  const texts = new Map(listTests().map((file) => [file, readFileSync(join(ROOT, file), 'utf8')]));
  const named = new Map(
    [...readFileSync(REFUSALS_FILE, 'utf8').matchAll(/^\| `([\w-]+)` \|.*\| `([^`]+)` \|$/gm)].map(
      ([, code, file]) => [code, file],
    ),
  );
  const shows = (file, code) => new RegExp(`['"]${code}['"]`).test(texts.get(file) ?? '');
  return new Map(
    Object.keys(REASONS).map((code) => [
      code,
      [named.get(code), ...texts.keys()].find((file) => shows(file, code)),
    ]),
  );
}

export function renderRefusals() {
  const tests = findTests();
  const sections = STAGES.map(([stage, title]) => {
    const rows = Object.entries(REASONS)
      .filter(([, entry]) => entry.stage === stage)
      .sort(([left], [right]) => (left < right ? -1 : 1))
      .map(
        ([code, entry]) =>
          `| \`${code}\` | ${escapeCell(entry.title)} | ${escapeCell(entry.advice)} | \`${tests.get(code)}\` |`,
      );
    return rows.length === 0
      ? ''
      : [
          `\n## ${title}\n`,
          '| code | what it means | what to do | shown by |',
          '| --- | --- | --- | --- |',
          ...rows,
          '',
        ].join('\n');
  });
  return INTRODUCTION + sections.join('') + renderKsplice();
}

/** The abort codes of Ksplice 0.9.9 (kmodsrc/ksplice.c, enum ksplice_abort_cause) → what became of them. */
const KSPLICE = [
  ['ok', [], ''],
  ['no_match', ['function-altered', 'function-not-found', 'function-not-in-kernel', 'original-differs'], ''],
  ['code_busy', ['tasks-busy', 'undo-tasks-busy'], ''],
  ['module_busy', ['needed-by-update'], 'rmmod by hand fails: `e2e/test/case/killed-switch.ts`'],
  ['out_of_memory', ['core-refused', 'module-rejected'], ''],
  ['failed_to_find', ['symbol-not-found', 'ambiguous-symbol', 'unresolved-symbol'], ''],
  [
    'already_reversed',
    ['required-update-missing'],
    'never raised there; an undo of what is not applied says so and is no failure',
  ],
  ['missing_export', ['unresolved-symbol', 'symbol-not-found'], 'never raised there'],
  ['unexpected_running_task', ['tasks-busy'], 'a thread that runs is judged in the stop like any other'],
  ['unexpected', ['core-refused', 'undo-rejected'], ''],
  [
    'target_not_loaded',
    ['module-not-loaded'],
    'only when new code uses a module that is not there: others are waited for, `e2e/test/case/waiting-modules.ts`',
  ],
  ['call_failed', ['hook-refused', 'undo-hook-refused'], ''],
  [
    'cold_update_loaded',
    [],
    'cannot arise: a module that is loaded later is patched in memory and goes back with the rest',
  ],
  [
    'bad_system_map',
    ['wrong-kernel', 'function-moved', 'kallsyms-hidden'],
    'addresses come from the running kernel',
  ],
];

function renderKsplice() {
  const rows = KSPLICE.map(([cause, codes, note]) => {
    for (const code of codes) if (!(code in REASONS)) throw new Error(`${code} is no reason`);
    return `| \`${cause}\` | ${codes.map((code) => `\`${code}\``).join(' ')} | ${note} |`;
  });
  return [
    '\n## What Ksplice aborted for\n',
    '| abort code | here | note |',
    '| --- | --- | --- |',
    ...rows,
    '',
  ].join('\n');
}

function escapeCell(text) {
  return text.replaceAll('|', '\\|').replaceAll('\n', ' ');
}

if (process.argv.includes('--write')) writeFileSync(REFUSALS_FILE, renderRefusals());

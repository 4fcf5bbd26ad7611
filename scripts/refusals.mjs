// docs/refusals.md from the list in packages/report. `node scripts/refusals.mjs --write` refreshes it; the check compares.

import { writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { REASONS } from '@resplice/report';

export const REFUSALS_FILE = join(dirname(dirname(fileURLToPath(import.meta.url))), 'docs/refusals.md');

const INTRODUCTION = `# Refusals

Everything Resplice refuses because it cannot be done safely, by the command that refuses it. All reasons that apply are shown
together, each with the object, section, symbol or line it is about, what was found, and what can be done instead. The exit status is 1.

This file is written by \`node scripts/refusals.mjs --write\` from \`packages/report/src/*-reasons.ts\`; a check holds the two equal.
`;

const STAGES = [
  ['create', 'Making an update'],
  ['apply', 'Applying an update'],
  ['undo', 'Taking an update back'],
];

export function renderRefusals() {
  const sections = STAGES.map(([stage, title]) => {
    const rows = Object.entries(REASONS)
      .filter(([, entry]) => entry.stage === stage)
      .sort(([left], [right]) => (left < right ? -1 : 1))
      .map(([code, entry]) => `| \`${code}\` | ${escapeCell(entry.title)} | ${escapeCell(entry.advice)} |`);
    return rows.length === 0
      ? ''
      : [`\n## ${title}\n`, '| code | what it means | what to do |', '| --- | --- | --- |', ...rows, ''].join(
          '\n',
        );
  });
  return INTRODUCTION + sections.join('');
}

function escapeCell(text) {
  return text.replaceAll('|', '\\|').replaceAll('\n', ' ');
}

if (process.argv.includes('--write')) writeFileSync(REFUSALS_FILE, renderRefusals());

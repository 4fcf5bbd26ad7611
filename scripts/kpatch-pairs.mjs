#!/usr/bin/env node
// Runs kpatch's pairs of objects through `resplice diff` and prints kpatch's verdict and ours side by side, as docs/evaluation.md shows them.
// Usage: node scripts/kpatch-pairs.mjs DIR, where DIR is a checkout of github.com/dynup/kpatch-unit-test-objs. Build first.

import { execFileSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const COMMAND = fileURLToPath(new URL('../packages/cli/bin/resplice.mjs', import.meta.url));
const ORIGINAL = '.ORIG.o';

const [directory] = process.argv.slice(2);
if (directory === undefined) {
  console.error('usage: node scripts/kpatch-pairs.mjs DIR');
  process.exit(2);
}
const objects = join(directory, 'x86_64');
const files = new Set(readdirSync(objects));
const pairs = [...files].filter((file) => file.endsWith(ORIGINAL)).sort();
let same = 0;
for (const original of pairs) {
  const name = original.slice(0, -ORIGINAL.length);
  const refused = files.has(`${name}.PATCHED.FAIL.o`);
  const patched = `${name}.PATCHED${refused ? '.FAIL' : ''}.o`;
  const { verdict, reasons, changed } = judge(join(objects, original), join(objects, patched));
  const theirs = refused ? 'refused' : 'accepted';
  if (verdict === theirs) same += 1;
  const codes = [...new Set(reasons.map(({ code }) => code))].join(', ');
  console.log(
    [
      verdict === theirs ? ' ' : '!',
      name.padEnd(52),
      theirs.padEnd(9),
      verdict.padEnd(9),
      changed,
      codes,
    ].join(' '),
  );
}
console.log(`${pairs.length} pairs, ${same} verdicts the same`);

/** A pair without a verdict ends the script: that is what it is there to find. */
function judge(before, after) {
  const answer = JSON.parse(readAnswer(before, after));
  return { ...answer, changed: `${answer.replaced.length} replaced, ${answer.added.length} added` };
}

function readAnswer(before, after) {
  const options = { encoding: 'utf8', maxBuffer: 1 << 26, stdio: ['ignore', 'pipe', 'inherit'] };
  try {
    return execFileSync(process.execPath, [COMMAND, 'diff', '--json', before, after], options);
  } catch (error) {
    // Exit status 1 is a refusal, which is a verdict as well.
    if (error.status === 1) return error.stdout;
    throw error;
  }
}

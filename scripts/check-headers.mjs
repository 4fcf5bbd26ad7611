// Whether the checks of headers, by names and by preprocessed text, lose an object: for each changed header between two source packages, a seeded sample of the includers
// that it drops is compiled before and after the change, and their bytes must be equal.
//   node scripts/check-headers.mjs RELEASE FROM TO [--sample N] [--seed S] HEADER…
// Needs a prepared kernel and both sources (`resplice kernel fetch`), and minutes; build first.

import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';

const built = '../packages/build/dist/src';
const { systemApt } = await import(`${built}/debian/apt.js`);
const { fetchKernel, listFetchedKernels } = await import(`${built}/debian/fetch-kernel.js`);
const { diffSources } = await import(`${built}/debian/source-diff.js`);
const { resolveSource } = await import(`${built}/debian/fetch-source.js`);
const { resolveKernel } = await import(`${built}/debian/resolve-kernel.js`);
const { prepareTree } = await import(`${built}/tree/prepare-tree.js`);
const { findIncluders } = await import(`${built}/tree/include-graph.js`);
const { compileObjects } = await import(`${built}/tree/compile-objects.js`);
const { keepMentioning } = await import(`${built}/header/keep-mentioning.js`);
const { keepChanged, patchSources, withPatchedSlot } = await import(`${built}/create/sources.js`);
const { parsePatch } = await import(`${built}/patch/diff-parser.js`);

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { sample: { type: 'string', default: '20' }, seed: { type: 'string', default: '1' } },
});
const [release, from, to, ...headers] = positionals;
const identity = await resolveKernel(release, systemApt(), { fetched: await listFetchedKernels() });
const tree = await prepareTree(await fetchKernel(identity));
const [before, after] = [await resolveSource(from, systemApt()), await resolveSource(to, systemApt())];

let lost = 0;
let broken = 0;
for (const header of headers) {
  const text = await diffSources(before, after, [header]);
  const sources = await patchSources(tree, [parsePatch(Buffer.from(text), header)]);
  const includers = await findIncluders(tree, [header]);
  await withPatchedSlot(tree, sources, {}, async (slot) => {
    const start = performance.now();
    const kept = await keepMentioning(tree, slot.directory, sources, includers);
    const keeps = new Set(await keepChanged(tree, slot, kept, {}));
    const seconds = ((performance.now() - start) / 1000).toFixed(1);
    const dropped = includers.filter((object) => !keeps.has(object));
    const sample = shuffle(dropped, Number(values.seed)).slice(0, Number(values.sample));
    const different = await findDifferent(slot.directory, sample);
    lost += different.length;
    const why = kept.undecided.length === 0 ? '' : `, undecided: ${kept.undecided.join('; ')}`;
    console.log(
      `${header}: ${includers.length} includers, ${kept.objects.size} by name, ${kept.candidates.size} to be preprocessed, ${keeps.size} kept in ${seconds} s${why}; ${sample.length} dropped ones compiled, ${different.length} differ`,
    );
    for (const object of different) console.log(`  LOST ${object}`);
  });
}
if (broken > 0) console.log(`${broken} objects do not compile with one header's change alone`);
process.exitCode = lost === 0 ? 0 : 1;

async function findDifferent(directory, objects) {
  const output = await mkdtemp(join(tmpdir(), 'resplice-headers-'));
  try {
    const different = [];
    for (const object of objects) {
      const [a] = await compileObjects(tree, {
        directory: tree.directory,
        objects: [object],
        output: join(output, 'a'),
      });
      // A header may need what the rest of its release changes elsewhere; then nothing can be said of this object.
      const request = { directory, objects: [object], output: join(output, 'b') };
      const [b] = await compileObjects(tree, request).catch((error) => {
        if (error.code === 'does-not-compile') return [];
        throw error;
      });
      if (b === undefined) broken += 1;
      else if (!(await readFile(a.file)).equals(await readFile(b.file))) different.push(object);
    }
    return different;
  } finally {
    await rm(output, { recursive: true });
  }
}

/** By a small generator of our own, so that the same seed takes the same sample everywhere. */
function shuffle(items, seed) {
  const result = [...items];
  let state = seed >>> 0;
  for (let at = result.length - 1; at > 0; at -= 1) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    const other = Math.floor((state / 2 ** 32) * (at + 1));
    [result[at], result[other]] = [result[other], result[at]];
  }
  return result;
}

// Real fixes end to end: from the difference of two source packages to an update that is applied and taken back on the running kernel, one
// boot for each branch (`npm run test:units`). e2e/src/real-unit.ts lists them, with what their code has to contain for the list to be worth anything.

import assert from 'node:assert/strict';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import type { UnitResult } from '@resplice/build';
import { parseUpdate } from '@resplice/update';
import { chooseRelease } from '../../src/kernel-pair.js';
import { SECTION_OF, UNITS_6_1, UNITS_6_12, type UnitRelease } from '../../src/real-unit.js';
import { resplice, run } from '../../src/resplice-command.js';

for (const [branch, releases] of [
  ['6.1', UNITS_6_1],
  ['6.12', UNITS_6_12],
] as const) {
  describe(`real fixes of ${branch}`, () => {
    const release = chooseRelease(releases);
    let work = '';
    let units: readonly UnitResult[] = [];

    before(async () => {
      work = await mkdtemp(join(tmpdir(), 'resplice-units-'));
      units = await evaluate(await release, work);
    });
    after(() => rm(work, { recursive: true, force: true }));

    for (const { file, object, constructs } of releases.flatMap((each) => each.units)) {
      test(`${file} is updated and taken back`, async () => {
        const mine = units.filter(({ files }) => files.includes(file));
        assert.ok(
          mine.length > 0,
          `${file} does not differ between ${(await release).from} and ${(await release).to}`,
        );
        for (const { id, verdict, reasons, applied, applyProblem } of mine) {
          assert.deepEqual([id, verdict, applied, reasons, applyProblem], [id, 'automatic', true, [], null]);
        }
        const sections = await Promise.all(mine.map(({ id }) => readSections(work, id, object)));
        const lacking = constructs.filter((each) => !SECTION_OF[each].test(sections.join('\n')));
        assert.deepEqual(lacking, []);
      });
    }
  });
}

async function evaluate({ from, to, units }: UnitRelease, work: string): Promise<readonly UnitResult[]> {
  const only = units.flatMap(({ file }) => ['--only', file]);
  const args = ['evaluate', '--from', from, '--to', to, ...only, '--vm', '--work', work];
  const answer = await resplice(args);
  assert.ok(answer.ok, answer.text);
  return answer.json.units as readonly UnitResult[];
}

/** What readelf says of the sections of an update's module, which must be one of this kernel object. */
async function readSections(work: string, id: string, object: string): Promise<string> {
  const name = (await readdir(work)).find((each) => each.startsWith(`${id}-`) && each.endsWith('.splice'));
  assert.ok(name, `no update of ${id} was kept`);
  const { manifest, files } = parseUpdate(await readFile(join(work, name)), name);
  assert.ok(
    manifest.objects.some((each) => each.name === object),
    `${id} does not change ${object}`,
  );
  const file = join(work, `${id}.ko`);
  await writeFile(file, files.get(manifest.module.file) ?? '');
  return (await run('readelf', ['--sections', '--wide', file])).stdout;
}

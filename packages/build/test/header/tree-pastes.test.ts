import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { FileTexts } from '../../src/header/file-texts.js';
import { readPastes } from '../../src/header/tree-pastes.js';
import { fakeTree } from '../tree/fixture.js';

const home = await mkdtemp(join(tmpdir(), 'resplice-pastes-'));
after(() => rm(home, { recursive: true }));
await mkdir(join(home, 'linux/include'), { recursive: true });
await writeFile(join(home, 'linux/include/a.h'), '#define GET(n) get_##n()\n');

test('those who ask for the pastes of a tree at the same time wait for one reading', async () => {
  const tree = fakeTree(home, 'cc', [], []);
  let readings = 0;
  const headers = () => {
    readings += 1;
    return ['include/a.h'];
  };
  const ask = () => readPastes(tree, headers, new FileTexts(tree.directory));
  const [one, two] = await Promise.all([ask(), ask()]);
  assert.equal(readings, 1);
  assert.deepEqual(one, two);
  assert.equal(one.patterns.length, 1);
});

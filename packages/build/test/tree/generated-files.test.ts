import assert from 'node:assert/strict';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { EnvironmentError } from '@resplice/report';
import { CompileDatabase } from '../../src/tree/compile-database.js';
import { generateSources, selectRecipes } from '../../src/tree/generated-files.js';

const root = await mkdtemp(join(tmpdir(), 'resplice-generated-'));
after(() => rm(root, { recursive: true }));

const RECIPES = [
  { targets: ['lib/table.h'], command: 'lib/gen > lib/table.h' },
  { targets: ['lib/gen'], command: 'cc -o lib/gen lib/gen.c' },
  { targets: ['certs/key.pem'], command: 'openssl req -out certs/key.pem' },
  { targets: ['lib/names.h'], command: 'echo a > lib/names.h' },
  { targets: ['lib/names.h'], command: 'echo b >> lib/names.h' },
  { targets: ['lib/there.c'], command: 'lib/gen > lib/there.c' },
];

test('chooses missing sources, and what makes them first', async () => {
  const chosen = await selectRecipes(RECIPES, (path) => Promise.resolve(path === 'lib/there.c'));
  assert.deepEqual(
    chosen.map((recipe) => recipe.command),
    ['cc -o lib/gen lib/gen.c', 'lib/gen > lib/table.h', 'echo a > lib/names.h', 'echo b >> lib/names.h'],
  );
});

test('recipes that read each other do not hang', async () => {
  const circle = [
    { targets: ['a.h'], command: 'x b.h > a.h' },
    { targets: ['b.h'], command: 'x a.h > b.h' },
  ];
  assert.equal((await selectRecipes(circle, () => Promise.resolve(false))).length, 2);
});

function databaseOf(
  generated: readonly { readonly targets: readonly string[]; readonly command: string }[],
): CompileDatabase {
  return new CompileDatabase({
    format: 1,
    words: [],
    lists: [],
    objects: [],
    modules: [],
    moduleObjtool: [],
    generated,
  });
}

test('runs the recipes in the tree and leaves existing files alone', async () => {
  await mkdir(join(root, 'lib'));
  await writeFile(join(root, 'lib/there.c'), 'kept');
  const database = databaseOf(
    RECIPES.filter((recipe) => recipe.command.startsWith('echo') || recipe.targets[0] === 'lib/there.c'),
  );
  assert.equal(await generateSources(root, database, { environment: {} }), 2);
  assert.equal(await readFile(join(root, 'lib/names.h'), 'utf8'), 'a\nb\n');
  assert.equal(await readFile(join(root, 'lib/there.c'), 'utf8'), 'kept');
});

test('a failing generator is named with its own words', async () => {
  const database = databaseOf([{ targets: ['new/bad.h'], command: 'echo because >&2; false' }]);
  await assert.rejects(generateSources(root, database, { environment: {} }), (error) => {
    assert.ok(error instanceof EnvironmentError);
    assert.match(error.message, /new\/bad\.h.*because/);
    return true;
  });
});

// Who may import whom is written once, in the table of docs/architecture.md; these tests hold the code to it.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { test } from 'node:test';
import { listFiles, root } from './source-files.mjs';

const table = readTable();
const files = listFiles()
  .filter((path) => /\.tsx?$/.test(path) && table.has(workspaceOf(path)) && !path.includes('/fixtures/'))
  .map((path) => ({ path, text: readFileSync(join(root, path), 'utf8') }));

/** Workspace folder → what it may import, as in the table: `report`, `engine/bytes`. */
function readTable() {
  const rows = readFileSync(join(root, 'docs/architecture.md'), 'utf8').matchAll(
    /^\| `((?:packages\/)?[a-z0-9]+)` \|[^|\n]*\| ([^|\n]*) \|$/gm,
  );
  return new Map(
    [...rows].map(([, folder, cell]) => [folder, [...cell.matchAll(/`([^`]+)`/g)].map(([, name]) => name)]),
  );
}

function workspaceOf(path) {
  const [first, second] = path.split('/');
  return first === 'packages' ? `packages/${second}` : first;
}

const STATEMENTS = [
  /^import\s+(?<names>[\w\s{},*$]+?\sfrom\s+)?['"](?<specifier>[^'"\n]+)['"]/gm,
  /^export\s+(?<names>(?:type\s+)?(?:\*(?:\s+as\s+\w+)?|\{[^}]*\})\s+from\s+)['"](?<specifier>[^'"\n]+)['"]/gm,
  /(?<![.\w])import\((?<names>)['"](?<specifier>[^'"\n]+)['"]/g,
];

function listImports(text) {
  const found = STATEMENTS.flatMap((pattern) => [...text.matchAll(pattern)]);
  // Programs that a test writes as text have names put in; those are no imports of ours.
  const ours = found.filter(({ groups }) => !groups.specifier.includes('${'));
  return ours.map(({ groups }) => ({
    specifier: groups.specifier,
    typeOnly: /^type\s/.test(groups.names ?? ''),
  }));
}

function readPackage(folder) {
  return JSON.parse(readFileSync(join(root, folder, 'package.json'), 'utf8'));
}

function findImportProblem(path, specifier) {
  const folder = workspaceOf(path);
  if (specifier.startsWith('.')) {
    const target = normalize(join(dirname(path), specifier));
    if (workspaceOf(target) !== folder) return 'leaves its workspace by a relative path';
    const escapes = path.startsWith(`${folder}/src/`) && !target.startsWith(`${folder}/src/`);
    return escapes ? 'reaches from src/ into test/' : undefined;
  }
  if (specifier.startsWith('node:')) return undefined;
  const [scope, name, ...rest] = specifier.split('/');
  if (scope !== '@resplice') return findExternalProblem(path, folder, specifier);
  if (`packages/${name}` === folder) return 'imports its own package by name';
  const entry = rest.length === 0 ? '.' : `./${rest.join('/')}`;
  if (!(entry in (readPackage(`packages/${name}`).exports ?? {}))) return 'is a deep import';
  const allowed = table.get(folder);
  if (allowed.includes(name) || allowed.includes([name, ...rest].join('/'))) return undefined;
  return 'is not allowed by the table in docs/architecture.md';
}

function findExternalProblem(path, folder, specifier) {
  const name = specifier
    .split('/')
    .slice(0, specifier.startsWith('@') ? 2 : 1)
    .join('/');
  const own = readPackage(folder).dependencies ?? {};
  const shared = path.startsWith(`${folder}/src/`) ? {} : readPackage('.').devDependencies;
  return name in own || name in shared ? undefined : `is not in the dependencies of ${folder}/package.json`;
}

/** Modules to the modules they load, as relative paths of the TypeScript files. `import type` loads nothing. */
function importGraph() {
  const paths = new Set(files.map(({ path }) => path));
  const sourceOf = (target) => {
    const source = target.replace(/\.js$/, '.ts');
    return paths.has(source) ? source : `${source}x`;
  };
  const edges = ({ path, text }) =>
    listImports(text)
      .filter(({ specifier, typeOnly }) => specifier.startsWith('.') && !typeOnly)
      .map(({ specifier }) => sourceOf(normalize(join(dirname(path), specifier))));
  return new Map(files.map((file) => [file.path, edges(file)]));
}

function findCycle(graph) {
  const settled = new Set();
  const visit = (node, trail) => {
    if (trail.includes(node)) return [...trail.slice(trail.indexOf(node)), node];
    if (settled.has(node)) return undefined;
    for (const next of graph.get(node) ?? []) {
      const cycle = visit(next, [...trail, node]);
      if (cycle !== undefined) return cycle;
    }
    settled.add(node);
    return undefined;
  };
  return [...graph.keys()].map((node) => visit(node, [])).find((cycle) => cycle !== undefined);
}

test('the table names every workspace, and nothing else', () => {
  const workspaces = readPackage('.').workspaces;
  assert.deepEqual([...table.keys()].sort(), [...workspaces].sort());
});

test('the table has no cycle', () => {
  const graph = [...table].map(([folder, names]) => [
    folder,
    names.map((name) => `packages/${name.split('/')[0]}`),
  ]);
  assert.equal(findCycle(new Map(graph)), undefined);
});

test('every import is allowed by the table, names an entry of its package, and is a declared dependency', () => {
  const problems = files.flatMap(({ path, text }) =>
    listImports(text).flatMap(({ specifier }) => {
      const problem = findImportProblem(path, specifier);
      return problem === undefined ? [] : [`${path}: ${specifier} ${problem}`];
    }),
  );
  assert.deepEqual(problems, []);
});

test('package.json of each workspace depends on no workspace that the table forbids', () => {
  const problems = [...table].flatMap(([folder, names]) => {
    if (!folder.startsWith('packages/')) return [];
    const allowed = names.map((name) => `@resplice/${name.split('/')[0]}`);
    const ours = Object.keys(readPackage(folder).dependencies ?? {}).filter((name) =>
      name.startsWith('@resplice/'),
    );
    return ours.filter((name) => !allowed.includes(name)).map((name) => `${folder} depends on ${name}`);
  });
  assert.deepEqual(problems, []);
});

test('no file loads itself through others', () => {
  assert.equal(findCycle(importGraph()), undefined);
});

test('these checks see what they are for', () => {
  assert.match(findImportProblem('packages/vm/src/a.ts', '@resplice/build') ?? '', /not allowed/);
  assert.match(
    findImportProblem('packages/cli/src/a.ts', '@resplice/update/dist/src/archive.js') ?? '',
    /deep/,
  );
  assert.match(findImportProblem('packages/cli/src/a.ts', '../../update/src/archive.js') ?? '', /leaves/);
  assert.match(findImportProblem('packages/report/src/a.ts', 'zod') ?? '', /dependencies/);
  const text =
    "import {\n  a,\n} from './a.js';\nexport * from './b.js';\nimport type { C } from './c.js';\nawait import('./d.js');";
  const found = listImports(text).map(({ specifier, typeOnly }) => `${specifier}${typeOnly ? ' type' : ''}`);
  assert.deepEqual(found.sort(), ['./a.js', './b.js', './c.js type', './d.js']);
  assert.deepEqual(listImports("export const kind = 'call';"), []);
  assert.deepEqual(
    findCycle(
      new Map([
        ['a', ['b']],
        ['b', ['a']],
      ]),
    ),
    ['a', 'b', 'a'],
  );
});

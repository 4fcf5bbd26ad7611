// House rules that hold for every source file and that no linter rule covers.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { transform } from 'esbuild';
import { listFiles, root } from './source-files.mjs';

const files = listFiles();
const library = files.filter((path) => /^packages\/(?!cli\/)[a-z]+\/src\/.*\.tsx?$/.test(path));

const read = (path) => readFileSync(join(root, path), 'utf8');

/** The code without comments and types, so that a rule is not broken by a sentence about it. */
async function readCode(path) {
  return (
    await transform(read(path), {
      loader: path.endsWith('x') ? 'tsx' : 'ts',
      minifyWhitespace: true,
      legalComments: 'none',
    })
  ).code;
}

async function findMatches(paths, pattern) {
  const found = await Promise.all(
    paths.map(async (path) =>
      [...(await readCode(path)).matchAll(pattern)].map(([match]) => `${path}: ${match}`),
    ),
  );
  return found.flat();
}

test('no source file has more than 500 lines', () => {
  const sources = files.filter((path) => /\.(tsx?|css|mjs|js|c|h|sh)$/.test(path));
  const long = sources.filter((path) => read(path).trimEnd().split('\n').length > 500);
  assert.deepEqual(long, []);
});

test('only packages/cli prints or exits', async () => {
  const pattern =
    /(?<![.\w])console\.(?:log|error|warn|info|debug|trace|table|dir)\b|\bprocess\s*\.\s*(?:exit|exitCode|stdout|stderr|abort)\b/g;
  assert.deepEqual(await findMatches(library, pattern), []);
});

test('the engine uses no file system, network, clock, environment or randomness', async () => {
  const engine = library.filter((path) => path.startsWith('packages/engine/'));
  const modules = /['"]node:(?!buffer['"]|crypto['"]|util['"])[a-z_/]+['"]/g;
  const state =
    /\bprocess\s*\.|\bDate\s*\.\s*now\b|\bnew Date\(\)|\bMath\s*\.\s*random\b|\brandom(?:Bytes|UUID|Int)\b/g;
  assert.deepEqual(await findMatches(engine, modules), []);
  assert.deepEqual(await findMatches(engine, state), []);
});

test('no file names a path of the machine it was written on', () => {
  // The checkout's own place, and the homes and top folders where checkouts live.
  const places = [root, dirname(root)]
    .filter((place) => place.split('/').length > 2)
    .map((place) => `${place}/`);
  const problems = files.flatMap((path) => {
    const text = read(path);
    const place =
      places.find((candidate) => text.includes(candidate)) ??
      /\/(?:home|Users)\/[a-z][\w-]*\//.exec(text)?.[0];
    return place === undefined ? [] : [`${path}: ${place}`];
  });
  assert.deepEqual(problems, []);
});

test('no file names the host of a package registry', () => {
  const registry = process.env.npm_config_registry ?? '';
  const host = URL.canParse(registry) ? new URL(registry).host : undefined;
  const named = files.filter((path) => host !== undefined && read(path).includes(host));
  assert.deepEqual(named, []);
  const resolved = [...read('package-lock.json').matchAll(/"resolved": "(\w+:[^"]*)"/g)].map(
    ([, address]) => address,
  );
  assert.deepEqual(resolved, []);
});

test('no test is skipped, singled out or left to do', async () => {
  const tests = files.filter((path) => /^(?:packages\/[a-z]+\/test|e2e)\/.*\.ts$/.test(path));
  assert.deepEqual(
    await findMatches(tests, /\b(?:test|it|describe|suite)\.(?:only|skip|todo)\b|\bskip:|\btodo:/g),
    [],
  );
});

test('all packages have the version of the repository, and the command says it', () => {
  const { version, workspaces } = JSON.parse(read('package.json'));
  for (const folder of workspaces)
    assert.equal(JSON.parse(read(`${folder}/package.json`)).version, version, folder);
  assert.match(
    read('packages/report/src/version.ts'),
    new RegExp(`VERSION = '${version.replaceAll('.', '\\.')}'`),
  );
});

// Exit status 0 when node_modules is what package-lock.json asks for. npm writes node_modules/.package-lock.json last, so
// an interrupted installation is not mistaken for a whole one.

import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));

function readPackages(file) {
  const path = join(root, file);
  return existsSync(path) ? JSON.parse(readFileSync(path, 'utf8')).packages : {};
}

function isInstalled([path, wanted], found) {
  if (!path.startsWith('node_modules/')) return true;
  const actual = found[path];
  // Optional packages are for other platforms when they are absent.
  if (actual === undefined) return wanted.optional === true;
  return wanted.link === true ? actual.link === true : actual.integrity === wanted.integrity;
}

const found = readPackages('node_modules/.package-lock.json');
const wanted = Object.entries(readPackages('package-lock.json'));
process.exitCode = wanted.every((entry) => isInstalled(entry, found)) ? 0 : 1;

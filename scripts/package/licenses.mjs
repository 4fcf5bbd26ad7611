// The licenses of what is inside the executable: of node, and of each library that went into the bundle.

import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

const NODE_LICENSES = [
  join(dirname(dirname(process.execPath)), 'LICENSE'),
  join(dirname(dirname(process.execPath)), 'share/doc/nodejs/LICENSE'),
  join(dirname(dirname(process.execPath)), 'share/doc/nodejs/copyright'),
];

export function collectLicenses(root, metafile) {
  const names = new Set(
    Object.keys(metafile.inputs).flatMap(
      (path) => /(?:^|\/)node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(path)?.[1] ?? [],
    ),
  );
  const libraries = [...names].sort().map((name) => describe(join(root, 'node_modules', name), name));
  const node = NODE_LICENSES.find((file) => existsSync(file));
  const text =
    node === undefined ? 'See https://github.com/nodejs/node/blob/main/LICENSE' : readFileSync(node, 'utf8');
  return [`Node.js ${process.version}\n\n${text.trim()}`, ...libraries]
    .join(`\n\n${'-'.repeat(72)}\n\n`)
    .concat('\n');
}

function describe(folder, name) {
  const { version, license } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
  const file = readdirSync(folder).find((each) => /^licen[cs]e/i.test(each));
  const text = file === undefined ? `License: ${license}` : readFileSync(join(folder, file), 'utf8').trim();
  return `${name} ${version}\n\n${text}`;
}

// The whole command in one file, packages/cli/dist/resplice.cjs: the `resplice` of a checkout, and what runs inside guests,
// where there is nothing but this file and node. CommonJS, because a single executable made of it later must be.
//
// Two things do not survive bundling by themselves: iced-x86 reads its .wasm from beside its own file, so the bytes are
// put into the text as base64; and `import.meta.url` is empty in CommonJS, so it gets the bundle's own address.

import { readFile, rename } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const cli = join(root, 'packages/cli');

const WASM_READ =
  /const path = require\('path'\)\.join\(__dirname, '([^']+\.wasm)'\);\s*const bytes = require\('fs'\)\.readFileSync\(path\);/;

/** @type {import('esbuild').Plugin} */
const inlineWasm = {
  name: 'inline-wasm',
  setup({ onLoad }) {
    onLoad({ filter: /[\\/]iced_x86\.js$/ }, async ({ path }) => {
      const text = await readFile(path, 'utf8');
      const [statement, file] = WASM_READ.exec(text) ?? [];
      if (statement === undefined)
        throw new Error(`${path}: does not read its .wasm as expected; see scripts/bundle.mjs`);
      const base64 = (await readFile(join(dirname(path), file))).toString('base64');
      return {
        contents: text.replace(statement, `const bytes = Buffer.from('${base64}', 'base64');`),
        loader: 'js',
      };
    });
  },
};

/**
 * Loaded by the commands that need them; they and the database are nothing that machines should carry. What else the factory has
 * (`@resplice/factory/guest`) is part of the bundle, so this is no case for `external`, which would mean that as well.
 * @type {import('esbuild').Plugin}
 */
const serverApart = {
  name: 'server-apart',
  setup({ onResolve }) {
    onResolve({ filter: /^@resplice\/(?:server(?:\/factory)?|factory)$/ }, ({ path }) => ({
      path,
      external: true,
    }));
  },
};

/** Gives back esbuild's account of what went in. `edition`: see packages/cli/src/program.ts. */
export async function bundleCommand(outfile = join(cli, 'dist/resplice.cjs'), edition = 'whole') {
  const draft = `${outfile}.${process.pid}`;
  const { metafile } = await build({
    entryPoints: [join(cli, 'dist/src/main.js')],
    outfile: draft,
    bundle: true,
    platform: 'node',
    target: 'node20',
    format: 'cjs',
    banner: {
      js: "#!/usr/bin/env node\nconst bundleUrl = require('node:url').pathToFileURL(__filename).href;",
    },
    define: { 'import.meta.url': 'bundleUrl', RESPLICE_EDITION: JSON.stringify(edition) },
    metafile: true,
    plugins: [inlineWasm, serverApart],
    logLevel: 'warning',
  });
  // A command that is just being started reads the old one to its end.
  await rename(draft, outfile);
  return metafile;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await bundleCommand();

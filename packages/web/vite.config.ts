// The dashboard as static files: names with hashes, which may be kept for ever, and one index.html that names them.
//
// JSX is compiled by Vite itself. Preact's preset would add hot reloading and some eighty packages of Babel; reloading the page does.

import { defineConfig } from 'vite';

const server = process.env.RESPLICE_SERVER ?? 'http://127.0.0.1:8440';

// Vite reads the default export of this file and no other name.
// biome-ignore lint/style/noDefaultExport: see above
export default defineConfig({
  oxc: { jsx: { runtime: 'automatic', importSource: 'preact' } },
  build: {
    outDir: 'dist/site',
    emptyOutDir: true,
    target: 'es2022',
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
  },
  // `npx vite` in this folder: the pages as they are edited, with the data of a server that runs.
  server: { proxy: { '/api': { target: server, changeOrigin: true } } },
});

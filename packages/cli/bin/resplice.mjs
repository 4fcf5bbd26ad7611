#!/usr/bin/env node
// The command of a checkout is the bundle: one file starts faster than hundreds, and it is the same that guests run.
// Required, not imported: before an import node would scan all of its text for the names it exports.
// The commands of the server are not started from it: their library is not in it, and shares the classes of errors with the rest.
import { createRequire } from 'node:module';

const OF_SERVER = ['serve', 'worker', 'admin'];

if (OF_SERVER.includes(process.argv[2])) await import('../dist/src/main.js');
else createRequire(import.meta.url)('../dist/resplice.cjs');

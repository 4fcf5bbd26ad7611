#!/usr/bin/env node
// The command of a checkout is the bundle: one file starts faster than hundreds, and it is the same that guests run.
// Required, not imported: before an import node would scan all of its text for the names it exports.
import { createRequire } from 'node:module';

createRequire(import.meta.url)('../dist/resplice.cjs');

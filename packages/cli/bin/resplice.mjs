#!/usr/bin/env node
// The command of a checkout is the bundle: one file starts faster than hundreds, and it is the same that guests run.
import '../dist/resplice.cjs';

// Run as a process of its own by runner.test.ts: boots a guest that never ends, and says which QEMU has it.

import { runGuest } from '../../src/index.js';
import { findTestKernel } from './kernel.js';

await runGuest({
  vmlinuz: findTestKernel(),
  files: [],
  steps: [{ name: 'endless', argv: ['sleep', '1000'] }],
  onEvent: (event) => {
    if (event.type === 'waiting') process.stdout.write('waiting\n');
    if (event.type === 'started') process.stdout.write(`started ${event.pid}\n`);
    if (event.type === 'step-started') process.stdout.write('running\n');
  },
});

// Everything that is done to a running kernel, in one boot of the kernel with the holes: a boot costs more than most cases.

import { Workshop } from '../src/workshop.js';
import { alteredCode } from './case/altered-code.js';
import { freshModule } from './case/fresh-module.js';
import { heldTransition } from './case/held-transition.js';
import { killedCommands } from './case/killed-commands.js';
import { moduleExit } from './case/module-exit.js';
import { oneUpdate } from './case/one-update.js';
import { otherBuild } from './case/other-build.js';
import { severalUpdates } from './case/several-updates.js';
import { stackedUpdates } from './case/stacked-updates.js';
import { shareBoot, testQuietEnd } from './shared-boot.js';

const CASES = [
  oneUpdate,
  severalUpdates,
  moduleExit,
  freshModule,
  otherBuild,
  stackedUpdates,
  alteredCode,
  heldTransition,
  killedCommands,
];

testQuietEnd(shareBoot({ cases: CASES, open: () => Workshop.open() }));

// The trampoline engine: the cases of the first engine again, and what only this one can do, in one boot of the kernel with the holes.

import { Workshop } from '../src/workshop.js';
import { alteredCode } from './case/altered-code.js';
import { atomicData } from './case/atomic-data.js';
import { coexistingCode } from './case/coexisting-code.js';
import { cumulativeUpdate } from './case/cumulative-update.js';
import { pipeSize } from './case/guide-pipe-size.js';
import { heldTransition } from './case/held-transition.js';
import { inPlaceData } from './case/in-place-data.js';
import { inPlaceModule } from './case/in-place-module.js';
import { killedSwitch } from './case/killed-switch.js';
import { ledTable } from './case/led-table.js';
import { movedMember } from './case/moved-member.js';
import { nmiHandler } from './case/nmi-handler.js';
import { oneUpdate } from './case/one-update.js';
import { otherBuild } from './case/other-build.js';
import { severalUpdates } from './case/several-updates.js';
import { stackedUpdates } from './case/stacked-updates.js';
import { switchHooks } from './case/switch-hooks.js';
import { unreachableCode } from './case/unreachable-code.js';
import { waitingModules } from './case/waiting-modules.js';
import { shareBoot, testQuietEnd } from './shared-boot.js';

const CASES = [
  oneUpdate,
  unreachableCode,
  severalUpdates,
  waitingModules,
  otherBuild,
  stackedUpdates,
  alteredCode,
  heldTransition,
  switchHooks,
  pipeSize,
  atomicData,
  inPlaceData,
  inPlaceModule,
  ledTable,
  coexistingCode,
  cumulativeUpdate,
  killedSwitch,
  nmiHandler,
  movedMember,
];

testQuietEnd(shareBoot({ cases: CASES, open: () => Workshop.open(undefined, 'trampoline') }));

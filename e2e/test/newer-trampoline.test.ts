// The trampoline engine on the 6.12 branch, where its jumps stand behind ENDBR and the call for ftrace: its cases again, in one boot.

import { chooseNewerPair } from '../src/kernel-pair.js';
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
import { nmiHandler } from './case/nmi-handler.js';
import { oneUpdate } from './case/one-update.js';
import { otherBuild } from './case/other-build.js';
import { severalNewerUpdates } from './case/several-updates.js';
import { stackedUpdates } from './case/stacked-updates.js';
import { switchHooks } from './case/switch-hooks.js';
import { unreachableCode } from './case/unreachable-code.js';
import { waitingModules } from './case/waiting-modules.js';
import { shareBoot, testQuietEnd } from './shared-boot.js';

const CASES = [
  oneUpdate,
  unreachableCode,
  severalNewerUpdates,
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
];

testQuietEnd(
  shareBoot({
    cases: CASES,
    open: async () => Workshop.open(await chooseNewerPair((line) => console.log(line)), 'trampoline'),
  }),
);

// Refusals that concern the machine as a whole: the right kernel, and one that allows live patches.

import { JUMP_LENGTH } from '@resplice/engine';
import type { Reason } from '@resplice/report';
import type { Manifest } from '@resplice/update';
import type { Environment } from '../kernel/environment.js';

export function checkEnvironment(manifest: Manifest, environment: Environment): readonly Reason[] {
  const { kernel } = manifest;
  const reasons: (Reason | undefined)[] = [
    environment.uid === 0
      ? undefined
      : { code: 'not-root', subject: {}, found: `runs as user ${environment.uid}` },
    environment.architecture === kernel.architecture
      ? undefined
      : {
          code: 'wrong-architecture',
          subject: {},
          found: `this machine is ${environment.architecture}, the update is for ${kernel.architecture}`,
        },
    checkKernel(kernel, environment),
    ...(manifest.engine === 'livepatch' ? checkLivepatch(environment) : []),
    environment.modulesDisabled
      ? { code: 'modules-disabled', subject: {}, found: 'kernel.modules_disabled is 1' }
      : undefined,
    ...checkLockPrefixes(manifest, environment),
  ];
  return reasons.flatMap((reason) => reason ?? []);
}

export function isSameKernel(manifest: Manifest, environment: Environment): boolean {
  return environment.buildId === manifest.kernel.buildId;
}

function checkKernel(kernel: Manifest['kernel'], environment: Environment): Reason | undefined {
  if (environment.buildId === kernel.buildId) return undefined;
  const { release, packageVersion, buildId } = environment;
  const wanted = `${kernel.release} (${kernel.version}), build id ${kernel.buildId}`;
  const same = release === kernel.release ? '; the release is the same, but it was built again' : '';
  return {
    code: 'wrong-kernel',
    subject: {},
    found: `this machine runs ${release} (${packageVersion ?? 'version unknown'}), build id ${
      buildId ?? 'unknown'
    }; the update is for ${wanted}${buildId === undefined ? '' : same}`,
  };
}

function checkLivepatch(environment: Environment): readonly (Reason | undefined)[] {
  return [
    environment.livepatch
      ? undefined
      : { code: 'livepatch-missing', subject: {}, found: '/sys/kernel/livepatch does not exist' },
    environment.ftraceEnabled
      ? undefined
      : { code: 'ftrace-disabled', subject: {}, found: 'kernel.ftrace_enabled is 0' },
  ];
}

/**
 * A kernel that starts on one processor takes the lock prefixes out of its code, and writes them back, through a jump as well, when another
 * processor comes (alternatives_enable_smp).
 */
function checkLockPrefixes({ objects }: Manifest, { processors }: Environment): readonly Reason[] {
  if (processors === undefined || processors.online > 1 || processors.possible === 1) return [];
  const found = `one processor runs, and there can be ${processors.possible}`;
  return objects.flatMap(({ name: object, functions }) =>
    functions.flatMap(({ name, jump, sites }): readonly Reason[] => {
      if (jump === null) return [];
      const covered = (jump.below?.sites ?? sites).find(
        ({ kind, at }) => kind === 'smp-lock' && at >= jump.at && at < jump.at + JUMP_LENGTH,
      );
      if (covered === undefined) return [];
      return [
        { code: 'lock-prefix-in-the-way', subject: { object, symbol: name, offset: covered.at }, found },
      ];
    }),
  );
}

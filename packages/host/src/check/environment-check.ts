// Refusals that concern the machine as a whole: the right kernel, and one that allows live patches.

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

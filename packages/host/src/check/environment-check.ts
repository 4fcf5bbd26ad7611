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
    checkSignature(manifest, environment),
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

function checkSignature({ engine, module }: Manifest, environment: Environment): Reason | undefined {
  const forced = environment.signaturesForced || environment.lockdown !== 'none';
  if (!forced) return undefined;
  // Addresses are written into its modules when they are loaded, which no signature survives.
  if (module.signed && engine === 'livepatch') return undefined;
  const cause =
    environment.lockdown === 'none'
      ? 'module.sig_enforce is on'
      : `lockdown mode is "${environment.lockdown}"`;
  return {
    code: 'module-must-be-signed',
    subject: {},
    found: `${cause}, and the update's module ${engine === 'livepatch' ? 'is not' : 'cannot be'} signed`,
    ...(engine === 'livepatch'
      ? {}
      : { advice: 'use an update for the livepatch engine, signed with a key this kernel trusts' }),
  };
}

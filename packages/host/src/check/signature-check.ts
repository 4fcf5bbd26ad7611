// Module signatures, judged before the kernel is asked: on a machine that forces them, an update that the kernel would reject
// is refused with the key that is missing, and nothing is loaded. Whether a signature is right is for the kernel alone.

import { type Reason, TrustError } from '@resplice/report';
import { type ModuleSigner, readModuleSigner, splitModule } from '@resplice/update';
import type { ApplicableUpdate } from '../applicable-update.js';
import type { Environment } from '../kernel/environment.js';
import { isTrusted, type TrustedKey } from '../kernel/trusted-key.js';

/** `keys`: what the kernel knows; undefined when that cannot be seen, and then the kernel decides. */
export function checkSignature(
  update: ApplicableUpdate,
  environment: Environment,
  keys: readonly TrustedKey[] | undefined,
): readonly Reason[] {
  if (!environment.signaturesForced && environment.lockdown === 'none') return [];
  const cause =
    environment.lockdown === 'none'
      ? 'module.sig_enforce is on'
      : `lockdown mode is "${environment.lockdown}"`;
  const subject = {};
  if (update.manifest.engine === 'trampoline') {
    // Addresses are written into its modules when they are loaded, which no signature survives.
    const found = `${cause}, and the update's module cannot be signed`;
    const advice = 'use an update for the livepatch engine, signed with a key this kernel trusts';
    return [{ code: 'module-must-be-signed', subject, found, advice }];
  }
  const signer = findSigner(update);
  if (signer === 'damaged') {
    return [{ code: 'module-signature-rejected', subject, found: 'the signature of the module is damaged' }];
  }
  if (!update.manifest.module.signed || signer === undefined) {
    return [
      { code: 'module-must-be-signed', subject, found: `${cause}, and the update's module is not signed` },
    ];
  }
  if (keys === undefined || signer === 'unnamed' || isTrusted(signer, keys)) return [];
  const { commonName, serial } = signer;
  const found = `${cause}, and none of the ${keys.length} keys that this kernel knows is that of ${JSON.stringify(commonName)} (serial number ${serial})`;
  return [{ code: 'module-key-unknown', subject, found }];
}

/** `unnamed`: signed in a form that does not name the signer by issuer and serial number. */
function findSigner({ module }: ApplicableUpdate): ModuleSigner | 'unnamed' | 'damaged' | undefined {
  try {
    if (splitModule(module).signature === undefined) return undefined;
    return readModuleSigner(module) ?? 'unnamed';
  } catch (error) {
    if (error instanceof TrustError) return 'damaged';
    throw error;
  }
}

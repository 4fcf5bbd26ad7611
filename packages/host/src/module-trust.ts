// Whether this machine will load a module that a certificate's key has signed: what it demands, and what it knows.

import { readEnvironment } from './kernel/environment.js';
import { isTrusted, readTrustedKeys } from './kernel/trusted-key.js';
import type { Machine } from './machine/machine.js';

/** The EFI variable: four bytes of attributes, then 1 when Secure Boot is on. */
const SECURE_BOOT = '/sys/firmware/efi/efivars/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c';
const ATTRIBUTES = 4;

export interface ModuleTrust {
  /** Undefined when the machine was not started by UEFI, or does not tell. */
  readonly secureBoot: boolean | undefined;
  /** Why only signed modules are loaded; undefined when any module is. */
  readonly forcedBy: string | undefined;
  /** Whether the kernel knows the key; undefined when its keys cannot be seen. */
  readonly known: boolean | undefined;
}

export function readModuleTrust(
  machine: Machine,
  certificate: { readonly commonName: string; readonly serial: string },
): ModuleTrust {
  const variable = machine.readFile(SECURE_BOOT);
  const { signaturesForced, lockdown } = readEnvironment(machine);
  const keys = readTrustedKeys(machine);
  const forcedBy =
    lockdown === 'none'
      ? signaturesForced
        ? 'module.sig_enforce is on'
        : undefined
      : `lockdown mode is "${lockdown}"`;
  return {
    secureBoot: variable.ok ? variable.bytes[ATTRIBUTES] === 1 : undefined,
    forcedBy,
    known: keys === undefined ? undefined : isTrusted({ ...certificate, organization: '' }, keys),
  };
}

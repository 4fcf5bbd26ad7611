// The three things a machine can be used for, and what each needs. Every library knows its own needs; here they get one form.

import { checkBuildTools } from '@resplice/build';
import { openMachine, probeMachine } from '@resplice/host';
import { findMissingPrograms } from '@resplice/vm';

export const CAPABILITIES = ['create', 'try', 'apply'] as const;
export type Capability = (typeof CAPABILITIES)[number];

export interface Finding {
  readonly name: string;
  readonly ok: boolean;
  readonly found: string;
  /** What to do; empty when nothing is to be done. */
  readonly advice: string;
}

export async function checkCapability(capability: Capability): Promise<readonly Finding[]> {
  if (capability === 'create') return findBuildNeeds();
  return capability === 'try' ? findGuestNeeds() : findHostNeeds();
}

async function findBuildNeeds(): Promise<readonly Finding[]> {
  const missing = await checkBuildTools();
  if (missing.length === 0) return [{ name: 'build tools', ok: true, found: 'all there', advice: '' }];
  return missing.map(({ tool, package: name }) => missingProgram(tool, name));
}

async function findGuestNeeds(): Promise<readonly Finding[]> {
  const missing = await findMissingPrograms();
  if (missing.length > 0)
    return missing.map(({ program, debianPackage }) => missingProgram(program, debianPackage));
  return [{ name: 'programs', ok: true, found: 'all there', advice: '' }];
}

function findHostNeeds(): readonly Finding[] {
  return probeMachine(openMachine()).map(({ name, ok, found, advice }) => ({ name, ok, found, advice }));
}

function missingProgram(name: string, debianPackage: string): Finding {
  return { name, ok: false, found: 'not installed', advice: `run: sudo apt-get install ${debianPackage}` };
}

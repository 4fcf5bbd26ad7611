// The kernel that the tests in this folder boot. Without one they fail rather than pass by doing nothing.

import assert from 'node:assert/strict';

function readVariable(name: string, meaning: string): string {
  const value = process.env[name];
  assert.ok(value, `set ${name} to ${meaning}; \`npm test\` does`);
  return value;
}

/** Host path of a stock Debian bzImage. */
export function findTestKernel(): string {
  return readVariable('RESPLICE_TEST_VMLINUZ', 'the vmlinuz of a Debian image package');
}

/** The same package's `lib/modules/RELEASE`. */
export function findTestModules(): string {
  return readVariable('RESPLICE_TEST_MODULES', 'the lib/modules/RELEASE folder of the same package');
}

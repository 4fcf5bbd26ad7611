import assert from 'node:assert';
import { test } from 'node:test';
import { explainInsertFailure } from '../src/insert-failure.js';

/** What kmod of Debian 12 prints, and what it means. */
const CASES = [
  ['Key was rejected by service', 'module-signature-rejected'],
  ['Required key not available', 'module-signature-rejected'],
  ['Invalid module format', 'module-format-rejected'],
  ['Unknown symbol in module', 'module-format-rejected'],
  ['Operation not permitted', 'module-must-be-signed'],
  ['Cannot allocate memory', 'module-rejected'],
] as const;

for (const [text, code] of CASES) {
  test(`takes "${text}" for ${code}`, () => {
    const output = `insmod: ERROR: could not insert module /run/resplice/loading.ko: ${text}\n`;
    const reason = explainInsertFailure('resplice_x', { status: 1, output }, [], 'marker');
    assert.equal(reason.code, code);
    assert.deepEqual(reason.evidence, [output.trim()]);
  });
}

test('shows only what the kernel said after the marker', () => {
  const log = ['old', 'resplice: loading resplice_x', 'Invalid ELF header len 12'];
  const result = { status: 1, output: 'Invalid module format' };
  const reason = explainInsertFailure('resplice_x', result, log, 'resplice: loading resplice_x');
  assert.deepEqual(reason.evidence, ['Invalid module format', 'kernel: Invalid ELF header len 12']);
});

test('chooses lines by name when the marker is gone from the log', () => {
  const log = ['noise', 'resplice_x: disagrees about version of symbol', 'noise'];
  const reason = explainInsertFailure('resplice_x', { status: 1, output: '' }, log, 'marker');
  assert.equal(reason.found, 'insmod failed with status 1');
  assert.deepEqual(reason.evidence, ['kernel: resplice_x: disagrees about version of symbol']);
});

test('names the module that was loaded though the update must be there before it', () => {
  const said = 'resplice: dummy is loaded, and has to be unloaded before';
  const log = ['marker', said, "livepatch: pre-patch callback failed for object 'dummy'"];
  const output = 'insmod: ERROR: could not insert module x.ko: Device or resource busy';
  const reason = explainInsertFailure('resplice_x', { status: 1, output }, log, 'marker');
  assert.equal(reason.code, 'module-loaded');
  assert.equal(reason.subject.object, 'dummy');
});

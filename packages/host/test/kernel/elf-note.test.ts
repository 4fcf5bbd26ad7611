import assert from 'node:assert';
import { test } from 'node:test';
import { InputError } from '@resplice/report';
import { findBuildId, parseNotes } from '../../src/kernel/elf-note.js';
import { encodeBuildIdNotes } from '../fake/core-image.js';
import { BUILD_ID } from '../fake/situation.js';
import { assertSurvivesMutations } from '../mutation.js';

/** The end of /sys/kernel/notes of Debian's 6.1.0-47-amd64: a Xen note, the build id, two Linux notes, a Xen note. */
const DEBIAN = Buffer.from(
  '04000000080000000400000058656e000000000000000000' +
    '040000001400000003000000474e550012f1e1ca032e499318c5cc64e024d3e617624bf6' +
    '0600000004000000010100004c696e757800000000000000' +
    '060000000f000000000100004c696e7578000000362e312e302d34372d616d6436340000' +
    '04000000080000001200000058656e005008000100000000',
  'hex',
);

test('finds the build id among the notes of a Debian kernel', () => {
  assert.equal(findBuildId(DEBIAN, 'notes'), BUILD_ID);
  assert.deepEqual(
    parseNotes(DEBIAN, 'notes').map(({ owner, type }) => `${owner}:${type}`),
    ['Xen:4', 'GNU:3', 'Linux:257', 'Linux:256', 'Xen:18'],
  );
});

test('does not take a Xen note of type 3 for a build id', () => {
  assert.equal(findBuildId(encodeBuildIdNotes(BUILD_ID), 'notes'), BUILD_ID);
});

test('tells that there is no build id', () => {
  assert.equal(findBuildId(new Uint8Array(), 'notes'), undefined);
  assert.equal(findBuildId(DEBIAN.subarray(0, 24), 'notes'), undefined);
});

test('accepts a last note that ends without padding', () => {
  const note = Buffer.from('040000000300000003000000474e5500aabbcc', 'hex');
  assert.equal(findBuildId(note, 'notes'), 'aabbcc');
});

test('refuses a note that reaches over the end, and names the place', () => {
  const note = Buffer.from('04000000ff00000003000000474e5500aabb', 'hex');
  assert.throws(
    () => parseNotes(note, '/sys/kernel/notes'),
    (error) => error instanceof InputError && error.message.startsWith('/sys/kernel/notes: '),
  );
});

test('survives damaged notes', () => {
  assertSurvivesMutations(DEBIAN, (bytes) => findBuildId(bytes, 'notes'));
});

// Seeded mutations of valid input: parsers must answer with a value or an InputError, never with anything else.

import assert from 'node:assert';
import { InputError } from '@resplice/report';

/** Runs `parse` on `count` damaged copies of `valid`. */
export function assertSurvivesMutations(
  valid: Uint8Array,
  parse: (bytes: Uint8Array) => unknown,
  count = 500,
): void {
  const random = makeRandom(1);
  for (let round = 0; round < count; round += 1) {
    const bytes = Uint8Array.from(valid);
    for (let change = 0; change <= round % 4; change += 1) bytes[random(bytes.length)] = random(256);
    const cut = round % 3 === 0 ? bytes.subarray(0, random(bytes.length + 1)) : bytes;
    try {
      parse(cut);
    } catch (error) {
      assert.ok(error instanceof InputError, `round ${round}: ${String(error)}`);
    }
  }
}

/** A linear congruential generator: the same numbers on every machine. */
function makeRandom(seed: number): (limit: number) => number {
  let state = seed;
  return (limit) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * limit);
  };
}

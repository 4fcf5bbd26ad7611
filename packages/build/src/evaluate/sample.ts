// A seeded random sample: the same seed draws the same units, whoever asks.

/** `size` of the values, in their order; all of them when there are no more. */
export function drawSample<T>(values: readonly T[], size: number, seed: number): readonly T[] {
  const indices = values.map((_, index) => index);
  const next = randomNumbers(seed);
  // The first part of a Fisher-Yates shuffle.
  for (let at = 0; at < Math.min(size, indices.length); at++) {
    const other = at + Math.floor(next() * (indices.length - at));
    [indices[at], indices[other]] = [indices[other] ?? 0, indices[at] ?? 0];
  }
  const drawn = new Set(indices.slice(0, size));
  return values.filter((_, index) => drawn.has(index));
}

/** mulberry32 (public domain, Tommy Ettinger): numbers from 0 to below 1. */
function randomNumbers(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

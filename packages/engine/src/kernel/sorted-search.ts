/** Index of the first element that is not below `value` in an ascending list; its length when all are. */
export function lowerBound<T extends number | bigint>(sorted: ArrayLike<T>, value: number | bigint): number {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    const element = sorted[middle];
    if (element !== undefined && element < value) low = middle + 1;
    else high = middle;
  }
  return low;
}

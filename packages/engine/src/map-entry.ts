// Maps whose entries come into being when they are first asked for.

/** The value of `key`, made now if there is none. */
export function ensure<K, V>(map: Map<K, V>, key: K, make: () => V): V {
  const known = map.get(key);
  if (known !== undefined) return known;
  const made = make();
  map.set(key, made);
  return made;
}

/** Adds to the list of `key`. */
export function appendTo<K, V>(map: Map<K, V[]>, key: K, value: V): void {
  ensure(map, key, () => []).push(value);
}

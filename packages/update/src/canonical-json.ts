// One model, one text: object keys sorted by UTF-16 code units, no white space, as RFC 8785 (JSON Canonicalization
// Scheme) for values without fractions, which is all a manifest holds. So hashes and comparisons of the text are
// comparisons of the model, on every machine.

/** UTF-8 text of a JSON value. Keys whose value is undefined are left out, as JSON.stringify does. */
export function encodeCanonicalJson(value: unknown): Uint8Array {
  return Buffer.from(JSON.stringify(sortKeys(value)), 'utf8');
}

function sortKeys(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sortKeys);
  if (value === null || typeof value !== 'object') return value;
  // JSON.stringify writes integer-like keys first, whatever their order; the schema's field names never look like one.
  const entries = Object.entries(value).sort(([left], [right]) => (left < right ? -1 : 1));
  return Object.fromEntries(entries.map(([key, item]) => [key, sortKeys(item)]));
}

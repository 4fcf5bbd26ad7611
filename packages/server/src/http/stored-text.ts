// JSON can hold text that a database cannot: the character 0, and halves of surrogate pairs. Found here, it is the sender's mistake;
// found by the database, it would be an error of ours in the middle of a batch with the check-ins of others.

import { ServiceError } from '../failure.js';

const SUSPECT = /\\u(?:0000|d[89a-f])/i;
/** Under the flag `u`, a pair is one character; what is found is half of one. */
const HALF = /\p{Surrogate}/u;

/** Throws ServiceError `request-malformed`. */
export function parseStorableJson(text: string): unknown {
  let value: unknown;
  try {
    value = text.includes('__proto__') ? JSON.parse(text, dropPrototype) : JSON.parse(text);
  } catch {
    throw new ServiceError('request-malformed', 'the message is not JSON');
  }
  if (SUSPECT.test(text) && !isStorable(value)) {
    throw new ServiceError(
      'request-malformed',
      'the message has text that is not valid Unicode, or the character 0',
    );
  }
  return value;
}

/** A key of this name would reach the prototype of whatever the value is merged into. */
function dropPrototype(key: string, value: unknown): unknown {
  return key === '__proto__' ? undefined : value;
}

function isStorable(value: unknown): boolean {
  if (typeof value === 'string') return !value.includes('\0') && !HALF.test(value);
  if (Array.isArray(value)) return value.every(isStorable);
  if (typeof value !== 'object' || value === null) return true;
  return Object.entries(value).every(([key, each]) => isStorable(key) && isStorable(each));
}

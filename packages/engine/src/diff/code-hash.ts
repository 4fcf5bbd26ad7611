// One number for the meaning of a function's code: equal for equal instructions that refer to the same names, wherever the
// object's layout puts them. With it a later update recognises the code that an earlier one has put in place.

import { createHash } from 'node:crypto';
import type { Side } from './compare.js';
import type { Definition, Target } from './definition.js';

/** SHA-256, in hex, over the bytes outside references and the names of what is referred to. */
export function hashCode(side: Side, definition: Definition): string {
  const hash = createHash('sha256');
  const bytes = side.object.bytesOf(definition).slice();
  const references = side.object.referencesOf(definition).filter((reference) => reference.offset >= 0);
  for (const { offset, size } of references) bytes.fill(0, offset, offset + size);
  hash.update(bytes);
  for (const { offset, type, target, bias } of references) {
    hash.update(`${offset} ${type} ${bias} ${nameOf(side, target)} ${target.offset}\n`);
  }
  return hash.digest('hex');
}

function nameOf(side: Side, target: Target): string {
  if ('symbol' in target) return target.symbol;
  const { definition } = target;
  if (definition.symbols.length > 0) return definition.name;
  return Buffer.from(side.object.bytesOf(definition)).toString('base64');
}

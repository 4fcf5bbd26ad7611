// Text for HTML. Subjects, reasons and file names come from patches and compilers, so nothing in them may become markup.

import { printable } from './printed-text.js';

const ENTITIES: ReadonlyMap<string, string> = new Map([
  ['&', '&amp;'],
  ['<', '&lt;'],
  ['>', '&gt;'],
  ['"', '&quot;'],
  ["'", '&#39;'],
]);

/** Safe as text and inside quoted attributes. */
export function escapeMarkup(text: string): string {
  return printable(text).replace(/[&<>"']/g, (found) => ENTITIES.get(found) ?? '');
}

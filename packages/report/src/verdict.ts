// "This cannot be done safely" is data: all reasons are collected and shown together, each with what was found and what
// the reader can do instead. The closed list of codes is in reasons.ts; docs/refusals.md is held equal to it by a test.

import type { ReasonCode } from './reasons.js';

/** What a reason is about, from the widest to the narrowest; absent parts do not apply. */
export interface Subject {
  /** Source file or object, for example `net/core/sock.o`, or a kernel object such as `vmlinux` or `nf_tables`. */
  readonly object?: string;
  readonly section?: string;
  readonly symbol?: string;
  readonly file?: string;
  readonly line?: number;
  /** Byte offset inside the symbol or, without one, the section. */
  readonly offset?: number;
}

export interface Reason {
  readonly code: ReasonCode;
  readonly subject: Subject;
  /** What was found, in one sentence without the subject. */
  readonly found: string;
  /** What the author or administrator can do instead; defaults to the advice of the code. */
  readonly advice?: string;
  /** Lines that show the evidence, such as two disassemblies or a stack. */
  readonly evidence?: readonly string[];
}

export type Verdict<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly reasons: readonly Reason[] };

export function accept<T>(value: T): Verdict<T> {
  return { ok: true, value };
}

export function refuse(reasons: readonly Reason[]): {
  readonly ok: false;
  readonly reasons: readonly Reason[];
} {
  return { ok: false, reasons };
}

/** `object: section+0x1c (symbol+0x4)`, with only the parts that are known. */
export function formatSubject(subject: Subject): string {
  const offset = subject.offset === undefined ? '' : `+0x${subject.offset.toString(16)}`;
  const place = subject.symbol ?? subject.section;
  const at = place === undefined ? '' : `${place}${offset}`;
  const line = subject.line === undefined ? '' : `:${subject.line}`;
  const file = subject.file === undefined ? '' : `${subject.file}${line}`;
  return [subject.object, file, at].filter((part) => part !== undefined && part !== '').join(': ');
}

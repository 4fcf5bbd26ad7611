// Shows a person where rebuilt and shipped code part.

import {
  type Definition,
  disassemble,
  type FunctionMatch,
  type RunningObject,
  type Side,
} from '@resplice/engine';
import type { Reason } from '@resplice/report';

/** Instructions shown before and after the difference. */
const CONTEXT_BYTES = 12;
const SHOWN_BYTES = 40;

export function explainMismatch(
  side: Side,
  definition: Definition,
  running: RunningObject,
  match: FunctionMatch & { readonly ok: false },
  object: string,
): Reason {
  const { offsetBefore, offsetRunning, what } = match.mismatch;
  const rebuilt = side.object.bytesOf(definition);
  const shipped = running.read(match.address, Math.max(definition.size, offsetRunning + SHOWN_BYTES));
  return {
    code: 'original-differs',
    subject: { object, symbol: definition.name, offset: offsetBefore },
    found: `${what} (${running.name} has it at 0x${match.address.toString(16)})`,
    evidence: [
      'rebuilt:',
      ...show(rebuilt, 0n, offsetBefore),
      `shipped in ${running.name}:`,
      ...show(shipped, match.address, offsetRunning),
    ],
  };
}

/** Lines around an offset; the one at the offset is marked. */
function show(code: Uint8Array, address: bigint, offset: number): readonly string[] {
  return disassemble(code, address)
    .filter(
      (line) => line.offset + line.length > offset - CONTEXT_BYTES && line.offset < offset + SHOWN_BYTES,
    )
    .map((line) => `${line.offset === offset ? '>' : ' '} +0x${line.offset.toString(16)}: ${line.text}`);
}

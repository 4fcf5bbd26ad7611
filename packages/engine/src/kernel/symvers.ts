// Module.symvers, from the headers package: which symbols the kernel and its modules export, and the checksum of each one's type
// that a module must carry. Source: Documentation/kbuild/modules.rst, "Module Versioning" and "Symbols From the Kernel".

import { InputError } from '@resplice/report';

export interface ExportedSymbol {
  readonly name: string;
  readonly crc: number;
  /** `vmlinux`, or the path of the module in the build tree without `.ko`. */
  readonly module: string;
  readonly gplOnly: boolean;
  /** Empty when the symbol is in no namespace. */
  readonly namespace: string;
}

/** One tab-separated line per symbol: `0x1a2b3c4d name module EXPORT_SYMBOL[_GPL] [namespace]`. */
export function parseSymvers(text: string, file = 'Module.symvers'): ReadonlyMap<string, ExportedSymbol> {
  const symbols = new Map<string, ExportedSymbol>();
  for (const [index, line] of text.split('\n').entries()) {
    if (line === '') continue;
    const symbol = parseLine(line);
    if (symbol === undefined) {
      throw new InputError(
        'symvers-malformed',
        `${file}:${index + 1}: expected checksum, name, module, export type and namespace between tabs, got: ${line.slice(0, 100)}`,
      );
    }
    if (symbols.has(symbol.name)) {
      throw new InputError(
        'symvers-duplicate',
        `${file}:${index + 1}: ${symbol.name} stands twice; expected one line per exported symbol`,
      );
    }
    symbols.set(symbol.name, symbol);
  }
  return symbols;
}

function parseLine(line: string): ExportedSymbol | undefined {
  const [crc, name, module, type, namespace = '', ...rest] = line.split('\t');
  if (crc === undefined || !/^0x[0-9a-f]{8}$/.test(crc) || !name || !module || rest.length > 0)
    return undefined;
  if (type !== 'EXPORT_SYMBOL' && type !== 'EXPORT_SYMBOL_GPL') return undefined;
  return { name, crc: Number(crc), module, gplOnly: type === 'EXPORT_SYMBOL_GPL', namespace };
}

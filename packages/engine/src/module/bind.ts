// Gives every symbol that an update imports its place in the running kernel. Where a name is not enough (a static symbol whose
// name exists several times), the match of the original code with the shipped kernel has told the address, and the address tells
// which of the namesakes it is.

import type { Reason } from '@resplice/report';
import type { ExportedSymbol } from '../kernel/symvers.js';
import { appendTo } from '../map-entry.js';
import type { ObjectMatch } from '../match/match-object.js';
import type { RunningObject } from '../match/running-object.js';
import type { Binding } from './finalize.js';
import type { Import } from './import-names.js';

export interface BindContext {
  readonly vmlinux: RunningObject;
  /** The shipped module of that name; undefined when the kernel has none. */
  module(name: string): RunningObject | undefined;
  /** Module.symvers of the kernel. */
  readonly exports: ReadonlyMap<string, ExportedSymbol>;
  /** What the matches of the originals have shown, for every object of an owner. */
  readonly matches: readonly { readonly owner: string; readonly match: ObjectMatch }[];
}

export interface BoundImports {
  readonly bindings: ReadonlyMap<string, Binding>;
  /** Symbol namespaces that the module must import. */
  readonly namespaces: readonly string[];
  readonly reasons: readonly Reason[];
}

/** Binds all imports; one reason for each that cannot be bound. */
export function bindImports(imports: ReadonlyMap<string, Import>, context: BindContext): BoundImports {
  const bindings = new Map<string, Binding>();
  const namespaces = new Map<string, string[]>();
  const reasons: Reason[] = [];
  for (const [name, imported] of imports) {
    const exported =
      imported.definition === undefined || imported.definition.binding === 'global'
        ? exportedByKernel(imported.symbol, context)
        : undefined;
    if (exported !== undefined) {
      bindings.set(name, { kind: 'export', crc: exported.crc });
      if (exported.namespace !== '') appendTo(namespaces, exported.namespace, name);
      continue;
    }
    const binding = bindByName(imported, context);
    if ('kind' in binding) bindings.set(name, binding);
    else if (!imported.weak) reasons.push(binding);
  }
  return { bindings, namespaces: [...namespaces.keys()].sort(), reasons };
}

function exportedByKernel(symbol: string, context: BindContext): ExportedSymbol | undefined {
  const exported = context.exports.get(symbol);
  return exported?.module === 'vmlinux' ? exported : undefined;
}

function bindByName(imported: Import, context: BindContext): Binding | Reason {
  const owner = imported.owner ?? 'vmlinux';
  for (const object of homesOf(imported, owner, context)) {
    const found = findIn(object, imported, owner, context);
    if (found === undefined) continue;
    if ('code' in found) return found;
    const { name, position } = found;
    return object.name === 'vmlinux'
      ? { kind: 'symbol', object: 'vmlinux', name, position, address: found.address, applyWith: 'vmlinux' }
      : { kind: 'symbol', object: object.name, name, position, applyWith: owner };
  }
  return {
    code: 'unresolved-symbol',
    subject: { object: owner, symbol: imported.symbol },
    found: 'no object of the kernel has it',
  };
}

/** Where the symbol can be, in the order of looking: its own object for what it defines, then the kernel, then other modules. */
function homesOf(imported: Import, owner: string, context: BindContext): readonly RunningObject[] {
  const own = owner === 'vmlinux' ? context.vmlinux : context.module(owner);
  if (imported.definition !== undefined || imported.symbol === '__this_module')
    return own === undefined ? [] : [own];
  const exporter = context.exports.get(imported.symbol)?.module;
  const other =
    exporter === undefined || exporter === 'vmlinux' ? undefined : context.module(moduleNameOf(exporter));
  const homes = exporter !== undefined && other !== undefined ? [other] : [own, context.vmlinux];
  return homes.filter((object) => object !== undefined);
}

interface Found {
  readonly name: string;
  readonly position: number;
  /** Of a module: made up. */
  readonly address: bigint;
}

function findIn(
  object: RunningObject,
  imported: Import,
  owner: string,
  context: BindContext,
): Found | Reason | undefined {
  const proved = provedAddress(imported, owner, context, object);
  const names =
    imported.definition === undefined
      ? [imported.symbol]
      : imported.definition.symbols
          .filter((symbol) => symbol.value === imported.definition?.start)
          .map((symbol) => symbol.name);
  for (const name of names) {
    const addresses = object.addressesOf(name);
    const address = proved ?? (addresses.length === 1 ? addresses[0] : undefined);
    if (addresses.length === 0) continue;
    const position = address === undefined ? undefined : object.position(name, address);
    if (address !== undefined && position !== undefined) return { name, position, address };
    const found = `${object.name} has ${addresses.length} symbols of that name, and the original code does not tell which is meant`;
    return { code: 'ambiguous-symbol', subject: { object: object.name, symbol: name }, found };
  }
  return undefined;
}

/** The address that matched original code gives the symbol. */
function provedAddress(
  imported: Import,
  owner: string,
  context: BindContext,
  object: RunningObject,
): bigint | undefined {
  for (const { owner: matched, match } of context.matches) {
    if (matched !== owner) continue;
    const address =
      imported.definition === undefined
        ? match.externals.get(imported.symbol)
        : match.addresses.get(imported.definition);
    if (address !== undefined && object.position(imported.symbol, address) !== undefined) return address;
  }
  return undefined;
}

function moduleNameOf(path: string): string {
  return (path.split('/').at(-1) ?? path).replace(/\.ko$/, '').replaceAll('-', '_');
}

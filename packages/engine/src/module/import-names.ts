// The undefined symbols of an update: each stands for something of the running kernel, and needs a name of its own. Its plain name is kept where
// possible, because objtool knows some functions by name (those that do not return).

import type { Definition } from '../diff/definition.js';
import { STB } from '../elf/elf.layout.js';
import type { NewSymbol } from '../elf/encode.js';
import type { ObjectBuilder } from './section-builder.js';
import { THIS_MODULE } from './this-module.js';

/** A symbol that the assembled object leaves undefined. */
export interface Import {
  readonly symbol: string;
  readonly owner: string | null;
  /** The definition before, when the object itself defines it. */
  readonly definition: Definition | undefined;
  readonly weak: boolean;
}

/** What the names depend on. */
export interface KnownSymbols {
  /** Whether the kernel exports a symbol: then it is the same for the code of every object. */
  isExported(symbol: string): boolean;
  /** Whether vmlinux has a symbol; what it does not have belongs to a module. */
  isInKernel(symbol: string): boolean;
}

/** Trampoline of a static call. */
const TRAMPOLINE = /^__SCT__(.+)$/;

export class ImportNames {
  readonly #builder: ObjectBuilder;
  readonly #known: KnownSymbols;
  readonly #imports = new Map<string, Import>();
  readonly #aliases = new Map<Definition, string>();

  constructor(builder: ObjectBuilder, known: KnownSymbols) {
    this.#builder = builder;
    this.#known = known;
  }

  /** By the name in the assembled object. */
  get imports(): ReadonlyMap<string, Import> {
    return this.#imports;
  }

  /** A symbol that another object defines. */
  ofSymbol(owner: string | null, symbol: string, weak: boolean): NewSymbol {
    const base = this.#importName(symbol);
    const name = this.#uniqueName(base, (known) => this.#isSameGlobal(known, symbol, owner));
    const known = this.#imports.get(name);
    this.#imports.set(name, {
      symbol,
      owner,
      definition: known?.definition,
      weak: weak && known?.weak !== false,
    });
    this.#nameKey(symbol, owner);
    return this.#builder.import(name, weak ? STB.WEAK : STB.GLOBAL);
  }

  /**
   * A call through the trampoline of a static call becomes a static call site, by the trampoline's name. The key of a module is not
   * there when the kernel reads those sites, so a module's trampoline is called by another name, like any function: it leads to
   * the current target all the same.
   */
  #importName(symbol: string): string {
    return TRAMPOLINE.test(symbol) && !this.#known.isInKernel(symbol) ? `resplice${symbol}` : symbol;
  }

  /** objtool looks for the key of a static call by its name, and does not find what no symbol names. */
  #nameKey(trampoline: string, owner: string | null): void {
    const name = TRAMPOLINE.exec(trampoline)?.[1];
    if (name === undefined || !this.#known.isInKernel(trampoline) || this.#imports.has(`__SCK__${name}`))
      return;
    this.#imports.set(`__SCK__${name}`, {
      symbol: `__SCK__${name}`,
      owner,
      definition: undefined,
      weak: false,
    });
    this.#builder.import(`__SCK__${name}`);
  }

  /** What the running kernel has of a definition. */
  ofDefinition(owner: string | null, definition: Definition): NewSymbol {
    let name = this.#aliases.get(definition);
    if (name === undefined) {
      const isGlobal = definition.binding === 'global';
      const isSame = (known: Import) => isGlobal && this.#isSameGlobal(known, definition.name, owner);
      name = this.#uniqueName(this.#importName(definition.name), isSame);
      this.#aliases.set(definition, name);
      this.#imports.set(name, { symbol: definition.name, owner, definition, weak: false });
      this.#nameKey(definition.name, owner);
    }
    return this.#builder.import(name);
  }

  /** A global symbol is one within its kernel object, and an exported one within the kernel, whoever defines it. */
  #isSameGlobal(known: Import, symbol: string, owner: string | null): boolean {
    const isGlobal = known.definition === undefined || known.definition.binding === 'global';
    return isGlobal && known.symbol === symbol && (known.owner === owner || this.#known.isExported(symbol));
  }

  /** Two symbols of the running kernel may share a name; the second one gets an alias that does not outlive the making of the update. */
  #uniqueName(symbol: string, isSame: (known: Import) => boolean): string {
    for (let count = 0; ; count++) {
      const name = count === 0 ? symbol : `${symbol}.resplice.${count}`;
      if (name === THIS_MODULE) continue;
      const known = this.#imports.get(name);
      if (known === undefined || isSame(known)) return name;
    }
  }
}

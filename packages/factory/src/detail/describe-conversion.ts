// What a reviewer sees of an update, made of the update alone: the shipped code stands in its manifest, the new code in its module. So the
// picture is of what machines will run, and not of what a compiler made once more. Only names of what shipped code refers to are asked elsewhere.

import { disassemble, findSection, type ObjectFile, parseObject, type SymbolTable } from '@resplice/engine';
import type { ConversionDetail, ReviewedFunction } from '@resplice/protocol/factory';
import type { PatchedObject, ReplacedFunction, Update } from '@resplice/update';
import { explainChange, type PatchText } from './explain-change.js';
import { NO_NAMES, nameAddress, type ShippedNames } from './shipped-names.js';
import { describeSections } from './special-section.js';

type Section = NonNullable<ReturnType<typeof findSection>>;

type CodeLine = ReviewedFunction['before'][number];

export function describeConversion(
  { manifest, files }: Update,
  patches: readonly PatchText[],
  shipped: ShippedNames = NO_NAMES,
): ConversionDetail {
  const bytes = files.get(manifest.module.file);
  const module = bytes === undefined ? undefined : parseObject(bytes, manifest.module.file);
  const names = new Set(manifest.objects.flatMap(({ functions }) => functions.map(({ name }) => name)));
  const describe = (object: PatchedObject) => (replaced: ReplacedFunction) => {
    const after = module === undefined ? [] : listAfter(module, replaced);
    return {
      ...describeFunction(object, replaced),
      before: listBefore(replaced, object.name, shipped, after),
      after,
    };
  };
  const describeFunction = (object: PatchedObject, replaced: ReplacedFunction) => ({
    name: replaced.name,
    object: object.name,
    source: replaced.source,
    why: explainChange(replaced, patches, names),
    firstDifference:
      replaced.firstDifference === null
        ? null
        : { before: replaced.firstDifference.offsetBefore, after: replaced.firstDifference.offsetAfter },
  });
  const { hooks, shadow, ignored, handled } = manifest.custom;
  return {
    functions: manifest.objects.flatMap((object) => object.functions.map(describe(object))),
    types: (manifest.types ?? []).map(({ type, file, class: kind, found, because }) => ({
      ...{ type, file, found, because },
      class: kind,
    })),
    sections: module === undefined ? [] : describeSections(module),
    added: manifest.objects.flatMap(({ added }) =>
      added.map(({ kind, name, size }) => `${kind} ${name}, ${size} bytes`),
    ),
    statements: [
      ...hooks.map(({ kind, function: name, object }) => `hook ${kind}: ${name} (${object})`),
      ...shadow.map(({ name, type }) => `shadow variable ${name}${type === '' ? '' : ` of ${type}`}`),
      ...ignored.map(({ what, name, why }) => `ignores ${what} ${name}: ${why}`),
      ...handled.map(({ what, name, why }) => `answers for ${what} ${name}: ${why}`),
    ],
    skeleton: null,
  };
}

/** The bytes of the manifest, with the names of what they refer to as far as the shipped kernel tells them. */
function listBefore(
  replaced: ReplacedFunction,
  object: string,
  shipped: ShippedNames,
  after: readonly CodeLine[],
): CodeLine[] {
  const { name, code, address, size } = replaced;
  const start = BigInt(address ?? '0');
  const bytes = Buffer.from(code, 'base64').subarray(0, size);
  const targets = findTargets(shipped.modules.get(object), replaced);
  const alike = new Set(after.flatMap(({ text }) => text.split(/\s+# /)[1] ?? []));
  return disassemble(bytes, start).map(({ offset, length, text }) => {
    const inside = nameInside(text, { name, start, size });
    if (inside !== text) return { offset, text: inside };
    const named =
      address === null ? targets({ offset, length, text }) : nameAddresses(text, shipped.kernel, alike);
    return { offset, text: named.length === 0 ? text : `${text}    # ${named.join(', ')}` };
  });
}

const BRANCH = /^(j\w+|loop\w*|call) 0x([0-9A-F]+)$/i;
const KERNEL_ADDRESS = /0x(FFFFFFFF[89A-F][0-9A-F]{7})\b/gi;

function nameAddresses(
  text: string,
  symbols: SymbolTable | undefined,
  alike: ReadonlySet<string>,
): readonly string[] {
  if (symbols === undefined) return [];
  return [...text.matchAll(KERNEL_ADDRESS)].flatMap(
    ([, digits]) => nameAddress(symbols, BigInt(`0x${digits}`), alike) ?? [],
  );
}

/**
 * What relocations of the shipped file say, and its symbols about calls within a section, which have none; nothing where several functions have
 * the name.
 */
function findTargets(
  module: ObjectFile | undefined,
  { name, size }: Pick<ReplacedFunction, 'name' | 'size'>,
): (line: { readonly offset: number; readonly length: number; readonly text: string }) => readonly string[] {
  const symbols = (module?.symbols ?? []).filter((each) => each.name === name && each.section !== undefined);
  const [symbol] = symbols;
  if (symbol?.section === undefined || symbols.length > 1) return () => [];
  const { section, value } = symbol;
  const relocated = targetsIn(section, value, size);
  return ({ offset, length, text }) => {
    const found = relocated(offset, length);
    const digits = BRANCH.exec(text)?.[2];
    if (found.length > 0 || digits === undefined) return found;
    const target = value + Number(BigInt.asIntN(64, BigInt(`0x${digits}`)));
    const near = module?.symbols.find(
      (each) =>
        each.section === section && each.value === target && each.name !== '' && each.name !== section.name,
    );
    return near === undefined ? [] : [near.name];
  };
}

function targetsIn(section: Section, start: number, size: number) {
  const relocations = section.relocations.filter(({ offset }) => offset >= start && offset < start + size);
  return (offset: number, length: number): readonly string[] =>
    relocations
      .filter((each) => each.offset >= start + offset && each.offset < start + offset + length)
      .map(({ symbol: { name }, addend }) => nameTarget(name, addend));
}

/** Branches within the function as `NAME+0x1c`, so that both sides can be read beside each other. */
function nameInside(
  text: string,
  { name, start, size }: { readonly name: string; readonly start: bigint; readonly size: number },
): string {
  const branch = BRANCH.exec(text);
  const target = BigInt.asUintN(64, BigInt(`0x${branch?.[2] ?? '0'}`) - start);
  if (branch === null || target >= BigInt(size)) return text;
  return `${branch[1]} ${name}+0x${target.toString(16)}`;
}

/** With the names of what it refers to behind each instruction that has a relocation. */
function listAfter(module: ObjectFile, { name, replacement, newSize }: ReplacedFunction): CodeLine[] {
  const symbol = module.symbols.find(({ name, section }) => name === replacement && section !== undefined);
  const section = symbol?.section ?? findSection(module, `.text.${replacement}`);
  if (section === undefined) return [];
  const start = symbol?.value ?? 0;
  const targetsOf = targetsIn(section, start, newSize);
  return disassemble(section.data.subarray(start, start + newSize), 0n).map(({ offset, length, text }) => {
    const targets = targetsOf(offset, length);
    if (targets.length > 0) return { offset, text: `${text}    # ${targets.join(', ')}` };
    return { offset, text: nameInside(text, { name, start: 0n, size: newSize }) };
  });
}

/** livepatch's symbols are `.klp.sym.vmlinux.NAME,POSITION`. A branch's addend counts from the end of its field. */
function nameTarget(name: string, addend: number): string {
  const plain = /^\.klp\.sym\.[^.]+\.([^,]+)/.exec(name)?.[1] ?? name;
  const offset = addend + 4;
  if (addend === 0 || offset === 0) return plain;
  return `${plain}${addend < 0 ? '-' : '+'}0x${Math.abs(addend).toString(16)}`;
}

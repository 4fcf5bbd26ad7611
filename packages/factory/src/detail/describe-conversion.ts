// What a reviewer sees of an update, made of the update alone: the shipped code stands in its manifest, the new code in its module. So the
// picture is of what machines will run, and not of what a compiler made once more.

import { disassemble, findSection, type ObjectFile, parseObject } from '@resplice/engine';
import type { ConversionDetail, ReviewedFunction } from '@resplice/protocol/factory';
import type { PatchedObject, ReplacedFunction, Update } from '@resplice/update';
import { explainChange, type PatchText } from './explain-change.js';
import { describeSections } from './special-section.js';

type CodeLine = ReviewedFunction['before'][number];

export function describeConversion(
  { manifest, files }: Update,
  patches: readonly PatchText[],
): ConversionDetail {
  const bytes = files.get(manifest.module.file);
  const module = bytes === undefined ? undefined : parseObject(bytes, manifest.module.file);
  const names = new Set(manifest.objects.flatMap(({ functions }) => functions.map(({ name }) => name)));
  const describe = (object: PatchedObject) => (replaced: ReplacedFunction) => ({
    name: replaced.name,
    object: object.name,
    source: replaced.source,
    why: explainChange(replaced, patches, names),
    before: listBefore(replaced),
    after: module === undefined ? [] : listAfter(module, replaced),
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

/** Addresses outside of the function are those of the image. */
function listBefore({ name, code, address, size }: ReplacedFunction): CodeLine[] {
  const start = BigInt(address ?? '0');
  const bytes = Buffer.from(code, 'base64').subarray(0, size);
  return disassemble(bytes, start).map(({ offset, text }) => ({
    offset,
    text: nameInside(text, { name, start, size }),
  }));
}

/** Branches within the function as `NAME+0x1c`, so that both sides can be read beside each other. */
function nameInside(
  text: string,
  { name, start, size }: { readonly name: string; readonly start: bigint; readonly size: number },
): string {
  const branch = /^(j\w+|loop\w*|call) 0x([0-9A-F]+)$/i.exec(text);
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
  const relocations = section.relocations.filter(({ offset }) => offset >= start && offset < start + newSize);
  return disassemble(section.data.subarray(start, start + newSize), 0n).map(({ offset, length, text }) => {
    const targets = relocations
      .filter((each) => each.offset >= start + offset && each.offset < start + offset + length)
      .map(({ symbol: { name }, addend }) => nameTarget(name, addend));
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

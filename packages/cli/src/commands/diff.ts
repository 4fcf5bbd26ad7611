import { readFile } from 'node:fs/promises';
import { diffObjects, type ObjectDiff, type ObjectFile, parseObject } from '@resplice/engine';
import { InputError, RespliceError } from '@resplice/report';
import { newCommand } from '../command.js';
import { DONE, type Outcome, REFUSED } from '../outcome.js';
import { alignColumns, count } from '../printed-text.js';
import { renderReasons } from '../reason-text.js';
import { runSession } from '../session.js';

/** Sizes of table entries are then taken from the objects themselves: no kernel is named here whose types could say. */
const NO_TYPES = { find: () => undefined };

export function diffCommand() {
  return newCommand('diff', 'compare two versions of an object as "create" does, without a kernel', [
    'resplice diff before.o after.o',
  ])
    .argument('<before>', 'an x86-64 object, compiled from the source before the patch')
    .argument('<after>', 'the same object, compiled from the patched source')
    .option('--module <name>', 'judge it as part of this loadable module; default: as part of vmlinux')
    .action((before, after, options) =>
      runSession(options, async () => {
        const old = await readObject(before);
        const now = await readObject(after);
        return renderDiff(diffObjects(after, old, now, NO_TYPES, options.module !== undefined));
      }),
    );
}

async function readObject(file: string): Promise<ObjectFile> {
  try {
    return parseObject(await readFile(file), file);
  } catch (cause) {
    if (cause instanceof RespliceError) throw cause;
    const words = cause instanceof Error ? cause.message : String(cause);
    const message = `${file}: cannot be read (${words}); check the path`;
    throw new InputError('object-not-readable', message, { context: { file }, cause });
  }
}

export function renderDiff(diff: ObjectDiff): Outcome {
  const { replaced, selection, correlation, pre, reasons } = diff;
  const added = selection.added.map(({ name, kind, size }) => ({ name, kind, size }));
  const removed = pre.object.definitions
    .filter((definition) => definition.symbols.length > 0 && !correlation.pairs.has(definition))
    .map(({ name, kind, size }) => ({ name, kind, size }));
  const changed = replaced.map(({ before, after, difference }) => ({
    name: before.name,
    size: before.size,
    newSize: after.size,
    firstDifference: difference ?? null,
  }));
  const rows = [
    ...changed.map(({ name, size, newSize, firstDifference: first }) => [
      'replaced',
      name,
      `${size} bytes by ${newSize}`,
      first === null ? '' : `+0x${first.offsetBefore.toString(16)}: ${first.before} | ${first.after}`,
    ]),
    ...added.map(({ name, kind, size }) => ['added', name, `${kind}, ${size} bytes`, '']),
    ...removed.map(({ name, kind, size }) => ['removed', name, `${kind}, ${size} bytes`, '']),
  ];
  const sum = `${count(changed.length, 'function')} replaced, ${added.length} added, ${removed.length} removed`;
  return {
    exitStatus: reasons.length === 0 ? DONE : REFUSED,
    json: {
      verdict: reasons.length === 0 ? 'accepted' : 'refused',
      replaced: changed,
      added,
      removed,
      reasons,
    },
    lines: [
      ...alignColumns(rows),
      ...(rows.length === 0 ? [] : ['']),
      sum,
      ...(reasons.length === 0 ? [] : ['', ...renderReasons(reasons)]),
    ],
  };
}

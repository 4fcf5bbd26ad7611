// Applies a series of patches to a tree that is only read: the result is a map of contents before and after, so a patch
// that fails leaves nothing behind, and the tree may be shared and read-only.
// Spawning patch(1) or git apply was rejected: both write into a tree (a copy of 1.3 GB, or of every file first), both
// guess among several places, patch(1) has fuzz and rejects files, and neither tells which line came from which.

import { InputError } from '@resplice/report';
import { applyHunks, type HunkFailure, type PlaceChoice, type SourceLine } from './hunk-applier.js';
import { splitLines } from './patch-line.js';
import type { PatchedFile, PatchFile } from './patch-model.js';
import { findTargets, type PatchTarget } from './patch-target.js';
import { sourceText } from './source-text.js';

/** Reads a file of the original tree; undefined when there is none. */
export type SourceReader = (path: string) => Promise<Uint8Array | undefined>;

/** A hunk that fitted only at another line than its patch says. */
export interface HunkMove {
  readonly patch: string;
  /** Position among the hunks of this file in that patch, from 1. */
  readonly hunk: number;
  /** In lines; negative: nearer to the beginning. */
  readonly offset: number;
}

export interface PatchedContent {
  /** null: the file did not exist. */
  readonly before: Uint8Array | null;
  /** null: the file is removed. */
  readonly after: Uint8Array | null;
  /** For each line of `after` its line, from 1, before all patches (of the file it was renamed or copied from); null: added. */
  readonly origins: readonly (number | null)[];
  readonly moves: readonly HunkMove[];
}

interface FileState {
  readonly before: Uint8Array | null;
  readonly lines: readonly SourceLine[] | null;
  readonly moves: readonly HunkMove[];
}

/**
 * Applies the patches on top of each other. Files that end up as they were are left out.
 * @throws InputError `patch-does-not-apply` with every hunk of the first patch that fails; nothing is applied then.
 */
export async function applyPatches(
  patches: readonly PatchFile[],
  source: SourceReader,
  choice: PlaceChoice = 'only',
): Promise<Map<string, PatchedContent>> {
  const tree = new PatchedTree(source, choice);
  for (const patch of patches) {
    const targets = await findTargets(patch, async (path) => (await tree.read(path)).lines !== null);
    const problems: FileProblem[] = [];
    for (const [index, file] of patch.files.entries()) {
      const target = targets[index] ?? { from: file.oldPath, to: file.newPath };
      const problem = await tree.apply(patch, file, target);
      if (problem !== undefined) problems.push(problem);
    }
    if (problems.length > 0) throw describeProblems(patch, problems);
  }
  return tree.changes();
}

interface FileProblem {
  readonly code: 'patch-file-missing' | 'patch-file-exists' | 'patch-is-ambiguous' | 'patch-does-not-apply';
  readonly path: string;
  readonly messages: readonly string[];
  readonly alreadyApplied: boolean;
}

class PatchedTree {
  readonly #source: SourceReader;
  readonly #choice: PlaceChoice;
  readonly #files = new Map<string, FileState>();

  constructor(source: SourceReader, choice: PlaceChoice) {
    this.#source = source;
    this.#choice = choice;
  }

  async read(path: string): Promise<FileState> {
    const known = this.#files.get(path);
    if (known !== undefined) return known;
    const bytes = await this.#source(path);
    const state: FileState =
      bytes === undefined
        ? { before: null, lines: null, moves: [] }
        : { before: bytes, lines: numberLines(bytes), moves: [] };
    this.#files.set(path, state);
    return state;
  }

  /** Applies one file's part, or says why not. */
  async apply(patch: PatchFile, file: PatchedFile, target: PatchTarget): Promise<FileProblem | undefined> {
    const { from, to } = target;
    const old = from === null ? undefined : await this.read(from);
    const startsEmpty = file.kind === 'modify' && file.hunks[0]?.oldStart === 0;
    if (old?.lines === null && !startsEmpty) return missingFile(patch, file, from ?? '');
    if (to !== null && (file.kind === 'create' || to !== from)) {
      const taken = (await this.read(to)).lines;
      // diff -N shows an empty file and no file alike, so creating one where an empty one stands is right.
      if (taken !== null && taken.length > 0) return existingFile(patch, file, to, taken);
    }
    const applied = applyHunks(old?.lines ?? [], file.hunks, this.#choice);
    if (applied.failures.length > 0) return failedHunks(patch, file, from ?? to ?? '', applied.failures);
    if (file.kind === 'delete' && applied.lines.length > 0) return leftOver(patch, file, from ?? '');
    const moves = applied.moves.map((move) => ({ patch: patch.name, ...move }));
    if (from !== null && file.kind !== 'copy' && from !== to) await this.#write(from, null, []);
    if (to !== null) await this.#write(to, applied.lines, moves);
    return undefined;
  }

  changes(): Map<string, PatchedContent> {
    const result = new Map<string, PatchedContent>();
    for (const [path, { before, lines, moves }] of this.#files) {
      const after = lines === null ? null : Buffer.from(lines.map((line) => line.text).join(''), 'latin1');
      if (isSameContent(before, after)) continue;
      result.set(path, { before, after, origins: (lines ?? []).map((line) => line.origin), moves });
    }
    return result;
  }

  async #write(path: string, lines: readonly SourceLine[] | null, moves: readonly HunkMove[]): Promise<void> {
    const state = await this.read(path);
    this.#files.set(path, { before: state.before, lines, moves: [...state.moves, ...moves] });
  }
}

function numberLines(bytes: Uint8Array): SourceLine[] {
  return splitLines(sourceText(bytes)).map((line, index) => ({ text: line, origin: index + 1 }));
}

function isSameContent(before: Uint8Array | null, after: Uint8Array | null): boolean {
  if (before === null || after === null) return before === after;
  return Buffer.compare(before, after) === 0;
}

function missingFile(patch: PatchFile, file: PatchedFile, path: string): FileProblem {
  const message = `${patch.name}:${file.line}: ${path} does not exist in this kernel's source`;
  return { code: 'patch-file-missing', path, messages: [message], alreadyApplied: file.kind === 'delete' };
}

function existingFile(
  patch: PatchFile,
  file: PatchedFile,
  path: string,
  lines: readonly SourceLine[],
): FileProblem {
  const wanted = file.hunks.flatMap((hunk) => hunk.lines.filter((line) => line.kind !== '-'));
  const same = wanted.map((line) => line.text).join('') === lines.map((line) => line.text).join('');
  const message = `${patch.name}:${file.line}: ${path} is to be created but already exists${same ? ' with the same text' : ''}`;
  return { code: 'patch-file-exists', path, messages: [message], alreadyApplied: same };
}

function leftOver(patch: PatchFile, file: PatchedFile, path: string): FileProblem {
  const message = `${patch.name}:${file.line}: ${path} is to be deleted but has lines the patch does not know`;
  return { code: 'patch-does-not-apply', path, messages: [message], alreadyApplied: false };
}

function failedHunks(
  patch: PatchFile,
  file: PatchedFile,
  path: string,
  failures: readonly HunkFailure[],
): FileProblem {
  const messages = failures.map(({ hunk, number, kind, evidence }) => {
    const what = kind === 'ambiguous' ? 'fits several places' : 'does not fit';
    const head = `${patch.name}:${hunk.line}: ${path}: hunk ${number} of ${file.hunks.length} (line ${hunk.oldStart}) ${what}`;
    return [head, ...evidence.map((line) => `  ${line}`)].join('\n');
  });
  const ambiguous = failures.every((failure) => failure.kind === 'ambiguous');
  const alreadyApplied = failures.every((failure) => failure.kind === 'already-applied');
  return {
    code: ambiguous ? 'patch-is-ambiguous' : 'patch-does-not-apply',
    path,
    messages,
    alreadyApplied,
  };
}

function describeProblems(patch: PatchFile, problems: readonly FileProblem[]): InputError {
  const messages = problems.flatMap((problem) => problem.messages);
  const alreadyApplied = problems.every((problem) => problem.alreadyApplied);
  const [first] = problems;
  const code =
    first !== undefined && problems.every((problem) => problem.code === first.code)
      ? first.code
      : 'patch-does-not-apply';
  const advice = alreadyApplied
    ? 'the patch looks already applied: this kernel source has the fix'
    : code === 'patch-is-ambiguous'
      ? 'make the patch with more lines of context (git format-patch -U10)'
      : "nothing was applied; take the fix as it was backported to this kernel's branch, or adapt the patch to this source";
  const shown = messages.slice(0, 5);
  const more = messages.length > shown.length ? [`… and ${messages.length - shown.length} more`] : [];
  return new InputError(code, [...shown, ...more, advice].join('\n'), {
    context: { patch: patch.name, files: problems.map((problem) => problem.path), alreadyApplied },
  });
}

// What a source patch is once it is read. Two decisions shape it.
// Text of hunks is one character per byte (latin1): a kernel tree holds files that are not UTF-8, and a decoder that
// replaces what it does not know would write other bytes than the author's. Only what people read is decoded.
// A line keeps its newline, so "no newline at end of file" needs no flag: comparing lines compares it too.

/** One line of a hunk: context, removed or added. */
export interface HunkLine {
  readonly kind: ' ' | '-' | '+';
  /** One character per byte, with its `\n`; without one only as the last line of a file that ends so. */
  readonly text: string;
}

export interface Hunk {
  readonly oldStart: number;
  readonly oldCount: number;
  readonly newStart: number;
  readonly newCount: number;
  /** What stands behind the second `@@`: the line that opens the function, as diff saw it. */
  readonly section: string;
  readonly lines: readonly HunkLine[];
  /** Where its `@@` stands in the patch, from 1. */
  readonly line: number;
}

export interface PatchedFile {
  readonly kind: 'modify' | 'create' | 'delete' | 'rename' | 'copy';
  /** Path in the tree before, without `a/`; null when the patch creates the file. */
  readonly oldPath: string | null;
  /** Path in the tree after, without `b/`; null when the patch deletes the file. */
  readonly newPath: string | null;
  /** False when the patch has no `a/` and `b/`: how many parts to strip is decided by which files exist. */
  readonly prefixKnown: boolean;
  readonly hunks: readonly Hunk[];
  /** Where the file's part begins in the patch, from 1. */
  readonly line: number;
}

export interface PatchFile {
  /** File name, or commit, for messages. */
  readonly name: string;
  /** Subject of the mail without `[PATCH …]`; empty for a bare diff. */
  readonly subject: string;
  /** CVE numbers found in the message, in order, each once. */
  readonly cves: readonly string[];
  /** The patch for people to read: bytes that are not UTF-8 are replaced. */
  readonly text: string;
  /** The patch as it was read. */
  readonly bytes: Uint8Array;
  readonly files: readonly PatchedFile[];
}

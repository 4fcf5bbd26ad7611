// Whether a changed Makefile or Kconfig file means the same for this configuration: its text is reduced to what can have an effect, and
// compared. Rejected: make -n over the patched tree, which takes seconds for each start and has to be told every directory; a reduction
// errs only on the side of refusing.

/** `obj-$(CONFIG_FOO) += foo.o`: for an option that is not set, a variable `obj-` that only `make clean` reads. */
const OBJECTS = /^\s*(?:obj|lib|subdir)-\$\((CONFIG_\w+)\)\s*(?:\+=|:=|=)/;

/** The release in the top Makefile: every stable version changes it, and the prepared tree keeps the shipped kernel's. */
const VERSION = /^(?:VERSION|PATCHLEVEL|SUBLEVEL|EXTRAVERSION|NAME)\s*=/;

/** Tools of the build that run for an option alone, and make nothing of a kernel without it. */
const TOOLS: readonly (readonly [path: RegExp, option: string])[] = [
  // Device trees: CONFIG_OF needs them, and x86 servers have none.
  [/^scripts\/dtc\//, 'CONFIG_DTC'],
  [/^scripts\/gcc-plugins\//, 'CONFIG_GCC_PLUGINS'],
  [/^scripts\/(?:.*rust|target.*\.json$)/, 'CONFIG_RUST'],
];

/** Whether the path is part of a tool that this configuration has no use for. */
export function isIdleTool(path: string, options: ReadonlyMap<string, string>): boolean {
  return TOOLS.some(([tool, option]) => tool.test(path) && !options.has(option));
}

/**
 * @param path tells the kind of the file
 * @param options those that are set
 */
export function isSameRule(
  path: string,
  before: string,
  after: string,
  options: ReadonlyMap<string, string>,
): boolean {
  const base = path.slice(path.lastIndexOf('/') + 1);
  if (base.startsWith('Kconfig')) return reduceKconfig(before) === reduceKconfig(after);
  if (!/^(?:Makefile|Kbuild)$/.test(base)) return before === after;
  const isTop = path === 'Makefile';
  return reduceMakefile(before, options, isTop) === reduceMakefile(after, options, isTop);
}

function reduceMakefile(text: string, options: ReadonlyMap<string, string>, isTop: boolean): string {
  const lines = joinContinued(text).split('\n');
  const kept = lines.filter((line) => {
    // Inside a recipe, a `#` is the shell's; at the start of a line it is a comment for both.
    if (/^\s*(?:#|$)/.test(line)) return false;
    const option = OBJECTS.exec(line)?.[1];
    if (option !== undefined && !options.has(option)) return false;
    return !(isTop && VERSION.test(line));
  });
  return kept.map((line) => line.trimEnd()).join('\n');
}

/** Lines that end in a backslash go on in the next one. */
function joinContinued(text: string): string {
  const [first = '', ...rest] = text.split('\\\n');
  const parts = [first, ...rest.map((part) => part.trimStart())];
  return parts.map((part, at) => (at < rest.length ? part.trimEnd() : part)).join(' ');
}

/** Without comments and help, which ends at the first line that is indented less than its first one. */
function reduceKconfig(text: string): string {
  const kept: string[] = [];
  let help: number | 'begins' | undefined;
  for (const line of text.split('\n')) {
    if (line.trim() === '') continue;
    const indent = indentation(line);
    if (help === 'begins') {
      // Help of a first line without indentation is none at all.
      help = indent === 0 ? undefined : indent;
      if (help !== undefined) continue;
    }
    if (help !== undefined && indent >= help) continue;
    help = undefined;
    if (/^\s*#/.test(line)) continue;
    kept.push(line.trimEnd());
    if (/^\s*(?:---)?help(?:---)?\s*$/.test(line)) help = 'begins';
  }
  return kept.join('\n');
}

/** Columns, with tabs as kconfig counts them. */
function indentation(line: string): number {
  let column = 0;
  for (const letter of line) {
    if (letter === '\t') column = (column & ~7) + 8;
    else if (letter === ' ') column += 1;
    else break;
  }
  return column;
}

// One line of `make -n` is one recipe of kbuild, for example (shortened):
//   set -e;  echo '  CC [M]  drivers/net/tun.o';  trap 'rm -f drivers/net/tun.o; trap - HUP; …' HUP; …; gcc-12 -Wp,-MMD,… -c -o drivers/net/tun.o
//     drivers/net/tun.c ; ./tools/objtool/objtool --hacks=… drivers/net/tun.o; scripts/basic/fixdep … 'the same again, quoted' > …cmd
// This file tells the five kinds that matter apart; everything else on make's output is ignored. Reference: scripts/Makefile.build
// and scripts/Kbuild.include of the kernel source. Rejected: make's --trace or -p, which do not show the expanded commands.

import { normalize } from 'node:path/posix';
import { InputError } from '@resplice/report';
import { parseShellStatement } from './shell-words.js';

export type Recipe =
  | {
      readonly kind: 'compile';
      /** As make spells them; may contain `..`. */
      readonly object: string;
      readonly source: string;
      /** Compiler and flags, without -Wp,-MMD, -c, -o and the source. */
      readonly arguments: readonly string[];
      readonly objtool: readonly string[] | null;
    }
  | { readonly kind: 'archive'; readonly archive: string; readonly members: readonly string[] }
  /** Which objects a module is linked from; `path` is the module's path without suffix. */
  | { readonly kind: 'module'; readonly path: string; readonly members: readonly string[] }
  /** objtool as it is run on a finished module, without the file's name. */
  | { readonly kind: 'module-objtool'; readonly objtool: readonly string[] }
  /** Any other file made by a shell command: generated sources and the tools that generate them. */
  | { readonly kind: 'generate'; readonly targets: readonly string[]; readonly command: string };

const TRAPS = /trap '[^']*' [A-Z]+; */g;
const ECHO = /^set -e; +(?:echo ' {2}([^ ']+) (?:\[M\])? *([^']*)'; *)?/;
const OBJTOOL = './tools/objtool/objtool';

/**
 * Reads one (joined) line of the log.
 * @param compiler the name of CC: host programs are compiled by another recipe and are not kernel objects.
 * @throws InputError `bad-recipe` when a compile line does not have the expected form.
 */
export function parseRecipe(line: string, compiler: string): Recipe | undefined {
  if (!line.startsWith('set -e;')) return parseHandWritten(line);
  if (line.startsWith('set -e; mkdir -p ')) return parseCheckedFile(line);
  const target = /^set -e; *(?:echo [^;]*; *)?trap 'rm -f ([^; ]+);/.exec(line)?.[1];
  const tagged = line.startsWith("set -e;  echo '  ");
  // Nine lines in ten are make's bookkeeping; they have no announcement and are not a module's list.
  if (!tagged && target?.endsWith('.mod') !== true) return undefined;
  const text = line.replace(TRAPS, '');
  const [start, tag = '', announced = ''] = ECHO.exec(text) ?? [];
  if (start === undefined) return undefined;
  const command = text.slice(start.length);
  if (!tagged && target !== undefined) return parseModule(command, target);
  if (command.startsWith(`${compiler} `) && !tag.startsWith('HOST'))
    return parseCompile(command, target ?? announced);
  if (tag === 'AR') return parseArchive(command);
  // `ld -r -o x.o @x.mod`: the module's list says the same; on 6.12 objtool runs behind it.
  if (tag === 'LD' && command.includes(' @')) return parseModuleLink(command);
  return { kind: 'generate', targets: findTargets(announced, target), command: withoutRecord(command) };
}

function parseCompile(command: string, target: string): Recipe | undefined {
  const { words, end, operator } = parseShellStatement(command, 0);
  const [mode, dashO, object, source] = words.slice(-4);
  if (words.includes('-E') || words.includes('-S')) {
    return { kind: 'generate', targets: [target], command: withoutRecord(command) };
  }
  if (mode !== '-c' || dashO !== '-o' || object === undefined || source === undefined) {
    throw new InputError(
      'bad-recipe',
      `${target}: a compile command must end in "-c -o OBJECT SOURCE": ${command.slice(0, 200)}`,
    );
  }
  const after = operator === ';' ? command.slice(end).trimStart() : '';
  const objtool = after.startsWith(`${OBJTOOL} `) ? parseShellStatement(after, 0).words.slice(0, -1) : null;
  const flags = words.slice(0, -4).filter((word) => !word.startsWith('-Wp,-MMD,'));
  return { kind: 'compile', object, source, arguments: flags, objtool };
}

/** `printf '%s\n'  a.o b.o | awk '!x[$0]++ { print("drivers/net/"$0) }' > drivers/net/tun.mod`: awk writes its prefix before each name. */
function parseModule(command: string, target: string): Recipe {
  const { words } = parseShellStatement(command, 0);
  const prefix = /print\("([^"]*)"\$0\)/.exec(command)?.[1];
  if (prefix === undefined)
    throw new InputError(
      'bad-recipe',
      `${target}: cannot tell the module's objects: ${command.slice(0, 200)}`,
    );
  const members = [...new Set(words.slice(2).map((name) => normalize(prefix + name)))];
  return { kind: 'module', path: normalize(target.replace(/\.mod$/, '')), members };
}

/** `rm -f X.a; printf "dir/%s " a.o b.o | xargs ar cDPrST X.a` or `rm -f X.a; ar cDPrsT X.a a.o b.o`. */
function parseArchive(command: string): Recipe | undefined {
  const first = parseShellStatement(command, 0);
  const archive = first.words[2];
  if (first.words[0] !== 'rm' || archive === undefined) return undefined;
  const { words } = parseShellStatement(command, first.end);
  const [tool, format] = words;
  if (tool === undefined) return { kind: 'archive', archive: normalize(archive), members: [] };
  const printed = tool === 'printf' && format !== undefined;
  const members = printed
    ? words.slice(2).map((name) => normalize(format.trim().replace('%s', name)))
    : words.slice(3).map((name) => normalize(name));
  return { kind: 'archive', archive: normalize(archive), members };
}

function parseModuleLink(command: string): Recipe | undefined {
  const at = command.indexOf(`${OBJTOOL} `);
  if (at < 0) return undefined;
  return { kind: 'module-objtool', objtool: parseShellStatement(command, at).words.slice(0, -1) };
}

/** A recipe that does not use kbuild's macros, for example net/wireless/Makefile's shipped-certs.c. */
function parseHandWritten(line: string): Recipe | undefined {
  const target = /(?:^|\s)>\s*([\w./-]+\.[chS])\s*$/.exec(line)?.[1];
  return target === undefined ? undefined : { kind: 'generate', targets: [normalize(target)], command: line };
}

/** kbuild's filechk: `set -e; mkdir -p D; trap … EXIT; { … } > D/.x.h.tmp; if [ ! -r D/x.h ] || ! cmp … mv …; fi`. */
function parseCheckedFile(line: string): Recipe | undefined {
  const target = /; if \[ ! -r (\S+) \] /.exec(line)?.[1];
  return target === undefined ? undefined : { kind: 'generate', targets: [normalize(target)], command: line };
}

/** `dir/x.asn1.[ch]` and `dir/a.h dir/b.h` are how two outputs are announced. */
function findTargets(announced: string, trapped: string | undefined): readonly string[] {
  const names = announced.split(' ').flatMap((name) => {
    const pair = /^(.*)\.\[ch\]$/.exec(name)?.[1];
    return pair === undefined ? [name] : [`${pair}.c`, `${pair}.h`];
  });
  if (trapped !== undefined) names.push(trapped);
  return [...new Set(names.filter((name) => name !== '').map((name) => normalize(name)))];
}

/** Cuts off the part that records the command in a .cmd file for make's next run; there will be none. */
function withoutRecord(command: string): string {
  const record = /; *(?:printf '%s\\n' '(?:saved)?cmd_|scripts\/basic\/fixdep )/.exec(command);
  return record === null ? command : command.slice(0, record.index);
}

// The macros that a text defines, as text: no conditions are looked at, so a name can have several.

export interface MacroText {
  /** The whole definition, with blanks as they are. */
  readonly text: string;
  readonly name: string;
  /** Undefined for a macro without parentheses. */
  readonly parameters: ReadonlySet<string> | undefined;
  readonly body: string;
}

export function* listMacros(text: string): Iterable<MacroText> {
  const joined = text.replace(/\\[ \t\r]*\n/g, ' ');
  for (const [text, name = '', list, body = ''] of joined.matchAll(
    /^[ \t]*#[ \t]*define[ \t]+([\w$]+)(?:\(([^)]*)\))?(.*)$/gm,
  ))
    yield { text, name, parameters: list === undefined ? undefined : parametersOf(list), body };
}

function parametersOf(list: string): ReadonlySet<string> {
  const words = list.split(',').map((word) => word.trim().replace(/\.\.\.$/, ''));
  return new Set([...words.filter((word) => word !== ''), '__VA_ARGS__']);
}

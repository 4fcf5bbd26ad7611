// What a compiler's name for a local symbol says. gcc numbers static locals (`__key.1`), clones (`foo.isra.0`, `foo.constprop.3`,
// `foo.part.2`) and the kernel's __UNIQUE_ID names in order of appearance, so an unrelated change renumbers them.

/** The name without the numbers that a compiler or a macro put into it: `foo.isra.0` → `foo.isra`, `__key.12` → `__key`. */
export function baseName(name: string): string {
  const unnumbered = name.replace(/\.\d+(?=\.|$)/g, '');
  if (unnumbered.startsWith('__initcall__')) return unnumbered.replace(/__\d+_\d+_/, '__');
  return unnumbered.replace(/^(__UNIQUE_ID_.*?|__BTF_ID__.*__)\d+$/, '$1');
}

/** The name in the source of a static local: gcc calls it `count.3`, clang `function.count` or `function.count.3`. */
export function variableName(name: string): string {
  const unnumbered = baseName(name);
  return /^\w+\.(\w+)$/.exec(unnumbered)?.[1] ?? unnumbered;
}

/**
 * Static locals whose state is only "was this printed already?", and lockdep's keys, which have an address and no state: when they
 * cannot be paired, the update starts with fresh ones and at worst a message appears once more. clang puts the function's name first.
 */
export function isForgettable(name: string): boolean {
  return /(^|\.)(__already_done|__warned|__print_once|_rs|__ret_once|__key|__UNIQUE_ID_ddebug)\d*(\.|$)/.test(
    name,
  );
}

/** The function that a piece split off by the compiler belongs to: `foo.cold` and `foo.cold.3` → `foo`. */
export function parentOfFragment(name: string): string | undefined {
  return /^(.+)\.cold(\.\d+)?$/.exec(name)?.[1];
}

/**
 * Local objects that hold nothing a running kernel must keep, so that a copy in the update serves as well as the original: names of
 * functions (`__func__`), tables that gcc makes of a switch (`CSWTCH`), pointers to the strings of tracepoint_string() (`___tp_str`). A lock class key without a size (no lockdep) is one as well.
 */
export function isCopyable(name: string, size: number): boolean {
  return (
    size === 0 ||
    /^(__func__|__FUNCTION__|__PRETTY_FUNCTION__|___tp_str|CSWTCH|switch\.table)(\.|$)/.test(name)
  );
}

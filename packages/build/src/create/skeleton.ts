// The custom code that a refused patch needs, as a start: C to be put at the end of the patched file, where it compiles as it stands.

import type { Reason } from '@resplice/report';

/** Undefined when no reason is of a kind that code of the author can cure. */
export function renderSkeleton(reasons: readonly Reason[]): string | undefined {
  const seen = new Set<string>();
  const parts = reasons.flatMap((reason) => {
    const part = renderReason(reason);
    if (part === undefined || seen.has(part)) return [];
    seen.add(part);
    return [part];
  });
  if (parts.length === 0) return undefined;
  const incurable = reasons.filter((reason) => renderReason(reason) === undefined);
  const rest = incurable.map(
    ({ code, subject }) => ` * no hook helps against ${code}: ${subject.symbol ?? ''}\n`,
  );
  const head =
    '/*\n * Put each part at the end of the file it names. docs/patch-author-guide.md explains the hooks.\n';
  return `${head}${comment(rest.join(''))} */\n#include <resplice.h>\n\n${parts.join('\n')}`;
}

function renderReason({ code, subject, found }: Reason): string | undefined {
  const name = subject.symbol;
  // Numbered static locals and nameless tables cannot be reached from another function.
  if (name === undefined || !/^\w+$/.test(name)) return undefined;
  const macro = code === 'changed-data' ? 'DATA' : /^changed-init-/.test(code) ? 'INIT' : undefined;
  if (macro === undefined || /its size changes/.test(found)) return undefined;
  const what = macro === 'DATA' ? 'give the running object its new value' : 'do what its changed lines do';
  return `/* ${subject.object ?? ''}: ${name}: ${comment(found)} */
static void resplice_apply_${name}(void)
{
	/* FIXME: ${what} */
}
RESPLICE_APPLY(resplice_apply_${name});

static void resplice_undo_${name}(void)
{
	/* FIXME: back to what it was */
}
RESPLICE_UNDO(resplice_undo_${name});
RESPLICE_FAIL_APPLY(resplice_undo_${name});
RESPLICE_HANDLES_${macro}(${name}, "FIXME: why this is enough");
`;
}

function comment(text: string): string {
  return text.replaceAll('*/', '* /');
}

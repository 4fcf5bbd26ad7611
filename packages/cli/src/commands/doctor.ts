import { Argument } from '@commander-js/extra-typings';
import { CAPABILITIES, type Capability, checkCapability, type Finding } from '../capability.js';
import { newCommand } from '../command.js';
import { DONE, type Outcome, REFUSED } from '../outcome.js';
import { alignColumns } from '../printed-text.js';
import { runSession } from '../session.js';

export function doctorCommand() {
  return newCommand(
    'doctor',
    'say what this machine can do (create, try, apply) and what each missing thing needs',
    ['resplice doctor', 'resplice doctor create try'],
  )
    .addArgument(new Argument('[capability...]', 'only these; default: all').choices(CAPABILITIES))
    .action((names, options) =>
      runSession(options, async () => {
        const wanted = names.length === 0 ? CAPABILITIES : names;
        return renderDiagnosis(
          new Map(
            await Promise.all(wanted.map(async (name) => [name, await checkCapability(name)] as const)),
          ),
        );
      }),
    );
}

/** Exit status 1 when something that was asked about cannot be done here. */
export function renderDiagnosis(findings: ReadonlyMap<Capability, readonly Finding[]>): Outcome {
  const lines = [...findings].flatMap(([capability, list]) => {
    const missing = list.filter((finding) => !finding.ok);
    const head = `${capability}: ${missing.length === 0 ? 'yes' : 'not yet'}`;
    const rows = list.map(({ ok, name, found, advice }) => [
      ok ? '  ok     ' : '  missing',
      name,
      ok ? found : `${found}; ${advice}`,
    ]);
    return [head, ...alignColumns(rows)];
  });
  const ok = [...findings.values()].flat().every((finding) => finding.ok);
  const capabilities = Object.fromEntries(
    [...findings].map(([name, list]) => [name, { ok: list.every((finding) => finding.ok), findings: list }]),
  );
  return { exitStatus: ok ? DONE : REFUSED, json: { capabilities }, lines };
}

import { arch, type, version } from 'node:os';
import { type EffectiveKernel, readEffectiveKernel } from '@resplice/client';
import { newCommand } from '../command.js';
import { done, type Outcome } from '../outcome.js';
import { openServiceClient } from '../service-client.js';
import { runSession } from '../session.js';

export function unameCommand() {
  return newCommand('uname', 'the effective kernel: the release whose security fixes the running one has', [
    'resplice uname',
    'resplice uname -r',
    'resplice uname --cves',
  ])
    .option('-r, --kernel-release', 'only the release')
    .option('-a, --all', 'in the form of "uname -a"')
    .option('--cves', 'the holes that live updates closed, and those still open, one a line')
    .action((options) =>
      runSession(options, async (session) => {
        const client = await openServiceClient(session);
        const effective = readEffectiveKernel(client);
        const json = {
          ...effective,
          booted: client.kernel,
          seen: effective.seen ?? null,
          open: effective.open ?? null,
        };
        if (options.kernelRelease === true) return done(json, [effective.release]);
        if (options.all === true) return done(json, [formatAll(effective)]);
        return renderEffective(effective, client.kernel.release, json, options.cves === true);
      }),
    );
}

/** `uname -a` without the host's name, which is not the kernel's. */
function formatAll({ release, version: packageVersion }: EffectiveKernel): string {
  const text =
    packageVersion === '' ? version() : version().replace(/Debian \S+/, `Debian ${packageVersion}`);
  return [type(), release, text, arch() === 'x64' ? 'x86_64' : arch(), 'GNU/Linux'].join(' ');
}

function renderEffective(
  { release, version: packageVersion, fixed, open, seen }: EffectiveKernel,
  booted: string,
  json: Readonly<Record<string, unknown>>,
  list: boolean,
): Outcome {
  const unknown =
    'holes still open: unknown, the repository was never asked about this kernel; run "resplice refresh"';
  const openLine =
    open === undefined
      ? unknown
      : `holes still open that the repository closes: ${open.length} (as of ${seen})`;
  return done(json, [
    `effective kernel: ${release}${packageVersion === '' ? '' : ` (${packageVersion})`}`,
    `booted kernel: ${booted}`,
    `holes closed without a reboot: ${fixed.length}`,
    ...(list ? fixed.map((cve) => `  ${cve} closed`) : []),
    openLine,
    ...(list ? (open ?? []).map((cve) => `  ${cve} open`) : []),
  ]);
}

import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type ReleaseSplit, type ReleaseUnit, splitRelease } from '@resplice/build';
import { EnvironmentError, UsageError } from '@resplice/report';
import { newCommand } from '../command.js';
import { done, type Outcome } from '../outcome.js';
import { alignColumns, count } from '../printed-text.js';
import { runSession } from '../session.js';

export function splitCommand() {
  return newCommand('split', 'the difference of two kernel versions as units that belong together', [
    'resplice split --from 6.1.170-3 --to 6.1.176-1 -o units',
    'resplice split --from 6.1.170-3 --to 6.1.176-1 net/core fs --json',
  ])
    .argument('[path...]', 'files or directories in the source; default: everything')
    .requiredOption('--from <version>', 'package version of the older kernel')
    .requiredOption('--to <version>', 'package version of the newer kernel')
    .option('-o, --output <directory>', 'write each unit as ID.patch, and units.json, into a new directory')
    .action((paths, options) =>
      runSession(options, async (session) => {
        const split = await splitRelease({ from: options.from, to: options.to, paths }, session);
        if (options.output !== undefined) await writeUnits(options.output, split);
        return renderSplit(split, options.output);
      }),
    );
}

export function renderSplit(split: ReleaseSplit, output: string | undefined): Outcome {
  const units = split.units.map(({ patch: _, ...unit }) => unit);
  const tied = new Set(units.flatMap(({ cves }) => cves.map(({ cve }) => cve)));
  const rows = split.units.map(({ id, files, cves }) => [id, listFiles(files), listCves(cves)]);
  return done({ from: split.from, to: split.to, units, untiedCves: split.untiedCves, output }, [
    ...alignColumns([['unit', 'files', 'CVE numbers (! certain, + likely, ? possible)'], ...rows]),
    '',
    `${count(units.length, 'unit')} from ${split.from} to ${split.to}; ${count(tied.size, 'CVE number')} tied to units, ${split.untiedCves.length} to none`,
    ...(output === undefined ? [] : [`${output}: one patch for each unit, and units.json`]),
  ]);
}

function listFiles(files: readonly string[]): string {
  const [first = '', ...rest] = files;
  return rest.length === 0 ? first : `${first} and ${rest.length} more`;
}

const SIGNS = { certain: '!', likely: '+', possible: '?' } as const;

function listCves(cves: ReleaseUnit['cves']): string {
  return cves.map(({ cve, confidence }) => `${cve}${SIGNS[confidence]}`).join(' ');
}

async function writeUnits(directory: string, split: ReleaseSplit): Promise<void> {
  try {
    await mkdir(directory);
    for (const { id, patch } of split.units) await writeFile(join(directory, `${id}.patch`), patch);
    const units = split.units.map(({ patch: _, ...unit }) => ({ ...unit, patch: `${unit.id}.patch` }));
    const { from, to, untiedCves } = split;
    await writeFile(
      join(directory, 'units.json'),
      `${JSON.stringify({ from, to, units, untiedCves }, null, 2)}\n`,
    );
  } catch (cause) {
    if (cause instanceof Error && 'code' in cause && cause.code === 'EEXIST')
      throw new UsageError('output-exists', `${directory} exists; name a new directory`);
    const message = `${directory}: cannot be written (${cause instanceof Error ? cause.message : cause}); choose another place`;
    throw new EnvironmentError('units-not-writable', message, { context: { directory }, cause });
  }
}

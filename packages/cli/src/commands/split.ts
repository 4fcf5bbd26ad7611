import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  type CheckedSplit,
  checkRelease,
  type ReleaseSplit,
  type ReleaseUnit,
  splitRelease,
} from '@resplice/build';
import { EnvironmentError, UsageError } from '@resplice/report';
import { newCommand } from '../command.js';
import { done, type Outcome } from '../outcome.js';
import { alignColumns, count } from '../printed-text.js';
import { runSession } from '../session.js';

export function splitCommand() {
  return newCommand('split', 'the difference of two kernel versions as units that belong together', [
    'resplice split --from 6.1.170-3 --to 6.1.176-1 -o units',
    'resplice split --from 6.1.170-3 --to 6.1.176-1 net/core fs --json',
    'resplice split --from 6.1.170-3 --to 6.1.176-1 --check',
  ])
    .argument('[path...]', 'files or directories in the source; default: everything')
    .requiredOption('--from <version>', 'package version of the older kernel')
    .requiredOption('--to <version>', 'package version of the newer kernel')
    .option('-o, --output <directory>', 'write each unit as ID.patch, and units.json, into a new directory')
    .option('--check', 'compile each unit alone and join those that need each other; resumable')
    .option('--kernel <spec>', 'with --check: the flavour; default: the standard one of that version')
    .option('--work <directory>', 'with --check: where results are kept; default: where "evaluate" does')
    .action((paths, options) =>
      runSession(options, async (session) => {
        const { from, to, kernel, work } = options;
        const request = { from, to, paths };
        const range = {
          ...(kernel === undefined ? {} : { kernel }),
          ...(work === undefined ? {} : { work }),
        };
        const split =
          options.check === true
            ? await checkRelease({ ...request, ...range }, session)
            : await splitRelease(request, session);
        if (options.output !== undefined) await writeUnits(options.output, split);
        return renderSplit(split, options.output);
      }),
    );
}

export function renderSplit(split: ReleaseSplit | CheckedSplit, output: string | undefined): Outcome {
  const units = split.units.map(({ patch: _, ...unit }) => unit);
  const tied = new Set(units.flatMap(({ cves }) => cves.map(({ cve }) => cve)));
  const rows = split.units.map(({ id, files, cves }) => [id, listFiles(files), listCves(cves)]);
  const { from, to, untiedCves } = split;
  const checked = 'failing' in split ? { failing: split.failing } : {};
  return done({ from, to, units, untiedCves, ...checked, output }, [
    ...alignColumns([['unit', 'files', 'CVE numbers (! certain, + likely, ? possible)'], ...rows]),
    '',
    `${count(units.length, 'unit')} from ${from} to ${to}; ${count(tied.size, 'CVE number')} tied to units, ${untiedCves.length} to none`,
    ...describeSizes(split.units),
    ...('failing' in split ? describeCheck(split) : []),
    ...(output === undefined ? [] : [`${output}: one patch for each unit, and units.json`]),
  ]);
}

/** `1 file: 1,623 units, 2 files: 40, …`: a unit of a third of the release would show here. */
function describeSizes(units: readonly ReleaseUnit[]): readonly string[] {
  const sizes = new Map<number, number>();
  for (const { files } of units) sizes.set(files.length, (sizes.get(files.length) ?? 0) + 1);
  const listed = [...sizes].toSorted(([a], [b]) => a - b).map(([size, number]) => `${size}: ${number}`);
  return units.length === 0 ? [] : [`files in a unit: number of units: ${listed.join(', ')}`];
}

function describeCheck({ units, failing }: CheckedSplit): readonly string[] {
  const joined = units.filter((unit) => unit.joined.length > 0);
  const parts = joined.reduce((sum, unit) => sum + unit.joined.length, 0);
  return [
    `compiled each alone: ${parts} had to be joined, to ${count(joined.length, 'unit')}; ${failing.length} of the units do not compile`,
    ...failing.map(({ id, complaint }) => `${id}: ${complaint.split('\n')[0] ?? ''}`),
  ];
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

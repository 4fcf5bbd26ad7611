// What the factory is to work on: watches, releases, what comes first, what is published.

import { readFile } from 'node:fs/promises';
import { readPatchFiles } from '@resplice/build';
import { PriorityImported, Watch } from '@resplice/protocol/factory';
import { InputError, UsageError } from '@resplice/report';
import { z } from 'zod';
import { collect, parsePositive } from '../command.js';
import { newFactoryCommand, openFactoryClient } from '../factory-client.js';
import { done } from '../outcome.js';
import { alignColumns } from '../printed-text.js';
import { runSession } from '../session.js';

const Done = z.object({ done: z.literal(true) });

export function factoryWatchCommand() {
  return newFactoryCommand('watch', 'where new kernels are looked for', [
    'watch --add --branch 6.1 --flavour amd64',
    'watch --add --branch 6.1 --only net/ --only CVE-2026-52923',
    'watch --add --git /srv/linux --branch linux-6.1.y --kernel 6.1.0-47-amd64',
    'watch',
  ])
    .option('--add', 'look here from now on')
    .option('--remove <id>', 'look there no more')
    .option('--check <id>', 'look now')
    .option(
      '--branch <branch>',
      'only versions of this branch, such as 6.1; with --git, a branch of the repository',
    )
    .option('--flavour <name>', 'only kernels of this flavour; repeatable', collect)
    .option('--kernel <spec>', 'a kernel that gets updates though no machine runs it; repeatable', collect)
    .option('--git <repository>', "a git repository on the workers' machines instead of apt")
    .option(
      '--only <part>',
      'only units of this name, file or CVE, or below this folder ("net/"); repeatable',
      collect,
    )
    .option('--up-to <version>', 'leave versions alone that are newer than this one')
    .option('--every <minutes>', 'how often', parsePositive, 60)
    .action((options) =>
      runSession(options, async ({ signal }) => {
        const client = await openFactoryClient(options, signal);
        if (options.remove !== undefined)
          await client.send('DELETE', `watches/${encodeURIComponent(options.remove)}`, undefined, Done);
        if (options.check !== undefined)
          await client.send('POST', `watches/${encodeURIComponent(options.check)}/check`, {}, Done);
        if (options.add === true)
          await client.send(
            'POST',
            'watches',
            {
              kind: options.git === undefined ? 'apt' : 'git',
              branch: options.branch ?? null,
              flavours: options.flavour ?? [],
              kernels: options.kernel ?? [],
              repository: options.git ?? null,
              only: options.only ?? null,
              upTo: options.upTo ?? null,
              everyMinutes: options.every,
            },
            Watch,
          );
        const { watches } = await client.get('watches', z.object({ watches: z.array(Watch) }));
        const rows = watches.map((watch) => [
          watch.id,
          watch.repository ?? watch.kind,
          `${watch.branch ?? 'all'}${watch.upTo === null ? '' : ` up to ${watch.upTo}`}`,
          watch.flavours.join(' '),
          watch.only?.join(' ') ?? 'all',
          watch.checkedAt ?? 'not yet',
          watch.problem ?? '',
        ]);
        return done(
          { watches },
          alignColumns([['ID', 'WHERE', 'BRANCH', 'FLAVOURS', 'ONLY', 'LOOKED AT', 'PROBLEM'], ...rows]),
        );
      }),
    );
}

export function factoryAddCommand() {
  return newFactoryCommand('add', 'work on a release: two versions, commits, or patches', [
    'add --from 6.1.170-3 --to 6.1.176-1',
    'add --from 6.1.170-3 --to 6.1.176-1 --only net/core/sock.c --kernel 6.1.0-47-amd64',
    'add --patch fix.patch --title "our fix" --kernel 6.1.0-47-amd64',
  ])
    .option('--from <version>', 'package version that is updated')
    .option('--to <version>', 'package version with the fixes')
    .option(
      '--only <part>',
      'only units of this name, file or CVE, or below this folder ("net/"); repeatable',
      collect,
    )
    .option('--git <repository>', "a git repository on the workers' machines")
    .option('--commit <range>', 'with --git: REV..REV')
    .option('--patch <file>', 'a patch, or a directory with a series; repeatable', collect)
    .option('--title <text>', 'what it is, for people')
    .option(
      '--kernel <spec>',
      'for this kernel; repeatable; default: those of that version that machines run',
      collect,
    )
    .action((options) =>
      runSession(options, async ({ signal }) => {
        const client = await openFactoryClient(options, signal);
        const { id } = await client.send(
          'POST',
          'releases',
          await describeRelease(options),
          z.object({ id: z.uuid() }),
        );
        return done({ id }, [`release ${id}; "resplice factory releases ${id}" shows what becomes of it`]);
      }),
    );
}

interface ReleaseOptions {
  readonly from?: string | undefined;
  readonly to?: string | undefined;
  readonly only?: readonly string[] | undefined;
  readonly git?: string | undefined;
  readonly commit?: string | undefined;
  readonly patch?: readonly string[] | undefined;
  readonly title?: string | undefined;
  readonly kernel?: readonly string[] | undefined;
}

async function describeRelease(options: ReleaseOptions): Promise<unknown> {
  const { from, to, only, git, commit, patch, title, kernel: kernels } = options;
  if (from !== undefined && to !== undefined) return { from, to, only, kernels };
  if (git !== undefined && commit !== undefined)
    return { title: title ?? commit, kernels, git: { repository: git, range: commit } };
  if (patch !== undefined) {
    const patches = await readPatchFiles(patch);
    const texts = patches.map(({ name, bytes }) => ({ name, text: Buffer.from(bytes).toString('utf8') }));
    return { title: title ?? patch.join(', '), kernels, patches: texts };
  }
  throw new UsageError('no-release', 'give --from and --to, or --git and --commit, or --patch');
}

export function factoryPriorityCommand() {
  return newFactoryCommand('priority', 'say which CVEs come first', [
    'priority --import known_exploited_vulnerabilities.json',
  ])
    .requiredOption(
      '--import <file>',
      'CSV with the columns cve, severity, exploited; the KEV catalogue of CISA, or an answer of the NVD API 2.0',
    )
    .action((options) =>
      runSession(options, async ({ signal }) => {
        const client = await openFactoryClient(options, signal);
        const text = await readText(options.import);
        const result = await client.send('POST', 'priorities', { text }, PriorityImported);
        return done({ ...result }, [
          `${result.imported} CVEs imported; ${result.moved} units have another place now`,
        ]);
      }),
    );
}

async function readText(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (cause) {
    throw new InputError('file-not-readable', `${file}: cannot be read; check the path`, { cause });
  }
}

export function factoryPublishCommand() {
  return newFactoryCommand('publish', 'make and publish the next cumulative update', ['publish'])
    .option(
      '--kernel <spec>',
      'RELEASE=VERSION; repeatable; default: every kernel with something new',
      collect,
    )
    .action((options) =>
      runSession(options, async ({ signal }) => {
        const client = await openFactoryClient(options, signal);
        const body = options.kernel === undefined ? {} : { kernels: options.kernel };
        const { kernels } = await client.send(
          'POST',
          'publish',
          body,
          z.object({ kernels: z.array(z.string()) }),
        );
        return done({ kernels }, [
          `${kernels.join(', ')}: the next cumulative update is being made; "resplice factory published" shows it`,
        ]);
      }),
    );
}

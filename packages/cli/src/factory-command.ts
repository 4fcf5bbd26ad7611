// What `serve` and `worker` need to do the work of the factory as well: options, and the worker made of them.

import { availableParallelism } from 'node:os';
import { listPublished, openSite, parseValidity, publish } from '@resplice/publish';
import { findBundle } from './bundle-file.js';
import { openPassphrases } from './passphrase.js';
import { loadFromCheckout } from './server-command.js';
import { writeError } from './session.js';

/** `.option(...)` for both commands. */
export const FACTORY_OPTIONS = {
  factory: ['--factory', 'do the work of the factory as well: convert, test, publish (docs/factory.md)'],
  slots: ['--jobs <number>', 'jobs of the factory at a time; default: one for each processor'],
  site: [
    '--site <folder>',
    'the repository that the factory publishes into; without it, it publishes nothing',
  ],
  keys: [
    '--keys <folder>',
    'where the private keys of the repository are; repeatable; default: keys/ in the site',
  ],
  passphrase: ['--passphrase-file <file>', 'where the passphrase of the keys is'],
} as const;

export interface FactoryChoice {
  readonly factory?: true | undefined;
  readonly jobs?: number | undefined;
  readonly site?: string | undefined;
  readonly keys?: readonly string[] | undefined;
  readonly passphraseFile?: string | undefined;
}

export async function startFactoryWorker(
  { orm, artefacts }: Pick<Parameters<Start>[0], 'orm' | 'artefacts'>,
  choice: FactoryChoice,
) {
  const { startFactory } = await loadFromCheckout(() => import('@resplice/factory'));
  const publisher = choice.site === undefined ? undefined : openPublisher(choice.site, choice);
  const worker = await startFactory({
    orm,
    artefacts,
    bundle: findBundle(),
    slots: choice.jobs ?? availableParallelism(),
    publisher,
    log: writeError,
  });
  const where = publisher === undefined ? 'publishes nothing (no --site)' : `publishes into ${choice.site}`;
  writeError(`resplice works for the factory as ${worker.name}; ${where}\n`);
  return worker;
}

type Start = typeof import('@resplice/factory').startFactory;

function openPublisher(folder: string, { keys, passphraseFile }: FactoryChoice) {
  const site = openSite(folder);
  const passphrases = openPassphrases(passphraseFile);
  return {
    publish: (request: Parameters<typeof publish>[0]) =>
      publish(request, {
        site,
        folders: keys ?? [site.keys],
        passphrases,
        now: new Date(),
        validity: parseValidity([]),
      }),
    list: async (buildId: string) =>
      (await listPublished(site))
        .filter(({ info }) => info.kernel.buildId === buildId)
        .map(({ info }) => info.id),
  };
}

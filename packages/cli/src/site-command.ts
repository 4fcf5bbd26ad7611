// What the commands of a publisher have in common: the folder of the repository, the folders with keys, the passphrase.

import { openSite } from '@resplice/publish';
import { collect, newCommand } from './command.js';
import { openPassphrases } from './passphrase.js';
import { count } from './printed-text.js';

export function newSiteCommand(name: string, summary: string, examples: readonly string[]) {
  return newCommand(name, summary, examples)
    .option('--site <folder>', 'the folder of the repository', '.')
    .option('--keys <folder>', 'where private keys are; repeatable; default: keys/ in the site', collect)
    .option('--passphrase-file <file>', 'take the passphrase of the keys from here instead of asking');
}

export interface SiteOptions {
  readonly site: string;
  readonly keys?: readonly string[] | undefined;
  readonly passphraseFile?: string | undefined;
}

export function siteOptions(options: SiteOptions) {
  const site = openSite(options.site);
  const passphrases = openPassphrases(options.passphraseFile);
  return { site, folders: options.keys ?? [site.keys], passphrases, now: new Date() };
}

interface Missing {
  readonly by: string;
  readonly needed: number;
  readonly present: number;
  readonly keys: readonly string[];
}

/** What a draft lacks, and what comes next. */
export function renderDraft(name: string, version: number, missing: readonly Missing[]): readonly string[] {
  const head = `draft/${name}.json, version ${version}`;
  if (missing.length === 0)
    return [`${head}: has all its signatures; bring it into use with "resplice publish"`];
  return missing.map(({ by, needed, present, keys }) => {
    const lack = count(needed - present, 'signature');
    const among = keys.map((id) => id.slice(0, 8)).join(', ');
    return `${head}: lacks ${lack} that ${by} asks for, of the keys ${among}; run "resplice keys sign" where they are`;
  });
}

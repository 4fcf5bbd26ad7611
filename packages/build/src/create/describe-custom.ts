// The author's own code and decisions, as the manifest records them.

import type { Statement } from '@resplice/engine';
import type { Manifest } from '@resplice/update';
import type { ComparedObject } from './compare.js';

type Custom = Manifest['custom'];
type Recorded = Custom['ignored'][number];

const WHAT: Partial<Record<Statement['kind'], Recorded['what']>> = {
  'ignore-function': 'function',
  'ignore-data': 'data',
  'handles-init': 'init',
  'handles-data': 'data',
  'handles-type': 'type',
  'handles-callback': 'callback',
  'handles-coexistence': 'coexistence',
};

export function describeCustom(compared: readonly ComparedObject[]): Custom {
  const statements = compared.flatMap(({ diff, source }) =>
    diff.custom.statements.map((each) => ({ ...each, source })),
  );
  const record = (prefix: string): Recorded[] =>
    statements.flatMap(({ kind, name, why, source }) => {
      const what = WHAT[kind];
      return what === undefined || !kind.startsWith(prefix) ? [] : [{ what, name, why, source }];
    });
  return {
    hooks: compared.flatMap(({ diff, owner, source }) =>
      diff.custom.hooks.map(({ kind, name }) => ({ kind, function: name, object: owner, source })),
    ),
    shadow: statements
      .filter(({ kind }) => kind === 'shadow')
      .map(({ name, why, source }) => ({ name, type: why, source })),
    ignored: record('ignore-'),
    handled: record('handles-'),
  };
}

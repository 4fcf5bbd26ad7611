// Every page: its address, where it stands in the navigation, the right that it needs, the keys that lead to it.

import type { Right } from '@resplice/protocol/console';
import type { ComponentChildren } from 'preact';
import { FleetPage } from './pages/fleet.js';
import { MachinePage } from './pages/machine.js';
import { NotFound } from './pages/not-found.js';
import { StartPage } from './pages/start.js';
import { matchPath } from './router.js';

export const GROUPS = ['Fleet', 'Factory', 'Delivery', 'Organisation'] as const;

export interface PageEntry {
  readonly pattern: string;
  readonly title: string;
  readonly need: Right | 'public';
  /** In the navigation, under this heading. */
  readonly group?: (typeof GROUPS)[number];
  /** Pressed after `g`. */
  readonly key?: string;
  readonly show: (values: Readonly<Record<string, string>>) => ComponentChildren;
}

export const PAGES: readonly PageEntry[] = [
  { pattern: '/', title: 'Machines', need: 'read', group: 'Fleet', key: 'f', show: () => <FleetPage /> },
  {
    pattern: '/machines/:id',
    title: 'Machine',
    need: 'read',
    show: ({ id = '' }) => <MachinePage id={id} />,
  },
  {
    pattern: '/start',
    title: 'Getting started',
    need: 'keys',
    group: 'Fleet',
    key: 's',
    show: () => <StartPage />,
  },
];

export interface FoundPage {
  readonly pattern: string;
  readonly need: PageEntry['need'];
  readonly show: () => ComponentChildren;
}

export function findPage(path: string): FoundPage {
  for (const { pattern, need, show } of PAGES) {
    const values = matchPath(pattern, path);
    if (values !== undefined) return { pattern, need, show: () => show(values) };
  }
  return { pattern: '', need: 'read', show: () => <NotFound path={path} /> };
}

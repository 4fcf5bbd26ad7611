// Every page: its address, where it stands in the navigation, the right that it needs, the keys that lead to it.

import type { Right } from '@resplice/protocol/console';
import type { ComponentChildren } from 'preact';
import { AccessKeysPage } from './pages/access-keys.js';
import { AccountPage } from './pages/account.js';
import { AuditPage } from './pages/audit.js';
import { CvesPage } from './pages/cves.js';
import { ExposurePage } from './pages/exposure.js';
import { CandidatePage } from './pages/factory/candidate.js';
import { CandidatesPage } from './pages/factory/candidates.js';
import { CumulativesPage } from './pages/factory/cumulatives.js';
import { JobPage } from './pages/factory/job.js';
import { JobsPage } from './pages/factory/jobs.js';
import { ReleasePage } from './pages/factory/release.js';
import { ReleasesPage } from './pages/factory/releases.js';
import { FleetPage } from './pages/fleet.js';
import { GroupsPage } from './pages/groups.js';
import { MachinePage } from './pages/machine.js';
import { NotFound } from './pages/not-found.js';
import { RolloutPage } from './pages/rollout/rollout.js';
import { RolloutsPage } from './pages/rollout/rollouts.js';
import { SettingsPage } from './pages/settings.js';
import { StartPage } from './pages/start.js';
import { UpdatePage } from './pages/update.js';
import { UpdatesPage } from './pages/updates.js';
import { UsersPage } from './pages/users.js';
import { WebhooksPage } from './pages/webhooks.js';
import { matchPath } from './router.js';

export const GROUPS = ['Fleet', 'Factory', 'Delivery', 'Organisation'] as const;

export interface PageEntry {
  readonly pattern: string;
  readonly title: string;
  readonly need: Right | 'public';
  /** In the navigation, under this heading. */
  readonly group?: (typeof GROUPS)[number] | undefined;
  /** Pressed after `g`. */
  readonly key?: string;
  readonly show: (values: Readonly<Record<string, string>>) => ComponentChildren;
}

type Show = PageEntry['show'];

function listed(
  group: PageEntry['group'],
  key: string,
  pattern: string,
  title: string,
  need: PageEntry['need'],
  show: Show,
) {
  return { pattern, title, need, group, key, show };
}

function behind(pattern: string, need: PageEntry['need'], show: Show): PageEntry {
  return { pattern, title: '', need, show };
}

/** In the order of the navigation. */
export const PAGES: readonly PageEntry[] = [
  listed('Fleet', 'f', '/', 'Machines', 'read', () => <FleetPage />),
  behind('/machines/:id', 'read', ({ id = '' }) => <MachinePage id={id} />),
  listed('Fleet', 'c', '/cves', 'CVEs', 'read', () => <CvesPage />),
  listed('Fleet', 'm', '/groups', 'Groups', 'read', () => <GroupsPage />),
  listed('Fleet', 'x', '/exposure', 'Exposure', 'public', () => <ExposurePage />),
  listed('Fleet', 's', '/start', 'Getting started', 'keys', () => <StartPage />),
  listed('Factory', 'r', '/releases', 'Releases', 'read', () => <ReleasesPage />),
  behind('/releases/:id', 'read', ({ id = '' }) => <ReleasePage id={id} />),
  listed('Factory', 'v', '/review', 'Review', 'read', () => <CandidatesPage />),
  behind('/candidates/:id', 'read', ({ id = '' }) => <CandidatePage key={id} id={id} />),
  listed('Factory', 'j', '/jobs', 'Jobs', 'read', () => <JobsPage />),
  behind('/jobs/:id', 'read', ({ id = '' }) => <JobPage key={id} id={id} />),
  listed('Delivery', 'l', '/rollouts', 'Roll-outs', 'read', () => <RolloutsPage />),
  behind('/rollouts/:id', 'read', ({ id = '' }) => <RolloutPage key={id} id={id} />),
  listed('Delivery', 'o', '/cumulative', 'Cumulative', 'read', () => <CumulativesPage />),
  listed('Delivery', 'u', '/updates', 'Updates', 'read', () => <UpdatesPage />),
  behind('/updates/:id', 'read', ({ id = '' }) => <UpdatePage id={id} />),
  listed('Organisation', 'k', '/keys', 'Access keys', 'keys', () => <AccessKeysPage />),
  listed('Organisation', 'h', '/webhooks', 'Webhooks', 'settings', () => <WebhooksPage />),
  listed('Organisation', 'p', '/users', 'Users', 'users', () => <UsersPage />),
  listed('Organisation', 'a', '/audit', 'Audit log', 'audit', () => <AuditPage />),
  listed('Organisation', 't', '/settings', 'Settings', 'read', () => <SettingsPage />),
  behind('/account', 'read', () => <AccountPage />),
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

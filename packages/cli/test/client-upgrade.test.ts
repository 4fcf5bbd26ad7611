// From a repository to a machine with memory: what an upgrade writes down, and what it takes back. The kernel is a list.

import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, beforeEach, test } from 'node:test';
import { openClient, placesBelow, readStatus, upgradeClient } from '@resplice/client';
import type { ApplyResult, Machine, UndoResult } from '@resplice/host';
import { makeRoleKeys, openSite, parseValidity, publish, signDrafts } from '@resplice/publish';
import { accept, type Reason, refuse, type Verdict } from '@resplice/report';
import type { Update } from '@resplice/update';
import { tellingUpdate } from '@resplice/update/sample';
import { openRepository } from '../src/repository-client.js';
import { fakeMachine, KERNEL } from './fake-machine.js';

const PASSPHRASE = 'correct horse battery';
const EVERYTHING = { mode: null, updates: 'all' as const, except: [], remove: [] };
let site = '';
let folder = '';
let applied: string[] = [];
let refuses: string[] = [];

const ceremony = () => ({
  site: openSite(site),
  folders: [openSite(site).keys],
  passphrases: { forNewKeys: async () => PASSPHRASE, forKey: async () => PASSPHRASE },
  now: new Date(),
  cost: 16,
});

function update(id: string, requires: readonly string[] = []): Update {
  const kernel = { ...KERNEL, version: '6.1.170-3', architecture: 'x86_64' } as const;
  const { manifest, files } = tellingUpdate({ id, kernel, requires: [...requires] });
  return { manifest, files };
}

before(async () => {
  site = mkdtempSync(join(tmpdir(), 'resplice-site-'));
  const request = { count: undefined, threshold: undefined };
  await makeRoleKeys(
    { ...request, roles: ['root', 'targets', 'snapshot', 'timestamp', 'linux-6.1'] },
    ceremony(),
  );
  await signDrafts(ceremony());
  const brings = { release: '6.1.0-50-amd64', version: '6.1.176-1' };
  const updates = [update('fix_1'), update('fix_2', ['fix_1'])];
  await publish({ updates, withdrawn: [], brings }, { ...ceremony(), validity: parseValidity([]) });
});
after(() => rmSync(site, { recursive: true, force: true }));
beforeEach(() => {
  if (folder !== '') rmSync(folder, { recursive: true, force: true });
  folder = mkdtempSync(join(tmpdir(), 'resplice-machine-'));
  applied = [];
  refuses = [];
});
after(() => rmSync(folder, { recursive: true, force: true }));

function machine(): Machine {
  const bare = fakeMachine();
  return {
    ...bare,
    listDirectory: (path) => (path === '/sys/kernel/livepatch' ? applied.map((id) => `resplice_${id}`) : []),
    readFile: (path) => {
      const text = (content: string) => ({ ok: true as const, bytes: Buffer.from(content) });
      if (path === '/proc/modules')
        return text(
          applied
            .map((id) => `resplice_${id} 1 0 - Live 0x0\n`)
            .reverse()
            .join(''),
        );
      if (path.startsWith('/sys/kernel/livepatch/')) return text(path.endsWith('/enabled') ? '1\n' : '0\n');
      return bare.readFile(path);
    },
  };
}

const apply = async ({ manifest: { id, module } }: Update): Promise<Verdict<ApplyResult>> => {
  const reason: Reason = { code: 'tasks-busy', subject: { symbol: id }, found: 'busy' };
  if (refuses.includes(id)) return refuse([reason]);
  applied.push(id);
  const about = {
    id,
    module: module.name,
    engine: 'livepatch' as const,
    engineReason: '',
    state: 'applied' as const,
  };
  const none = { replaced: [], pending: [], notes: [] };
  return accept({ ...about, ...none, milliseconds: { checks: 0, load: 0, transition: 0 } });
};

const undo = async (id: string): Promise<Verdict<UndoResult>> => {
  applied = applied.filter((each) => each !== id);
  return accept({ state: 'undone', id, notes: [], milliseconds: { transition: 0, unload: 0 } });
};

const open = () => openClient(machine(), { places: placesBelow(folder) });

async function upgrade(options: Partial<Parameters<typeof upgradeClient>[2]> = {}) {
  const client = await open();
  const root = join(site, 'public/metadata/1.root.json');
  const from = join(site, 'public');
  const { signal } = new AbortController();
  const { dryRun } = options;
  const trusted = await openRepository({ from, root, state: client.places.state, dryRun, signal });
  return upgradeClient(client, trusted, { apply, undo, ...options });
}

const kept = () => join(folder, 'var/lib/resplice/kernels', KERNEL.buildId);
const states = ({
  updates,
}: {
  readonly updates: readonly { readonly id: string; readonly state: string }[];
}) => updates.map(({ id, state }) => `${id} ${state}`);

test('an upgrade keeps what it applies, and knows the effective kernel', async () => {
  assert.deepEqual(states(await upgrade()), ['fix_1 applied', 'fix_2 applied']);
  const wanted = JSON.parse(readFileSync(join(kept(), 'wanted.json'), 'utf8')) as {
    updates: { id: string }[];
  };
  assert.deepEqual(
    wanted.updates.map(({ id }) => id),
    ['fix_1', 'fix_2'],
  );
  assert.ok(existsSync(join(kept(), 'fix_1.splice')));
  const { effective, missing, available } = readStatus(await open());
  assert.equal(effective.release, '6.1.0-50-amd64');
  assert.deepEqual([missing, available], [[], []]);
});

test('a dry run writes nothing at all', async () => {
  assert.deepEqual(states(await upgrade({ dryRun: true })), ['fix_1 available', 'fix_2 available']);
  assert.deepEqual(readdirSync(folder), []);
});

test('what is refused is not wanted, what requires it waits, and both are told', async () => {
  refuses = ['fix_1'];
  assert.deepEqual(states(await upgrade()), ['fix_1 refused', 'fix_2 waits']);
  const { outcomes, missing, available } = readStatus(await open());
  assert.deepEqual(missing, []);
  assert.deepEqual(
    outcomes.map(({ id, state, reasons }) => `${id} ${state} ${reasons[0]?.code}`),
    ['fix_1 refused tasks-busy'],
  );
  assert.deepEqual(
    available.map(({ id }) => id),
    ['fix_1', 'fix_2'],
  );
  refuses = [];
  assert.deepEqual(states(await upgrade()), ['fix_1 applied', 'fix_2 applied']);
  assert.deepEqual(readStatus(await open()).outcomes, []);
});

test('what the server withdraws is taken back, newest first, and not wanted any more', async () => {
  await upgrade();
  const result = await upgrade({ desired: { ...EVERYTHING, remove: ['fix_1', 'fix_2'] } });
  assert.deepEqual(states({ updates: result.removed }), ['fix_2 undone', 'fix_1 undone']);
  assert.deepEqual(result.updates, []);
  const status = readStatus(await open());
  assert.deepEqual([applied, status.missing], [[], []]);
  assert.deepEqual(
    status.outcomes.map(({ id, state }) => `${id} ${state}`),
    ['fix_2 withdrawn', 'fix_1 withdrawn'],
    'the machine remembers who took it back',
  );
});

test('the server holds back what is not released for this machine', async () => {
  assert.deepEqual(states(await upgrade({ desired: { ...EVERYTHING, except: ['fix_2'] } })), [
    'fix_1 applied',
  ]);
  assert.deepEqual(states(await upgrade({ ids: ['fix_2'], desired: { ...EVERYTHING, except: ['fix_2'] } })), [
    // Its archive is not kept by this kernel that is a list, so applying is asked again.
    'fix_1 applied',
    'fix_2 applied',
  ]);
});

// The last one: it changes what the repository has.
test('a cumulative update takes the place of its parts, also of what is wanted at the next boot', async () => {
  await upgrade();
  assert.deepEqual(applied, ['fix_1', 'fix_2']);
  const { manifest, files } = update('cum_1');
  const cumulative = { number: 1, contains: ['fix_1', 'fix_2'] };
  const whole = { manifest: { ...manifest, cumulative }, files };
  await publish({ updates: [whole], withdrawn: [] }, { ...ceremony(), validity: parseValidity([]) });
  const instead: typeof apply = async (one) => {
    const replaced = applied;
    applied = [];
    const verdict = await apply(one);
    return verdict.ok ? accept({ ...verdict.value, replaced }) : verdict;
  };
  const { updates } = await upgrade({ apply: instead });
  assert.deepEqual(
    updates.map(({ id }) => id),
    ['cum_1'],
  );
  const { missing, available, withdrawn } = readStatus(await open());
  assert.deepEqual([applied, missing, available, withdrawn], [['cum_1'], [], [], []]);
});

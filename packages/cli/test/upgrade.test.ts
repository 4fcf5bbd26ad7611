// The whole way from a publisher to a machine, over HTTP on loopback, with somebody in between who bends what is served. Each
// attack ends with its own code, and nothing reaches the kernel.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { upgradeMachine } from '@resplice/host';
import {
  makeRoleKeys,
  openSite,
  parseValidity,
  publish,
  rotateRoleKeys,
  signDrafts,
} from '@resplice/publish';
import { accept, type Reason, refuse } from '@resplice/report';
import type { Update } from '@resplice/update';
import { mirrorRepository, selectUpdates } from '@resplice/update/repository';
import { tellingUpdate } from '@resplice/update/sample';
import { openRepository } from '../src/repository-client.js';
import { fakeMachine, KERNEL } from './fake-machine.js';

const PASSPHRASE = 'correct horse battery';
const main = fileURLToPath(new URL('../src/main.js', import.meta.url));
let folder = '';
let address = '';
let states = 0;
/** Answers in place of the file when it gives true. */
let bend: (request: IncomingMessage, response: ServerResponse) => boolean = () => false;
/** What is served: the site's public folder, or a copy of it. */
let served = '';

const server = createServer((request, response) => {
  if (bend(request, response)) return;
  try {
    response.end(readFileSync(join(served, request.url ?? '')));
  } catch {
    response.writeHead(404).end();
  }
});

const site = () => openSite(join(folder, 'site'));
const ceremony = () => ({
  site: site(),
  folders: [site().keys],
  passphrases: { forNewKeys: async () => PASSPHRASE, forKey: async () => PASSPHRASE },
  now: new Date(),
  cost: 16,
});

function update(id: string, change: Parameters<typeof tellingUpdate>[0] = {}): Update {
  const kernel = { ...KERNEL, version: '6.1.170-3', architecture: 'x86_64' } as const;
  const { manifest, files } = tellingUpdate({ id, kernel, ...change });
  return { manifest, files };
}

const put = (updates: readonly Update[], withdrawn: readonly string[] = []) =>
  publish({ updates, withdrawn }, { ...ceremony(), validity: parseValidity([]) });

before(async () => {
  folder = mkdtempSync(join(tmpdir(), 'resplice-upgrade-'));
  const request = { count: undefined, threshold: undefined };
  await makeRoleKeys({ roles: ['root'], count: 3, threshold: 2 }, ceremony());
  await makeRoleKeys({ ...request, roles: ['targets', 'snapshot', 'timestamp', 'linux-6.1'] }, ceremony());
  await signDrafts(ceremony());
  await put([update('fix_1'), update('fix_2', { requires: ['fix_3'] }), update('fix_3')]);
  served = join(site().folder, 'public');
  writeFileSync(join(folder, 'root.json'), readFileSync(join(served, 'metadata/1.root.json')));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  address = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
after(async () => {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
  rmSync(folder, { recursive: true });
});

/** A machine that has seen nothing. */
function newState(): string {
  states += 1;
  return join(folder, `state-${states}`);
}

interface Run {
  readonly from?: string;
  readonly state?: string;
  readonly ids?: readonly string[];
  readonly dryRun?: boolean;
  /** Ids that the machine refuses. */
  readonly refuses?: readonly string[];
}

/** An upgrade of a machine whose kernel is a list: what it was asked to apply. */
async function upgrade({
  from = address,
  state = newState(),
  ids = [],
  dryRun = false,
  refuses = [],
}: Run = {}) {
  const asked: string[] = [];
  const { signal } = new AbortController();
  const root = join(folder, 'root.json');
  const run = async () => {
    const trusted = await openRepository({ from, root, state, dryRun, signal });
    return upgradeMachine(fakeMachine(), trusted, {
      choose: (available) => (ids.length === 0 ? available : selectUpdates(available, ids)),
      dryRun,
      apply: async ({ manifest: { id, module } }) => {
        asked.push(id);
        const reason: Reason = { code: 'tasks-busy', subject: { object: id }, found: 'busy' };
        if (refuses.includes(id)) return refuse([reason]);
        return accept({
          state: 'applied',
          id,
          module: module.name,
          engine: 'livepatch',
          engineReason: '',
          replaced: [],
          pending: [],
          notes: [],
          milliseconds: { checks: 0, load: 0, transition: 0 },
        });
      },
    });
  };
  return { asked, result: run() };
}

async function assertRefused(code: string, run: Run = {}): Promise<void> {
  const { asked, result } = await upgrade(run);
  await assert.rejects(result, (error) => {
    assert.ok(error instanceof Error && 'code' in error, String(error));
    assert.equal(error.code, code, error.message);
    return true;
  });
  assert.deepEqual(asked, [], 'nothing reached the kernel');
}

async function bent<T>(how: typeof bend, work: () => Promise<T>): Promise<T> {
  bend = how;
  try {
    return await work();
  } finally {
    bend = () => false;
  }
}

const isTarget = (request: IncomingMessage): boolean => request.url?.startsWith('/targets/') === true;

test('applies the updates of this kernel, each behind those that it requires', async () => {
  const { asked, result } = await upgrade();
  assert.deepEqual(
    (await result).updates.map(({ id, state }) => `${id} ${state}`),
    ['fix_1 applied', 'fix_3 applied', 'fix_2 applied'],
  );
  assert.deepEqual(asked, ['fix_1', 'fix_3', 'fix_2']);
});

test('--id takes one update and what it requires, and names one that is not there', async () => {
  const { asked, result } = await upgrade({ ids: ['fix_2'] });
  await result;
  assert.deepEqual(asked, ['fix_3', 'fix_2']);
  await assertRefused('no-such-update', { ids: ['absent'] });
});

test('a dry run says what there is, and downloads, applies and remembers nothing', async () => {
  const state = newState();
  const urls: string[] = [];
  const note = (request: IncomingMessage): boolean => {
    urls.push(request.url ?? '');
    return false;
  };
  const { asked, result } = await bent(note, () => upgrade({ state, dryRun: true }));
  assert.ok((await result).updates.every((each) => each.state === 'available'));
  assert.deepEqual(asked, []);
  assert.ok(!urls.some((url) => url.startsWith('/targets/')));
  assert.throws(() => statSync(state), { code: 'ENOENT' });
});

test('an update that is refused holds up only those that require it', async () => {
  const { asked, result } = await upgrade({ refuses: ['fix_3'] });
  const states = (await result).updates.map(({ id, state }) => `${id} ${state}`);
  assert.deepEqual(states, ['fix_1 applied', 'fix_3 refused', 'fix_2 waits']);
  assert.deepEqual(asked, ['fix_1', 'fix_3']);
});

test('arbitrary content: one altered file, and none of the updates is applied', async () => {
  const alter = (request: IncomingMessage, response: ServerResponse): boolean => {
    if (!isTarget(request) || !request.url?.includes('fix_2')) return false;
    const bytes = readFileSync(join(served, request.url));
    bytes[3000] = (bytes[3000] ?? 0) ^ 1;
    response.end(bytes);
    return true;
  };
  await bent(alter, () => assertRefused('target-altered'));
});

test('arbitrary content: a web page in place of the repository', async () => {
  const page = (_request: IncomingMessage, response: ServerResponse): boolean => {
    response.end('<html>Sign in to the hotel network</html>');
    return true;
  };
  await bent(page, () => assertRefused('repository-malformed'));
});

test('rollback, and mix and match: an older state is served again, whole or in part', async () => {
  const old = join(folder, 'old');
  cpSync(served, old, { recursive: true });
  const state = newState();
  await put([update('fix_4')]);
  await (await upgrade({ state })).result;
  const now = served;
  served = old;
  await assertRefused('repository-rolled-back', { state });
  served = now;
  const newest = readdirSync(join(now, 'metadata'))
    .filter((name) => /^\d+\.snapshot\.json$/.test(name))
    .sort();
  const mix = (request: IncomingMessage, response: ServerResponse): boolean => {
    if (!request.url?.endsWith(`/${newest.at(-1)}`)) return false;
    response.end(readFileSync(join(now, 'metadata', newest[0] ?? '')));
    return true;
  };
  await bent(mix, () => assertRefused('repository-inconsistent'));
});

test('freeze: a state that is held back is refused when it expires', async () => {
  const stale = join(folder, 'stale');
  cpSync(join(folder, 'site'), stale, { recursive: true });
  const past = new Date(Date.now() - 30 * 86_400_000);
  const options = { ...ceremony(), site: openSite(stale), now: past, validity: parseValidity([]) };
  await publish({ updates: [], withdrawn: [] }, options);
  await assertRefused('repository-expired', { from: join(stale, 'public') });
});

test('wrong target: the file of another update under the name of this one', async () => {
  const swap = (request: IncomingMessage, response: ServerResponse): boolean => {
    if (!isTarget(request) || !request.url?.includes('fix_1')) return false;
    const folder = join(served, 'targets/linux-6.1', KERNEL.buildId);
    const other = readdirSync(folder).find((name) => name.endsWith('fix_3.splice')) ?? '';
    response.end(readFileSync(join(folder, other)));
    return true;
  };
  await bent(swap, () => assertRefused('target-altered'));
});

test('endless data from the server of the updates', async () => {
  const endless = (request: IncomingMessage, response: ServerResponse): boolean => {
    if (!isTarget(request)) return false;
    const more = (): void => {
      if (!response.destroyed) response.write(Buffer.alloc(65536), () => setImmediate(more));
    };
    more();
    return true;
  };
  await bent(endless, () => assertRefused('repository-data-endless'));
});

test('key compromise under the threshold: one stolen root key does not make a new root', async () => {
  const evil = join(folder, 'evil');
  cpSync(join(folder, 'site'), evil, { recursive: true });
  const options = { ...ceremony(), site: openSite(evil) };
  const thief = [join(evil, 'keys'), join(folder, 'thief')];
  const [stolen = '', ...others] = readdirSync(thief[0] ?? '').filter((name) => name.startsWith('root-'));
  assert.ok(stolen !== '');
  for (const name of others) rmSync(join(evil, 'keys', name));
  await rotateRoleKeys(
    { roles: ['root', 'timestamp'], count: 1, threshold: 1 },
    { ...options, folders: [join(folder, 'thief'), join(evil, 'keys')] },
  );
  await signDrafts({ ...options, folders: thief });
  const draft = readFileSync(join(evil, 'draft/root.json'));
  writeFileSync(join(evil, 'public/metadata/2.root.json'), draft);
  await assertRefused('repository-not-signed', { from: join(evil, 'public') });
});

test('a mirror holds the whole repository, and the same checks stand before it', async () => {
  const copy = join(folder, 'copy');
  const { signal } = new AbortController();
  const open = (from: string) =>
    openRepository({ from, root: join(folder, 'root.json'), state: newState(), signal });
  const first = await mirrorRepository(await open(address), copy);
  assert.equal(first.downloaded, first.targets);
  const again = await mirrorRepository(await open(address), copy);
  assert.equal(again.downloaded, 0);
  const { asked, result } = await upgrade({ from: copy });
  await result;
  assert.equal(asked.length, first.targets);

  const [kind = ''] = readdirSync(join(copy, 'targets/linux-6.1'));
  const files = join(copy, 'targets/linux-6.1', kind);
  const [name = ''] = readdirSync(files);
  writeFileSync(join(files, name), readFileSync(join(files, name)).fill(0, 2000, 2010));
  await assertRefused('target-altered', { from: copy });
  await mirrorRepository(await open(address), copy);
  await (await upgrade({ from: copy })).result;
});

test('the command: exit status 0 for a dry run, 3 without a root, 4 for a refusal, 6 when nobody answers', async () => {
  const resplice = (...args: string[]) => spawnSync(process.execPath, [main, ...args], { encoding: 'utf8' });
  const root = ['--root', join(folder, 'root.json')];
  const here = join(site().folder, 'public');
  const state = ['--state', newState()];
  const good = resplice('upgrade', '-n', '--from', here, ...root, ...state);
  assert.equal(good.status, 0, good.stderr);
  assert.match(good.stdout, /the repository has no update for/);
  assert.equal(
    resplice('upgrade', '-n', '--from', here, '--root', join(folder, 'absent'), ...state).status,
    3,
  );
  assert.equal(resplice('upgrade', '-n', '--from', 'ftp://x', ...root, ...state).status, 2);
  const closed = resplice('upgrade', '-n', '--from', 'http://127.0.0.1:9', ...root, ...state);
  assert.equal(closed.status, 6);
  assert.match(closed.stderr, /\[repository-unreachable\]\n$/);
  const empty = resplice('mirror', folder, join(folder, 'copy-of-nothing'), ...root);
  assert.equal(empty.status, 4);
  assert.match(
    empty.stderr,
    /timestamp\.json: does not exist; check that this is a repository.* \[repository-incomplete\]\n$/,
  );
});

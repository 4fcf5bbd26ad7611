// `npm run screenshots`: pictures of the dashboard for the documentation, in docs/images/. The same server, fleet and browser as the tests of
// packages/server/test/browser; a test run writes none, so that it changes nothing in the checkout.
//
// WebP by the browser itself: a fifth of the bytes of PNG, and nothing to install.

import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const support = join(root, 'packages/server/dist/test/support');
const load = (name) => import(join(support, `${name}.js`));
const { launchBrowser, siteFolder, visit } = await load('test-browser');
const { makeFolder } = await load('test-database');
const { fillFactory } = await load('test-factory');
const { fillFleet, makeRepository } = await load('test-fleet');
const { startTestServer } = await load('test-server');

const QUALITY = 70;
const UNIT = 'net_vmw_vsock_virtio_transport_common on 6.1.0-47-amd64';

const { folder, remove } = await makeFolder();
const server = await startTestServer('embedded', undefined, {
  repository: await makeRepository(folder),
  site: siteFolder(),
});
const browser = await launchBrowser();
try {
  const own = await server.makeOrganisation('own');
  const machines = await fillFleet(server, own);
  const made = await fillFactory(server, own);
  await beginRollout(own.sessions.admin);
  const unit = `/candidates/${made[UNIT]}`;
  const shots = [
    { name: 'fleet', path: '/' },
    { name: 'fleet-dark', path: '/', dark: true },
    { name: 'fleet-phone', path: '/?status=outofdate', phone: true, at: '.filters' },
    { name: 'machine', path: `/machines/${machines.get('smb-01.example.org')}` },
    { name: 'release', path: `/releases/${made.release}` },
    { name: 'review', path: unit },
    { name: 'review-functions', path: unit, at: '#functions' },
    { name: 'review-phone', path: unit, phone: true, at: '#functions' },
    { name: 'rollouts', path: '/rollouts' },
    { name: 'jobs', path: '/jobs' },
    { name: 'exposure', path: '/exposure?release=6.1.0-47-amd64&version=Debian+6.1.170-3', public: true },
  ];
  mkdirSync(join(root, 'docs/images'), { recursive: true });
  for (const shot of shots) await take(shot, own.sessions.admin);
} finally {
  await browser.close();
  await server.close();
  await remove();
}

async function beginRollout(session) {
  const ask = async (method, path, body) =>
    (await server.ask(method, `/api/v1${path}`, { as: session, body })).body;
  const ring = (name, groups, percent) => ({ name, groups, percent, waitHours: 24, minMachines: 1 });
  await ask('PUT', '/rollout-plans/careful', {
    rings: [ring('canary', ['canary'], 0), ring('half', ['web'], 50), ring('everybody', [], 100)],
  });
  const updates = ['ipv6_fragment', 'io_uring_poll'];
  const { id } = await ask('POST', '/rollouts', { name: 'linux 6.1.176-1', plan: 'careful', updates });
  await ask('POST', `/rollouts/${id}/next`, {});
}

async function take({ name, path, at, dark, phone, public: open }, session) {
  const seen = await visit(browser, server.running.address, { ...(open ? {} : { session }), dark, phone });
  await seen.open(path);
  if (at !== undefined)
    await seen.page
      .locator(at)
      .first()
      .evaluate((element) => element.scrollIntoView());
  const debuggerSession = await seen.context.newCDPSession(seen.page);
  const { data } = await debuggerSession.send('Page.captureScreenshot', { format: 'webp', quality: QUALITY });
  const bytes = Buffer.from(data, 'base64');
  writeFileSync(join(root, 'docs/images', `${name}.webp`), bytes);
  console.log(`docs/images/${name}.webp  ${Math.round(bytes.length / 1024)} kB`);
  await seen.close();
}

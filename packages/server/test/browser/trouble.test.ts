// What the dashboard does when something is not as it should be: no server, no session any more, no right, a change that somebody else made.

import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { Browser } from 'playwright-core';
import type { Role } from '../../src/access/rights.js';
import { assertAccessible, launchBrowser, siteFolder, visit } from '../support/test-browser.js';
import { makeFolder } from '../support/test-database.js';
import { fillFactory } from '../support/test-factory.js';
import { fillFleet, makeRepository } from '../support/test-fleet.js';
import { type Organisation, PASSWORD, startTestServer, type TestServer } from '../support/test-server.js';

let browser: Browser;
let server: TestServer;
let own: Organisation;
let made: Readonly<Record<string, string>>;
let remove: () => Promise<void>;

before(async () => {
  const folder = await makeFolder();
  remove = folder.remove;
  const repository = await makeRepository(folder.folder);
  server = await startTestServer('embedded', undefined, { repository, site: siteFolder() });
  own = await server.makeOrganisation('own');
  await fillFleet(server, own);
  made = await fillFactory(server, own);
  browser = await launchBrowser();
});
after(async () => {
  await browser?.close();
  await server.close();
  await remove();
});

const as = (role: Role) => visit(browser, server.running.address, { session: own.sessions[role] });

it('keeps what it shows while the server does not answer, says what to do, and goes on by itself', async () => {
  const { page, open, close } = await as('viewer');
  await open('/updates');
  await page.route('**/api/v1/**', (route) => route.abort());
  await page.getByRole('link', { name: 'CVEs', exact: true }).click();
  const alert = page.getByRole('alert');
  await alert.getByText('Check that "resplice serve" runs').waitFor();
  await assertAccessible(page, 'no server');
  await page.getByRole('link', { name: 'Updates' }).click();
  await page.getByRole('link', { name: 'ksmbd_session' }).waitFor();
  await alert.getByText('What is shown below is from before').waitFor();
  await page.unroute('**/api/v1/**');
  await alert.waitFor({ state: 'hidden' });
  await page.getByRole('link', { name: 'ksmbd_session' }).waitFor();
  await close();
});

it('asks for the password again when the session has ended, and shows nothing that was seen before', async () => {
  const login = await server.ask<{ session: string }>('POST', '/api/v1/session', {
    body: { name: 'own-viewer', password: PASSWORD },
  });
  const { session } = login.body;
  const { page, open, close } = await visit(browser, server.running.address, { session });
  await open('/?search=web-01');
  await page.getByRole('link', { name: 'web-01.example.org' }).waitFor();
  await server.ask('DELETE', '/api/v1/session', { as: session });
  await page.getByRole('link', { name: 'Groups' }).click();
  await page.getByText('Your session has ended').waitFor();
  assert.equal(await page.getByText('web-01').count(), 0);
  await page.getByLabel('Name').fill('own-viewer');
  await page.getByLabel('Password').fill(PASSWORD);
  await page.keyboard.press('Enter');
  await page.getByRole('heading', { name: 'Groups', level: 1 }).waitFor();
  await close();
});

it('says that a unit is another one by now when it is approved too late', async () => {
  const id = made['net_ipv6_reassembly on 6.1.0-47-cloud-amd64'];
  const { page, open, close } = await as('reviewer');
  await open(`/candidates/${id}`);
  await page.getByRole('button', { name: 'Approve' }).click();
  const dialog = page.getByRole('dialog');
  await server.ask('POST', `/api/v1/factory/candidates/${id}/send-back`, {
    as: own.sessions.admin,
    body: { words: 'look at the fragments again' },
  });
  await dialog.getByRole('button', { name: 'Approve' }).click();
  await dialog.getByRole('alert').getByText('Look at its present state').waitFor();
  await page.keyboard.press('Escape');
  await page.locator('#history').getByText('look at the fragments again').waitFor();
  await close();
});

/** What each role is offered besides looking, by page. The second opinion on `session.can`. */
const OFFERED: Readonly<Record<string, Readonly<Record<Role, readonly string[]>>>> = {
  '/': { viewer: [], operator: ['Add machines'], reviewer: [], admin: ['Add machines'] },
  '/groups': {
    viewer: [],
    operator: ['Make a group', 'Change', 'Remove'],
    reviewer: [],
    admin: ['Make a group', 'Change', 'Remove'],
  },
  '/updates/ksmbd_session': {
    viewer: [],
    operator: ['Withdraw'],
    reviewer: ['Release', 'Withdraw'],
    admin: ['Release', 'Withdraw'],
  },
  '/releases': {
    viewer: [],
    operator: [],
    reviewer: ['Import priorities', 'Work on a release', 'Watch'],
    admin: ['Import priorities', 'Work on a release', 'Watch'],
  },
  '/review': {
    viewer: [],
    operator: [],
    reviewer: ['Publish what is approved'],
    admin: ['Publish what is approved'],
  },
};
const NAVIGATION: Readonly<Record<Role, readonly string[]>> = {
  viewer: [],
  operator: ['Getting started', 'Access keys'],
  reviewer: ['Audit log'],
  admin: ['Getting started', 'Access keys', 'Webhooks', 'Users', 'Audit log'],
};

describe('each role is offered what it may do and nothing else', () => {
  const all = [...new Set(Object.values(OFFERED).flatMap((roles) => Object.values(roles).flat()))];
  for (const role of ['viewer', 'operator', 'reviewer', 'admin'] as const) {
    it(role, async () => {
      const { page, open, close, complaints } = await as(role);
      for (const [path, roles] of Object.entries(OFFERED)) {
        await open(path);
        const main = page.getByRole('main');
        for (const name of all) {
          const count = await main
            .getByRole('button', { name, exact: true })
            .or(main.getByRole('link', { name, exact: true }))
            .count();
          assert.equal(count > 0, roles[role].includes(name), `${path}: ${name}`);
        }
      }
      const nav = page.getByRole('navigation', { name: 'Pages' });
      for (const name of NAVIGATION.admin)
        assert.equal(
          (await nav.getByRole('link', { name, exact: true }).count()) > 0,
          NAVIGATION[role].includes(name),
          name,
        );
      assert.deepEqual(complaints, []);
      await close();
    });
  }
});

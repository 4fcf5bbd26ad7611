// A plan is made, a roll-out begins, opens its rings and is halted, by the dashboard and by what machines report.

import assert from 'node:assert/strict';
import { after, before, it } from 'node:test';
import type { Browser } from 'playwright-core';
import { assertAccessible, assertFits, launchBrowser, siteFolder, visit } from '../support/test-browser.js';
import { makeFolder } from '../support/test-database.js';
import { fillFleet, makeRepository } from '../support/test-fleet.js';
import { type Organisation, startTestServer, type TestServer } from '../support/test-server.js';

let browser: Browser;
let server: TestServer;
let own: Organisation;
let remove: () => Promise<void>;

before(async () => {
  const made = await makeFolder();
  remove = made.remove;
  const repository = await makeRepository(made.folder);
  server = await startTestServer('embedded', undefined, { repository, site: siteFolder() });
  own = await server.makeOrganisation('own');
  await fillFleet(server, own);
  browser = await launchBrowser();
});
after(async () => {
  await browser?.close();
  await server.close();
  await remove();
});

it('goes from a plan over its rings to a halt, and every step is shown', async () => {
  const { page, open, close, complaints } = await visit(browser, server.running.address, {
    session: own.sessions.reviewer,
  });
  await open('/rollouts');
  await page.getByRole('button', { name: 'Make a plan' }).click();
  const plan = page.getByRole('dialog', { name: 'Make a plan' });
  await plan.getByLabel('Name of the plan').fill('careful');
  await plan.getByLabel('Groups').first().fill('canary');
  await plan.getByLabel('% of all').first().fill('0');
  await assertAccessible(page, 'a plan');
  await plan.getByRole('button', { name: 'Save' }).click();
  await plan.waitFor({ state: 'hidden' });
  await page.getByRole('row', { name: /careful.*canary: group canary/ }).waitFor();

  await page.getByRole('button', { name: 'Begin a roll-out' }).click();
  const begin = page.getByRole('dialog', { name: 'Begin a roll-out' });
  await begin.getByLabel('Name').fill('linux 6.1.176-1');
  await begin.getByLabel(/^ksmbd_session:/).check();
  await begin.getByRole('button', { name: 'Begin' }).click();
  await page.getByRole('heading', { name: 'linux 6.1.176-1', level: 1 }).waitFor();
  await page.getByRole('button', { name: 'Open the next ring' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Open it' }).click();
  const first = page.getByRole('listitem').filter({ hasText: 'group canary' });
  await first.getByText('100 %').waitFor();
  await first.getByText('3 machines').waitFor();
  await assertAccessible(page, 'a roll-out');
  await assertFits(page, 'a roll-out');

  await page.getByRole('button', { name: 'Halt' }).click();
  const halt = page.getByRole('dialog', { name: 'Halt' });
  await halt.getByLabel('Why').fill('a customer calls');
  await halt.getByRole('button', { name: 'Halt' }).click();
  await page.getByText('a customer calls').waitFor();
  await page.getByText('Machines take the updates back.').waitFor();
  await page.getByRole('button', { name: 'Go on' }).waitFor();
  await assertAccessible(page, 'a halted roll-out');
  assert.deepEqual(complaints, []);
  await close();

  const viewer = await visit(browser, server.running.address, {
    session: own.sessions.viewer,
    dark: true,
    phone: true,
  });
  await viewer.open('/rollouts');
  await viewer.page.getByText('Halted').waitFor();
  assert.equal(await viewer.page.getByRole('button', { name: /Begin|Make a plan|Change|Remove/ }).count(), 0);
  await assertAccessible(viewer.page, 'roll-outs on a telephone');
  await assertFits(viewer.page, 'roll-outs on a telephone');
  await viewer.close();
});

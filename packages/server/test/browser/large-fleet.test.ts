// A hundred thousand machines: the page has as many rows as it shows and asks for no more, whatever the fleet has.

import assert from 'node:assert/strict';
import { after, before, it } from 'node:test';
import { sql } from 'drizzle-orm';
import type { Browser } from 'playwright-core';
import { assertAccessible, launchBrowser, settle, siteFolder, visit } from '../support/test-browser.js';
import { makeFolder } from '../support/test-database.js';
import { CLOUD, makeRepository } from '../support/test-fleet.js';
import { type Organisation, startTestServer, TestMachine, type TestServer } from '../support/test-server.js';

const MACHINES = 100_000;
/** Of these so many run the kernel for clouds. */
const CLOUDS = 8000;

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
  await multiply(new TestMachine(server, { hostname: 'node' }), MACHINES - CLOUDS);
  await multiply(new TestMachine(server, { hostname: 'cloud', kernel: CLOUD }), CLOUDS);
  browser = await launchBrowser();
});
after(async () => {
  await browser?.close();
  await server.close();
  await remove();
});

/** So many machines that are alike, but for what tells them apart. */
async function multiply(machine: TestMachine, count: number): Promise<void> {
  await machine.register(own.key);
  await machine.checkIn();
  await server.running.service.database.orm.execute(sql`
    insert into machines (id, organisation_id, access_key_id, token_hash, machine_id, fingerprint, state, hostname, client, health,
      patch_level_id, registered_at, last_seen_at, boot_id, uptime_seconds, report_hash)
    select gen_random_uuid(), organisation_id, access_key_id, token_hash, machine_id, fingerprint || '-' || n, state,
      hostname || '-' || lpad(n::text, 6, '0'), client, health, patch_level_id, registered_at, last_seen_at, boot_id, uptime_seconds, report_hash
    from machines, generate_series(1, ${count - 1}::int) n where id = ${machine.id}::uuid`);
}

it('shows, pages, searches and changes a fleet of 100,000 machines', async (test) => {
  const { page, open, close, complaints } = await visit(browser, server.running.address, {
    session: own.sessions.admin,
  });
  const timed = async (what: string, work: () => Promise<void>): Promise<void> => {
    const from = performance.now();
    await work();
    test.diagnostic(`${what}: ${Math.round(performance.now() - from)} ms`);
  };
  const list = page.getByRole('region', { name: 'List of machines' });
  await timed('first page', async () => {
    await open('/');
    await page.getByText('100,000 machines, 1 to 50').waitFor();
  });
  await timed('next page', async () => {
    await list.getByRole('button', { name: 'Next' }).click();
    await page.getByText('51 to 100').waitFor();
  });
  for (const [title, first] of [
    ['Kernel', /^node/],
    ['State', /./],
    ['Last seen', /./],
    ['Machine', /^cloud/],
  ] as const)
    await timed(`order by ${title}`, async () => {
      const answer = page.waitForResponse((each) => each.url().includes('sort='));
      await list.getByRole('columnheader', { name: title }).getByRole('button').click();
      await answer;
      await page.getByText('100,000 machines, 1 to 50').waitFor();
      await list.locator(`th[aria-sort="ascending"]`, { hasText: title }).waitFor();
      await list.locator('tbody tr').first().getByText(first).first().waitFor();
    });
  await timed('its next page', async () => {
    await list.getByRole('button', { name: 'Next' }).click();
    await page.getByText('51 to 100').waitFor();
  });
  assert.equal(await list.locator('tbody tr').count(), 50);
  const elements: number = await page.evaluate('document.getElementsByTagName("*").length');
  assert.ok(elements < 3000, `${elements} elements in the page`);
  await timed('search', async () => {
    await page.getByLabel('Search machines').fill('node-04321');
    await page.getByText('10 machines match').waitFor();
  });
  await assertAccessible(page, 'a page of a large fleet');
  await open('/?kernel=6.1.0-47-cloud-amd64');
  await page.getByText('8,000 machines match').waitFor();
  await page.getByRole('checkbox', { name: 'All of this page' }).check();
  await timed('select all 8,000', async () => {
    await page.getByRole('button', { name: 'Select all 8,000' }).click();
    await page.getByText('8,000 machines selected').waitFor();
  });
  await page.getByRole('button', { name: 'Move to group' }).click();
  await page.getByLabel('Group', { exact: true }).fill('clouds');
  await timed('move them', async () => {
    await page.getByRole('button', { name: 'Move', exact: true }).click();
    await page.getByText('8,000 machines moved to clouds').waitFor();
  });
  await settle(page);
  const moved = await server.ask<{ total: number }>('GET', '/api/v1/machines?group=clouds', {
    as: own.sessions.viewer,
  });
  assert.equal(moved.body.total, CLOUDS);
  assert.deepEqual(complaints, []);
  await close();
});

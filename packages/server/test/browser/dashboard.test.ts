// The dashboard as people use it: logging in, finding and changing machines, with the keyboard, on a telephone, in the dark.

import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { Browser } from 'playwright-core';
import { stepAt, totpCode } from '../../src/access/one-time-code.js';
import { factoryJobLogs } from '../../src/factory/tables.js';
import {
  assertAccessible,
  assertCodeFits,
  assertFits,
  focused,
  launchBrowser,
  settle,
  siteFolder,
  visit,
} from '../support/test-browser.js';
import { makeFolder } from '../support/test-database.js';
import { fillFactory } from '../support/test-factory.js';
import { fillFleet, makeRepository } from '../support/test-fleet.js';
import {
  type Organisation,
  PASSWORD,
  startTestServer,
  TestMachine,
  type TestServer,
} from '../support/test-server.js';

/** Every page that has an address of its own. */
const PAGES = [
  '/',
  '/cves',
  '/exposure?release=6.1.0-47-amd64&version=Debian+6.1.170-3',
  '/groups',
  '/start',
  '/updates',
  '/updates/ipv6_fragment',
  '/releases',
  '/review',
  '/jobs',
  '/cumulative',
  '/rollouts',
  '/keys',
  '/webhooks',
  '/users',
  '/audit',
  '/settings',
  '/account',
  '/no/such/page',
];

let browser: Browser;
let server: TestServer;
let own: Organisation;
let machines: ReadonlyMap<string, string>;
let made: Readonly<Record<string, string>>;
let remove: () => Promise<void>;

before(async () => {
  const folder = await makeFolder();
  remove = folder.remove;
  const repository = await makeRepository(folder.folder);
  server = await startTestServer('embedded', undefined, { repository, site: siteFolder() });
  own = await server.makeOrganisation('own');
  machines = await fillFleet(server, own);
  made = await fillFactory(server, own);
  browser = await launchBrowser();
});
after(async () => {
  await browser?.close();
  await server.close();
  await remove();
});

const pageOf = (options: Parameters<typeof visit>[2] = {}) => visit(browser, server.running.address, options);

const VSOCK = 'net_vmw_vsock_virtio_transport_common on 6.1.0-47-amd64';
const KSMBD = 'fs_smb_server_smb2pdu on 6.1.0-47-amd64';

function pagesOfThings(): readonly string[] {
  return [
    `/machines/${machines.get('smb-01.example.org')}`,
    `/releases/${made.release}`,
    `/candidates/${made[VSOCK]}`,
    `/candidates/${made[KSMBD]}`,
    `/jobs/${made.job}`,
  ];
}

describe('the page itself', () => {
  it('is answered for addresses of people and not for those of programs, and its files are kept for ever', async () => {
    const html = { headers: { accept: 'text/html' } };
    for (const path of ['/', '/machines/x', '/no/such/page']) {
      const answer = await server.ask('GET', path, html);
      assert.equal(answer.status, 200);
      assert.match(answer.headers.get('content-type') ?? '', /^text\/html/);
      assert.equal(answer.headers.get('cache-control'), 'no-cache');
      assert.match(
        answer.headers.get('content-security-policy') ?? '',
        /default-src 'none'; script-src 'self'/,
      );
      assert.doesNotMatch(String(answer.body), /<script(?![^>]* src=)|<style| style=/);
      const asset = /\/assets\/[^"]+\.js/.exec(String(answer.body))?.[0] ?? '';
      assert.equal(
        (await server.ask('GET', asset)).headers.get('cache-control'),
        'public, max-age=31536000, immutable',
      );
    }
    const kept = async (path: string) => (await server.ask('GET', path)).headers.get('cache-control');
    assert.equal(await kept('/repository/metadata/timestamp.json'), 'no-cache');
    assert.match((await kept('/repository/metadata/1.root.json')) ?? '', /immutable/);
    for (const path of ['/api/v1/nothing', '/assets/nothing.js', '/repository/nothing', '/metrics/nothing'])
      assert.equal((await server.ask('GET', path, html)).status, 404, path);
    assert.equal(
      (await server.ask('GET', '/machines')).status,
      404,
      'a program is told that there is nothing',
    );
    assert.equal((await server.ask('POST', '/machines', html)).status, 404);
  });
});

describe('logging in', () => {
  it('says what is wrong, asks for a code of those who have one, and goes on to the page that was wanted', async () => {
    const { sessions } = own;
    const made = await server.ask<{ secret: string }>('POST', '/api/v1/me/one-time-codes', {
      as: sessions.operator,
      body: { password: PASSWORD },
    });
    const { secret } = made.body;
    const step = stepAt(new Date());
    await server.ask('POST', '/api/v1/me/one-time-codes/confirm', {
      as: sessions.operator,
      body: { code: totpCode(secret, step - 1) },
    });
    const { page, open, close, complaints } = await pageOf();
    await open('/?status=outofdate');
    await assertAccessible(page, 'login');
    await page.getByLabel('Name').fill('own-operator');
    await page.getByLabel('Password').fill('wrong');
    await page.keyboard.press('Enter');
    await page.getByRole('alert').getByText('Name, password or one-time code is wrong').waitFor();
    await page.getByLabel('Password').fill(PASSWORD);
    await page.keyboard.press('Enter');
    const code = page.getByLabel('One-time code');
    await code.waitFor();
    assert.equal(await focused(page, 'autocomplete'), 'one-time-code');
    await code.fill(totpCode(secret, stepAt(new Date())));
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { name: 'Machines', level: 1 }).waitFor();
    await page.getByRole('link', { name: 'db-01.example.org' }).waitFor();
    assert.match(page.url(), /status=outofdate/);
    await page.getByRole('button', { name: 'Log out' }).click();
    await page.getByRole('heading', { name: 'Log in to Resplice' }).waitFor();
    // The browser itself notes each 401.
    assert.deepEqual(
      complaints.filter((text) => !text.startsWith('401')),
      [],
    );
    await close();
  });
});

describe('machines', () => {
  it('are counted, filtered, searched and found', async () => {
    const { page, open, close, complaints } = await pageOf({ session: own.sessions.viewer });
    await open('/');
    await page.getByRole('link', { name: /^Safe 25/ }).waitFor();
    await page.getByRole('link', { name: /^Exposed 7/ }).click();
    await page.getByText('7 machines match').waitFor();
    await page.getByRole('link', { name: 'db-01.example.org' }).waitFor();
    await page.getByLabel('Search machines').fill('smb');
    await page.getByText('1 machine match').waitFor();
    await page.getByRole('link', { name: 'smb-01.example.org' }).click();
    await page.getByRole('heading', { name: 'smb-01.example.org', level: 1 }).waitFor();
    await page.getByText('function-traced', { exact: true }).waitFor();
    await page.getByRole('region', { name: 'Kernel log' }).getByText('smb2_sess_setup').waitFor();
    await page.goBack();
    await page.getByText('1 machine match').waitFor();
    assert.equal(await page.getByRole('checkbox').count(), 0, 'a viewer selects nothing');
    assert.deepEqual(complaints, []);
    await close();
  });

  it('are moved and denied together by an operator, and the audit log has it', async () => {
    const { page, open, close } = await pageOf({ session: own.sessions.admin });
    await open('/?search=cloud');
    await page.getByText('8 machines match').waitFor();
    await page.getByRole('checkbox', { name: 'All of this page' }).check();
    await page.getByRole('button', { name: 'Move to group' }).click();
    await page.getByLabel('Group', { exact: true }).fill('edge');
    await page.getByRole('button', { name: 'Move', exact: true }).click();
    await page.getByText('8 machines moved to edge').waitFor();
    const moved = await server.ask<{ total: number }>('GET', '/api/v1/machines?group=edge', {
      as: own.sessions.viewer,
    });
    assert.equal(moved.body.total, 8);
    await close();
  });

  it('are protected from roles that may not change them', async () => {
    const { page, open, close } = await pageOf({ session: own.sessions.viewer });
    await open(`/machines/${machines.get('web-01.example.org')}`);
    for (const name of ['Deny', 'Remove', 'Hide', 'Group and tags'])
      assert.equal(await page.getByRole('button', { name }).count(), 0, name);
    await open('/start');
    await page.getByText('Your role does not include this page').waitFor();
    await close();
  });
});

describe('the factory', () => {
  it('shows a release with its CVEs, on each kernel, and leads to the unit', async () => {
    const { page, open, close, complaints } = await pageOf({ session: own.sessions.viewer });
    await open(`/releases/${made.release}`);
    await page.getByLabel('Search CVEs and units').fill('40117');
    const row = page.getByRole('row', { name: /CVE-2026-40117/ });
    await page.getByText('1 CVEs').waitFor();
    assert.match((await row.textContent()) ?? '', /medium.*In review.*Approved/);
    await page.getByLabel('Search CVEs and units').fill('');
    await page.getByLabel('Where they stand').selectOption('code');
    await page.getByText('type-grew').first().waitFor();
    await page.getByRole('link', { name: 'fs_smb_server_smb2pdu' }).first().click();
    await page.getByRole('heading', { name: 'fs_smb_server_smb2pdu', level: 1 }).waitFor();
    await settle(page);
    for (const name of ['Approve', 'Refuse', 'Send back', 'Make again', 'Send and make it again'])
      assert.equal(await page.getByRole('button', { name }).count(), 0, `a viewer has no button ${name}`);
    assert.deepEqual(complaints, []);
    await close();
  });

  it('shows a reviewer what changes, and takes the approval of exactly that', async () => {
    const { page, open, close, complaints } = await pageOf({ session: own.sessions.reviewer });
    await open(`/candidates/${made[VSOCK]}`);
    await page.getByText('if (!credit)').waitFor();
    const code = page.getByRole('region', { name: /Instructions of virtio_transport_get_credit/ });
    await code.getByText('First difference').waitFor();
    const added = await code.locator('tr.changed td.text.added').allTextContents();
    assert.deepEqual(added.slice(0, 2), ['test   %esi,%esi', 'je     0x51']);
    await page.locator('summary', { hasText: 'the probe said exposed, safe, exposed' }).click();
    await page.getByRole('region', { name: 'Log of the guest' }).getByText('unpatching complete').waitFor();
    await page.keyboard.press('A');
    const dialog = page.getByRole('dialog', { name: /^Approve/ });
    await assertAccessible(page, 'approval');
    await dialog.getByLabel('Words').fill('the bounds are right');
    await dialog.getByRole('button', { name: 'Approve' }).click();
    await dialog.waitFor({ state: 'hidden' });
    await page.locator('#reviews').getByText('the bounds are right').waitFor();
    const answer = await server.ask<{ state: string }>('GET', `/api/v1/factory/candidates/${made[VSOCK]}`, {
      as: own.sessions.viewer,
    });
    assert.equal(answer.body.state, 'approved');
    assert.deepEqual(complaints, []);
    await close();
  });

  it('takes custom code, keeps what was typed when the page is closed, and says what is wrong with it', async () => {
    const path = `/candidates/${made[KSMBD]}`;
    const { page, open, close } = await pageOf({ session: own.sessions.reviewer });
    await open(path);
    await page.getByRole('button', { name: 'Begin with the skeleton' }).click();
    const editor = page.getByLabel('Custom code', { exact: true });
    assert.match(await editor.inputValue(), /RESPLICE_PRE_APPLY/);
    await editor.fill('this is no patch');
    await open(path);
    assert.equal(await editor.inputValue(), 'this is no patch');
    await page.getByRole('button', { name: 'Send and make it again' }).click();
    await page.getByRole('alert').getByText('Custom code is a patch on top of the unit').waitFor();
    await editor.fill('--- a/x.c\n+++ b/x.c\n@@ -1 +1,2 @@\n a\n+b\n');
    await page.getByRole('button', { name: 'Send and make it again' }).click();
    await page.getByText('custom code pushed').waitFor();
    await page.getByText('New', { exact: true }).first().waitFor();
    await close();
  });

  it('shows the log of a job as it grows, and what has changed without being asked', async () => {
    const { page, open, close } = await pageOf({ session: own.sessions.viewer });
    await open(`/jobs/${made.job}`);
    const log = page.getByRole('region', { name: 'Log of the job' });
    await log.getByText('before and after the patch').waitFor();
    const { orm } = server.running.service.database;
    const [last] = await orm.select().from(factoryJobLogs);
    await orm.insert(factoryJobLogs).values({
      jobId: made.job ?? '',
      position: last?.text.length ?? 0,
      text: 'linking the update\n',
    });
    await log.getByText('linking the update').waitFor();
    await open('/?search=canary');
    await page.getByText('3 machines match').waitFor();
    const machine = new TestMachine(server, { hostname: 'canary-04.example.org' });
    await machine.register(own.key);
    await page.getByText('4 machines match').waitFor();
    await close();
  });
});

describe('the public page', () => {
  it('tells anybody about a kernel, and says when it knows nothing', async () => {
    const { page, open, close } = await pageOf();
    await open('/exposure');
    const paste = page.getByLabel(/Paste what/);
    await paste.fill('6.1.0-47-amd64 #1 SMP PREEMPT_DYNAMIC Debian 6.1.170-3 (2026-05-01)');
    await page.getByRole('button', { name: 'Look it up' }).click();
    await page.getByText(/as installed: \d+ known CVEs/).waitFor();
    const live = page.getByRole('table', { name: 'CVEs that are fixed without a reboot' });
    await live.getByRole('link', { name: 'CVE-2026-31431' }).waitFor();
    const later = page.getByRole('table', { name: 'CVEs that a newer kernel fixes' });
    await later.getByRole('link', { name: 'CVE-2026-29915' }).waitFor();
    await assertAccessible(page, 'exposure');
    assert.match(page.url(), /release=6\.1\.0-47-amd64/);
    await paste.fill('5.4.0-1-custom');
    await page.keyboard.press('Enter');
    await page.getByText('Nothing is known here about 5.4.0-1-custom').waitFor();
    await close();
  });
});

describe('the keyboard', () => {
  it('leads to pages, to the search, along rows, and says what it can', async () => {
    const { page, open, close } = await pageOf({ session: own.sessions.admin });
    await open('/');
    await page.keyboard.press('/');
    assert.equal(await focused(page, 'type'), 'search');
    await page.keyboard.press('Escape');
    await page.keyboard.press('j');
    assert.match((await focused(page, 'href')) ?? '', /^\/machines\//);
    await page.keyboard.press('?');
    const help = page.getByRole('dialog', { name: 'Keys' });
    await help.getByText('go to Machines').waitFor();
    await assertAccessible(page, 'help');
    await page.keyboard.press('Escape');
    await help.waitFor({ state: 'hidden' });
    await page.keyboard.press('g');
    await page.keyboard.press('s');
    await page.getByRole('heading', { name: 'Getting started' }).waitFor();
    await close();
  });
});

for (const dark of [false, true]) {
  for (const phone of [false, true]) {
    it(`pages are readable ${dark ? 'in the dark' : 'in the light'} ${phone ? 'on a telephone' : 'on a desk'}`, async () => {
      const { page, open, close, complaints } = await pageOf({ session: own.sessions.admin, dark, phone });
      for (const path of [...PAGES, ...pagesOfThings()]) {
        await open(path);
        await settle(page);
        await assertAccessible(page, path);
        await assertFits(page, path);
        if (phone) await assertCodeFits(page, path);
      }
      assert.deepEqual(complaints, []);
      await close();
    });
  }
}

// From nothing to a first protected machine, with the real command on an empty folder: what an administrator does on the first day.

import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { after, before, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import type { Browser } from 'playwright-core';
import { launchBrowser, visit } from '../support/test-browser.js';
import { makeFolder } from '../support/test-database.js';
import { makeRepository } from '../support/test-fleet.js';
import { type Answer, TestMachine } from '../support/test-server.js';

const COMMAND = fileURLToPath(new URL('../../../../cli/bin/resplice.mjs', import.meta.url));

let browser: Browser;
let serve: ChildProcess;
let address = '';
let password = '';
let remove: () => Promise<void>;

before(async () => {
  const made = await makeFolder();
  remove = made.remove;
  const repository = await makeRepository(made.folder);
  const data = join(made.folder, 'data');
  const args = [COMMAND, 'serve', '--data', data, '--repository', repository, '--listen', '127.0.0.1:0'];
  serve = spawn(process.execPath, args, { stdio: ['ignore', 'ignore', 'pipe'] });
  const said: string[] = [];
  for await (const line of createInterface({ input: serve.stderr ?? process.stdin })) {
    said.push(line);
    password = /with the password (\S+)/.exec(line)?.[1] ?? password;
    address = /serves on (http:\S+?);/.exec(line)?.[1] ?? '';
    if (address !== '') break;
  }
  assert.notEqual(address, '', said.join('\n'));
  browser = await launchBrowser();
});
after(async () => {
  await browser?.close();
  serve.kill('SIGTERM');
  if (serve.exitCode === null) await once(serve, 'exit');
  await remove();
});

it('the guide leads from an empty server to a machine that is protected', async () => {
  const { page, open, close } = await visit(browser, address);
  await open('/');
  await page.getByLabel('Name').fill('admin');
  await page.getByLabel('Password').fill(password);
  await page.keyboard.press('Enter');
  await page.getByText('No machines yet').waitFor();
  await page.getByRole('link', { name: 'Add machines' }).click();
  await page.getByRole('heading', { name: 'Getting started' }).waitFor();
  const step = (title: string) => page.getByRole('listitem').filter({ hasText: title });
  await step('A repository of updates').getByText('done', { exact: true }).waitFor();
  await step('A machine registers').getByText('to do', { exact: true }).waitFor();
  await page.getByRole('button', { name: 'Make a key' }).click();
  const key = step('A key for machines').locator('pre');
  await key.waitFor();
  await step('A key for machines').getByText('done', { exact: true }).waitFor();
  const machine = new TestMachine({ ask }, { hostname: 'first.example.org' });
  assert.equal((await machine.register((await key.textContent()) ?? '')).status, 200);
  // Nothing is reloaded from here on.
  await step('A machine registers').getByText('done', { exact: true }).waitFor();
  await step('It is protected').getByText('to do', { exact: true }).waitFor();
  const wanted = ['io_uring_poll', 'ipv6_fragment', 'ksmbd_session', 'netfilter_nft_set', 'vsock_release'];
  machine.report = {
    ...machine.report,
    updates: wanted.map((id) => ({ id, engine: 'livepatch', state: 'applied' })),
  };
  assert.equal((await machine.checkIn()).status, 200);
  await step('It is protected').getByText('done', { exact: true }).waitFor();
  await page.keyboard.press('g');
  await page.keyboard.press('f');
  await page.getByRole('link', { name: /^Safe 1/ }).waitFor();
  await page.getByRole('link', { name: 'first.example.org' }).waitFor();
  await close();
});

async function ask<T>(
  method: string,
  path: string,
  { as, body }: { as?: string | undefined; body?: unknown } = {},
): Promise<Answer<T>> {
  const answer = await fetch(new URL(path, address), {
    method,
    headers: {
      'content-type': 'application/json',
      ...(as === undefined ? {} : { authorization: `Bearer ${as}` }),
    },
    body: JSON.stringify(body),
  });
  return { status: answer.status, body: (await answer.json()) as T, headers: answer.headers };
}

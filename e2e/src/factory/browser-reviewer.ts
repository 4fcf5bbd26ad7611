// A reviewer who uses the dashboard: logs in, reads a unit, writes code for it, approves it, in Debian's Chromium.

import { readFile } from 'node:fs/promises';
import { type Browser, chromium, type Page } from 'playwright-core';

/** Guests may keep all processors busy meanwhile. */
const PATIENCE_MS = 120_000;

/** What the page of a unit showed. */
export interface SeenUnit {
  readonly source: string;
  /** Functions whose first difference is marked. */
  readonly functions: readonly string[];
  /** Rows that differ between the instructions before and after, in all functions. */
  readonly changedRows: number;
  /** What the author of custom code answers for, and hooks. */
  readonly statements: string;
  /** Of the newest test in a guest. */
  readonly log: string;
}

export class BrowserReviewer {
  readonly #browser: Browser;
  readonly #page: Page;
  readonly #address: string;

  private constructor(browser: Browser, page: Page, address: string) {
    this.#browser = browser;
    this.#page = page;
    this.#address = address;
  }

  static async logIn(address: string, name: string, password: string): Promise<BrowserReviewer> {
    const executablePath = process.env.CHROMIUM ?? '/usr/bin/chromium';
    // Its own sandbox needs rights that root in a container does not have; it opens our pages only.
    const args = ['--no-sandbox', '--disable-dev-shm-usage'];
    const browser = await chromium.launch({ executablePath, args, timeout: PATIENCE_MS });
    try {
      const page = await browser.newPage({ viewport: { width: 1360, height: 900 } });
      page.setDefaultTimeout(PATIENCE_MS);
      await page.goto(new URL('/review', address).href);
      await page.getByLabel('Name').fill(name);
      await page.getByLabel('Password').fill(password);
      await page.getByRole('button', { name: 'Log in' }).click();
      await page.getByRole('heading', { name: 'Review', level: 1 }).waitFor();
      return new BrowserReviewer(browser, page, address);
    } catch (error) {
      await browser.close();
      throw error;
    }
  }

  /** For a unit that needs code: the editor takes the text of this file, and the unit is made again. */
  async pushCode(id: string, file: string): Promise<void> {
    await this.#open(id);
    await this.#page.getByText('This unit needs code that a person writes').waitFor();
    await this.#page.getByLabel('Custom code', { exact: true }).fill(await readFile(file, 'utf8'));
    await this.#page.getByRole('button', { name: 'Send and make it again' }).click();
    await this.#page.locator('#history').getByText('custom code pushed').waitFor();
  }

  async approve(id: string): Promise<SeenUnit> {
    await this.#open(id);
    const seen = await this.#read();
    await this.#page.getByRole('button', { name: 'Approve' }).click();
    const dialog = this.#page.getByRole('dialog');
    await dialog.getByLabel('Words').fill('read in the browser');
    await dialog.getByRole('button', { name: 'Approve' }).click();
    await dialog.waitFor({ state: 'hidden' });
    await this.#page.locator('#reviews').getByText('read in the browser').waitFor();
    return seen;
  }

  async close(): Promise<void> {
    await this.#browser.close();
  }

  async #open(id: string): Promise<void> {
    await this.#page.goto(new URL(`/candidates/${id}`, this.#address).href);
    await this.#page.locator('#history table').waitFor();
  }

  async #read(): Promise<SeenUnit> {
    const functions = this.#page.locator(
      '#functions details:has(.side-by-side), #functions details:has(.why)',
    );
    for (const each of await functions.all())
      if (!(await each.evaluate((details) => 'open' in details && details.open === true)))
        await each.locator('summary').click();
    const marked = functions.filter({ has: this.#page.getByText('First difference') });
    // A unit of hooks alone replaces no function.
    if ((await functions.count()) > 0) await functions.first().locator('.side-by-side').waitFor();
    await this.#page.locator('#tests summary').last().click();
    const log = this.#page.getByRole('region', { name: 'Log of the guest' });
    await log.waitFor();
    return {
      source: (await this.#page.locator('#diff').textContent()) ?? '',
      functions: await marked.locator('summary code').allTextContents(),
      changedRows: await functions.locator('tr.changed').count(),
      statements: (await this.#page.locator('main').textContent()) ?? '',
      log: (await log.textContent()) ?? '',
    };
  }
}

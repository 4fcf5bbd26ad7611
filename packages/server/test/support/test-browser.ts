// The dashboard in a real Chromium, Debian's package, against a running server. Whatever the browser complains of (a script error, something
// that the content security policy stopped, a request that failed) fails the test that caused it.

import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { type Browser, type BrowserContext, chromium, type Page } from 'playwright-core';
import { SESSION_COOKIE } from '../../src/access/principal.js';
import { findSite } from '../../src/http/site.js';

/** Generous: the machine may be slow and busy. */
const PATIENCE_MS = 30_000;

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

export function siteFolder(): string {
  const site = findSite();
  if (site === undefined) throw new Error('the dashboard is not built; run "npm run build"');
  return site;
}

export async function launchBrowser(): Promise<Browser> {
  const executablePath = process.env.CHROMIUM ?? '/usr/bin/chromium';
  if (!existsSync(executablePath)) throw new Error('Chromium is not installed; run scripts/setup');
  // Its own sandbox needs rights that root in a container does not have; it only ever opens our pages here.
  return chromium.launch({
    executablePath,
    args: ['--no-sandbox', '--disable-dev-shm-usage'],
    timeout: 60_000,
  });
}

export interface VisitOptions {
  /** A session's text; without one nobody is logged in. */
  readonly session?: string;
  readonly dark?: boolean;
  readonly phone?: boolean;
}

export interface Visit {
  readonly page: Page;
  readonly context: BrowserContext;
  /** Opens an address of the dashboard and waits until the page stands. */
  open(path: string): Promise<void>;
  /** Complaints of the browser so far. */
  readonly complaints: string[];
  close(): Promise<void>;
}

export const DESKTOP = { width: 1360, height: 860 };
export const PHONE = { width: 390, height: 844 };

export async function visit(browser: Browser, address: string, options: VisitOptions = {}): Promise<Visit> {
  const { session, dark = false, phone = false } = options;
  const context = await browser.newContext({
    viewport: phone ? PHONE : DESKTOP,
    colorScheme: dark ? 'dark' : 'light',
    reducedMotion: 'reduce',
    locale: 'en-GB',
    timezoneId: 'UTC',
  });
  context.setDefaultTimeout(PATIENCE_MS);
  if (session !== undefined)
    await context.addCookies([{ name: SESSION_COOKIE, value: session, url: address, httpOnly: true }]);
  const page = await context.newPage();
  const complaints: string[] = [];
  page.on('pageerror', (error) => complaints.push(`error: ${error.message}`));
  page.on('console', (message) => {
    // Of failed requests the next listener says more.
    const text = message.text();
    const counts = message.type() === 'error' || message.type() === 'warning';
    if (counts && !text.startsWith('Failed to load resource')) complaints.push(text);
  });
  page.on('response', (response) => {
    if (response.status() >= 400) complaints.push(`${response.status()} ${response.url()}`);
  });
  return {
    page,
    context,
    complaints,
    async open(path) {
      await page.goto(new URL(path, address).href);
      await page.getByRole('heading', { level: 1 }).waitFor();
      await settle(page);
    },
    async close() {
      await context.close();
    },
  };
}

/** Until nothing is being loaded any more. */
export async function settle(page: Page): Promise<void> {
  const loading = page.locator('.loading, [aria-busy="true"]');
  // The debugger's own way of waiting for something needs `eval`, which the policy of the page forbids.
  for (const end = Date.now() + PATIENCE_MS; (await loading.count()) > 0; await page.waitForTimeout(50))
    assert.ok(Date.now() < end, `${page.url()} is still loading`);
}

/** An attribute of what has the focus. */
export function focused(page: Page, attribute: string): Promise<string | null> {
  return page.evaluate(`document.activeElement.getAttribute(${JSON.stringify(attribute)})`);
}

const RULES = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'];

interface Violation {
  readonly id: string;
  readonly help: string;
  readonly nodes: readonly { readonly html: string; readonly failureSummary: string }[];
}

/** WCAG 2.2 A and AA, as far as a program can tell: contrast, names, roles, landmarks. */
export async function assertAccessible(page: Page, what: string): Promise<void> {
  // It comes by the debugger: a script of another place in the page is what the policy forbids.
  await page.evaluate(axe);
  const found: { violations: readonly Violation[] } = await page.evaluate(
    `axe.run(document, { runOnly: ${JSON.stringify(RULES)} })`,
  );
  const violations = found.violations.map(({ id, help, nodes }) => ({
    id,
    help,
    where: nodes.slice(0, 4).map(({ html, failureSummary }) => `${html.slice(0, 160)}: ${failureSummary}`),
  }));
  assert.deepEqual(violations, [], what);
}

/** Nothing is wider than the window, so nobody scrolls sideways to read. */
export async function assertFits(page: Page, what: string): Promise<void> {
  const [width, inner]: [number, number] = await page.evaluate(
    '[document.documentElement.scrollWidth, window.innerWidth]',
  );
  assert.ok(width <= inner, `${what}: ${width} px wide in a window of ${inner}`);
}

/** Diffs, instructions and logs wrap instead of being scrolled sideways. */
export async function assertCodeFits(page: Page, what: string): Promise<void> {
  await page.evaluate("for (const each of document.querySelectorAll('details')) each.open = true");
  await settle(page);
  const wide: string[] = await page.evaluate(
    "[...document.querySelectorAll('.code-scroll')].filter((each) => each.scrollWidth > each.clientWidth + 1).map((each) => each.innerText)",
  );
  assert.deepEqual(wide, [], `${what}: code is wider than its frame`);
}

// Builds the app once, serves it under the CSP the desktop app sets, and drives it in Chromium.
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before } from 'node:test';
import { fileURLToPath } from 'node:url';
import { chromium } from 'playwright-core';
import { build, preview } from 'vite';
import { NOW } from './views.js';

export const root = fileURLToPath(new URL('..', import.meta.url));
const axe = createRequire(import.meta.url).resolve('axe-core/axe.min.js');

/** Chromium from $CHROMIUM or Debian's place; elsewhere the Chrome that is installed. */
function browser() {
  const installed = process.env.CHROMIUM ?? '/usr/bin/chromium';
  const which =
    process.env.CHROMIUM || existsSync(installed)
      ? { executablePath: installed }
      : { channel: 'chrome' };
  // Containers run as root, where Chromium's own sandbox cannot start.
  return chromium.launch({ ...which, args: process.getuid?.() === 0 ? ['--no-sandbox'] : [] });
}

/**
 * Serves `page` (index.html or preview.html) as built for production and starts a browser.
 * `open(options)` gives a page whose clock stands at NOW; `close()` ends all of it.
 */
export async function start(page) {
  const conf = JSON.parse(await readFile(join(root, '../tauri.conf.json'), 'utf8'));
  const outDir = await mkdtemp(join(tmpdir(), 'keyfob-ui-'));
  const ends = [() => rm(outDir, { recursive: true, force: true })];
  const close = async () => {
    for (const end of ends.reverse()) await end();
  };

  try {
    // index.html is what Vite builds when told nothing: so it ships.
    const entry = page === 'index.html' ? {} : { rolldownOptions: { input: join(root, page) } };
    await build({ root, logLevel: 'error', build: { outDir, emptyOutDir: true, ...entry } });
    const server = await preview({
      root,
      logLevel: 'error',
      build: { outDir },
      preview: {
        host: '127.0.0.1',
        port: 0,
        headers: { 'Content-Security-Policy': conf.app.security.csp },
      },
    });
    ends.push(() => server.close());
    const { port } = server.httpServer.address();
    const chrome = await browser();
    ends.push(() => chrome.close());

    const open = async ({
      width = 440,
      height = 640,
      scheme = 'light',
      prepare,
      ...context
    } = {}) => {
      const session = await chrome.newContext({
        viewport: { width, height },
        colorScheme: scheme,
        locale: 'en-GB',
        timezoneId: 'UTC',
        ...context,
      });
      const tab = await session.newPage();
      tab.setDefaultTimeout(10_000);
      tab.faults = [];
      tab.on('pageerror', (error) => tab.faults.push(String(error)));
      tab.on('console', (message) => {
        if (['error', 'warning'].includes(message.type())) tab.faults.push(message.text());
      });
      // Time moves only when a test moves it, yet animation frames and timers still run.
      await tab.clock.setFixedTime(NOW * 1000);
      // As freezePrototype in tauri.conf.json has it.
      if (conf.app.security.freezePrototype) {
        await tab.addInitScript(() => Object.freeze(Object.prototype));
      }
      await prepare?.(tab);
      await tab.goto(`http://127.0.0.1:${port}/${page}`);
      return tab;
    };
    return { outDir, open, close };
  } catch (error) {
    await close();
    throw error;
  }
}

export const show = (tab, view) => tab.evaluate((view) => window.preview.show(view), view);
export const showAccess = (tab, view) =>
  tab.evaluate((view) => window.preview.showAccess(view), view);
/** Ends `name` once it runs: what a click or an answer sets off may take the page a moment. */
const end = async (tab, how, name, value) => {
  await tab.waitForFunction((name) => window.preview.runs(name), name);
  await tab.evaluate(([how, name, value]) => window.preview[how](name, value), [how, name, value]);
};
export const answer = (tab, name, value) => end(tab, 'answer', name, value);
export const refuse = (tab, name, error) => end(tab, 'refuse', name, error);
export const calls = (tab, name) =>
  tab.evaluate((name) => window.preview.log.filter(([command]) => command === name), name);

/** Accessibility violations of the page as it stands, one readable line each. */
export async function violations(tab) {
  // Through the debugger, not as a script element: the page's CSP forbids those, rightly.
  if (!(await tab.evaluate(() => 'axe' in window))) {
    await tab.evaluate(await readFile(axe, 'utf8'));
  }
  return tab.evaluate(async () => {
    const { violations } = await window.axe.run(document, {
      runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'],
    });
    return violations.flatMap(({ id, nodes }) =>
      nodes.map((node) => `${id}: ${node.target} ${node.failureSummary}`),
    );
  });
}

/** How many CSS pixels the page is wider than its window. */
export const overflow = (tab) =>
  tab.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);

/** What has the keyboard: its test id, else its name. */
export const focused = (tab) =>
  tab.evaluate(() => {
    const element = document.activeElement;
    return element === document.body
      ? 'body'
      : (element.dataset.testid ??
          element.getAttribute('aria-label') ??
          element.textContent.trim().toLowerCase());
  });

/**
 * For a test file: the preview page, started before its tests and ended after them. Gives
 * `inTab(options, steps)`, which runs `steps` in a tab of its own and then asserts that the page has
 * logged no fault and met no refusal of the CSP.
 */
export function previewed() {
  let app;
  before(async () => (app = await start('preview.html')));
  after(() => app?.close());
  return async (options, steps) => {
    const tab = await app.open(options);
    try {
      await steps(tab);
      assert.deepEqual(tab.faults, []);
    } finally {
      await tab.context().close();
    }
  };
}

/** The element the end-to-end driver knows by this name. */
export const at = (tab, testid) => tab.getByTestId(testid);
export const text = async (tab, testid) =>
  (await at(tab, testid).innerText()).replace(/\s+/g, ' ').trim();
export const state = (tab) => tab.locator('html').getAttribute('data-state');
export const alerts = async (tab) =>
  (await tab.getByRole('alert').allInnerTexts()).map((words) => words.replace(/\s+/g, ' ').trim());
/** Lets the page finish what the last step set off. */
export const settled = (tab) =>
  tab.evaluate(
    () => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done))),
  );
/** What Rust tells of files that are dragged over the window and dropped. */
export const dropped = (tab, ...drops) =>
  tab.evaluate((drops) => drops.forEach((drop) => window.preview.drop(drop)), drops);
/** Where a drop goes by now. */
export const dropTarget = async (tab) => (await calls(tab, 'accept_drops')).at(-1)[1];

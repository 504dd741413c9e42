// What the end-to-end tests share: Chromium on the real program, and the rule that every page keeps to itself and complains
// about nothing.
import { createRequire } from 'node:module';
import fs from 'node:fs';
import path from 'node:path';
import { root } from '../integration/support.mjs';

const require = createRequire(path.join(root, 'web/package.json'));
const { chromium } = require('playwright-core');
export const axeSource = fs.readFileSync(require.resolve('axe-core/axe.min.js'), 'utf8');

const places = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'];
const flags = ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'];

export function launch(more = []) {
  const executablePath = places.find((file) => fs.existsSync(file));
  if (!executablePath) throw new Error('Chromium is not installed');
  return chromium.launch({ executablePath, args: [...flags, ...more] });
}

// A context of its own (cookies, storage) whose pages are watched. `allowed`: patterns of console errors that the test
// itself causes; `friends`: origins that its pages may ask beside their own.
export async function open(browser, url, { allowed = [], friends = [], ...options } = {}) {
  const context = await browser.newContext({ baseURL: url, viewport: { width: 1180, height: 900 }, reducedMotion: 'reduce', locale: 'en-GB', ...options });
  const complaints = [];
  const complain = (text) => allowed.some((pattern) => pattern.test(text)) || complaints.push(text);
  const homes = [url, ...friends].map((one) => new URL(one).origin);
  context.on('page', (page) => {
    page.on('console', (message) => message.type() === 'error' && complain(`console: ${message.text()} ${message.location().url}`));
    page.on('pageerror', (error) => complain(`error: ${error.stack}`));
    page.on('request', (request) => /^(blob|data):/.test(request.url()) || homes.includes(new URL(request.url()).origin) || complain(`foreign: ${request.url()}`));
  });
  await context.addInitScript(() => document.addEventListener('securitypolicyviolation', (event) => console.error(`CSP: ${event.violatedDirective} ${event.blockedURI} ${event.sample}`)));
  return { context, complaints, allowed, page: await context.newPage() };
}

// Signs in through the API: the browser then has the cookie.
export async function signIn(session, email, password) {
  const answer = await session.context.request.post('/api/v1/session', { data: { email, password }, headers: { 'X-Inkling-Request': '1', 'Sec-Fetch-Site': 'same-origin' } });
  if (!answer.ok()) throw new Error(`signing in answered ${answer.status()}: ${await answer.text()}`);
  return answer.json();
}

// Until nothing on the page says that it loads, and what was drawn stands still.
export async function settled(page) {
  await page.locator('#app > *').first().waitFor();
  await page.waitForFunction(() => document.querySelector('h1') && !document.querySelector('[aria-busy="true"]'), undefined, { timeout: 15000 });
  await page.evaluate(() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done))));
}

export async function go(page, target) {
  await page.goto(target);
  await settled(page);
}

// The violations that axe-core finds, as lines.
export async function axe(page) {
  // In a world of its own, where the page's policy does not hold.
  const results = await page.evaluate(async ([source]) => {
    if (!window.axe) (0, eval)(source);
    return window.axe.run(document, { runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'], resultTypes: ['violations'] });
  }, [axeSource]);
  return results.violations.flatMap(({ id, help, nodes }) => nodes.map(({ target, failureSummary }) => `${id}: ${help} at ${target.join(' ')}: ${failureSummary?.split('\n').slice(1, 2).join('').trim()}`));
}

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

// What a person would see at a glance: the page or the open dialog scrolls sideways, text is cut off or lies over other text, and
// with `words`, a word is broken that would fit into a line. Gives lines.
export function faults(page, { words = true } = {}) {
  return page.evaluate(async (withWords) => {
    await new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
    const found = [];
    const root = document.querySelector('dialog[open]') ?? document.body;
    const scroller = root === document.body ? document.documentElement : root;
    if (scroller.scrollWidth > scroller.clientWidth) found.push(`${scroller.scrollWidth - scroller.clientWidth} px too wide`);
    for (const { parentElement: list } of innerWidth <= 640 ? root.querySelectorAll('table.stacked') : [])
      if (list.scrollWidth > list.clientWidth) found.push(`${list.ariaLabel}: stacked, and ${list.scrollWidth - list.clientWidth} px too wide`);
    const style = new Map();
    const styleOf = (element) => style.get(element) ?? style.set(element, getComputedStyle(element)).get(element);
    // What is seen of a rectangle; null: nothing, as it is scrolled away. Complains when it is cut off for good.
    const seen = (element, rect, text) => {
      let { left, right, top, bottom } = rect;
      for (let at = element; at && at !== document.documentElement; at = at.parentElement) {
        const { overflowX, overflowY, clipPath, position } = styleOf(at);
        if (clipPath !== 'none') return null;
        if (position === 'fixed' || position === 'sticky') return null;
        if (overflowX === 'visible' && overflowY === 'visible') continue;
        const box = at.getBoundingClientRect();
        const cut = (mode, over) => (mode === 'hidden' || mode === 'clip') && over > 1;
        if (!at.closest('svg, .toast') && (cut(overflowX, Math.max(box.left - left, right - box.right)) || cut(overflowY, Math.max(box.top - top, bottom - box.bottom)))) found.push(`cut off: ${text}`);
        [left, right, top, bottom] = [Math.max(left, box.left), Math.min(right, box.right), Math.max(top, box.top), Math.min(bottom, box.bottom)];
        if (left >= right || top >= bottom) return null;
      }
      return { left, right, top, bottom, text, element };
    };
    const lines = [];
    const walker = document.createTreeWalker(root, NodeFilter.SHOW_TEXT);
    for (let node = walker.nextNode(); node; node = walker.nextNode()) {
      const element = node.parentElement;
      const text = node.data.trim();
      if (!text || element.closest('option, .skip, noscript') || !element.checkVisibility({ visibilityProperty: true })) continue;
      const range = document.createRange();
      range.selectNodeContents(node);
      const here = [...range.getClientRects()].filter(({ width }) => width >= 1).map((rect) => seen(element, rect, text.slice(0, 60))).filter(Boolean);
      lines.push(...here);
      if (!withWords || here.length === 0 || element.closest('.mono, svg')) continue;
      for (const { 0: token, index } of node.data.matchAll(/\S+/g)) {
        if (/[/@_\d]|\.\S/.test(token)) continue; // an address
        for (const { 0: word, index: within } of token.matchAll(/\p{L}{2,14}/gu)) {
          range.setStart(node, index + within);
          range.setEnd(node, index + within + word.length);
          const tops = new Set([...range.getClientRects()].filter(({ width }) => width > 0).map(({ top }) => Math.round(top)));
          if (tops.size > 1) found.push(`broken: ${word} in ${text.slice(0, 60)}`);
        }
      }
    }
    const apart = (all) => {
      all.sort((a, b) => a.top - b.top);
      all.forEach((a, index) => {
        for (let i = index + 1; i < all.length && all[i].top < a.bottom - 4; i++) {
          const b = all[i];
          if (Math.min(a.right, b.right) - Math.max(a.left, b.left) > 3 && Math.min(a.bottom, b.bottom) - b.top > 4) found.push(`"${a.text}" lies over "${b.text}"`);
        }
      });
    };
    apart(lines);
    const controls = [...root.querySelectorAll('button, input, select, textarea, .button')].filter((one) => !one.closest('.toast') && one.checkVisibility({ visibilityProperty: true }));
    apart(controls.map((one) => seen(one.parentElement, one.getBoundingClientRect(), (one.value || one.textContent).slice(0, 60))).filter(Boolean));
    return [...new Set(found)];
  }, words);
}

// Writes pictures of every screen, or of one: node screenshots.mjs DIRECTORY [NAME]; with --readme in place of NAME, those of
// README into docs/pictures/. Used by ./dev screenshots.
import { spawn } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { binary, freePort, genericDelivery, Installation, root, standardWebhooksSecret } from '../integration/support.mjs';
import { serve } from '../../docs/examples/embed/server.mjs';
import { launch, open, settled, signIn } from './browser.mjs';

const [directory = 'screenshots', only = ''] = process.argv.slice(2);
const widths = [320, 390, 768, 1180];
const README_BYTES_MAX = 150_000;

const screens = [
  ['dashboard', '/dashboard'],
  ['dashboard-compare', '/dashboard?range=7d&cmp=1&auto=1'],
  ['dashboard-table', '/dashboard?range=90d&view=counts&table=1'],
  ['dashboard-empty', '/dashboard?range=custom&from=2020-01-01&to=2020-01-07'],
  ['dashboard-activity', '/dashboard?range=7d&basis=activity'],
  ['candidates', '/candidates'],
  ['follow-up', '/candidates?level=hot&replied=no'],
  ['candidate', '/candidates/cand-1001'],
  ['emails', '/emails'],
  ['emails-none', '/emails?status=complained&range=custom&from=2020-01-01&to=2020-01-07'],
  ['email', null],
  ['campaigns', '/campaigns?range=90d'],
  ['templates', '/templates?range=90d'],
  ['template', '/templates/tpl-interview-invitation?range=90d'],
  ['jobs', '/jobs'],
  ['job', '/jobs/job-1041'],
  ['endpoints', '/admin/endpoints'],
  ['orphan-events', '/admin/orphan-events'],
  ['failed-deliveries', '/admin/failed-deliveries'],
  ['security-events', '/admin/security-events'],
  ['webhooks', '/admin/webhooks'],
  ['users', '/admin/users'],
  ['api-keys', '/admin/api-keys'],
  ['settings', '/admin/settings'],
  ['privacy', '/admin/privacy'],
  ['audit-log', '/admin/audit-log'],
  ['account', '/account'],
  ['activity', '/activity'],
  ['notifications', '/notifications'],
  ['preferences', '/notifications/preferences'],
  ['toast', '/candidates'],
  ['not-found', '/emails/999999999'],
];

// Name, address, height, colours; width is that of a wide page.
const forReadme = [
  ['dashboard', '/dashboard', 1130, 'light'],
  ['candidate', '/candidates/cand-1001', 760, 'light'],
  ['activity-dark', '/activity', 640, 'dark'],
];

const port = await freePort();
const demo = spawn(binary, ['demo', '--listen', `127.0.0.1:${port}`, '--quiet'], { stdio: ['ignore', 'pipe', 'inherit'] });
const { email, password, key } = await new Promise((resolve, reject) => {
  let text = '';
  demo.stdout.setEncoding('utf8').on('data', (part) => {
    text += part;
    const found = /Sign in\s+(\S+)\s+password\s+(\S+)[^]*?API key\s+(\S+)/.exec(text);
    if (found) resolve({ email: found[1], password: found[2], key: found[3] });
  });
  demo.on('exit', () => reject(new Error(`the demo ended: ${text}`)));
});

const browser = await launch();
const url = `http://127.0.0.1:${port}`;
let complaints = 0;

async function api(method, target, body) {
  const answer = await fetch(`${url}/api/v1${target}`, { method, headers: { Authorization: `Bearer ${key}`, 'Content-Type': 'application/json' }, body: body && JSON.stringify(body) });
  if (!answer.ok) throw new Error(`${method} ${target} answered ${answer.status}: ${await answer.text()}`);
  return answer.json();
}

// What the demo has none of: deliveries that were refused, an event without its email, a system that is told.
async function trouble() {
  const secret = standardWebhooksSecret();
  const endpoint = await api('POST', '/endpoints', { provider: 'generic', name: 'Newsletter service', secrets: [secret] });
  const opened = { event_type: 'open', message_id: 'newsletter-2026-11-1', timestamp: new Date().toISOString(), recipient: 'sam.taylor@mail.example' };
  for (const { headers, body } of [genericDelivery(secret, opened), genericDelivery(standardWebhooksSecret(), opened), genericDelivery(secret, '{"event_type":')])
    await fetch(endpoint.url, { method: 'POST', headers: { 'Content-Type': 'application/json', ...headers }, body });
  await api('POST', '/webhook-subscriptions', { url: 'https://localhost:1/inkling', events: ['email.replied', 'email.bounced'], description: 'Applicant tracking' });
}

// The demo's traffic is of everybody's emails.
async function openAs(colorScheme, width, friends = []) {
  const session = await open(browser, url, { friends, colorScheme, viewport: { width, height: 900 }, allowed: [/status of 404/] });
  session.done = async () => {
    complaints += session.complaints.length;
    session.complaints.forEach((complaint) => console.error(complaint));
    await session.context.close();
  };
  session.signIn = async () => {
    await signIn(session, email, password);
    await session.page.goto('/account');
    await session.page.evaluate(() => fetch('/api/v1/me/notification-preferences', { method: 'PUT', body: '{"scope":"team"}', headers: { 'X-Inkling-Request': '1', 'Content-Type': 'application/json' } }));
  };
  return session;
}

// The page that the very first visitor of a new service sees.
async function firstRun() {
  const service = await new Installation({ empty: true }).start();
  for (const colorScheme of ['light', 'dark']) {
    for (const width of widths) {
      if (colorScheme === 'dark' && width === widths[0]) continue;
      const { page, context } = await open(browser, service.url, { colorScheme, viewport: { width, height: 900 }, allowed: [/status of (401|404)/] });
      await page.goto('/');
      await page.getByRole('heading', { name: 'Set up inkling' }).waitFor();
      await page.screenshot({ path: path.join(directory, `first-run-${width}-${colorScheme}.png`), fullPage: true });
      await context.close();
    }
  }
  await service.remove();
}

async function everyScreen() {
  fs.mkdirSync(directory, { recursive: true });
  if (!only || only === 'first-run') await firstRun();
  await trouble();
  const example = await serve({ inkling: url, key, candidate: 'cand-1001' });
  const exampleUrl = `http://127.0.0.1:${example.address().port}`;
  for (const colorScheme of ['light', 'dark']) {
    for (const width of widths) {
      if (colorScheme === 'dark' && width === widths[0]) continue; // colours move nothing
      const session = await openAs(colorScheme, width, [exampleUrl]);
      const shoot = async (name) => session.page.screenshot({ path: path.join(directory, `${name}-${width}-${colorScheme}.png`), fullPage: true });
      if (!only || only === 'sign-in') {
        await session.page.goto('/sign-in');
        await settled(session.page);
        await shoot('sign-in');
      }
      if (!only || only === 'embed') {
        await session.page.goto(exampleUrl);
        for (const name of ['score', 'timeline']) await session.page.locator(`inkling-${name} [data-state="ready"]`).waitFor();
        await shoot('embed');
      }
      await session.signIn();
      for (const [name, target] of screens) {
        if (only && name !== only) continue;
        let address = target;
        if (!address) {
          await session.page.goto('/emails?status=clicked');
          address = await session.page.locator('[data-row] a').first().getAttribute('href');
        }
        await session.page.goto(address);
        await settled(session.page);
        if (name.startsWith('dashboard')) await session.page.getByRole('heading', { name: 'Follow up now' }).waitFor();
        if (name === 'toast') await session.page.locator('.toast').first().hover();
        else await withoutToasts(session.page);
        await shoot(name);
      }
      await session.done();
    }
  }
  example.closeAllConnections();
  example.close();
  console.log(`Pictures of ${only || `${screens.length + 3} screens`} are in ${directory}/.`);
}

// They lie over other things.
const withoutToasts = (page) =>
  page.evaluate(() => {
    const sheet = new CSSStyleSheet();
    sheet.replaceSync('.toasts { visibility: hidden }');
    document.adoptedStyleSheets = [sheet];
  });

// Chromium writes WebP, at a third of PNG's bytes.
async function webp(png) {
  const page = await browser.newPage();
  const data = await page.evaluate(async (base64) => {
    const image = new Image();
    image.src = `data:image/png;base64,${base64}`;
    await image.decode();
    const canvas = document.createElement('canvas');
    [canvas.width, canvas.height] = [image.width, image.height];
    canvas.getContext('2d').drawImage(image, 0, 0);
    return canvas.toDataURL('image/webp', 0.88).split(',')[1];
  }, png.toString('base64'));
  await page.close();
  return Buffer.from(data, 'base64');
}

async function readme() {
  const place = path.join(root, 'docs/pictures');
  fs.mkdirSync(place, { recursive: true });
  for (const [name, target, height, colorScheme] of forReadme) {
    const session = await openAs(colorScheme, 1180);
    await session.signIn();
    await session.page.setViewportSize({ width: 1180, height });
    await session.page.goto(target);
    await settled(session.page);
    if (name.startsWith('activity')) await session.page.locator('.toast').first().hover();
    else await withoutToasts(session.page);
    const bytes = await webp(await session.page.screenshot());
    if (bytes.length > README_BYTES_MAX) throw new Error(`${name}.webp has ${bytes.length} bytes, the limit is ${README_BYTES_MAX}`);
    fs.writeFileSync(path.join(place, `${name}.webp`), bytes);
    console.log(`docs/pictures/${name}.webp: ${bytes.length} bytes`);
    await session.done();
  }
}

try {
  await (only === '--readme' ? readme() : everyScreen());
} finally {
  await browser.close();
  demo.removeAllListeners('exit');
  demo.kill('SIGINT');
}
process.exitCode = complaints ? 1 : 0;

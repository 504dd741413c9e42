// Writes pictures of every screen: node screenshots.mjs DIRECTORY [NAME]. Used by ./dev screenshots.
import { spawn } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { binary, freePort } from '../integration/support.mjs';
import { serve } from '../../docs/examples/embed/server.mjs';
import { launch, open, settled, signIn } from './browser.mjs';

const [directory = 'screenshots', only = ''] = process.argv.slice(2);
const widths = [390, 768, 1180];

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

fs.mkdirSync(directory, { recursive: true });
const browser = await launch();
const url = `http://127.0.0.1:${port}`;
let complaints = 0;
const example = await serve({ inkling: url, key, candidate: 'cand-1001' });
const exampleUrl = `http://127.0.0.1:${example.address().port}`;
try {
  for (const colorScheme of ['light', 'dark']) {
    for (const width of widths) {
      const session = await open(browser, url, { friends: [exampleUrl], colorScheme, viewport: { width, height: 900 }, allowed: [/status of 404/] });
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
      await signIn(session, email, password);
      // The demo's traffic is of everybody's emails.
      if (!only || only === 'toast' || only === 'notifications') {
        await session.page.goto('/account');
        await session.page.evaluate(() => fetch('/api/v1/me/notification-preferences', { method: 'PUT', body: '{"scope":"team"}', headers: { 'X-Inkling-Request': '1', 'Content-Type': 'application/json' } }));
      }
      for (const [name, target] of screens) {
        if (only && name !== only) continue;
        let address = target;
        if (!address) {
          await session.page.goto('/emails?status=clicked');
          address = await session.page.locator('[data-row] a').first().getAttribute('href');
        }
        await session.page.goto(address);
        await settled(session.page);
        if (name === 'toast') await session.page.locator('.toast').first().hover();
        await shoot(name);
      }
      for (const complaint of session.complaints) {
        complaints++;
        console.error(complaint);
      }
      await session.context.close();
    }
  }
} finally {
  await browser.close();
  example.closeAllConnections();
  example.close();
  demo.removeAllListeners('exit');
  demo.kill('SIGINT');
}
console.log(`Pictures of ${only || `${screens.length + 2} screens`} are in ${directory}/.`);
process.exitCode = complaints ? 1 : 0;

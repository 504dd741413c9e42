// axe-core finds nothing on any screen, in light and dark (ui.md 13: scenario 33), and what axe cannot see (scenario 35).
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { genericDelivery, root, standardWebhooksSecret } from '../integration/support.mjs';
import { axe, faults, go, launch, open, signIn } from './browser.mjs';
import { ADMIN, loadJohn, loadSpecification, PASSWORD } from './data.mjs';
import { startService } from './service.mjs';

describe('accessibility', () => {
  let service, browser, email, webhook, toast;

  before(async () => {
    service = await startService();
    const loader = await loadJohn(service, await loadSpecification(service));
    await service.deliver(loader.endpoint, genericDelivery(loader.secret, { event_type: 'open', message_id: 'unknown', timestamp: new Date().toISOString(), recipient: 'a@example.org' }));
    await service.deliver(loader.endpoint, genericDelivery(standardWebhooksSecret(), '{}'));
    email = (await service.must('GET', '/emails?candidate=john&limit=1')).data[0].id;
    webhook = await service.must('POST', '/webhook-subscriptions', { url: 'https://localhost:1/', events: ['email.opened'], description: 'Other system' });
    await service.must('POST', `/webhook-subscriptions/${webhook.id}/test`);
    await service.must('POST', '/emails', { message_id: 'toast', subject: 'Interview Invitation', sent_at: new Date(Date.now() - 3_600_000).toISOString(), sender: { email: ADMIN }, candidate: { id: 'jane', name: 'Jane Smith' } });
    let second = 0;
    toast = async (page) => {
      await page.locator('.top').getByText('Live', { exact: true }).waitFor();
      const event = { event_type: 'open', message_id: 'toast', timestamp: new Date(Date.now() - 10_000 + 1000 * ++second).toISOString(), recipient: 'jane@example.org' };
      await service.deliver(loader.endpoint, genericDelivery(loader.secret, event));
      await page.locator('.toast').hover(); // so that it stays
    };
    browser = await launch();
  });
  after(async () => {
    await browser?.close();
    await service?.remove();
  });

  const screens = () => [
    '/dashboard', '/dashboard?basis=activity&scope=mine', '/dashboard?cmp=1&auto=1', '/dashboard?table=1&range=90d', '/dashboard?range=custom&from=2020-01-01&to=2020-01-07', '/candidates', '/candidates/john', '/candidates/john?auto=1', '/candidates/nobody', '/emails', '/emails?status=complained',
    `/emails/${email}?auto=1`, '/emails/99999999', '/campaigns', '/campaigns/camp%2F1', '/templates', '/templates?q=zzz', '/templates/tpl-0', '/templates/unknown', '/jobs', '/jobs/job-1', '/admin/endpoints', '/admin/orphan-events', '/admin/failed-deliveries', '/admin/security-events', '/admin/webhooks', `/admin/webhooks?of=${webhook.id}`, '/admin/users', '/admin/api-keys',
    '/admin/settings', '/admin/privacy', '/admin/audit-log', '/admin/audit-log?actor=system', '/admin/nonsense', '/account', '/activity', '/activity?hot=1', '/activity?without=opens,clicks', '/notifications', '/notifications?show=unread', '/notifications/preferences',
  ];
  const dialogs = () => [
    ['/admin/endpoints', (page) => page.getByRole('button', { name: 'New endpoint' }).click()],
    ['/admin/endpoints', (page) => page.getByRole('button', { name: 'Disable' }).first().click()],
    ['/admin/failed-deliveries', (page) => page.getByRole('button', { name: /^Look/ }).first().click()],
    ['/admin/webhooks', (page) => page.getByRole('button', { name: 'New webhook' }).click()],
    ['/admin/webhooks', (page) => page.getByRole('button', { name: /^New secret/ }).click()],
    [`/admin/webhooks?of=${webhook.id}`, (page) => page.getByRole('button', { name: /^Look at/ }).first().click()],
    ['/admin/orphan-events', (page) => page.getByRole('button', { name: /^Match/ }).first().click()],
    ['/admin/privacy', (page) => page.getByRole('button', { name: 'Add somebody’s word' }).click()],
    ['/admin/users', (page) => page.getByRole('button', { name: 'New user' }).click()],
    ['/admin/api-keys', (page) => page.getByRole('button', { name: 'New API key' }).click()],
    ['/dashboard', (page) => page.keyboard.press('?')],
    ['/dashboard', (page) => page.keyboard.press('Control+k')],
  ];

  for (const colorScheme of ['light', 'dark'])
    test(`axe finds nothing, ${colorScheme}`, async () => {
      const session = await open(browser, service.url, { colorScheme, allowed: [/status of (404|401)/], bypassCSP: true });
      const { page } = session;
      const found = [];
      const look = async (where) => found.push(...(await axe(page)).map((text) => `${where}: ${text}`));
      await page.goto('/sign-in');
      await page.getByLabel('E-mail address').waitFor();
      await look('/sign-in');
      await signIn(session, ADMIN, PASSWORD);
      for (const target of screens()) {
        await go(page, target);
        await look(target);
      }
      for (const [target, act] of dialogs()) {
        await go(page, target);
        await act(page);
        await page.getByRole('dialog').waitFor();
        await page.waitForFunction(() => !document.querySelector('dialog [aria-busy=true]'));
        await look(`${target} with its dialog`);
      }
      await go(page, '/dashboard');
      await toast(page);
      await look('/dashboard with a toast');
      await go(page, '/notifications');
      await look('/notifications with one');
      await go(page, '/dashboard');
      await page.locator('.account summary').click();
      await look('/dashboard with the menu');
      await page.keyboard.press('Escape');
      await page.getByRole('application').focus();
      await page.keyboard.press('ArrowLeft');
      await look('/dashboard with a value');
      assert.deepEqual(found, []);
      assert.deepEqual(session.complaints, []);
      await session.context.close();
    });

  test('each screen has a title of its own and one heading of the first order', async () => {
    const session = await open(browser, service.url, { allowed: [/status of 404/] });
    await signIn(session, ADMIN, PASSWORD);
    const titles = new Map();
    for (const target of ['/dashboard', '/candidates', '/candidates/john', '/emails', `/emails/${email}`, '/campaigns', '/templates', '/templates/tpl-0', '/jobs', '/jobs/job-1', '/activity', '/notifications', '/notifications/preferences', '/admin/endpoints', '/admin/webhooks', '/admin/users', '/account']) {
      await go(session.page, target);
      assert.equal(await session.page.locator('h1').count(), 1, target);
      const title = await session.page.title();
      assert.ok(!titles.has(title), `${target} and ${titles.get(title)} are both named ${title}`);
      titles.set(title, target);
    }
    await session.context.close();
  });

  // ui.md 13: scenario 35. ./dev screenshots shows the same to a person.
  const looks = [
    ['320 px', { width: 320 }, {}],
    ['390 px, with motion', { width: 390 }, { reducedMotion: 'no-preference' }],
    ['768 px, dark', { width: 768 }, { colorScheme: 'dark' }],
    ['1180 px', { width: 1180 }, {}],
    ['640 px, double size, spaced, forced colours', { width: 640, large: true }, { forcedColors: 'active' }],
  ];
  const standard = { colorScheme: 'light', reducedMotion: 'reduce', forcedColors: 'none' };
  const enlarge = (page, large) =>
    page.evaluate((on) => {
      const sheet = new CSSStyleSheet();
      if (on) sheet.replaceSync('html { font-size: 200% } * { line-height: 1.5 !important; letter-spacing: .12em !important; word-spacing: .16em !important }');
      document.adoptedStyleSheets = [sheet];
    }, large === true);
  const lookAt = async (page, where, found) => {
    for (const [name, { width, large }, media] of looks) {
      await page.emulateMedia({ ...standard, ...media });
      await page.setViewportSize({ width, height: 800 });
      await enlarge(page, large);
      found.push(...(await faults(page, { words: !large })).map((text) => `${where} at ${name}: ${text}`));
    }
  };

  test('at any width, with large text and in forced colours nothing is cut off, broken or laid over something else', async () => {
    const session = await open(browser, service.url, { allowed: [/status of (404|401)/] });
    const { page } = session;
    const found = [];
    await page.goto('/sign-in');
    await page.getByLabel('E-mail address').waitFor();
    await lookAt(page, '/sign-in', found);
    await signIn(session, ADMIN, PASSWORD);
    for (const target of screens()) {
      await go(page, target);
      if (/^\/dashboard/.test(target)) await page.getByRole('heading', { name: 'Follow up now' }).waitFor();
      await lookAt(page, target, found);
    }
    for (const [target, act] of dialogs()) {
      await page.setViewportSize({ width: 1180, height: 900 });
      await go(page, target);
      await act(page);
      await page.getByRole('dialog').waitFor();
      await page.waitForFunction(() => !document.querySelector('dialog [aria-busy=true]'));
      await lookAt(page, `${target} with its dialog`, found);
    }
    assert.equal(found.join('\n'), '');
    assert.deepEqual(session.complaints, []);
    await session.context.close();
  });

  // Contrast by WCAG 2.2, of the pairs that the screens use.
  test('the tokens have the contrast that they need, in both themes', () => {
    const text = fs.readFileSync(path.join(root, 'web/src/styles/tokens.css'), 'utf8');
    const tokens = (part) => Object.fromEntries([...part.matchAll(/--([\w-]+): (#[0-9a-f]{3,8})/g)].map(([, name, value]) => [name, value]));
    const [light, dark, system] = text.split(/\{\s*color-scheme:/).slice(1).map(tokens);
    assert.deepEqual(system, dark, 'the dark theme is the same by choice and by system');
    const channel = (value) => (value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4);
    const luminance = (hex) => {
      const full = hex.length === 4 ? hex.replace(/[^#]/g, '$&$&') : hex;
      const [r, g, b] = [1, 3, 5].map((at) => channel(Number.parseInt(full.slice(at, at + 2), 16) / 255));
      return 0.2126 * r + 0.7152 * g + 0.0722 * b;
    };
    const contrast = (a, b) => {
      const [high, low] = [luminance(a), luminance(b)].sort((x, y) => y - x);
      return (high + 0.05) / (low + 0.05);
    };
    for (const [name, theme] of [['light', light], ['dark', dark]]) {
      const need = (fg, bg, least) => assert.ok(contrast(theme[fg], theme[bg]) >= least, `${name}: ${fg} on ${bg} has ${contrast(theme[fg], theme[bg]).toFixed(2)}, needs ${least}`);
      for (const bg of ['bg', 'surface', 'surface2']) for (const fg of ['text', 'text2', 'text3', 'accent', 'good', 'bad', 'warn']) need(fg, bg, 4.5);
      for (const fg of ['edge', 'opens', 'clicks', 'previous']) need(fg, 'surface', 3);
      for (const level of ['hot', 'warm', 'cold']) need(`${level}-fg`, `${level}-bg`, 4.5);
      need('on-accent', 'accent', 4.5);
    }
  });
});

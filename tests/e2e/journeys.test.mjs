// Ways through the application (ui.md 13: scenarios 2, 3, 12, 13, 15, 24, 29, 34).
import assert from 'node:assert/strict';
import { after, afterEach, before, describe, test } from 'node:test';
import { genericDelivery, standardWebhooksSecret } from '../integration/support.mjs';
import { go, launch, open, settled, signIn } from './browser.mjs';
import { ADMIN, loadJohn, loadSpecification, PASSWORD } from './data.mjs';
import { startService } from './service.mjs';

describe('journeys', () => {
  let service, browser, session, page;

  before(async () => {
    service = await startService();
    await loadJohn(service, await loadSpecification(service));
    browser = await launch();
  });
  after(async () => {
    await browser?.close();
    await service?.remove();
  });

  async function fresh(options, { signedIn = true } = {}) {
    await session?.context.close();
    session = await open(browser, service.url, options);
    page = session.page;
    if (signedIn) await signIn(session, ADMIN, PASSWORD);
  }
  afterEach(() => assert.deepEqual(session?.complaints.splice(0) ?? [], []));
  const rows = (label) => page.getByRole('group', { name: label, exact: true }).locator('tbody tr').evaluateAll((all) => all.map((row) => [...row.cells].map((cell) => cell.innerText.trim())));
  const sent = async (email, password) => {
    await page.getByLabel('E-mail address').fill(email);
    await page.getByLabel('Password', { exact: true }).fill(password);
    await page.getByRole('button', { name: 'Sign in' }).click();
  };

  test('signing in: one message for a wrong address and a wrong password, then the page that was wanted', async () => {
    await fresh({ allowed: [/status of 401/] }, { signedIn: false });
    await page.goto('/candidates');
    await page.getByRole('heading', { name: 'Sign in to inkling' }).waitFor();
    await sent(ADMIN, 'not the password');
    const message = page.locator('.notice.bad');
    await message.waitFor();
    const words = await message.innerText();
    await sent('nobody@acme.example', PASSWORD);
    await page.waitForResponse(/\/session/);
    await message.waitFor();
    assert.equal(await message.innerText(), words);
    await sent(ADMIN, PASSWORD);
    await page.getByRole('heading', { name: 'Candidates' }).waitFor();
    assert.equal(new URL(page.url()).pathname, '/candidates');
  });

  test('next leads to pages of this site only', async () => {
    for (const [next, place] of [['/emails?status=opened', '/emails'], ['//evil.example/', '/dashboard'], ['https://evil.example/', '/dashboard'], ['/\\evil.example', '/dashboard'], ['javascript:alert(1)', '/dashboard']]) {
      await fresh({}, { signedIn: false });
      await page.goto(`/sign-in?next=${encodeURIComponent(next)}`);
      await sent(ADMIN, PASSWORD);
      await page.waitForFunction(() => document.querySelector('.top'));
      assert.equal(new URL(page.url()).pathname, place, next);
      assert.equal(new URL(page.url()).host, new URL(service.url).host);
    }
  });

  test('a session that ends under the page is renewed without losing what was typed', async () => {
    await fresh({ allowed: [/status of 401/] });
    await go(page, '/templates?range=90d');
    await page.getByLabel('Find').fill('follow');
    await session.context.clearCookies();
    await page.getByLabel('Date range').selectOption('7d');
    const dialog = page.getByRole('dialog', { name: 'Your session has ended' });
    await dialog.waitFor();
    await page.keyboard.press('Escape');
    assert.ok(await dialog.isVisible(), 'it cannot be closed, as nothing would work');
    await dialog.getByLabel('Password', { exact: true }).fill(PASSWORD);
    await dialog.getByRole('button', { name: 'Sign in', exact: true }).click();
    await dialog.waitFor({ state: 'detached' });
    await settled(page);
    assert.equal(await page.getByLabel('Find').inputValue(), 'follow');
    assert.deepEqual(Object.fromEntries(new URL(page.url()).searchParams), { range: '7d', q: 'follow' });
    assert.deepEqual((await rows('Templates')).map(([name]) => name), ['Follow-up Nurture']);
  });

  test('signing out ends it, for the page and for the API', async () => {
    await fresh({ allowed: [/status of 401/] });
    await go(page, '/dashboard');
    const status = () => page.evaluate(async () => (await fetch('/api/v1/me')).status);
    assert.equal(await status(), 200);
    await page.locator('.account summary').click();
    await page.getByRole('button', { name: 'Sign out' }).click();
    await page.getByRole('heading', { name: 'Sign in to inkling' }).waitFor();
    assert.equal(await status(), 401);
  });

  test('from the dashboard to the candidate and back, with the places where one was', async () => {
    await fresh({ viewport: { width: 1180, height: 500 } });
    await go(page, '/campaigns');
    await page.getByRole('link', { name: 'Autumn' }).click();
    await page.getByRole('heading', { name: 'Autumn', level: 1 }).waitFor();
    await settled(page);
    assert.equal(decodeURIComponent(new URL(page.url()).pathname), '/campaigns/camp/1');
    const trail = [[page.url(), 0]];
    const step = async (locator) => {
      await locator.scrollIntoViewIfNeeded();
      trail.at(-1)[1] = await page.evaluate(() => window.scrollY);
      await locator.click();
      await settled(page);
      trail.push([page.url(), 0]);
    };
    await step(page.getByRole('link', { name: /^Click rate/ }));
    assert.equal(new URL(page.url()).searchParams.get('status'), 'clicked');
    assert.equal(new URL(page.url()).searchParams.get('campaign'), 'camp/1');
    await page.getByRole('button', { name: 'Show more' }).click();
    await page.waitForFunction(() => document.querySelectorAll('[data-row]').length === 60);
    await step(page.locator('[data-row]').nth(55).getByRole('link').first());
    assert.match(new URL(page.url()).pathname, /^\/emails\/\d+$/);
    assert.equal(await page.evaluate(() => document.activeElement.tagName), 'H1', 'the focus is at the heading of the new screen');
    await step(page.locator('.facts a').first());
    assert.match(new URL(page.url()).pathname, /^\/candidates\//);
    for (const [url, scroll] of trail.slice(0, -1).reverse()) {
      await page.goBack();
      await settled(page);
      assert.equal(page.url(), url);
      await page.waitForFunction((wanted) => Math.abs(window.scrollY - wanted) < 3, scroll);
    }
    assert.ok(trail[1][1] > 500, 'the list was scrolled');
  });

  test('every figure leads to as many emails', async () => {
    await fresh();
    await go(page, '/templates');
    const table = await rows('Templates');
    const at = table.findIndex(([name]) => name === 'Interview Invite');
    for (const [cell, wanted] of [[3, 59], [4, 20], [5, 2]]) {
      await go(page, '/templates');
      assert.equal(Number(table[at][cell]), wanted);
      await page.locator('[data-row]').nth(at).locator('td').nth(cell - 1).getByRole('link').click();
      await settled(page);
      while (await page.getByRole('button', { name: 'Show more' }).isVisible()) {
        const before = await page.locator('[data-row]').count();
        await page.getByRole('button', { name: 'Show more' }).click();
        await page.waitForFunction((count) => document.querySelectorAll('[data-row]').length > count, before);
      }
      assert.equal(await page.locator('[data-row]').count(), wanted);
    }
  });

  test('links are counted once an email, whoever clicks how often', async () => {
    await fresh();
    await go(page, '/candidates/john');
    await page.getByRole('link', { name: 'Interview Invitation', exact: true }).last().click();
    await settled(page);
    const [[link, clicks]] = await rows('Links');
    assert.match(link, /^https:\/\/calendar\.acme\.example\/john/);
    assert.equal(clicks, '2', 'every click of the link');
    assert.equal(await page.locator('.timeline').getByText('Clicked').count(), 2, 'both are in the history');
    await go(page, '/templates/tpl-john');
    const [, , emails, all] = (await rows('Links')).find(([url]) => url.includes('calendar'));
    assert.deepEqual([emails, all], ['1', '2']);
  });

  test('a candidate: stats line, days in order, what machines did hidden and shown', async () => {
    await fresh({ timezoneId: 'Pacific/Auckland' });
    await go(page, '/candidates/john');
    assert.equal(await page.locator('h1').innerText(), 'John Smith');
    const stats = await page.getByText('Email stats:').locator('..').innerText();
    assert.match(stats.replace(/\s+/g, ' '), /4 sent \| 3 opened \(75%\) \| 2 clicked \(50%\)/);
    const times = () => page.locator('.timeline time').evaluateAll((all) => all.map((time) => time.dateTime));
    const shown = await times();
    assert.deepEqual(shown, [...shown].sort().reverse());
    assert.equal(await page.locator('.timeline .auto').count(), 0);
    await page.getByLabel('1 automatic event').check();
    assert.equal(await page.locator('.timeline .auto').count(), 1);
    assert.equal((await times()).length, shown.length + 1);
    assert.equal(new URL(page.url()).searchParams.get('auto'), '1');
    const days = await page.locator('h3.day').allInnerTexts();
    const format = new Intl.DateTimeFormat('en-GB', { weekday: 'short', day: 'numeric', month: 'short', timeZone: 'UTC' });
    assert.deepEqual(days, [...new Set((await times()).map((time) => format.format(new Date(time)).replace(',', '')))], 'days are those of the organization, not of the browser');
    await page.getByLabel('Show', { exact: true }).selectOption('click');
    assert.ok((await page.locator('.timeline .what').allInnerTexts()).every((text) => text.startsWith('Clicked')));
  });

  test('an API key is shown once, works, and is refused after it was revoked', async () => {
    await fresh();
    await go(page, '/admin/api-keys');
    await page.getByRole('button', { name: 'New API key' }).click();
    await page.getByLabel('What it is for').fill('Careers site');
    await page.getByLabel('Ends').selectOption('90');
    await page.getByRole('button', { name: 'Make the key' }).click();
    const key = await page.getByLabel('API key', { exact: true }).inputValue();
    assert.equal((await service.api('GET', '/settings', undefined, { key })).status, 200);
    const { expires_at } = (await service.must('GET', '/api-keys')).data.find(({ name }) => name === 'Careers site');
    assert.ok(Math.abs(Date.parse(expires_at) - Date.now() - 90 * 86_400_000) < 60_000, expires_at);
    await page.getByRole('button', { name: 'I have it' }).click();
    await page.getByRole('button', { name: 'Revoke Careers site' }).waitFor();
    assert.ok(!(await page.content()).includes(key));
    await page.getByRole('button', { name: 'Revoke Careers site' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Revoke' }).click();
    await page.getByRole('row', { name: /Careers site/ }).getByText('Revoked').waitFor();
    assert.equal((await service.api('GET', '/settings', undefined, { key })).status, 401);
  });

  test('a refused delivery is seen, and processed again after the key was put right', async () => {
    await fresh();
    const [right, wrong] = [standardWebhooksSecret(), standardWebhooksSecret()];
    const endpoint = await service.must('POST', '/endpoints', { provider: 'generic', name: 'Second service', secrets: [wrong] });
    const event = { event_type: 'open', message_id: 'nobody-knows', timestamp: new Date().toISOString(), recipient: 'a@example.org' };
    assert.equal((await service.deliver(endpoint, genericDelivery(right, event))).status, 401);
    await go(page, '/admin/security-events');
    await page.getByText('Wrong signature').last().waitFor();
    await go(page, `/admin/failed-deliveries?endpoint=${endpoint.id}`);
    const row = page.locator('[data-row]').first();
    await row.getByRole('button', { name: 'Process again' }).click();
    await row.getByRole('status').getByText(/signature/).waitFor();
    const before = await session.context.newPage();
    await go(before, `/admin/failed-deliveries?endpoint=${endpoint.id}`);
    await go(page, '/admin/endpoints');
    await page.getByRole('region', { name: 'Second service' }).getByRole('button', { name: 'Change' }).click();
    await page.getByLabel('New keys, one a line').fill(right);
    await page.getByRole('button', { name: 'Save' }).click();
    await page.getByRole('dialog').waitFor({ state: 'detached' });
    await go(page, `/admin/failed-deliveries?endpoint=${endpoint.id}`);
    const again = page.locator('[data-row]').first().getByRole('button', { name: 'Process again' });
    if (await again.isVisible()) await again.click();
    await page.locator('[data-row]').first().getByText('Processed').first().waitFor();
    // A tab that does not know it yet is told so, and not that something failed.
    await before.locator('[data-row]').first().getByRole('button', { name: 'Process again' }).click();
    await before.locator('[data-row]').first().getByText('Processed').first().waitFor();
    await before.close();
    await go(page, '/admin/orphan-events');
    await page.getByText('nobody-knows').first().waitFor();
    assert.ok(!(await page.content()).includes(right));
  });

  test('all refused deliveries that are shown are processed at once', async () => {
    await fresh();
    const [right, wrong] = [standardWebhooksSecret(), standardWebhooksSecret()];
    const endpoint = await service.must('POST', '/endpoints', { provider: 'generic', name: 'Third service', secrets: [wrong] });
    for (const id of ['all-1', 'all-2', 'all-3'])
      assert.equal((await service.deliver(endpoint, genericDelivery(right, { event_type: 'open', message_id: id, timestamp: new Date().toISOString(), recipient: 'a@example.org' }))).status, 401);
    await go(page, `/admin/failed-deliveries?endpoint=${endpoint.id}`);
    const all = page.getByRole('button', { name: 'Process all shown' });
    await all.click();
    await page.getByText('0 of 3 processed').waitFor();
    await service.must('PATCH', `/endpoints/${endpoint.id}`, { secrets: [right] });
    await all.click();
    await page.getByText('3 of 3 processed').waitFor();
    await settled(page);
    assert.ok(await all.isDisabled(), 'nothing waits');
    assert.equal((await service.must('GET', `/failed-deliveries?endpoint=${endpoint.id}&state=replayed`)).data.length, 3);
  });

  test('all of it works by keyboard alone', async () => {
    await fresh({}, { signedIn: false });
    await page.goto('/sign-in');
    await page.getByLabel('E-mail address').waitFor();
    const tab = async (times = 1) => {
      for (let i = 0; i < times; i++) await page.keyboard.press('Tab');
    };
    // Tabs until the focused element fits; fails when it never does.
    const tabTo = async (words) => {
      for (let i = 0; i < 80; i++) {
        const name = await page.evaluate(() => {
          const at = document.activeElement;
          const label = at.labels?.[0]?.innerText ?? '';
          const outline = getComputedStyle(at);
          return { text: `${at.getAttribute('aria-label') ?? ''} ${label} ${at.innerText ?? ''}`.replace(/\s+/g, ' ').trim(), seen: at === document.body || outline.outlineStyle !== 'none' || at.tagName === 'BODY' };
        });
        if (words.test(name.text)) {
          assert.ok(name.seen, `the focus on "${name.text}" is visible`);
          return;
        }
        await tab();
      }
      assert.fail(`${words} was not reached`);
    };
    await page.keyboard.type(ADMIN);
    await tab();
    await page.keyboard.type(PASSWORD);
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { name: 'Email Engagement Dashboard' }).waitFor();
    await settled(page);
    await page.reload();
    await settled(page);
    await tab();
    assert.equal(await page.evaluate(() => document.activeElement.innerText), 'Skip to content');
    await page.keyboard.press('Enter');
    assert.equal(await page.evaluate(() => document.activeElement.tagName), 'H1');
    await tabTo(/^Job/);
    await page.keyboard.press('ArrowDown');
    await settled(page);
    assert.ok(new URL(page.url()).searchParams.get('job'));
    await tabTo(/^Opens and clicks over time/);
    await page.keyboard.press('ArrowLeft');
    assert.match(await page.locator('.card p[role=status]').textContent(), /Opens/);
    await page.keyboard.press('Escape');
    await page.keyboard.press('g');
    await page.keyboard.press('e');
    await page.getByRole('heading', { name: 'Emails', level: 1 }).waitFor();
    await settled(page);
    await page.keyboard.press('j');
    await page.keyboard.press('j');
    assert.equal(await page.evaluate(() => [...document.querySelectorAll('[data-row]')].findIndex((row) => row.contains(document.activeElement))), 1);
    await page.keyboard.press('Enter');
    await page.waitForURL(/\/emails\/\d+$/);
    await settled(page);
    await page.keyboard.press('?');
    await page.getByRole('dialog', { name: 'Keys' }).waitFor();
    await page.keyboard.press('Escape');
    await page.getByRole('dialog').waitFor({ state: 'detached' });
    await tabTo(/^Ada Admin/);
    await page.keyboard.press('Enter');
    await tabTo(/^Your account/);
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { name: 'Your account' }).waitFor();
    await settled(page);
    await tabTo(/^Notifications and keys/);
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { name: 'Notification preferences' }).waitFor();
    await settled(page);
    await tabTo(/^Single keys/);
    await page.keyboard.press('Space');
    await page.getByText('Saved.').waitFor();
    await page.keyboard.press('Escape');
    await page.evaluate(() => document.activeElement.blur());
    await page.keyboard.press('g');
    await page.keyboard.press('d');
    assert.equal(new URL(page.url()).pathname, '/notifications/preferences', 'keys are off');
    await page.evaluate(() => window.scrollTo(0, 0));
    await tabTo(/^Ada Admin/);
    await page.keyboard.press('Enter');
    await tabTo(/^Sign out/);
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { name: 'Sign in to inkling' }).waitFor();
  });
});

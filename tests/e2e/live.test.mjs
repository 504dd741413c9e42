// What happens while somebody looks (UC-558 AF-3; ui.md 13: scenarios 16 to 21 and 25): toasts, notifications, preferences, activity,
// and the one stream that all tabs of a browser share.
import assert from 'node:assert/strict';
import { after, afterEach, before, describe, test } from 'node:test';
import { availableParallelism, loadavg } from 'node:os';
import { setTimeout as pause } from 'node:timers/promises';
import { Browser, eventually, genericDelivery, standardWebhooksSecret } from '../integration/support.mjs';
import { go, launch, open, settled, signIn } from './browser.mjs';
import { PASSWORD } from './data.mjs';
import { startService } from './service.mjs';

const MINUTE = 60_000;

describe('live', () => {
  let service, browser, secret, endpoint, number = 0;
  const sessions = [];

  before(async () => {
    service = await startService();
    secret = standardWebhooksSecret();
    endpoint = await service.must('POST', '/endpoints', { provider: 'generic', name: 'main', secrets: [secret] });
    browser = await launch();
  });
  after(async () => {
    await browser?.close();
    await service?.remove();
  });
  afterEach(async () => {
    const complaints = sessions.flatMap((session) => session.complaints);
    for (const session of sessions.splice(0)) await session.context.close();
    await eventually(async () => (await service.metric('inkling_streams')) === 0, 'the end of the streams'); // the next test counts them
    assert.deepEqual(complaints, []);
  });

  async function person(role = 'recruiter') {
    const email = `person-${++number}@acme.example`;
    const { id } = await service.must('POST', '/users', { email, role, password: PASSWORD });
    const api = new Browser(service);
    await api.signIn(email, PASSWORD);
    await api.must('PUT', '/me/notification-preferences', {}); // the notifier looks at once who is new
    return { id, email, api };
  }

  const live = (page) => page.locator('.top').getByText('Live', { exact: true }).waitFor();

  async function look(who, target = '/candidates', options = {}) {
    const session = await open(browser, service.url, options);
    sessions.push(session);
    await signIn(session, who.email, PASSWORD);
    await go(session.page, target);
    await live(session.page);
    return session;
  }

  async function send(who, more = {}) {
    const message_id = `live-${++number}`;
    const email = {
      message_id, subject: 'Interview Invitation', sent_at: new Date(Date.now() - 60 * MINUTE).toISOString(), sender: { email: who.email },
      candidate: { id: `c-${message_id}`, name: 'John Smith', email: `${message_id}@mail.example` }, job: { id: 'job-1', title: 'Engineer' }, ...more,
    };
    return { ...email, ...(await service.register(email)) };
  }

  let second = 0;
  const event = (email, event_type, more = {}) => ({ event_type, message_id: email.message_id, timestamp: new Date(Date.now() - 10_000 + ++second).toISOString(), recipient: email.candidate.email, ...more });
  async function happen(email, type, more) {
    const body = event(email, type, more);
    const answer = await service.deliver(endpoint, genericDelivery(secret, body));
    assert.equal(answer.status, 200, answer.body);
    return body;
  }
  const toasts = (page) => page.locator('.toast');
  const someone = (n) => ({ candidate: { id: `c-some-${++number}`, name: `Candidate ${n}`, email: `some-${number}@mail.example` } });

  test('an open becomes a toast within two seconds, with name and subject; View leads to the profile (16)', async () => {
    const ada = await person();
    const { page } = await look(ada, '/dashboard');
    await page.keyboard.press('Tab');
    const before = await page.evaluate(() => document.activeElement.outerHTML);
    const email = await send(ada);
    const began = Date.now();
    await happen(email, 'open');
    await toasts(page).waitFor({ timeout: 10_000 });
    const took = Date.now() - began;
    console.log(`# webhook to toast: ${took} ms`);
    assert.ok(took < 2000, `the toast came after ${took} ms`);
    const words = await toasts(page).innerText();
    for (const part of ['Email opened', 'John Smith just opened your email', 'Interview Invitation', 'View →']) assert.ok(words.includes(part), words);
    assert.equal(await page.evaluate(() => document.activeElement.outerHTML), before, 'the focus stays');
    const region = page.getByRole('status', { name: 'New notifications' });
    assert.equal(await region.getAttribute('aria-live'), 'polite');
    await page.getByRole('link', { name: 'Notifications, 1 unread' }).waitFor();
    await page.getByRole('link', { name: 'View John Smith' }).click();
    await page.getByRole('heading', { name: 'John Smith', level: 1 }).waitFor();
    assert.equal(new URL(page.url()).pathname, `/candidates/${email.candidate.id}`);
    await page.getByRole('link', { name: 'Notifications, 0 unread' }).waitFor();
    assert.equal(await toasts(page).count(), 0);
    await page.locator('.timeline li', { hasText: 'Opened' }).first().waitFor();
    await happen(email, 'click', { url: 'https://a.example/x' });
    await page.locator('.timeline li', { hasText: 'Clicked' }).first().waitFor(); // the profile brings itself up to date
  });

  test('a delivery that comes again changes nothing on the screen (25)', async () => {
    const ada = await person();
    const { page, context } = await look(ada, '/activity');
    const dora = await send(ada, { candidate: { id: 'c-dora', name: 'Dora Double', email: 'dora@mail.example' } });
    const jane = await send(ada, { candidate: { id: 'c-jane', name: 'Jane Doe', email: 'jane.doe@mail.example' } });
    const open = genericDelivery(secret, event(dora, 'open'));
    const click = event(dora, 'click', { url: 'https://a.example/x' });
    for (const request of [open, genericDelivery(secret, click)]) assert.equal((await service.deliver(endpoint, request)).status, 200);
    await toasts(page).getByText('Dora Double just opened your email and clicked a link').waitFor();
    await page.locator('.timeline li', { hasText: 'Dora Double' }).nth(1).waitFor();
    const other = await context.newPage();
    const screens = async () => {
      const texts = [];
      for (const target of ['/dashboard', `/candidates/${dora.candidate.id}`, `/emails?candidate=${dora.candidate.id}`, `/emails/${dora.id}`, '/notifications']) {
        await go(other, target);
        await other.getByRole('link', { name: /^Notifications, \d/ }).waitFor();
        texts.push(`${target}: ${await other.locator('#app').innerText()}`.replace(/\d+ (minutes? ago)|just now/g, 'lately'));
      }
      return texts;
    };
    const before = await screens();
    assert.match(before[2], /Clicked/);
    // The same request, as a provider repeats it that did not hear the answer; and the same events, sent and signed anew.
    for (const request of [open, genericDelivery(secret, click), genericDelivery(secret, [click, JSON.parse(open.body)])]) assert.equal((await service.deliver(endpoint, request)).status, 200);
    assert.deepEqual(await screens(), before);
    await happen(jane, 'open');
    await page.locator('.timeline li', { hasText: 'Jane Doe' }).waitFor(); // what came before on this stream has arrived, too
    assert.equal(await page.locator('.timeline li', { hasText: 'Dora Double' }).count(), 2);
    await page.getByRole('link', { name: 'Notifications, 3 unread' }).waitFor();
    await go(other, '/notifications');
    const told = await other.locator('.timeline li .what').allInnerTexts();
    assert.deepEqual(told.map((text) => text.replace(/Interview[^]*|Unread:|\n/g, '').trim()), ['Jane Doe opened your email', 'Dora Double clicked a link in your email', 'Dora Double opened your email']);
  });

  test('one candidate has one toast, three are the most, and Esc, F8 and × do what they say (17)', async () => {
    const ada = await person();
    const { page } = await look(ada);
    const john = await send(ada);
    await happen(john, 'open');
    await toasts(page).waitFor();
    await happen(john, 'open');
    await toasts(page).getByText('opened your email 2 times').waitFor();
    await happen(john, 'click', { url: 'https://a.example/1' });
    await toasts(page).getByText('John Smith just opened your email 2 times and clicked a link in the email').waitFor();
    assert.equal(await toasts(page).count(), 1);
    for (const n of [1, 2, 3, 4]) {
      await happen(await send(ada, someone(n)), 'reply');
      await toasts(page).getByText(`Candidate ${n} just replied`).waitFor();
      assert.ok((await toasts(page).count()) <= 3);
    }
    assert.deepEqual(await toasts(page).locator('strong').allInnerTexts(), ['Reply received', 'Reply received', 'Reply received']);
    await page.locator('h1').focus();
    await page.keyboard.press('F8');
    assert.equal(await page.evaluate(() => document.activeElement.getAttribute('aria-label')), 'View Candidate 4');
    await page.keyboard.press('Escape');
    await toasts(page).nth(2).waitFor({ state: 'detached' });
    await page.waitForFunction(() => document.activeElement.getAttribute('aria-label') === 'View Candidate 3');
    await page.keyboard.press('F8');
    assert.equal(await page.evaluate(() => document.activeElement.tagName), 'H1', 'back to where it was');
    await page.getByRole('button', { name: 'Close: Candidate 3' }).click();
    assert.equal(await toasts(page).count(), 1);
    await page.getByRole('link', { name: 'Notifications, 6 unread' }).waitFor();
  });

  test('a toast goes by itself, but not under the pointer or the focus; machines and repetitions have none (17)', async () => {
    const ada = await person();
    await ada.api.must('PATCH', '/me', { preferences: { toast_seconds: 5 } });
    const { page } = await look(ada);
    const john = await send(ada);
    const first = await happen(john, 'open', { machine: true });
    await service.deliver(endpoint, genericDelivery(secret, first));
    await happen(await send(ada, someone(1)), 'open');
    await toasts(page).waitFor();
    const came = Date.now();
    assert.deepEqual(await toasts(page).locator('p').first().allInnerTexts(), ['Candidate 1 just opened your email']);
    await toasts(page).hover();
    await pause(6000); // longer than its time: the point of it is that it does not go
    assert.equal(await toasts(page).count(), 1, 'not under the pointer');
    await page.mouse.move(5, 5);
    await toasts(page).waitFor({ state: 'detached', timeout: 15_000 });
    assert.ok(Date.now() - came > 6000);
    await ada.api.must('PATCH', '/me', { preferences: { toast_seconds: 0 } });
    await page.reload();
    await live(page);
    await happen(await send(ada, someone(2)), 'open');
    await toasts(page).waitFor();
    await pause(9000); // longer than the standard
    assert.equal(await toasts(page).count(), 1, 'until it is closed');
  });

  test('preferences are saved one by one, told to other windows, and decide (17)', async () => {
    const ada = await person();
    const session = await look(ada, '/notifications/preferences', { timezoneId: 'Europe/Berlin', allowed: [/status of 409/] });
    const { page, context } = session;
    const saved = async (act) => {
      const answer = page.waitForResponse((response) => ['PUT', 'PATCH'].includes(response.request().method()));
      await act();
      assert.equal((await answer).status(), 200);
    };
    await saved(() => page.getByLabel('Replies').uncheck());
    await page.getByText('Saved.').waitFor();
    await saved(() => page.getByLabel('Opens').selectOption('first_open'));
    await saved(() => page.getByLabel('Of whose emails').selectOption('team'));
    const now = await ada.api.must('GET', '/me/notification-preferences');
    assert.deepEqual([now.events.sort(), now.scope], [['bounce', 'click', 'first_open', 'spam', 'unsubscribe'], 'team']);
    await page.reload();
    await settled(page);
    assert.equal(await page.getByLabel('Replies').isChecked(), false);
    assert.equal(await page.getByLabel('Opens').inputValue(), 'first_open');

    // Changed elsewhere: refused, told, and shown as it is.
    await ada.api.must('PUT', '/me/notification-preferences', { merge_seconds: 600 });
    await page.getByLabel('Clicks').click();
    await page.getByRole('alert').getByText('changed in another window').waitFor();
    await page.waitForFunction(() => [...document.querySelectorAll('select')].some((one) => one.value === '600'));
    await page.waitForFunction(() => [...document.querySelectorAll('label')].find((one) => one.innerText === 'Clicks').control.checked);
    // Another window of the same browser hears of it at once.
    const other = await context.newPage();
    await go(other, '/notifications/preferences');
    await saved(() => page.getByLabel('Clicks').uncheck());
    await other.getByText('Changed in another window.').waitFor();
    await other.waitForFunction(() => ![...document.querySelectorAll('label')].find((one) => one.innerText === 'Clicks').control.checked);
    await other.close();

    await saved(() => page.getByLabel('Single keys move about').uncheck());
    await page.locator('h1').focus();
    await page.keyboard.press('?');
    assert.equal(await page.getByRole('dialog').count(), 0);
    await saved(() => page.getByLabel('Single keys move about').check());
    await page.locator('h1').focus();
    await page.keyboard.press('?');
    await page.getByRole('dialog').waitFor();
    await page.keyboard.press('Escape');

    // First opens alone, of anybody's emails; then quiet.
    const email = await send(await person());
    await happen(email, 'reply');
    await happen(email, 'open');
    await toasts(page).getByText('John Smith just opened an email').waitFor();
    await saved(() => page.getByLabel('No toasts during quiet hours').check());
    for (const [label, value] of [['From', '00:00'], ['To', '23:59']]) await saved(async () => {
      await page.getByLabel(label, { exact: true }).fill(value);
      await page.getByLabel(label, { exact: true }).blur();
    });
    await page.getByText('your time zone').waitFor();
    await page.getByRole('button', { name: 'Close: John Smith' }).click();
    await eventually(async () => {
      const [last] = (await ada.api.must('GET', '/notifications?limit=1')).data;
      if (last && !last.toast) return true;
      await happen(await send(ada, someone(1)), 'open');
      return false;
    }, 'a notification in quiet hours');
    await go(page, '/notifications');
    assert.ok(await page.locator('.timeline li').count() >= 2, 'the list has what came');
    await happen(await send(ada, someone(2)), 'bounce', { bounce_type: 'hard' });
    await page.getByRole('button', { name: '1 new – show' }).click();
    await page.locator('.timeline li', { hasText: 'it bounced' }).waitFor();
    assert.deepEqual((await toasts(page).allInnerTexts()).filter((text) => text.includes('bounced')), []);
  });

  test('the list is marked as read, one by one and all, and comes in pages', async () => {
    const ada = await person();
    for (let n = 0; n < 55; n++) await happen(await send(ada, someone(n)), 'open');
    await eventually(async () => (await ada.api.must('GET', '/notifications?limit=1')).unread === 55, '55 notifications');
    const { page } = await look(ada, '/notifications');
    await page.getByRole('link', { name: 'Notifications, 55 unread' }).waitFor();
    const rows = page.locator('.timeline li');
    assert.equal(await rows.count(), 50);
    await page.getByRole('button', { name: 'Show more' }).click();
    await rows.nth(54).waitFor();
    await page.getByRole('button', { name: 'Mark as read: Candidate 54' }).click();
    await page.getByRole('button', { name: 'Mark as unread: Candidate 54' }).waitFor();
    await page.getByRole('link', { name: 'Notifications, 54 unread' }).waitFor();
    await rows.filter({ hasText: 'Candidate 53' }).getByRole('link').click();
    await page.getByRole('heading', { name: 'Candidate 53' }).waitFor();
    await page.getByRole('link', { name: 'Notifications, 53 unread' }).waitFor();
    await page.goBack();
    await settled(page);
    await page.getByRole('button', { name: 'Mark all as read' }).click();
    await page.getByRole('link', { name: 'Notifications, 0 unread' }).waitFor();
    await page.getByRole('button', { name: 'Unread', exact: true }).click();
    await page.getByText('Nothing unread').waitFor();
  });

  test('what consent or a verdict takes back leaves toast and list (17)', async () => {
    const ada = await person();
    const { page } = await look(ada, '/notifications');
    const email = await send(ada);
    await happen(email, 'open');
    await toasts(page).hover(); // so that time alone does not close it
    await service.must('PUT', `/candidates/${email.candidate.id}/tracking`, { level: 'none' });
    await toasts(page).waitFor({ state: 'detached' });
    await page.getByText('Nothing yet').waitFor();
  });

  test('a stream that was cut says so; what was missed arrives once (18)', async () => {
    const ada = await person();
    const session = await look(ada, '/activity', { allowed: [/ERR_CONNECTION_REFUSED|ERR_INCOMPLETE_CHUNKED|ERR_EMPTY_RESPONSE|status of 503|ERR_CONNECTION_RESET/] });
    const { page } = session;
    const [before, missed, later] = [await send(ada, someone('before')), await send(ada, someone('missed')), await send(ada, someone('later'))];
    const row = (name) => page.locator('.timeline li', { hasText: `Candidate ${name} ` });
    await happen(before, 'open');
    await row('before').waitFor();
    service.fixedPort = service.port;
    assert.equal(await service.stop(), 0);
    await page.locator('.top').getByText('Reconnecting').waitFor({ timeout: 15_000 });
    await page.getByText('what is missed will be added').waitFor();
    await service.start();
    await happen(missed, 'open'); // perhaps before the page is back
    await live(page);
    await row('missed').waitFor();
    await happen(later, 'open');
    await row('later').waitFor();
    for (const name of ['before', 'missed', 'later']) assert.equal(await row(name).count(), 1, name);
    await page.getByRole('link', { name: 'Notifications, 3 unread' }).waitFor();
  });

  test('ten tabs share one stream; each notification has one toast, in the tab in front; the leader may go (19)', async () => {
    const ada = await person();
    const { page: first, context } = await look(ada);
    const pages = [first];
    while (pages.length < 10) {
      const page = await context.newPage();
      await go(page, '/candidates');
      await live(page);
      pages.push(page);
    }
    assert.equal(await service.metric('inkling_streams'), 1, 'one stream');
    const shown = async (all = pages) => (await Promise.all(all.map((page) => toasts(page).count()))).reduce((a, b) => a + b);
    await happen(await send(ada, someone('one')), 'open');
    await toasts(pages[9]).getByText('Candidate one').waitFor();
    for (const page of pages) await page.getByRole('link', { name: 'Notifications, 1 unread' }).waitFor();
    assert.equal(await shown(), 1, 'once, in the tab opened last');
    // Another tab is looked at: what is shown goes with the person.
    await pages[4].bringToFront();
    await pages[4].mouse.click(5, 400);
    await toasts(pages[4]).getByText('Candidate one').waitFor();
    await toasts(pages[9]).waitFor({ state: 'detached' });
    assert.equal(await shown(), 1);
    await first.close(); // it had the stream
    const rest = pages.slice(1);
    await happen(await send(ada, someone('two')), 'open');
    await toasts(pages[4]).getByText('Candidate two').waitFor();
    for (const page of rest) await page.getByRole('link', { name: 'Notifications, 2 unread' }).waitFor();
    assert.equal(await shown(rest), 2);
    await eventually(async () => (await service.metric('inkling_streams')) === 1, 'one stream again');
    await pages[4].close({ runBeforeUnload: false });
    const left = rest.filter((page) => page !== pages[4]);
    await happen(await send(ada, someone('three')), 'open');
    await eventually(async () => (await Promise.all(left.map((page) => toasts(page).getByText('Candidate three').count()))).reduce((a, b) => a + b) === 1, 'the third, once');
  });

  test('without locks each visible tab has a stream of its own, and goes on behind what it saw', async () => {
    const ada = await person();
    const session = await open(browser, service.url);
    sessions.push(session);
    await session.context.addInitScript(() => Object.defineProperty(navigator, 'locks', { value: undefined }));
    await signIn(session, ada.email, PASSWORD);
    const { page } = session;
    await go(page, '/activity');
    await live(page);
    await page.evaluate(() => {
      Object.defineProperty(document, 'hidden', { configurable: true, get: () => window.__hidden === true });
      window.__hidden = true;
      document.dispatchEvent(new Event('visibilitychange'));
    });
    await eventually(async () => (await service.metric('inkling_streams')) === 0, 'a hidden tab has none');
    await happen(await send(ada, someone('away')), 'open');
    await page.evaluate(() => {
      window.__hidden = false;
      document.dispatchEvent(new Event('visibilitychange'));
    });
    await page.locator('.timeline li', { hasText: 'Candidate away' }).waitFor();
    await toasts(page).getByText('Candidate away').waitFor();
  });

  test('activity: filtered, paused, never moving under the pointer; announced by number (20)', async () => {
    const ada = await person();
    const quiet = await send(ada, someone('first'));
    await happen(quiet, 'open');
    const { page } = await look(ada, '/activity');
    const rows = page.locator('.timeline li');
    const row = (name) => rows.filter({ hasText: `Candidate ${name} ` });
    await row('first').first().waitFor();
    await page.mouse.move(5, 5);
    const second = await send(ada, someone('second'));
    await happen(second, 'open');
    await row('second').waitFor();
    await happen(second, 'click', { url: 'https://a.example/1' });
    await row('second').nth(1).waitFor();
    assert.match(await rows.first().innerText(), /Candidate second clicked a link in the email/);
    await rows.first().hover();
    await happen(await send(ada, someone('third')), 'open');
    const button = page.getByRole('button', { name: '1 new – show' });
    await button.waitFor();
    assert.match(await rows.first().innerText(), /Candidate second/, 'nothing moved');
    await button.click();
    await row('third').waitFor();
    await page.getByRole('button', { name: 'Pause' }).click();
    await page.getByRole('status').getByText('Paused').waitFor();
    await happen(await send(ada, someone('fourth')), 'open');
    await button.waitFor();
    assert.equal(await row('fourth').count(), 0);
    await page.getByRole('button', { name: 'Pause' }).click();
    await row('fourth').waitFor();
    await page.getByRole('button', { name: 'Opens' }).click();
    assert.equal(await row('fourth').count(), 0);
    assert.equal(new URL(page.url()).searchParams.get('without'), 'opens');
    await row('second').waitFor();
    await page.reload();
    await settled(page);
    await row('second').waitFor();
    assert.equal(await row('fourth').count(), 0);
    await page.getByRole('button', { name: 'Opens' }).click();
    await page.getByRole('button', { name: 'Hottest' }).click();
    await page.waitForFunction(() => !/Candidate fourth/.test(document.querySelector('main').innerText));
    await row('second').first().waitFor(); // opened and clicked: hot
    await page.getByRole('button', { name: 'Hottest' }).click();
    await happen(await send(ada, someone('fifth')), 'click', { url: 'https://a.example/2' });
    await page.waitForFunction(() => /\d+ new events?/.test(document.querySelector('.fresh [role=status]').textContent), undefined, { timeout: 15_000 });
  });

  test('a thousand events in a burst leave the page responsive (20)', async () => {
    const ada = await person();
    const { page } = await look(ada, '/activity');
    const emails = [];
    for (let n = 0; n < 100; n++) emails.push({ message_id: `burst-${++number}`, subject: `Burst ${n}`, sent_at: new Date(Date.now() - 60 * MINUTE).toISOString(), sender: { email: ada.email }, candidate: { id: `burst-${number}`, name: `Candidate burst ${n}`, email: `burst-${number}@mail.example` } });
    await service.must('POST', '/emails', emails);
    const cdp = await sessions.at(-1).context.newCDPSession(page);
    await cdp.send('Performance.setTimeDomain', { timeDomain: 'threadTicks' }); // processor time: what else the machine does is not in it
    await cdp.send('Performance.enable');
    const spent = async () => (await cdp.send('Performance.getMetrics')).metrics.find(({ name }) => name === 'TaskDuration').value;
    const before = await spent();
    await page.evaluate(() => {
      window.__long = [];
      window.__most = 0;
      new PerformanceObserver((list) => window.__long.push(...list.getEntries().map(({ duration }) => Math.round(duration)))).observe({ type: 'longtask' });
      new MutationObserver(() => (window.__most = Math.max(window.__most, document.querySelectorAll('.toast').length))).observe(document.querySelector('.toasts'), { childList: true });
    });
    const began = Date.now();
    for (let batch = 0; batch < 20; batch++) {
      const events = Array.from({ length: 50 }, (_, i) => event(emails[(batch * 50 + i) % 100], 'click', { url: `https://a.example/${batch}` }));
      assert.equal((await service.deliver(endpoint, genericDelivery(secret, events))).status, 200);
      await pause(Math.max(0, began + (batch + 1) * 150 - Date.now()));
    }
    // It answers the whole time, and at the end it shows what is right.
    await page.getByRole('button', { name: 'Pause' }).click();
    await page.getByRole('button', { name: 'Pause' }).click();
    await page.waitForFunction(() => document.querySelectorAll('.timeline li').length === 200);
    await happen(emails[0], 'reply');
    await page.mouse.move(5, 5);
    await page.locator('.timeline li', { hasText: 'replied to the email' }).first().waitFor();
    assert.equal(await page.locator('.timeline li').count(), 200, 'no more than 200');
    const busy = Math.round(1000 * ((await spent()) - before));
    const { long, most } = await page.evaluate(() => ({ long: window.__long, most: window.__most }));
    const longest = Math.max(0, ...long);
    console.log(`# 1000 events: ${busy} ms of processor time; ${long.length} tasks over 50 ms, the longest ${longest} ms; toasts at once ${most}`);
    assert.ok(most >= 1 && most <= 3, `${most} toasts at once`);
    assert.ok(busy <= 5000, `${busy} ms of processor time`);
    // The promise is 50 ms, by the clock; that holds on a machine that does nothing else.
    if (loadavg()[0] < availableParallelism()) assert.ok(longest <= 200, `a task of ${longest} ms`);
  });

  test('nobody sees what is not theirs, in page and API (21)', async () => {
    const [ada, ben, maria] = [await person(), await person(), await person('hiring_manager')];
    await service.must('PUT', `/users/${maria.id}/jobs`, { jobs: ['job-hers'] });
    const { page: adas } = await look(ada, '/activity');
    const { page: bens } = await look(ben, '/activity');
    const { page: hers } = await look(maria, '/activity');
    const requests = [];
    hers.on('response', async (response) => requests.push(await response.text().catch(() => '')));
    await happen(await send(ada, { ...someone('of Ada'), job: { id: 'job-secret', title: 'Secret job' } }), 'open');
    await happen(await send(ben, { ...someone('of Maria'), job: { id: 'job-hers', title: 'Her job' } }), 'open');
    await toasts(adas).getByText('Candidate of Ada').waitFor();
    await toasts(bens).getByText('Candidate of Maria').waitFor();
    await toasts(hers).getByText('Candidate of Maria').waitFor();
    await hers.locator('.timeline li', { hasText: 'Candidate of Maria' }).waitFor();
    assert.equal(await toasts(adas).count(), 1);
    assert.equal(await toasts(bens).count(), 1);
    assert.ok(!/of Ada|Secret job/.test(await hers.locator('body').innerText()));
    await hers.reload();
    await live(hers);
    assert.ok(!/of Ada|Secret job/.test(await hers.locator('body').innerText()));
    assert.ok(requests.every((text) => !/of Ada|Secret job/.test(text)));
    assert.deepEqual((await maria.api.must('GET', '/activity')).data.map(({ job }) => job.id), ['job-hers']);
    assert.equal((await ben.api.must('GET', '/notifications')).data.some(({ candidate }) => candidate.name === 'Candidate of Ada'), false);
    await hers.getByRole('button', { name: 'Hottest' }).waitFor({ state: 'detached' }); // she sees no scores
  });

  test('hostile names and subjects are text', async () => {
    const ada = await person();
    const { page } = await look(ada, '/activity');
    const nasty = '<img src=x onerror="document.title=1">';
    await happen(await send(ada, { subject: nasty.repeat(5), candidate: { id: `"><b>/${number}`, name: nasty, email: `n${number}@mail.example` } }), 'click', { url: 'javascript:alert(1)' });
    await toasts(page).getByText(nasty).first().waitFor();
    assert.equal(await page.locator('main img, .toast img').count(), 0);
    await page.setViewportSize({ width: 320, height: 640 });
    assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= document.documentElement.clientWidth));
    await toasts(page).getByRole('link').click();
    await page.getByRole('heading', { level: 1, name: nasty }).waitFor();
  });
});

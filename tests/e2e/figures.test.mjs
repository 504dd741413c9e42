// Whose day it is (ui.md 13: scenario 10) and how scores come about (scenario 14), on the pages.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { go, launch, open, settled, signIn } from './browser.mjs';
import { ADMIN, DAY, Loader, PASSWORD } from './data.mjs';
import { startService } from './service.mjs';

const HOUR = 3_600_000;
const rowsOf = (page, label) => page.getByRole('group', { name: label, exact: true }).locator('tbody tr').evaluateAll((all) => all.map((row) => [...row.cells].map((cell) => cell.innerText.trim())));

// The last Sunday of October that is over: the clocks of Berlin went from +2 to +1 in its night.
function winterBegins() {
  for (let year = new Date().getUTCFullYear(); ; year--) {
    const date = new Date(Date.UTC(year, 9, 31));
    date.setUTCDate(31 - date.getUTCDay());
    if (date.getTime() < Date.now() - 5 * DAY) return date.getTime();
  }
}
const dayOf = (ms) => new Date(ms).toISOString().slice(0, 10);

describe('days', () => {
  let browser;
  before(async () => {
    browser = await launch();
  });
  after(() => browser?.close());

  async function days(page, from, to, more = '') {
    await go(page, `/dashboard?range=custom&from=${from}&to=${to}&table=1${more}`);
    return (await rowsOf(page, 'Engagement over time')).map(([, sent, opened]) => [Number(sent), Number(opened)]);
  }

  test('a browser in Auckland shows the days of Berlin, also where they have 25 hours, and moments by the person\'s zone', async () => {
    const service = await startService();
    try {
      await service.must('PUT', '/settings', { time_zone: 'Europe/Berlin' });
      const sunday = winterBegins(); // 00:00 UTC
      const loader = new Loader(service);
      const send = (subject, at, openedAfter) => loader.add({ subject, sent_at: new Date(at).toISOString(), candidate: { id: 'c', name: 'Carla', email: 'c@example.org' } }, openedAfter ? { opened: true, after: openedAfter } : {});
      send('Saturday 23:59', sunday - 2 * HOUR - 60_000, 2 * 60_000); // opened on Sunday at 00:01
      send('Sunday 00:00', sunday - 2 * HOUR);
      send('Sunday 23:59', sunday + 23 * HOUR - 60_000, 3 * HOUR); // the 25th hour; opened on Monday
      send('Monday 00:00', sunday + 23 * HOUR);
      await loader.load();
      const session = await open(browser, service.url, { timezoneId: 'Pacific/Auckland' });
      await signIn(session, ADMIN, PASSWORD);
      const { page } = session;
      const range = [dayOf(sunday - DAY), dayOf(sunday + DAY)];
      assert.deepEqual(await days(page, ...range), [[1, 1], [2, 1], [1, 0]]);
      assert.deepEqual(await days(page, ...range, '&basis=activity'), [[1, 0], [2, 1], [1, 1]]);
      await page.getByText('Days in Europe/Berlin').waitFor();
      const clocks = async () => Object.fromEntries((await rowsOf(page, 'Emails')).map(([email, , , , at]) => [email.split('\n')[0], at.split(', ')[1]]));
      await go(page, '/emails');
      assert.deepEqual(await clocks(), { 'Saturday 23:59': '23:59', 'Sunday 00:00': '00:00', 'Sunday 23:59': '23:59', 'Monday 00:00': '00:00' });
      // The figure of a day leads to the emails of that day.
      await go(page, `/dashboard?range=custom&from=${range[0]}&to=${range[1]}&table=1`);
      await page.getByRole('group', { name: 'Engagement over time', exact: true }).locator('tbody tr').nth(1).getByRole('link').first().click();
      await page.waitForURL(/\/emails\?/);
      await settled(page);
      assert.deepEqual(Object.keys(await clocks()), ['Sunday 23:59', 'Sunday 00:00']);
      // Somebody who works in India reads moments there; the organization's days stay.
      const moved = await page.evaluate(async () => (await fetch('/api/v1/me', { method: 'PATCH', headers: { 'X-Inkling-Request': '1', 'Content-Type': 'application/json' }, body: '{"time_zone":"Asia/Kolkata"}' })).status);
      assert.equal(moved, 200);
      await go(page, '/emails');
      assert.deepEqual(await clocks(), { 'Saturday 23:59': '03:29', 'Sunday 00:00': '03:30', 'Sunday 23:59': '04:29', 'Monday 00:00': '04:30' });
      assert.deepEqual(await days(page, ...range), [[1, 1], [2, 1], [1, 0]]);
      assert.deepEqual(session.complaints, []);
      await session.context.close();
    } finally {
      await service.remove();
    }
  });

  test('days of India begin at half past', async () => {
    const service = await startService();
    try {
      await service.must('PUT', '/settings', { time_zone: 'Asia/Kolkata' });
      const monday = Math.floor(Date.now() / DAY) * DAY - 10 * DAY;
      const loader = new Loader(service);
      loader.add({ subject: 'Before', sent_at: new Date(monday + 18 * HOUR + 29 * 60_000).toISOString() }, { opened: true, after: 60_000 });
      loader.add({ subject: 'Behind', sent_at: new Date(monday + 18 * HOUR + 30 * 60_000).toISOString() });
      await loader.load();
      const session = await open(browser, service.url, { timezoneId: 'America/St_Johns' });
      await signIn(session, ADMIN, PASSWORD);
      assert.deepEqual(await days(session.page, dayOf(monday), dayOf(monday + DAY)), [[1, 1], [1, 0]]);
      assert.deepEqual(await days(session.page, dayOf(monday), dayOf(monday + DAY), '&basis=activity'), [[1, 0], [1, 1]]);
      assert.deepEqual(session.complaints, []);
      await session.context.close();
    } finally {
      await service.remove();
    }
  });
});

describe('scores', () => {
  let service, browser, session, page;

  // Emails, how many of them opened and clicked, and the hours since the latest: what the specification's formula gives.
  const people = [
    ['Zero', 3, 0, 0, 5, 0, 'Cold'],
    ['Border cold', 10, 3, 0, 5, 39, 'Cold'], // 30 + 9 + 0
    ['Border warm', 3, 2, 0, 60, 40, 'Warm'], // 20 + 20 + 0
    ['Border still warm', 20, 20, 7, 5, 74, 'Warm'], // 30 + 30 + 14
    ['Border hot', 8, 8, 3, 5, 75, 'Hot'], // 30 + 30 + 15
    ['Full', 2, 2, 2, 5, 100, 'Hot'],
    ['Long ago', 1, 1, 1, 24 * 20, 80, 'Hot'], // 10 + 30 + 40
  ];

  before(async () => {
    service = await startService();
    const loader = new Loader(service);
    for (const [name, emails, opened, clicked, hours] of people)
      for (let i = 0; i < emails; i++) loader.add({ subject: `To ${name} ${i}`, sent_at: new Date(Date.now() - (hours + 1) * HOUR).toISOString(), candidate: { id: name, name, email: `${name.replaceAll(' ', '.')}@example.org` } }, { opened: i < opened, clicked: i < clicked, after: HOUR });
    loader.add({ subject: 'Before', sent_at: new Date(Date.now() - 100 * DAY).toISOString(), candidate: { id: 'Old', name: 'Old friend', email: 'old@example.org' } }, { opened: true });
    loader.add({ subject: 'Objects', sent_at: new Date(Date.now() - 30 * HOUR).toISOString(), candidate: { id: 'Out', name: 'Opted Out', email: 'out@example.org' } }, { opened: true, clicked: true });
    loader.add({ subject: 'Answered', sent_at: new Date(Date.now() - 30 * HOUR).toISOString(), candidate: { id: 'Reply', name: 'Replies only', email: 'reply@example.org' } }, { replied: true, after: HOUR });
    await loader.load();
    await service.must('PUT', '/candidates/Out/tracking', { level: 'none' });
    browser = await launch();
    session = await open(browser, service.url);
    page = session.page;
    await signIn(session, ADMIN, PASSWORD);
  });
  after(async () => {
    await browser?.close();
    await service?.remove();
  });

  const shown = async (id) => {
    await go(page, `/candidates/${encodeURIComponent(id)}`);
    return page.locator('section[aria-labelledby="engagement"]');
  };

  test('the parts add up to the score, at the borders of the levels and at both ends', async () => {
    for (const [name, , , , , score, level] of people) {
      const card = await shown(name);
      assert.match(await card.locator('.badge').innerText(), new RegExp(`^${level} \\(score ${score}\\)$`), name);
      assert.equal(await card.getByRole('meter').getAttribute('aria-valuenow'), String(score));
      const parts = await card.locator('.parts li').evaluateAll((all) => all.map((part) => /(\d+) of (\d+)/.exec(part.innerText).slice(1).map(Number)));
      assert.equal(parts.length, 3, name);
      assert.equal(parts.reduce((sum, [points]) => sum + points, 0), score, `${name}: ${JSON.stringify(parts)}`);
      assert.deepEqual(parts.map(([, most]) => most), [30, 30, 40]);
    }
    // The list says the same, in order.
    await go(page, '/candidates');
    const list = (await rowsOf(page, 'Candidates')).map((row) => [row[0].split('\n')[0], row[2]]);
    for (const [name, , , , , score, level] of people) assert.deepEqual(list.find(([one]) => one === name), [name, `${level} ${score}`]);
    const scores = list.map(([, badge]) => Number(/\d+$/.exec(badge)?.[0] ?? -1));
    assert.deepEqual(scores, [...scores].sort((a, b) => b - a));
    assert.deepEqual(session.complaints.splice(0), []);
  });

  test('who objected is not tracked and never cold; without an email in 90 days there is no score; a reply counts as opened and clicked', async () => {
    const out = await shown('Out');
    assert.equal(await out.locator('.badge').innerText(), 'Not tracked');
    assert.equal(await out.getByRole('meter').count(), 0);
    await page.getByText('This person asked not to be tracked.').waitFor();
    const old = await shown('Old');
    assert.equal(await old.locator('.badge').innerText(), 'No score yet');
    assert.equal(await old.getByRole('meter').count(), 0);
    const reply = await shown('Reply');
    assert.match(await reply.locator('.badge').innerText(), /^Hot \(score 90\)$/); // 20 + 30 + 40
    await go(page, '/candidates?level=cold');
    const cold = (await rowsOf(page, 'Candidates')).map((row) => row[0].split('\n')[0]).sort();
    assert.deepEqual(cold, ['Border cold', 'Zero']);
    assert.deepEqual(session.complaints.splice(0), []);
  });
});

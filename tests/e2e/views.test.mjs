// Views of the numbers (ui.md 13: scenario 5 with mine/team and cohort/activity), follow up, filters of candidates, the
// search palette and the keys.
import assert from 'node:assert/strict';
import { after, afterEach, before, describe, test } from 'node:test';
import { axe, go, launch, open, settled, signIn } from './browser.mjs';
import { ADMIN, DAY, Loader, PASSWORD } from './data.mjs';
import { startService } from './service.mjs';

const HOUR = 3_600_000;
const ago = (hours) => new Date(Date.now() - hours * HOUR).toISOString();

describe('views', () => {
  let service, browser, session, page;

  before(async () => {
    service = await startService();
    const loader = new Loader(service);
    const jobs = [{ id: 'job-1', title: 'Baker' }, { id: 'job-2', title: 'Painter' }];
    const senders = [{ email: ADMIN }, { email: 'rita@acme.example', name: 'Rita' }];
    // 40 emails sent 20 days ago, of which the first 20 were opened then and the others 3 days ago; every other one is ours.
    for (let i = 0; i < 40; i++)
      loader.add(
        { subject: `Old news ${i}`, sent_at: ago(20 * 24), candidate: { id: `c-${i}`, name: `Person ${i}`, email: `c${i}@example.org` }, job: jobs[i % 2], template: { id: 'old', name: 'Old news' }, campaign: { id: 'autumn', name: 'Autumn' }, sender: senders[i % 2] },
        { opened: i < 30, after: i < 20 ? 2 * HOUR : 17 * DAY, clicked: i < 4, bounced: i >= 36 },
      );
    // Hot people: two without a reply, one with.
    for (const [i, name] of ['Hanna Hot', 'Henry Hotter', 'Heidi Answers'].entries())
      loader.add({ subject: `Offer for ${name}`, sent_at: ago(5), candidate: { id: `hot-${i}`, name, email: `hot${i}@example.org`, title: 'Engineer' }, job: jobs[i % 2], template: { id: 'offer', name: 'Offer' }, campaign: { id: 'offers', name: 'Offers' }, sender: senders[i % 2] }, { opened: true, clicked: true, replied: i === 2, after: HOUR });
    await loader.load();
    browser = await launch();
    session = await open(browser, service.url);
    page = session.page;
    await signIn(session, ADMIN, PASSWORD);
  });
  after(async () => {
    await browser?.close();
    await service?.remove();
  });
  afterEach(() => assert.deepEqual(session.complaints.splice(0), []));

  const cards = () => page.locator('.kpi').evaluateAll((all) => all.map((card) => card.innerText.split('\n').map((line) => line.trim()).filter(Boolean)));
  const rows = (label) => page.getByRole('group', { name: label, exact: true }).locator('tbody tr').evaluateAll((all) => all.map((row) => [...row.cells].map((cell) => cell.innerText.trim())));
  const query = () => Object.fromEntries(new URL(page.url()).searchParams);
  const followUp = () => page.locator('section', { has: page.getByRole('heading', { name: 'Follow up now' }) });

  test('range, job, mine or team and cohort or activity change address, cards, chart, tables and lists together', async () => {
    await go(page, '/dashboard');
    assert.ok((await cards())[0].includes('33 of 43 sent'), (await cards())[0].join());
    await page.getByLabel('Whose').selectOption('mine');
    await settled(page);
    assert.deepEqual(query(), { scope: 'mine' });
    assert.ok((await cards())[0].includes('17 of 22 sent'), (await cards())[0].join());
    assert.deepEqual((await rows('Engagement by template')).map((row) => row.slice(0, 3)), [['Old news', '20', '15'], ['Offer', '2', '2']]);
    await page.getByLabel('Counted').selectOption('activity');
    await page.getByLabel('Date range').selectOption('7d');
    await settled(page);
    assert.deepEqual(query(), { scope: 'mine', basis: 'activity', range: '7d' });
    // In the last 7 days: 5 of ours were opened that were sent before, and 2 new ones.
    assert.deepEqual((await cards()).map(([figure, label]) => [label, figure]), [['Opened', '7'], ['Clicked', '2'], ['Replied', '1']]);
    assert.equal(await page.getByRole('group', { name: 'Values' }).count(), 0, 'no rates to choose');
    assert.deepEqual((await rows('Engagement by template')).map((row) => [row[0], row[1], row[2], row[4]]).sort(), [['Offer', '2', '2', '–'], ['Old news', '0', '5', '–']]);
    await page.getByText('7 emails were first opened in these days').waitFor();
    await page.getByRole('button', { name: 'As table' }).click();
    const days = await rows('Engagement over time');
    assert.equal(days.length, 7);
    assert.equal(days.reduce((sum, row) => sum + Number(row[2]), 0), 7);
    assert.ok(days.every((row) => row[3] === '–' && row[5] === '–'));
    assert.match(await page.locator('section', { hasText: 'Top performing emails' }).innerText(), /1\.\s+Old news\s+5 open/);
    // Figures lead to as many emails, and the choices go along.
    await page.locator('.kpi .figure').first().click();
    await page.waitForURL(/\/emails\?/);
    await settled(page);
    assert.deepEqual([query().scope, query().basis, query().status, await page.locator('[data-row]').count()], ['mine', 'activity', 'opened', 7]);
    await page.goBack();
    await settled(page);
    await page.getByRole('link', { name: 'Old news' }).last().click();
    await page.getByRole('heading', { name: 'Old news', level: 1 }).waitFor();
    await settled(page);
    assert.deepEqual([query().scope, query().basis, (await cards())[0][0]], ['mine', 'activity', '5']);
    await page.getByLabel('Counted').selectOption('');
    await page.getByLabel('Whose').selectOption('');
    await page.getByLabel('Date range').selectOption('30d');
    await settled(page);
    assert.ok((await cards())[0].includes('30 of 40 sent'), (await cards())[0].join());
    await go(page, '/templates?scope=mine&basis=activity&range=7d');
    assert.deepEqual((await rows('Templates')).map((row) => row.slice(0, 4)).sort(), [['Offer', '2', '2', '2'], ['Old news', '0', '5', '0']]);
    await go(page, '/dashboard?scope=others&basis=both');
    await page.waitForFunction(() => location.search === '');
  });

  test('whom to follow up: hot and no reply, and campaigns with the reason', async () => {
    await go(page, '/dashboard');
    await followUp().locator('li').first().waitFor();
    const first = await followUp().locator('li a').allInnerTexts(); // behind them those who opened and clicked weeks ago
    assert.equal(first.length, 5);
    assert.deepEqual(first.slice(0, 2).sort(), ['Hanna Hot', 'Henry Hotter']);
    assert.ok(!first.includes('Heidi Answers'));
    assert.match(await followUp().locator('li').first().innerText(), /Hot 100/);
    const attention = page.locator('section', { has: page.getByRole('heading', { name: 'Campaigns that need attention' }) });
    assert.match(await attention.innerText(), /Autumn\s+4 of 40 came back/);
    await go(page, '/campaigns');
    assert.deepEqual((await rows('Campaigns')).map((row) => [row[0], row.at(-1)]), [['Autumn', '4 of 40 came back'], ['Offers', '']]);
    await go(page, '/dashboard?scope=mine');
    await followUp().locator('li').first().waitFor();
    const mine = ['Hanna Hot', 'Person 2', 'Person 0'];
    assert.deepEqual(await followUp().locator('li a').allInnerTexts(), mine);
    await followUp().getByRole('link', { name: 'View all' }).click();
    await page.getByRole('heading', { name: 'Candidates', level: 1 }).waitFor();
    await settled(page);
    assert.deepEqual(query(), { level: 'hot', replied: 'no', scope: 'mine' });
    assert.deepEqual((await rows('Candidates')).map(([name]) => name.split('\n')[0]), mine);
  });

  test('candidates by level, job, reply and latest activity, with job, trend and latest activity', async () => {
    await go(page, '/candidates');
    const names = async () => (await rows('Candidates')).map(([name]) => name.split('\n')[0]);
    await page.getByLabel('Reply').selectOption('yes');
    await settled(page);
    assert.deepEqual(await names(), ['Heidi Answers']);
    await page.getByLabel('Reply').selectOption('');
    await page.getByLabel('Last activity').selectOption('1');
    await settled(page);
    assert.deepEqual((await names()).sort(), ['Hanna Hot', 'Heidi Answers', 'Henry Hotter']);
    await page.getByLabel('Job').selectOption({ label: 'Painter' });
    await settled(page);
    assert.deepEqual(await names(), ['Henry Hotter']);
    assert.deepEqual(query(), { days: '1', job: 'job-2' });
    const [row] = await rows('Candidates');
    assert.equal(row[1], 'Painter');
    assert.match(row[2], /Hot 100/);
    assert.match(row[3], /hours ago/);
    // A trend takes days: until anybody has one, there is no column for it.
    assert.equal(await page.getByRole('columnheader', { name: '30 days' }).count(), 0);
    await page.route(/\/api\/v1\/candidates\?/, async (route) => {
      const answer = await route.fetch();
      const { data, ...rest } = await answer.json();
      await route.fulfill({ response: answer, json: { ...rest, data: data.map((one) => ({ ...one, score_trend: [null, 60, 88, 100] })) } });
    });
    await page.reload();
    await settled(page);
    await page.getByRole('columnheader', { name: '30 days' }).waitFor();
    assert.equal((await rows('Candidates'))[0][3], '+40');
    await page.unroute(/\/api\/v1\/candidates\?/);
    await page.getByRole('button', { name: 'Cold', exact: true }).click();
    await page.getByText('No candidate fits').waitFor();
    await page.getByRole('button', { name: 'Show all candidates' }).click();
    await settled(page);
    assert.deepEqual(query(), {});
    assert.ok((await names()).length > 40);
  });

  test('Ctrl K searches everything by keyboard alone, over the page, and Esc gives the page back', async () => {
    await go(page, '/templates?range=90d');
    await page.getByLabel('Find').fill('old');
    const searches = [];
    page.on('request', (request) => /\/search\?/.test(request.url()) && searches.push(request.url()));
    await page.keyboard.press('Control+k'); // from a field, too
    const dialog = page.getByRole('dialog', { name: 'Search' });
    await dialog.waitFor();
    assert.equal(await page.evaluate(() => document.activeElement.getAttribute('role')), 'combobox');
    await page.keyboard.press('Control+k'); // once is enough
    assert.equal(await page.getByRole('dialog').count(), 1);
    await page.keyboard.type('hotter', { delay: 10 });
    const option = (name) => dialog.getByRole('option', { name });
    await option(/^Henry Hotter/).waitFor();
    await dialog.getByRole('group', { name: 'Emails' }).getByRole('option', { name: /^Offer for Henry Hotter/ }).waitFor();
    assert.ok(searches.length <= 3, `${searches.length} requests for six keys`);
    assert.equal(await option(/^Henry Hotter/).getAttribute('aria-selected'), 'true');
    await page.keyboard.press('ArrowDown');
    assert.equal(await option(/^Offer for Henry Hotter/).getAttribute('aria-selected'), 'true');
    assert.equal(await page.evaluate(() => document.getElementById(document.activeElement.getAttribute('aria-activedescendant')).innerText.includes('Offer for')), true);
    await page.keyboard.press('Escape');
    await dialog.waitFor({ state: 'detached' });
    assert.equal(await page.evaluate(() => document.activeElement.id), 'find', 'the focus is where it was');
    assert.deepEqual(query(), { range: '90d', q: 'old' });
    // However soon Esc comes.
    for (let i = 0; i < 10; i++) {
      await page.keyboard.press('Control+k');
      await dialog.waitFor();
      await page.keyboard.type('ho');
      await page.keyboard.press('ArrowDown');
      await page.keyboard.press('Escape');
      await dialog.waitFor({ state: 'detached' });
      assert.equal(await page.evaluate(() => document.activeElement.id), 'find', `after ${i}`);
    }
    // Enter goes there; every kind is found.
    for (const [text, kind, place] of [['person 7', 'Candidates', '/candidates/c-7'], ['news 39', 'Emails', /^\/emails\/\d+$/], ['autu', 'Campaigns', '/campaigns/autumn'], ['paint', 'Jobs', '/jobs/job-2'], ['old n', 'Templates', '/templates/old'], ['api k', 'Screens', '/admin/api-keys']]) {
      await page.keyboard.press('Control+k');
      await dialog.waitFor();
      await page.keyboard.type(text);
      const wanted = dialog.getByRole('group', { name: kind }).getByRole('option').first();
      await wanted.waitFor();
      await page.waitForFunction(() => !document.querySelector('.found.dim'));
      for (let i = 0; i < 30 && (await wanted.getAttribute('aria-selected')) !== 'true'; i++) await page.keyboard.press('ArrowDown');
      await page.keyboard.press('Enter');
      await dialog.waitFor({ state: 'detached' });
      await settled(page);
      const { pathname } = new URL(page.url());
      assert.ok(typeof place === 'string' ? pathname === place : place.test(pathname), `${text}: ${pathname}`);
    }
    await page.keyboard.press('Meta+k');
    await dialog.waitFor();
    await page.keyboard.type('zzzz');
    await dialog.getByText('Nothing is named so.').waitFor();
    session.allowed.push(/status of 500/);
    await session.context.route('**/api/v1/search*', (route) => route.fulfill({ status: 500, contentType: 'application/problem+json', body: JSON.stringify({ title: 'Internal error', status: 500, detail: 'the disk is full' }) }));
    await page.keyboard.type('y');
    await dialog.getByRole('alert').getByText('the disk is full').waitFor();
    await session.context.unrouteAll();
    session.allowed.length = 0;
    await page.keyboard.press('Escape');
  });

  test('single keys: places, find, periods, compare, rows, help and Esc; none while typing or when switched off', async () => {
    await go(page, '/dashboard');
    for (const [key, place] of [['c', '/candidates'], ['e', '/emails'], ['m', '/campaigns'], ['t', '/templates'], ['j', '/jobs'], ['s', '/admin'], ['d', '/dashboard']]) {
      await page.keyboard.press('g');
      await page.keyboard.press(key);
      await settled(page);
      assert.equal(new URL(page.url()).pathname, place);
    }
    await page.keyboard.press('x');
    await page.waitForFunction(() => location.search === '?cmp=1');
    await page.keyboard.press('[');
    await page.waitForFunction(() => new URLSearchParams(location.search).get('range') === 'custom');
    const before = query();
    await page.keyboard.press(']');
    await page.waitForFunction((from) => new URLSearchParams(location.search).get('from') !== from, before.from);
    assert.equal(Date.parse(query().from) - Date.parse(before.from), 30 * DAY);
    await page.keyboard.press('Escape');
    await page.waitForFunction(() => location.search === '', undefined, { timeout: 5000 });
    await go(page, '/templates?range=90d');
    await page.keyboard.press('/');
    assert.equal(await page.evaluate(() => document.activeElement.id), 'find');
    await page.keyboard.type('gd?x');
    assert.deepEqual(query(), { range: '90d', q: 'gd?x' }, 'keys typed into a field are text');
    await page.getByLabel('Find').fill('');
    await page.keyboard.press('Escape');
    await page.evaluate(() => document.activeElement.blur());
    await page.keyboard.press('j');
    await page.keyboard.press('j');
    await page.keyboard.press('k');
    const first = await page.evaluate(() => document.activeElement.innerText);
    await page.keyboard.press('Enter');
    await page.waitForURL(/\/templates\/.+/);
    await page.getByRole('heading', { name: first, level: 1 }).waitFor();
    await settled(page);
    await page.keyboard.press('?');
    const help = page.getByRole('dialog', { name: 'Keys' });
    await help.waitFor();
    await page.keyboard.press('x'); // not under a dialog
    await page.keyboard.press('Escape');
    await help.waitFor({ state: 'detached' });
    assert.equal(query().cmp, undefined);
    for (const modifier of ['Control', 'Alt', 'Meta']) await page.keyboard.press(`${modifier}+x`);
    assert.equal(query().cmp, undefined);
  });

  for (const colorScheme of ['light', 'dark'])
    test(`axe finds nothing in what is new, ${colorScheme}`, async () => {
      const other = await open(browser, service.url, { colorScheme, bypassCSP: true });
      await signIn(other, ADMIN, PASSWORD);
      const found = [];
      const look = async (where) => found.push(...(await axe(other.page)).map((text) => `${where}: ${text}`));
      for (const target of ['/dashboard?basis=activity&scope=mine', '/candidates?level=hot&replied=no', '/campaigns', '/templates/old?basis=activity', '/emails?status=opened&basis=activity&range=7d']) {
        await go(other.page, target);
        if (target.startsWith('/dashboard')) await other.page.getByRole('heading', { name: 'Follow up now' }).waitFor();
        await look(target);
      }
      await other.page.keyboard.press('Control+k');
      await other.page.getByRole('dialog').waitFor();
      await look('the palette, empty');
      await other.page.keyboard.type('h');
      await other.page.getByRole('option', { name: /^Hanna/ }).waitFor();
      await look('the palette');
      assert.deepEqual(found, []);
      assert.deepEqual(other.complaints, []);
      await other.context.close();
    });
});

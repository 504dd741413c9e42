// The dashboard against the specification's example (ui.md 13: scenarios 4 to 9 and 11).
import assert from 'node:assert/strict';
import { after, afterEach, before, describe, test } from 'node:test';
import { go, launch, open, settled, signIn } from './browser.mjs';
import { ADMIN, loadSpecification, PASSWORD } from './data.mjs';
import { startService } from './service.mjs';

describe('dashboard', () => {
  let service, browser, session, page;

  before(async () => {
    service = await startService();
    await loadSpecification(service);
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

  test('shows the figures of the specification', async () => {
    await go(page, '/dashboard');
    assert.equal(await page.locator('h1').innerText(), 'Email Engagement Dashboard');
    const [opens, clicks, ctor] = await cards();
    assert.deepEqual(opens.slice(0, 2), ['42.5%', 'Open rate']);
    assert.match(opens[2] + (opens[3] ?? ''), /up\s*3\.2 pts/);
    assert.deepEqual(clicks.slice(0, 2), ['12.8%', 'Click rate']);
    assert.match(clicks[2] + (clicks[3] ?? ''), /up\s*1\.1 pts/);
    assert.deepEqual(ctor.slice(0, 2), ['30.1%', 'CTOR']);
    assert.match(ctor[2] + (ctor[3] ?? ''), /down\s*0\.5 pts/);
    assert.ok(opens.includes('625 of 1,471 sent'), opens.join());
    const table = await rows('Engagement by template');
    assert.deepEqual(table.find(([name]) => name === 'Interview Invite'), ['Interview Invite', '245', '167', '59', '24%']);
    assert.deepEqual(table.find(([name]) => name === 'Application Confirm'), ['Application Confirm', '512', '282', '41', '8%']);
    assert.deepEqual(table.find(([name]) => name === 'Follow-up Nurture'), ['Follow-up Nurture', '189', '85', '28', '15%']);
    const top = await page.locator('.rank li').allInnerTexts();
    assert.deepEqual(top.slice(0, 3).map((text) => text.replace(/\s+/g, ' ')), ['1. Interview Invite 68% open 24% click', '2. Application Confirm 55% open 8% click', '3. Follow-up Nurture 45% open 15% click']);
  });

  // What the browser asks for while `what` is done, until the page is ready. The bundle of the other screens is fetched
  // ahead a second after the page was loaded, and with it begins what is live, which a slow machine may not wait for; the icon is for the browser's own frame.
  async function askedBy(what) {
    const asked = [];
    const note = (request) => !/\/assets\/(more|icon)-|\/notifications\?limit=1$/.test(request.url()) && asked.push({ type: request.resourceType(), target: request.url().slice(service.url.length) });
    page.on('request', note);
    await what();
    await settled(page);
    page.off('request', note);
    return asked;
  }
  const isLive = ({ type, target }) => type === 'eventsource' || target.startsWith('/api/v1/stream');

  test('is ready after five requests: page, style, script, figures and the live channel', async () => {
    const asked = await askedBy(() => page.goto('/dashboard'));
    const targets = asked.filter((one) => !isLive(one)).map(({ target }) => target.replace(/-[0-9A-Z]+\./, '.')).sort();
    assert.deepEqual(targets, ['/api/v1/engagement/dashboard', '/assets/main.js', '/assets/style.css', '/dashboard']);
    assert.ok(asked.length <= 5, JSON.stringify(asked));
  });

  test('whatever the address says, the page preloads what it uses, and asks once', async () => {
    const today = new Date().toISOString().slice(0, 10);
    for (const [address, target] of [
      ['/', ''],
      ['/dashboard?range=90d', '?range=90d'],
      ['/dashboard?view=counts&job=job-1&range=7d&sort=name&dir=up&cmp=1', '?range=7d&job=job-1&compare=1'],
      [`/dashboard?range=custom&from=2026-01-05&to=${today}`, `?from=2026-01-05&to=${today}`],
      ['/dashboard?job=a%2Fb%26c+d%C3%A9(1)', '?job=a%2Fb%26c%20d%C3%A9(1)'],
    ]) {
      let html;
      const asked = await askedBy(async () => (html = await (await page.goto(address)).text()));
      const api = asked.filter((one) => one.target.startsWith('/api/') && !isLive(one)).map((one) => one.target);
      // Nothing was sent for the last one: then the page looks whether anything was, ever.
      assert.deepEqual(api.filter((one) => one !== '/api/v1/emails?limit=1'), [`/api/v1/engagement/dashboard${target}`], address);
      assert.deepEqual([...html.matchAll(/rel="preload"[^>]* href="([^"]+)"/g)].map(([, href]) => href.replaceAll('&amp;', '&')), [`/api/v1/engagement/dashboard${target}`], address);
    }
    for (const address of ['/dashboard?nonsense=1', '/dashboard?range=sometimes', '/dashboard?range=custom&from=2026-02-01&to=2026-01-01', '/dashboard?from=yesterday', '/dashboard?range=7d&range=90d', '/dashboard?cmp=yes', `/dashboard?job=${'x'.repeat(201)}`])
      assert.ok(!(await (await session.context.request.get(address)).text()).includes('rel="preload"'), `${address}: what the page would correct is not fetched in vain`);
  });

  test('a filter is one request', async () => {
    await go(page, '/dashboard');
    const api = async (what) => (await askedBy(what)).filter((one) => !isLive(one)).map(({ target }) => target);
    assert.deepEqual(await api(() => page.getByLabel('Job').selectOption('job-1')), ['/api/v1/engagement/dashboard?job=job-1']);
    assert.deepEqual(await api(() => page.getByLabel('Date range').selectOption('90d')), ['/api/v1/engagement/dashboard?range=90d&job=job-1']);
    assert.deepEqual(await api(() => page.keyboard.press('x')), ['/api/v1/engagement/dashboard?range=90d&job=job-1&compare=1']);
  });

  test('range and job change address, cards, chart and tables together', async () => {
    await go(page, '/dashboard');
    await page.getByLabel('Job').selectOption({ label: 'Software Engineer' });
    await settled(page);
    assert.deepEqual(query(), { job: 'job-1' });
    const [opens] = await cards();
    assert.ok(opens.some((line) => line.endsWith('of 737 sent')), opens.join());
    const table = await rows('Engagement by template');
    assert.equal(table.reduce((sum, row) => sum + Number(row[1]), 0), 737);
    await page.getByRole('button', { name: 'As table' }).click();
    const days = await rows('Engagement over time');
    assert.equal(days.reduce((sum, row) => sum + Number(row[1]), 0), 737);
    await page.getByLabel('Date range').selectOption('7d');
    await settled(page);
    assert.deepEqual(query(), { job: 'job-1', table: '1', range: '7d' });
    assert.equal((await rows('Engagement over time')).length, 7);
  });

  test('back, forward, reload and a copied address give the same view; junk falls back', async () => {
    await go(page, '/dashboard?range=90d&job=job-2&view=counts');
    const before = await cards();
    await page.reload();
    await settled(page);
    assert.deepEqual(await cards(), before);
    await page.getByLabel('Job').selectOption('');
    await settled(page);
    assert.notDeepEqual(await cards(), before);
    await page.goBack();
    await settled(page);
    assert.equal(await page.getByLabel('Job').inputValue(), 'job-2');
    assert.deepEqual(await cards(), before);
    await page.goForward();
    await settled(page);
    assert.equal(await page.getByLabel('Job').inputValue(), '');
    await go(page, '/dashboard?range=sometimes&view=3d&from=yesterday&nonsense=1&job=job-2');
    await page.waitForFunction(() => !location.search.includes('nonsense'));
    assert.deepEqual(query(), { job: 'job-2' });
    assert.equal(await page.getByLabel('Date range').inputValue(), '30d');
  });

  test('a change is told in points with its direction; nothing before is "new", few emails are "low volume"', async () => {
    await go(page, '/dashboard');
    const strip = await page.locator('.strip').innerText();
    assert.match(strip, /Bounced\s+0\.5%/);
    // Fewer bounces are good, and more replies are.
    const tone = (label) => page.locator('.strip > *', { hasText: label }).locator('.delta').getAttribute('class');
    assert.match(await tone('Bounced'), /good/);
    assert.match(await tone('Replied'), /good/);
    const today = new Date().toISOString().slice(0, 10);
    const shift = (days) => new Date(Date.parse(today) - days * 86_400_000).toISOString().slice(0, 10);
    await go(page, `/dashboard?range=custom&from=${shift(57)}&to=${shift(33)}`);
    assert.match((await cards())[0].join(' '), /new/);
    await go(page, `/templates/tpl-2?range=custom&from=${shift(3)}&to=${shift(2)}`);
    assert.match((await cards())[0].join(' '), /low volume/);
  });

  test('compares with the period before, by button and by the key x', async () => {
    await go(page, '/dashboard');
    assert.equal(await page.locator('.chart svg path.previous').count(), 0);
    await page.keyboard.press('x');
    await page.locator('.chart svg path.previous').first().waitFor({ state: 'attached' });
    assert.deepEqual(query(), { cmp: '1' });
    await page.getByRole('button', { name: 'Compare' }).click();
    await page.waitForFunction(() => !document.querySelector('.chart svg path.previous'));
    await page.keyboard.press('[');
    await settled(page);
    assert.equal(query().range, 'custom');
  });

  test('the chart is read by mouse, keyboard and touch, and its table has the same values', async () => {
    await go(page, '/dashboard?range=7d');
    const chart = page.getByRole('application');
    await chart.focus();
    await page.keyboard.press('End');
    const status = page.locator('.card p[role=status]');
    const spoken = [];
    for (let i = 0; i < 7; i++) {
      spoken.push(await status.textContent());
      await page.keyboard.press('ArrowLeft');
    }
    assert.match(spoken[0], /so far/);
    assert.equal(new Set(spoken).size, 7);
    const box = await chart.boundingBox();
    await page.mouse.move(box.x + 60, box.y + 100);
    assert.match(await page.locator('.tip').innerText(), /Opens\s+/);
    await page.mouse.move(box.x + 60, box.y - 200);
    assert.equal(await page.locator('.tip').count(), 0);
    await page.getByRole('button', { name: 'As table' }).click();
    const table = await rows('Engagement over time');
    for (const [index, row] of table.entries()) {
      const heard = spoken[6 - index];
      const rate = row[3] === '–' ? 'Opens –' : `Opens ${row[3]}, ${row[2]} of ${row[1]}`;
      assert.ok(heard.includes(rate), `${heard} against ${row.join(' ')}`);
    }
    await page.getByRole('button', { name: 'As table' }).click();
    await page.getByRole('application').focus();
    await page.keyboard.press('Home');
    await page.keyboard.press('Enter');
    await page.waitForURL(/\/emails\?/);
    await settled(page);
    assert.equal(query().from, query().to);
    const touch = await open(browser, service.url, { hasTouch: true, isMobile: true, viewport: { width: 390, height: 800 } });
    await signIn(touch, ADMIN, PASSWORD);
    await go(touch.page, '/dashboard');
    await touch.page.getByRole('application').scrollIntoViewIfNeeded();
    const place = await touch.page.getByRole('application').boundingBox();
    await touch.page.touchscreen.tap(place.x + 150, place.y + 80);
    await touch.page.locator('.tip').waitFor();
    assert.equal(new URL(touch.page.url()).pathname, '/dashboard', 'a tap pins, it does not leave');
    assert.deepEqual(touch.complaints, []);
    await touch.context.close();
  });

  test('templates sort by every column both ways, are found by name, and the CSV has the same rows', async () => {
    await go(page, '/templates');
    const column = async (index) => (await rows('Templates')).map((row) => row[index]);
    const headers = await page.getByRole('group', { name: 'Templates', exact: true }).locator('th[scope=col]').allInnerTexts();
    for (const [index, header] of headers.entries()) {
      const button = page.getByRole('group', { name: 'Templates', exact: true }).getByRole('button', { name: header.trim(), exact: true });
      const orders = [];
      for (let click = 0; click < 2; click++) {
        await button.click();
        await page.waitForTimeout(0);
        orders.push(await column(index));
      }
      const value = (text) => (index === 0 ? text : Number.parseFloat(text.replace(/[,%]/g, '')));
      const up = (list) => list.every((text, at) => at === 0 || (index === 0 ? list[at - 1].localeCompare(text) <= 0 : value(list[at - 1]) <= value(text)));
      assert.ok((up(orders[0]) && up([...orders[1]].reverse())) || (up(orders[1]) && up([...orders[0]].reverse())), `${header}: ${JSON.stringify(orders)}`);
    }
    await page.getByLabel('Find').fill('follow');
    assert.deepEqual(await column(0), ['Follow-up Nurture']);
    assert.equal(query().q, 'follow');
    await page.getByLabel('Find').fill('zzz');
    await page.getByText('No template is named so').waitFor();
    await page.getByRole('button', { name: 'Show all' }).click();
    const [download] = await Promise.all([page.waitForEvent('download'), page.getByRole('button', { name: 'Export CSV' }).click()]);
    assert.equal(download.suggestedFilename(), 'templates.csv');
    const chunks = [];
    for await (const chunk of await download.createReadStream()) chunks.push(chunk);
    const [head, ...lines] = Buffer.concat(chunks).toString().trim().split(/\r?\n/).map((line) => line.split(','));
    const field = (line, name) => line[head.indexOf(name)];
    const shown = await rows('Templates');
    assert.equal(lines.length, shown.length);
    for (const line of lines) {
      const row = shown.find(([name]) => name === field(line, 'name'));
      assert.deepEqual([field(line, 'sent'), field(line, 'opened'), field(line, 'clicked'), field(line, 'replied')], row.slice(1, 5));
    }
  });
});

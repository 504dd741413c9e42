// What a page shows when things go wrong, or are meant to (ui.md 13: scenarios 31, 32, 38, 39), and for whom.
import assert from 'node:assert/strict';
import { after, afterEach, before, describe, test } from 'node:test';
import { go, launch, open, settled, signIn } from './browser.mjs';
import { ADMIN, Loader, PASSWORD } from './data.mjs';
import { startService } from './service.mjs';

const NASTY = [
  '<img src=x onerror="document.title=\'broken\'">', '"><script>document.title="broken"</script>', 'مرحبا بالعالم ‮txt.exe', '👩🏽‍💻 emoji 🎉', `${'W'.repeat(300)}`, "=HYPERLINK(\"http://evil.example\")", 'javascript:alert(1)', '{{constructor}}',
];

describe('states', () => {
  let service, browser, session, page;

  before(async () => {
    service = await startService();
    const loader = new Loader(service);
    const day = (days) => new Date(Date.now() - days * 86_400_000 - 3_600_000 * 8).toISOString();
    NASTY.forEach((text, index) => {
      for (let i = 0; i < 21; i++)
        loader.add(
          { subject: text, sent_at: day(2), candidate: { id: `nasty-${index}`, name: text.slice(0, 200), email: `n${index}@example.org`, title: text.slice(0, 200) }, job: { id: `job-${index}`, title: text.slice(0, 200) }, template: { id: `tpl-${index}`, name: text.slice(0, 200) }, campaign: { id: `camp-${index}`, name: text.slice(0, 200) } },
          { opened: i < 15, clicked: i < 5, url: index === 6 ? 'javascript:alert(document.domain)' : `https://x.example/?q=${encodeURIComponent(text)}&"'<b>`, more: [['open', 3_700_000 * 3, { user_agent: `Mozilla/5.0 ${text}` }]] },
        );
    });
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
  afterEach(async () => {
    await session.context.unrouteAll();
    session.allowed.length = 0;
    assert.deepEqual(session.complaints.splice(0), []);
  });
  const problem = (status, detail) => ({ status, contentType: 'application/problem+json', body: JSON.stringify({ title: 'Internal error', status, detail, request_id: 'req123' }) });

  test('one failing part says so and can be tried again; the others are unharmed', async () => {
    let fail = true;
    await session.context.route('**/api/v1/engagement/dashboard*', async (route) => {
      const response = await route.fetch();
      const json = await response.json();
      if (fail) json.top = { problem: JSON.parse(problem(500, 'the disk is full').body) };
      await route.fulfill({ response, json });
    });
    await go(page, '/dashboard');
    const top = page.locator('section', { hasText: 'Top performing emails' });
    await top.getByRole('alert').getByText('the disk is full').waitFor();
    await top.getByText('Request req123').waitFor();
    assert.equal(await page.locator('.kpi .figure').count(), 3);
    fail = false;
    await top.getByRole('button', { name: 'Retry' }).click();
    await top.locator('li').first().waitFor();
    assert.equal(await top.getByRole('alert').count(), 0);
  });

  test('while it takes long there is a grey area of the final height, and nothing moves when the answer comes', async () => {
    await page.goto('/dashboard');
    await settled(page);
    const heights = () => page.locator('main > *').evaluateAll((all) => all.map((one) => Math.round(one.getBoundingClientRect().height)));
    const final = await heights();
    let release;
    const held = new Promise((resolve) => (release = resolve));
    await session.context.route(/\/api\/v1\/engagement\/dashboard/, async (route) => {
      await held;
      await route.continue();
    });
    await page.goto('/dashboard');
    await page.locator('.skeleton').first().waitFor();
    await page.waitForFunction(() => document.querySelectorAll('.skeleton').length >= 4);
    const waiting = await heights();
    assert.ok(!(await page.locator('main').innerText()).includes('NaN'));
    release();
    await settled(page);
    assert.deepEqual(await heights(), final);
    for (const [index, height] of waiting.entries()) assert.ok(final[index] >= height - 1, `part ${index} shrinks from ${height} to ${final[index]}`);
  });

  test('without a network the page says so, and works again when it is back', async () => {
    session.allowed.push(/ERR_INTERNET_DISCONNECTED/);
    await go(page, '/dashboard');
    await session.context.setOffline(true);
    await page.getByLabel('Date range').selectOption('7d');
    await page.getByText('The service cannot be reached').first().waitFor();
    await session.context.setOffline(false);
    await settled(page);
    await page.waitForFunction(() => document.querySelectorAll('.kpi').length === 3 && !document.querySelector('.state[role=alert]'));
  });

  test('what is not there, not allowed or too much is told with the way on', async () => {
    session.allowed.push(/status of (403|404|429)/);
    await go(page, '/emails/987654321');
    await page.getByText('Not found', { exact: true }).first().waitFor();
    await go(page, '/candidates/nobody');
    await page.getByText('There is nothing here').waitFor();
    await session.context.route('**/api/v1/engagement/dashboard*', (route) => route.fulfill(problem(403, 'no')));
    await go(page, '/dashboard');
    await page.getByText('An administrator of your organization can give you the right.').waitFor();
    await session.context.unrouteAll();
    await session.context.route('**/api/v1/engagement/dashboard*', (route) => route.fulfill({ ...problem(429, 'slow down'), headers: { 'Retry-After': '17' } }));
    await go(page, '/dashboard');
    await page.getByText('try again in 17 seconds').waitFor();
  });

  test('an old page after an update of the service offers to load it again', async () => {
    session.allowed.push(/status of 404/, /Failed to fetch dynamically imported module/);
    await session.context.route(/\/assets\/more-/, (route) => route.fulfill({ status: 404, body: '' }));
    await page.goto('/candidates');
    await page.getByRole('heading', { name: 'A new version is there' }).waitFor();
    await session.context.unrouteAll();
    await page.getByRole('button', { name: 'Load the page again' }).click();
    await page.getByRole('heading', { name: 'Candidates' }).waitFor();
  });

  test('text from strangers is text everywhere', async () => {
    const candidates = NASTY.map((_, index) => `/candidates/nasty-${index}`);
    const emails = (await service.must('GET', '/emails?limit=500')).data.filter((_, index) => index % 21 === 20).map(({ id }) => `/emails/${id}`);
    for (const target of ['/dashboard', '/candidates', '/emails', '/templates', '/campaigns', '/jobs', '/templates/tpl-0', '/campaigns/camp-1', '/jobs/job-2', ...candidates, ...emails]) {
      await go(page, target);
      await page.evaluate(() => new Promise((done) => setTimeout(done, 0)));
      const title = await page.title();
      assert.ok(!/^broken/.test(title), `${target}: ${title}`);
      assert.equal(await page.locator('#app img, #app script, #app iframe').count(), 0, target);
      assert.deepEqual(await page.locator('#app a').evaluateAll((all) => all.map((link) => link.href).filter((href) => !href.startsWith(location.origin))), [], `${target}: only links of this site`);
      const overflow = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
      assert.ok(overflow <= 0, `${target} is ${overflow} px too wide`);
    }
    await page.setViewportSize({ width: 320, height: 700 });
    for (const target of ['/dashboard', '/candidates', '/emails', '/templates', '/templates/tpl-4', '/candidates/nasty-4', emails[4], '/admin/endpoints', '/admin/webhooks', '/admin/users', '/account']) {
      await go(page, target);
      const overflow = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
      assert.ok(overflow <= 0, `${target} is ${overflow} px too wide at 320 px`);
    }
    await page.setViewportSize({ width: 1180, height: 900 });
  });

  test('without JavaScript the page says what is needed', async () => {
    const without = await launch(['--blink-settings=scriptEnabled=false']);
    try {
      const plain = await open(without, service.url);
      await plain.page.goto('/dashboard');
      await plain.page.locator('noscript h1').waitFor();
      assert.equal(await plain.page.locator('noscript h1').innerText(), 'inkling needs JavaScript');
      assert.ok((await plain.page.locator('noscript').boundingBox()).height > 50);
    } finally {
      await without.close();
    }
  });

  test('an empty installation says how to begin', async () => {
    const empty = await startService();
    try {
      const other = await open(browser, empty.url);
      await signIn(other, ADMIN, PASSWORD);
      for (const [target, words] of [['/dashboard', 'No email has been registered yet.'], ['/emails', 'No email has been registered yet'], ['/candidates', 'No candidates yet'], ['/templates', 'No templates in these days'], ['/admin/endpoints', 'No endpoint yet'], ['/admin/orphan-events', 'None: every event found its email'], ['/admin/failed-deliveries', 'None: every delivery was taken'], ['/admin/security-events', 'Nothing was refused']]) {
        await go(other.page, target);
        await other.page.getByText(words).first().waitFor();
        assert.ok(!/NaN|undefined|null/.test(await other.page.locator('main').innerText()), target);
      }
      assert.deepEqual(other.complaints, []);
      await other.context.close();
    } finally {
      await empty.remove();
    }
  });

  test('where nothing may be recorded, that is said, and never shown as 0', async () => {
    const other = await startService();
    try {
      await other.must('PUT', '/settings', { tracking: 'none' });
      const loader = new Loader(other);
      for (let i = 0; i < 30; i++) loader.add({ subject: 'Quiet', sent_at: new Date(Date.now() - 2 * 86_400_000).toISOString(), template: { id: 'q', name: 'Quiet' } }, { opened: true, clicked: true });
      await loader.load();
      await other.must('PUT', '/candidates/cand-1/tracking', { level: 'none' });
      const quiet = await open(browser, other.url);
      await signIn(quiet, ADMIN, PASSWORD);
      await go(quiet.page, '/dashboard');
      await quiet.page.getByText('Opens were not tracked in this period').waitFor();
      assert.deepEqual(await quiet.page.locator('.kpi .figure').allInnerTexts(), ['–', '–', '–']);
      await go(quiet.page, '/candidates/cand-1');
      await quiet.page.getByText('Not tracked').first().waitFor();
      await quiet.page.getByText('This person asked not to be tracked.').waitFor();
      assert.deepEqual(quiet.complaints, []);
      await quiet.context.close();
    } finally {
      await other.remove();
    }
  });
});

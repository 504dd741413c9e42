// The components for pages of other systems, in a page of another origin with a policy as strict as can be.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import http from 'node:http';
import { after, afterEach, before, beforeEach, describe, test } from 'node:test';
import zlib from 'node:zlib';
import { serve } from '../../docs/examples/embed/server.mjs';
import { eventually, genericDelivery } from '../integration/support.mjs';
import { axe, launch, open, signIn } from './browser.mjs';
import { ADMIN, Loader, loadJohn, PASSWORD } from './data.mjs';
import { startService } from './service.mjs';

const NASTY = ['<img src=x onerror="document.title=\'broken\'">', '"><script>document.title="broken"</script>', 'مرحبا بالعالم ‮txt.exe', 'W'.repeat(300), '{{constructor}}'];

// A page of the applicant tracking system: whatever `body`, `style` and `script` say.
class Host {
  async start(service) {
    this.service = service;
    this.server = http.createServer((request, response) => {
      const [type, body] = this.files[request.url] ?? ['text/plain', ''];
      const policy = `default-src 'none'; script-src 'self' ${service.url}; connect-src ${service.url}; style-src 'self'; base-uri 'none'; form-action 'none'; object-src 'none'; require-trusted-types-for 'script'; trusted-types 'none'`;
      response.writeHead(type === 'text/plain' ? 404 : 200, { 'Content-Type': `${type}; charset=utf-8`, 'Content-Security-Policy': policy, 'Cross-Origin-Embedder-Policy': 'require-corp', 'Cross-Origin-Opener-Policy': 'same-origin' }).end(body);
    });
    await new Promise((done) => this.server.listen(0, '127.0.0.1', done));
    this.url = `http://127.0.0.1:${this.server.address().port}`;
    return this;
  }

  show(body, { style = '', script = '', after = '', tag = `<script src="${this.service.url}/embed/inkling.js" defer></script>` } = {}) {
    const watch = 'window.heard = []; for (const type of ["ready", "error", "token-expired"]) document.addEventListener(`inkling-${type}`, (event) => heard.push([event.target.localName, type, event.detail]));';
    this.files = {
      '/': ['text/html', `<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Candidate</title><link rel="stylesheet" href="/style.css"><script src="/script.js"></script>${tag}</head><body><main><h1>Candidate</h1>${body}</main></body></html>`],
      '/style.css': ['text/css', `body { margin: 0; background: Canvas; color: CanvasText; } main { display: grid; gap: 16px; padding: 16px; } ${style}`],
      '/after.js': ['text/javascript', after],
      '/script.js': ['text/javascript', `${watch}\n${script}`],
    };
  }
}

describe('components in another system\'s page', () => {
  let service, browser, host, session, page, john, nasty, loader;

  const make = async (body = { candidates: ['john'] }, key = undefined) => (await service.must('POST', '/embed-tokens', { origin: host.url, ...body }, key && { key })).token;
  const visit = async (body, options) => {
    host.show(body, options);
    await page.goto('/');
    return page;
  };
  // The cookie of a session is in the browser then, as somebody's who uses both systems.
  const signInThere = async () => {
    await signIn({ context: { request: { post: (target, options) => session.context.request.post(`${service.url}${target}`, options) } } }, ADMIN, PASSWORD);
    assert.ok((await session.context.cookies()).some(({ name }) => /inkling/.test(name)));
  };
  const heard = () => page.evaluate(() => window.heard);

  before(async () => {
    service = await startService();
    host = await new Host().start(service);
    loader = await loadJohn(service);
    const sent_at = new Date(Date.now() - 3 * 3_600_000).toISOString();
    NASTY.forEach((text) => loader.add({ subject: text, sent_at, candidate: { id: 'nasty', name: NASTY[0], email: 'nasty@example.org' } }, { opened: true, clicked: true, after: 60_000, url: `https://x.example/${encodeURIComponent(text)}/&"'<b>` }));
    loader.add({ subject: 'Silent', sent_at, candidate: { id: 'silent', name: 'Silent', email: 'silent@example.org' }, tracking: 'none' }, { opened: true, after: 60_000 });
    loader.add({ subject: 'Objected', sent_at, candidate: { id: 'objector', name: 'Objector', email: 'objector@example.org' } });
    await loader.load();
    await service.must('PUT', '/candidates/objector/tracking', { level: 'none' });
    const idOf = async (candidate, subject) => (await service.must('GET', `/emails?candidate=${candidate}`)).data.find((email) => email.subject === subject).id;
    john = { interview: await idOf('john', 'Interview Invitation'), newsletter: await idOf('john', 'Newsletter') };
    nasty = await Promise.all(NASTY.map((text) => idOf('nasty', text)));
    browser = await launch();
  });
  after(async () => {
    await browser?.close();
    host?.server.closeAllConnections();
    host?.server.close();
    await service?.remove();
  });
  beforeEach(async () => {
    session = await open(browser, host.url, { friends: [service.url] });
    page = session.page;
  });
  afterEach(async () => {
    await session.context.close();
    assert.deepEqual(session.complaints, []);
  });

  test('score, timeline and email are shown; no cookie and no address of the page is sent', async () => {
    // A session of the same browser, whose cookie would go along with any request that asked for it.
    await signInThere();
    const requests = [];
    page.on('request', (request) => request.url().includes('/api/v1/') && requests.push(request));
    const token = await make();
    await visit(`<inkling-score token="${token}" candidate="john"></inkling-score><inkling-timeline token="${token}" candidate="john"></inkling-timeline><inkling-email token="${token}" email="${john.interview}"></inkling-email>`);
    const score = page.getByRole('group', { name: 'Engagement score: John Smith' });
    const { engagement_score: value, engagement_level: level, explanation } = await service.must('GET', '/candidates/john');
    await score.getByText(`${value} of 100`).waitFor();
    const meter = score.getByRole('meter', { name: 'Engagement score' });
    assert.deepEqual([await meter.getAttribute('aria-valuenow'), await meter.getAttribute('aria-valuetext')], [String(value), `${value} of 100, ${level[0].toUpperCase()}${level.slice(1)}`]);
    assert.ok(Math.abs((await meter.locator('div').evaluate((fill) => fill.getBoundingClientRect().width / fill.parentElement.clientWidth)) - value / 100) < 0.02);
    assert.deepEqual(await score.getByRole('listitem').allTextContents(), explanation.map(({ text }) => text));
    await score.getByText('no statement on suitability').waitFor();

    const timeline = page.getByRole('group', { name: 'Engagement timeline' });
    await timeline.getByText('calendar.acme.example/john').first().waitFor();
    assert.equal(await timeline.getByText('automatic', { exact: true }).count(), 0);
    const before = await timeline.getByRole('listitem').count();
    const toggle = timeline.getByRole('button', { name: 'Show 1 automatic event' });
    await toggle.focus();
    await page.keyboard.press('Enter');
    await timeline.getByText('automatic', { exact: true }).waitFor();
    assert.equal(await timeline.getByRole('listitem').count(), before + 1);
    assert.equal(await toggle.getAttribute('aria-pressed'), 'true');
    assert.equal(await page.evaluate(() => document.activeElement.shadowRoot.activeElement.textContent), 'Show 1 automatic event', 'the focus stays');

    const email = page.getByRole('group', { name: 'Email: Interview Invitation' });
    await email.getByText(/^2 times, first /).waitFor(); // both clicks
    const facts = await email.locator('dt').allTextContents();
    assert.deepEqual(facts, ['To', 'Sent', 'Delivered', 'Opened', 'Clicked', 'Replied']);
    await email.getByText('not yet').waitFor();

    assert.deepEqual((await heard()).map(([tag, type]) => `${tag} ${type}`).sort(), ['inkling-email ready', 'inkling-score ready', 'inkling-timeline ready']);
    assert.equal(requests.length, 3);
    for (const request of requests) {
      const headers = await request.allHeaders();
      assert.deepEqual([headers.cookie, headers.referer, headers.origin], [undefined, undefined, host.url], request.url());
      assert.ok(!request.url().includes('emb_'), 'the token is in no address');
    }
    assert.deepEqual(await axe(page), []);
  });

  test('other pages get nothing else of the API, session or not', async () => {
    await signInThere();
    session.allowed.push(/CORS policy/, /Failed to load resource/);
    const token = await make();
    await visit('');
    const read = (target, options) => page.evaluate(([url, init]) => fetch(url, init).then((answer) => answer.text(), () => 'refused'), [`${service.url}/api/v1${target}`, options]);
    const bearer = { headers: { Authorization: `Bearer ${token}` } };
    for (const target of ['/me', '/settings', '/candidates/john', '/candidates', '/emails']) assert.equal(await read(target, { credentials: 'include' }), 'refused', target);
    for (const target of ['/settings', '/candidates', '/emails', '/stream']) assert.equal(await read(target, bearer), 'refused', target);
    assert.match(await read('/candidates/john', bearer), /John Smith/);
    assert.equal(await read('/candidates/john', { ...bearer, credentials: 'include' }), 'refused', 'with cookies, not even with a token');
    assert.match(await read('/candidates/nasty', bearer), /there is no candidate/);
  });

  test('hostile data stays text', async () => {
    const token = await make({ candidates: ['nasty'] });
    await visit(`<inkling-score token="${token}" candidate="nasty"></inkling-score><inkling-timeline token="${token}" candidate="nasty"></inkling-timeline>${nasty.map((id) => `<inkling-email token="${token}" email="${id}"></inkling-email>`).join('')}`);
    await page.getByRole('group', { name: `Engagement score: ${NASTY[0]}` }).waitFor();
    for (const text of NASTY) {
      await page.locator('inkling-email').getByText(text, { exact: true }).first().waitFor();
      await page.locator('inkling-timeline').getByText(`“${text}”`).first().waitFor();
    }
    const strange = await page.evaluate(() => [...document.querySelectorAll('main > *')].flatMap((element) => [...(element.shadowRoot?.querySelectorAll('img, script, a, iframe, style, [onerror]') ?? [])].map((one) => one.outerHTML)));
    assert.deepEqual(strange, []);
    assert.equal(await page.title(), 'Candidate');
    await page.setViewportSize({ width: 320, height: 800 });
    assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= 320), 'long words do not widen the page');
    assert.deepEqual(await axe(page), []);
  });

  test('a token that names one candidate or email says whose engagement it is', async () => {
    const [one, email, several] = [await make(), await make({ emails: [john.newsletter] }), await make({ candidates: ['john', 'nasty'] })];
    await visit(`<inkling-score token="${one}"></inkling-score><inkling-email token="${email}"></inkling-email><inkling-timeline token="${several}"></inkling-timeline>`);
    await page.locator('inkling-score').getByText('of 100').waitFor();
    await page.locator('inkling-email').getByText('Newsletter', { exact: true }).waitFor();
    await page.locator('inkling-timeline').getByText('It is not said whose engagement').waitFor();
    assert.deepEqual((await heard()).filter(([, type]) => type === 'error').map(([tag, , { status }]) => [tag, status]), [['inkling-timeline', 400]]);
    await page.locator('inkling-timeline').evaluate((element) => element.setAttribute('candidate', 'nasty'));
    await page.locator('inkling-timeline').getByText('x.example').first().waitFor();
  });

  test('loading, nobody, not tracked, scores kept back: each is said', async () => {
    session.allowed.push(/status of 404/);
    let go;
    const held = new Promise((done) => (go = done));
    await session.context.route('**/candidates/john', async (route) => {
      await held;
      await route.continue();
    });
    const token = await make({ candidates: ['john', 'objector', 'silent', 'stranger'] });
    const kept = await make({ candidates: ['nasty'], scores: false });
    await visit(`<inkling-score id="john" token="${token}" candidate="john"></inkling-score><inkling-score id="objector" token="${token}" candidate="objector"></inkling-score>
      <inkling-score id="stranger" token="${token}" candidate="stranger"></inkling-score><inkling-score id="kept" token="${kept}" candidate="nasty"></inkling-score>
      <inkling-score id="none" candidate="john"></inkling-score><inkling-timeline id="silent" token="${token}" candidate="silent"></inkling-timeline><inkling-score id="unknown" token="${token}" candidate="silent"></inkling-score>`);
    const text = (id, words) => page.locator(`#${id}`).getByText(words).waitFor();
    await text('objector', 'Not tracked');
    await text('objector', 'does not allow');
    await text('stranger', 'Nothing is known of this person yet.');
    await text('kept', 'Scores are not shown here.');
    await text('unknown', 'No score yet');
    await text('unknown', 'says nothing about the candidate');
    assert.equal(await page.locator('#unknown').getByRole('meter').count(), 0);
    assert.equal(await page.locator('#silent').getByText('Opened').count(), 0);
    assert.ok(!(await page.locator('#kept').evaluate((element) => element.shadowRoot.textContent)).includes('of 100'));
    for (const id of ['john', 'none']) {
      await text(id, 'Loading');
      assert.equal(await page.locator(`#${id} .base`).getAttribute('aria-busy'), 'true');
    }
    go();
    await text('john', 'of 100');
    assert.deepEqual(await axe(page), []);
    assert.deepEqual((await heard()).filter(([, type]) => type !== 'ready'), []);
  });

  test('a failure is said and can be tried again; what was there stays', async () => {
    session.allowed.push(/Failed to load resource|ERR_FAILED/);
    let fail = true;
    await session.context.route('**/api/v1/candidates/john', (route) => (fail ? route.abort() : route.continue()));
    await visit(`<inkling-score token="${await make()}" candidate="john"></inkling-score>`);
    const score = page.locator('inkling-score');
    await score.getByText('inkling cannot be reached').waitFor();
    assert.deepEqual((await heard())[0].slice(0, 2), ['inkling-score', 'error']);
    assert.deepEqual(await axe(page), []);
    fail = false;
    await score.getByRole('button', { name: 'Try again' }).click();
    await score.getByText('of 100').waitFor();
    assert.equal(await score.getByRole('status').count(), 0);
    fail = true;
    await score.evaluate((element) => element.refresh());
    await score.getByText('could not be brought up to date').waitFor();
    await score.getByText('of 100').waitFor();
    fail = false;
    await score.getByRole('button', { name: 'Try again' }).click();
    await page.locator('inkling-score [data-state="ready"]').waitFor();
  });

  test('a token that has ended: the page hears of it and gives another; nobody else\'s data is left', async () => {
    session.allowed.push(/status of 401/);
    const { id, key } = await service.must('POST', '/api-keys', { name: 'pages', role: 'embed' });
    const token = await make({ candidates: ['john'] }, key);
    await visit(`<inkling-score token="${token}" candidate="john"></inkling-score>`);
    const score = page.locator('inkling-score');
    await score.getByText('of 100').waitFor();
    await service.must('DELETE', `/api-keys/${id}`);
    await score.evaluate((element) => element.refresh());
    await score.getByText('This view has expired.').waitFor();
    assert.deepEqual((await heard()).map(([, type]) => type), ['ready', 'token-expired']);
    assert.equal(await score.getByRole('button').count(), 0, 'trying again would be of no use');
    await score.evaluate((element, fresh) => (element.token = fresh), await make({ candidates: ['john', 'nasty'] }));
    await page.locator('inkling-score [data-state="ready"]').waitFor();
    assert.ok(!(await score.evaluate((element) => element.outerHTML)).includes('emb_') || (await score.getAttribute('token')) === token, 'a token set as property is in no attribute');
    await session.context.route('**/candidates/nasty', () => {});
    await score.evaluate((element) => element.setAttribute('candidate', 'nasty'));
    await page.locator('inkling-score [data-state="loading"]').waitFor();
    assert.ok(!(await score.evaluate((element) => element.shadowRoot.textContent)).includes('of 100'));
  });

  test('a page whose new tokens are no good either asks once in ten seconds', async () => {
    session.allowed.push(/status of 401/);
    await page.clock.install();
    // Of a token that nobody made the page learns nothing, so here are some that were good once.
    const { id, key } = await service.must('POST', '/api-keys', { name: 'pages', role: 'embed' });
    const tokens = [await make({ candidates: ['john'] }, key), await make({ candidates: ['john'] }, key), await make({ candidates: ['john'] }, key)];
    await service.must('DELETE', `/api-keys/${id}`);
    await visit(`<inkling-score token="${tokens[0]}" candidate="john"></inkling-score>`, { script: `const more = ${JSON.stringify(tokens.slice(1))}; document.addEventListener("inkling-token-expired", (event) => { if (more.length) event.target.token = more.shift(); });` });
    const times = async () => (await heard()).filter(([, type]) => type === 'token-expired').length;
    await page.waitForFunction(() => window.heard.length === 1);
    await page.waitForFunction(() => document.querySelector('inkling-score').shadowRoot.textContent.includes('expired'));
    assert.equal(await times(), 1);
    await page.clock.runFor(10_500);
    assert.equal(await times(), 2);
  });

  test('a token for pages of another origin shows nothing here', async () => {
    session.allowed.push(/CORS policy/, /Failed to load resource/);
    const { token } = await service.must('POST', '/embed-tokens', { candidates: ['john'], origin: 'https://ats.example' });
    const answers = [];
    page.on('requestfailed', (request) => answers.push(request.url()));
    await visit(`<inkling-score token="${token}" candidate="john"></inkling-score>`);
    await page.locator('inkling-score').getByText('this page may not show its data').waitFor();
    assert.ok(answers.some((url) => url.endsWith('/candidates/john')));
    assert.ok(!(await page.locator('inkling-score').evaluate((element) => element.shadowRoot.textContent)).includes('John'));
  });

  test('looks as the page wants: properties, parts, light and dark', async () => {
    const token = await make();
    const body = `<inkling-score id="plain" token="${token}" candidate="john"></inkling-score><inkling-score id="own" token="${token}" candidate="john"></inkling-score>
      <inkling-score id="dark" theme="dark" token="${token}" candidate="john"></inkling-score><inkling-score id="light" theme="light" token="${token}" candidate="john"></inkling-score><inkling-score id="auto" theme="auto" token="${token}" candidate="john"></inkling-score>`;
    const style = '#own { --inkling-surface: rgb(1, 2, 3); --inkling-text: rgb(250, 250, 250); --inkling-muted: rgb(240, 240, 240); --inkling-radius: 0; } #own::part(hint) { font-style: italic; } #own::part(reasons) { display: none; }';
    const look = (id, part, name) => page.locator(`#${id} [part~="${part}"]`).evaluate((element, property) => getComputedStyle(element).getPropertyValue(property), name);
    const surfaces = async () => {
      await page.locator('#auto').getByText('of 100').waitFor();
      return Promise.all(['plain', 'dark', 'light', 'auto'].map((id) => look(id, 'base', 'background-color')));
    };
    const [light, dark] = ['rgb(255, 255, 255)', 'rgb(23, 29, 39)'];
    await visit(body, { style });
    assert.deepEqual(await surfaces(), [light, dark, light, light]);
    assert.deepEqual([await look('own', 'base', 'background-color'), await look('own', 'base', 'border-radius'), await look('own', 'hint', 'font-style'), await look('own', 'reasons', 'display')], ['rgb(1, 2, 3)', '0px', 'italic', 'none']);
    assert.deepEqual(await axe(page), []);
    await page.emulateMedia({ colorScheme: 'dark' });
    assert.deepEqual(await surfaces(), [light, dark, light, dark], 'a page that knows no dark has light components');
    await visit(body, { style: `${style} :root { color-scheme: light dark; }` });
    assert.deepEqual(await surfaces(), [dark, dark, light, dark]);
    assert.deepEqual(await axe(page), []);
  });

  test('words and language are the page\'s', async () => {
    await visit(`<inkling-email lang="de" token="${await make()}" email="${john.newsletter}"></inkling-email>`, {
      script: 'addEventListener("DOMContentLoaded", () => { document.querySelector("inkling-email").words = { opened: "Geöffnet", notYet: "noch nicht", sent: "Gesendet" }; });',
    });
    const email = page.locator('inkling-email');
    await email.getByText('Geöffnet').waitFor();
    assert.equal(await email.getByText('noch nicht').count(), 3);
    const { sent_at: at } = await service.must('GET', `/emails/${john.newsletter}`);
    const expected = await page.evaluate((moment) => new Intl.DateTimeFormat('de', { day: 'numeric', month: 'short', year: 'numeric', hour: '2-digit', minute: '2-digit' }).format(new Date(moment)), at);
    await email.getByText(expected).first().waitFor();
  });

  test('what was set before the script came counts; those that show the same ask once', async () => {
    let requests = 0;
    page.on('request', (request) => (requests += request.url().includes('/api/v1/candidates/')));
    const token = await make();
    await visit('<inkling-score candidate="john"></inkling-score><inkling-score candidate="john"></inkling-score><script src="/after.js"></script>', {
      after: `for (const element of document.querySelectorAll('inkling-score')) element.token = '${token}';`,
    });
    await page.waitForFunction(() => [...document.querySelectorAll('inkling-score')].every((element) => element.shadowRoot?.textContent.includes('of 100')));
    assert.equal(requests, 1);
    assert.equal(await page.locator('inkling-score').first().getAttribute('token'), null);
  });

  test('the script may be loaded twice, as a module, and with its hash', async () => {
    const { bytes } = await fetchRaw(`${service.url}/embed/inkling.js`);
    const hash = `sha256-${createHash('sha256').update(bytes).digest('base64')}`;
    const url = `${service.url}/embed/inkling.js`;
    await visit(`<inkling-score token="${await make()}"></inkling-score>`, { tag: `<script type="module" src="${url}" integrity="${hash}"></script><script src="${url}" defer crossorigin integrity="${hash}"></script>` });
    await page.locator('inkling-score').getByText('of 100').waitFor();
    await visit(`<inkling-score token="${await make()}"></inkling-score>`, { tag: `<script type="module" src="${url}"></script>` });
    await page.locator('inkling-score').getByText('of 100').waitFor();
  });

  test('keeps itself fresh, politely: less often while nothing changes, and not while nobody looks', async () => {
    await page.clock.install();
    let requests = 0;
    page.on('requestfinished', (request) => (requests += request.url().includes('/events') && request.method() === 'GET'));
    const asked = (count) => eventually(() => requests === count && page.evaluate(() => new Promise((done) => queueMicrotask(() => done(true)))), `request ${count}, of ${requests}`);
    await visit(`<inkling-timeline token="${await make()}" email="${john.newsletter}" refresh="10"></inkling-timeline>`);
    const timeline = page.locator('inkling-timeline');
    await timeline.getByText('Delivered').waitFor();
    await asked(1);
    await page.clock.runFor(11_500); // 10 s, and a tenth more at most
    await asked(2);
    await page.clock.runFor(17_000); // the next after 20 s, a tenth less at least
    assert.equal(requests, 2);
    const { message_id } = await service.must('GET', `/emails/${john.newsletter}`);
    await service.deliver(loader.endpoint, genericDelivery(loader.secret, [{ event_type: 'reply', message_id, timestamp: new Date().toISOString(), recipient: 'john@example.org' }]));
    await page.clock.runFor(6_000);
    await timeline.getByText('Replied').waitFor();
    await asked(3);
    const look = (hidden) => page.evaluate((value) => {
      Object.defineProperty(document, 'hidden', { configurable: true, get: () => value });
      document.dispatchEvent(new Event('visibilitychange'));
    }, hidden);
    await look(true);
    await page.clock.runFor(600_000);
    assert.equal(requests, 3, 'not while hidden');
    await look(false);
    await asked(4);
    await timeline.evaluate((element) => element.remove());
    await page.clock.runFor(600_000);
    assert.equal(requests, 4, 'not when it is gone');
  });

  test('the script is small, kept shortly, and for every page', async () => {
    const get = (headers = {}) => fetchRaw(`${service.url}/embed/inkling.js`, headers);
    const [plain, gzip, brotli] = [await get(), await get({ 'Accept-Encoding': 'gzip' }), await get({ 'Accept-Encoding': 'br' })];
    console.log(`# embed/inkling.js ${plain.bytes.length} B, ${gzip.bytes.length} B gzip, ${brotli.bytes.length} B brotli`);
    assert.ok(gzip.bytes.length <= 12 * 1024, `${gzip.bytes.length} bytes`);
    assert.deepEqual(zlib.gunzipSync(gzip.bytes), plain.bytes);
    assert.deepEqual(zlib.brotliDecompressSync(brotli.bytes), plain.bytes);
    for (const { headers } of [plain, gzip, brotli])
      assert.deepEqual(
        ['content-type', 'cache-control', 'vary', 'cross-origin-resource-policy', 'access-control-allow-origin', 'access-control-allow-credentials', 'x-content-type-options', 'referrer-policy', 'set-cookie'].map((name) => headers[name]),
        ['text/javascript; charset=utf-8', 'public, max-age=600', 'Accept-Encoding', 'cross-origin', '*', undefined, 'nosniff', 'no-referrer', undefined],
      );
    assert.equal((await get({ 'If-None-Match': plain.headers.etag })).status, 304);
    assert.equal((await fetchRaw(`${service.url}/assets/inkling.js`)).status, 404);
    assert.equal((await fetchRaw(`${service.url}/dashboard`)).headers['cross-origin-resource-policy'], undefined);
    assert.ok(!/innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(|new Function/.test(plain.bytes.toString()));
  });

  test('the example works, and renews its token', async () => {
    session.allowed.push(/status of 401/);
    const { id, key } = await service.must('POST', '/api-keys', { name: 'example', role: 'embed' });
    const options = { inkling: service.url, key, candidate: 'john' };
    const server = await serve(options);
    const url = `http://127.0.0.1:${server.address().port}`;
    const example = await open(browser, url, { friends: [service.url], allowed: [/status of 401/] });
    try {
      await example.page.goto('/');
      await example.page.locator('inkling-score').getByText('of 100').waitFor();
      await example.page.locator('inkling-timeline').getByText('Interview Invitation').first().waitFor();
      assert.deepEqual(await axe(example.page), []);
      options.key = (await service.must('POST', '/api-keys', { name: 'example', role: 'embed' })).key;
      await service.must('DELETE', `/api-keys/${id}`);
      await example.page.locator('inkling-score').evaluate((element) => element.refresh());
      await example.page.waitForResponse((response) => response.url().endsWith('/embed-token'));
      await example.page.locator('inkling-score [data-state="ready"]').waitFor();
      assert.deepEqual(example.complaints, []);
    } finally {
      await example.context.close();
      server.closeAllConnections();
      server.close();
    }
  });
});

function fetchRaw(url, headers = {}) {
  return new Promise((resolve, reject) => {
    http.get(url, { headers }, (answer) => {
      const parts = [];
      answer.on('data', (part) => parts.push(part));
      answer.on('end', () => resolve({ status: answer.statusCode, headers: answer.headers, bytes: Buffer.concat(parts) }));
    }).on('error', reject);
  });
}

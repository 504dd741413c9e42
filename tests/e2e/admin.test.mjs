// What administrators do on the pages (ui.md 13: scenarios 22, 23, 27, 30), and what of it stands in the audit log.
import assert from 'node:assert/strict';
import { after, afterEach, before, describe, test } from 'node:test';
import { eventually, genericDelivery, standardWebhooksSecret } from '../integration/support.mjs';
import { axe, go, launch, open, settled, signIn } from './browser.mjs';
import { ADMIN, loadJohn, PASSWORD } from './data.mjs';
import { startService } from './service.mjs';

describe('administration', () => {
  let service, browser, session, page, loader;

  before(async () => {
    service = await startService();
    loader = await loadJohn(service);
    browser = await launch();
    session = await open(browser, service.url, { allowed: [/status of (400|401|409)/], bypassCSP: true });
    page = session.page;
    await signIn(session, ADMIN, PASSWORD);
  });
  after(async () => {
    await browser?.close();
    await service?.remove();
  });
  afterEach(() => assert.deepEqual(session.complaints.splice(0), []));

  const send = (event, secret = loader.secret) => service.deliver(loader.endpoint, genericDelivery(secret, { recipient: 'john@example.org', timestamp: new Date(Date.now() - 60_000).toISOString(), user_agent: 'Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0', ...event }));
  const table = (label) => page.getByRole('group', { name: label, exact: true }).locator('tbody tr');
  const clean = async (where) => assert.deepEqual((await axe(page)).map((text) => `${where}: ${text}`), []);
  const region = (name) => page.getByRole('region', { name, exact: true });

  test('a bad signature is a row of the security events, which filter and come as CSV', async () => {
    assert.equal((await send({ event_type: 'open', message_id: 'forged' }, standardWebhooksSecret())).status, 401);
    await go(page, '/admin/security-events');
    assert.match(await table('Security events').first().innerText(), /Wrong signature/);
    await page.getByLabel('Kind').selectOption('sign_in');
    await page.getByText('None of this kind').waitFor();
    assert.match(page.url(), /kind=sign_in/);
    await page.getByLabel('Kind').selectOption('');
    const [file] = await Promise.all([page.waitForEvent('download'), page.getByRole('button', { name: 'Export CSV' }).click()]);
    assert.equal(file.suggestedFilename(), 'security-events.csv');
    await go(page, '/admin/failed-deliveries');
    const [deliveries] = await Promise.all([page.waitForEvent('download'), page.getByRole('button', { name: 'Export CSV' }).click()]);
    assert.equal(deliveries.suggestedFilename(), 'failed-deliveries.csv');
  });

  test('an endpoint says how it does, and the probable cause when it does not', async () => {
    const of = `/endpoints/${loader.endpoint.id}/health`;
    const health = await eventually(async () => { const found = await service.must('GET', of); return found.rejected_last_day === 1 && found; }, 'the refusal among the counts', 20);
    await go(page, '/admin/endpoints');
    const card = region(loader.endpoint.name);
    const fact = (name) => card.locator('.facts div', { has: page.getByText(name, { exact: true }) }).locator('dd').innerText();
    assert.equal(await fact('Refused in a day'), '1');
    assert.equal(await fact('Events in a day'), `${health.events_last_day}, usually ${health.events_usual_day}`);
    assert.ok(health.events_last_day > 0 && health.last_event_at);
    assert.equal(await fact('Errors in a day'), `${health.error_rate.toFixed(1)}%`);
    assert.equal(await fact('95 % taken within'), `${health.processing_p95_ms} ms`);
    await card.getByRole('img', { name: /^Events by hour in the last day, [1-9]\d* at most; [12] hours with errors$/ }).waitFor();
    assert.equal(await card.locator('.hours g').count(), 24);
    const bars = await card.locator('.hours g path:not(.bad)').evaluateAll((all) => all.map((bar) => bar.getBBox().height));
    assert.equal(Math.max(...bars), 24, 'the fullest hour is as high as it goes');
    assert.equal(Math.min(...bars), 1, 'an empty one is still there');
    assert.match(await fact('Last event'), /ago|now/);
    assert.equal(await card.locator('header .chip').innerText(), { ok: 'Ready', unknown: 'Ready', quiet: 'Quiet', failing: 'Failing' }[health.health]);
    if (health.health_reason) await card.getByText(health.health_reason).waitFor();
    await clean('endpoints');
  });

  test('an endpoint is made for a service that signs nothing, and takes its deliveries', async () => {
    await go(page, '/admin/endpoints');
    await page.getByRole('button', { name: 'New endpoint' }).click();
    const dialog = page.getByRole('dialog');
    const offered = await dialog.getByLabel('Email service').locator('option').allInnerTexts();
    assert.deepEqual(offered, (await service.must('GET', '/providers')).data.map(({ title }) => title));
    assert.ok(offered.length >= 16);
    assert.equal(await dialog.getByLabel('Password').count(), 0, 'SendGrid signs');
    await dialog.getByLabel('Email service').selectOption('mailjet');
    assert.equal(await dialog.getByLabel('Keys, one a line').count(), 0);
    await dialog.getByText('Mailjet signs nothing').waitFor();
    await dialog.getByLabel('User name').fill('mail/jet');
    const password = await dialog.getByLabel('Password').inputValue();
    assert.match(password, /^[0-9a-f]{32}$/, 'made up, and may be changed');
    await clean('the form of an endpoint');
    await dialog.getByRole('button', { name: 'Make the endpoint' }).click();
    await dialog.getByText('Enter this address at Mailjet:').waitFor();
    const url = new URL(await dialog.getByLabel('Address of the endpoint').inputValue());
    assert.deepEqual([decodeURIComponent(url.username), url.password], ['mail/jet', password]);
    await clean('the new endpoint');
    const says = (words) => dialog.getByRole('status').filter({ hasText: words }).waitFor();
    await says('Waiting for the first delivery');
    await service.register({ message_id: '5764607565136655', subject: 'By Mailjet', sent_at: new Date(Date.now() - 3_600_000).toISOString(), candidate: { id: 'mia', name: 'Mia', email: 'mia@example.org' } });
    const deliver = (secret, event) => fetch(url.origin + url.pathname, { method: 'POST', headers: { 'Content-Type': 'application/json', Authorization: `Basic ${Buffer.from(`mail/jet:${secret}`).toString('base64')}` }, body: JSON.stringify({ event, time: Math.floor(Date.now() / 1000) - 60, MessageID: 5764607565136655, email: 'mia@example.org', agent: 'Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0' }) });
    assert.equal((await deliver('wrong', 'open')).status, 401);
    await says('Deliveries are rejected for their signature, credentials or source');
    assert.equal((await deliver(password, 'open')).status, 200);
    await says('The first events have come');
    await clean('the new endpoint, at work');
    await dialog.getByRole('button', { name: 'Done' }).click();
    await region('Mailjet').getByText('Unsigned deliveries with the right credentials are accepted.').waitFor();
    await go(page, '/candidates/mia');
    await page.getByText('1 opened').waitFor();

    // With a header, and changed afterwards.
    await go(page, '/admin/endpoints');
    await region('Mailjet').getByRole('button', { name: 'Change' }).click();
    await dialog.getByLabel('Credentials').selectOption('header');
    await dialog.getByLabel('Name of the header').fill('X-Inkling');
    await dialog.getByLabel('Password').fill('a longer secret');
    await dialog.getByRole('button', { name: 'Save' }).click();
    assert.equal(await dialog.getByLabel('Header', { exact: true }).inputValue(), 'X-Inkling: a longer secret');
    await dialog.getByRole('button', { name: 'Done' }).click();
    assert.equal((await deliver(password, 'click')).status, 401, 'the former are no longer good');
  });

  test('an orphan event is matched to its email, and the candidate has it', async () => {
    const late = await service.register({ subject: 'Offer letter', sent_at: new Date(Date.now() - 3_600_000).toISOString(), candidate: { id: 'jane', name: 'Jane Doe', email: 'Jane@Example.org' } });
    assert.equal((await send({ event_type: 'open', message_id: 'never-told', recipient: 'jane@example.org' })).status, 200);
    await go(page, '/candidates/jane');
    await page.getByText('0 opened').waitFor();
    await go(page, '/admin/orphan-events');
    await page.getByRole('button', { name: 'Retry never-told' }).click();
    await page.getByText('Its email is not registered yet').waitFor();
    await page.getByRole('button', { name: 'Match never-told' }).click();
    const dialog = page.getByRole('dialog');
    const offered = dialog.getByRole('radio', { name: /Offer letter/ });
    await offered.waitFor();
    assert.equal(await dialog.getByRole('radio').count(), 1, 'emails to the same recipient');
    assert.ok(await dialog.getByRole('button', { name: 'It is this one' }).isDisabled());
    await clean('the dialog of matching');
    await dialog.getByLabel('Find by subject').fill('no such email');
    await dialog.getByLabel('Find by subject').press('Tab');
    await dialog.getByText('No email fits.').waitFor();
    await dialog.getByLabel('Find by subject').fill('offer');
    await dialog.getByLabel('Find by subject').press('Tab');
    await offered.check();
    await dialog.getByRole('button', { name: 'It is this one' }).click();
    await page.getByText('It is counted now').waitFor();
    await page.getByText('None: every event found its email').waitFor();
    await go(page, '/candidates/jane');
    await page.getByText('1 opened').waitFor();
    await go(page, `/emails/${late.id}`);
    await page.getByText('Opened').first().waitFor();
  });

  test('an orphan event is discarded after a question', async () => {
    assert.equal((await send({ event_type: 'open', message_id: 'nobodys' })).status, 200);
    await go(page, '/admin/orphan-events');
    await page.getByRole('button', { name: 'Discard nobodys' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Discard', exact: true }).click();
    await page.getByText('None: every event found its email').waitFor();
  });

  test('settings: what cannot be is refused before it is sent, thresholds say what they would change, and all of it is in the audit log', async () => {
    await go(page, '/admin/settings');
    const score = region('Engagement score');
    await score.getByText(/With these borders: \d/).waitFor();
    await score.getByLabel('Opens, at most').fill('50');
    await score.getByRole('button', { name: 'Save' }).click();
    await score.getByText('must add up to 100; now they are 120').waitFor();
    await score.getByLabel('Opens, at most').fill('30');
    await score.getByLabel('Hot from').fill('60');
    await score.getByText(/\(now \d+\)/).waitFor();
    await clean('/admin/settings');
    await score.getByRole('button', { name: 'Save' }).click();
    await score.getByText('Saved').waitFor();
    const organization = region('Organization');
    await organization.getByLabel('Name of the organization').fill('Acme Talent');
    await organization.getByLabel('Time zone of the reports').selectOption('Asia/Tokyo');
    await organization.getByLabel('Domain of links').fill('NOT A HOST');
    await organization.getByRole('button', { name: 'Save' }).click();
    await organization.getByText('tracking_domain must be a host name').waitFor();
    await organization.getByLabel('Domain of links').fill('');
    await organization.getByRole('button', { name: 'Save' }).click();
    await organization.getByText('Saved').waitFor();
    const settings = await service.must('GET', '/settings');
    assert.deepEqual([settings.name, settings.time_zone, settings.score_levels.hot, settings.score_points.opens], ['Acme Talent', 'Asia/Tokyo', 60, 30]);
    await go(page, '/admin/audit-log?action=settings');
    const [first, second] = await table('Audit log').allInnerTexts();
    assert.match(first, /Ada Admin[^]*name: Acme Recruiting → Acme Talent[^]*time zone: UTC → Asia\/Tokyo/);
    assert.match(second, /score levels: \{"hot":75,"warm":40\} → \{"hot":60,"warm":40\}/);
  });

  test('the audit log filters by who, what and which, and comes as CSV', async () => {
    await go(page, '/admin/audit-log');
    await clean('/admin/audit-log');
    await page.getByLabel('Who').selectOption('command');
    await settled(page);
    assert.ok((await table('Audit log').allInnerTexts()).every((row) => /Command line/.test(row)));
    await page.getByLabel('Who').selectOption('');
    await page.getByLabel('What').selectOption('session');
    await page.getByText('session.create').first().waitFor();
    await page.getByRole('button', { name: /^users \d/ }).first().click();
    await page.getByRole('button', { name: /^Of users \d/ }).waitFor();
    await page.goBack();
    assert.match(page.url(), /action=session$/);
    await page.getByLabel('Last day').fill('2020-01-01');
    await page.getByText('No entry fits').waitFor();
    await page.getByRole('button', { name: 'Clear filters' }).click();
    const [file] = await Promise.all([page.waitForEvent('download'), page.getByRole('button', { name: 'Export CSV' }).click()]);
    assert.equal(file.suggestedFilename(), 'audit-log.csv');
    assert.equal((await service.must('GET', '/audit-log?limit=1')).data[0].action, 'audit-log.export');
  });

  test('who was granted the audit log sees it and nothing else of the administration', async () => {
    const { id } = await service.must('POST', '/users', { email: 'audit@acme.example', name: 'Olga Officer', password: PASSWORD });
    await go(page, '/admin/users');
    await page.getByRole('button', { name: 'Change Olga Officer' }).click();
    const dialog = page.getByRole('dialog');
    assert.equal(await dialog.getByLabel('May read the audit log').isChecked(), false);
    await dialog.getByLabel('May read the audit log').check();
    await dialog.getByRole('button', { name: 'Save' }).click();
    await dialog.waitFor({ state: 'detached' });
    assert.equal((await service.must('GET', `/users/${id}`)).reads_audit, true);
    const hers = await open(browser, service.url);
    try {
      await signIn(hers, 'audit@acme.example', PASSWORD);
      await go(hers.page, '/candidates');
      await hers.page.getByRole('link', { name: 'Admin', exact: true }).click();
      await hers.page.getByRole('heading', { name: 'Audit log', level: 1 }).waitFor();
      await hers.page.getByRole('group', { name: 'Audit log', exact: true }).locator('tbody tr').first().waitFor();
      assert.deepEqual(await hers.page.getByRole('navigation', { name: 'Administration' }).getByRole('link').allInnerTexts(), ['Audit log']);
      await go(hers.page, '/admin/users');
      await hers.page.getByText('These pages are for administrators').waitFor();
      assert.deepEqual(hers.complaints.splice(0), []);
    } finally {
      await hers.context.close();
    }
  });

  test('somebody’s word is added, found and taken back; their page says so', async () => {
    await go(page, '/admin/privacy');
    await page.getByText('Nobody has said anything yet').waitFor();
    await page.getByRole('button', { name: 'Add somebody’s word' }).click();
    const dialog = page.getByRole('dialog');
    await dialog.getByLabel('Id of the candidate').fill('john');
    await clean('the dialog of a word');
    await dialog.getByRole('button', { name: 'Save' }).click();
    await dialog.getByText('Also for 4 emails sent before.').waitFor();
    await dialog.getByRole('button', { name: 'Done' }).click();
    await table('What people said').first().waitFor();
    assert.match(await table('What people said').first().innerText(), /John Smith[^]*Neither/);
    await clean('/admin/privacy');
    const find = region('What people said').getByLabel('Find by name');
    await find.fill('nobody like this');
    await find.press('Tab');
    await page.getByText('Nobody fits').waitFor();
    await find.fill('smith');
    await find.press('Tab');
    await page.getByRole('link', { name: 'John Smith' }).click();
    await page.getByText('This person asked not to be tracked.').waitFor();
    await go(page, '/admin/privacy');
    await page.getByRole('button', { name: 'Change what John Smith allows' }).click();
    await dialog.getByLabel('They allow to record').selectOption('');
    await dialog.getByRole('button', { name: 'Save' }).click();
    await dialog.getByRole('button', { name: 'Done' }).click();
    await page.getByText('Nobody has said anything yet').waitFor();
  });

  test('with tracking off the dashboard says so at once', async () => {
    await go(page, '/dashboard');
    assert.equal(await page.getByText('Tracking is off').count(), 0);
    await go(page, '/admin/privacy');
    await region('What is recorded').getByLabel('Of readers').selectOption('none');
    await region('What is recorded').getByRole('button', { name: 'Save' }).click();
    await region('What is recorded').getByText('Saved').waitFor();
    await page.getByText('Tracking is off').waitFor();
    await page.getByRole('link', { name: 'Dashboard', exact: true }).click();
    await page.getByText('Tracking is off: opens and clicks are not recorded.').waitFor();
    await clean('/dashboard with tracking off');
    await page.getByRole('link', { name: 'Privacy and tracking' }).click();
    await region('What is recorded').getByLabel('Of readers').selectOption('full');
    await region('What is recorded').getByRole('button', { name: 'Save' }).click();
    await region('What is recorded').getByText('Saved').waitFor();
    await go(page, '/dashboard');
    assert.equal(await page.getByText('Tracking is off').count(), 0);
  });

  test('the last administrator stays', async () => {
    await go(page, '/admin/users');
    assert.equal(await page.getByRole('button', { name: /^Disable Ada Admin/ }).count(), 0, 'nobody locks themselves out');
    await page.getByRole('button', { name: 'Change Ada Admin' }).click();
    const dialog = page.getByRole('dialog');
    await dialog.getByLabel('Role').selectOption('recruiter');
    await dialog.getByRole('button', { name: 'Save' }).click();
    await dialog.getByText(/this is the last administrator/).waitFor();
    await page.keyboard.press('Escape');
    const { data } = await service.must('GET', '/users');
    assert.equal(data.find(({ email }) => email === ADMIN).role, 'admin');
  });

  test('no address of a page holds an email address', async () => {
    await service.register({ message_id: 'plain', subject: 'To an address', sent_at: new Date(Date.now() - 3_600_000).toISOString(), candidate: { email: 'plain@example.org', name: 'Paula Plain' } });
    await go(page, '/candidates');
    await page.getByRole('link', { name: 'Paula Plain' }).click();
    await page.getByRole('heading', { name: 'Paula Plain' }).waitFor();
    await settled(page);
    assert.match(page.url(), /\/candidates\/~\d+$/);
    await page.getByText('1 sent').click();
    await table('Emails').first().waitFor();
    assert.match(page.url(), /candidate=~\d+/);
    assert.equal(await table('Emails').count(), 1);
    await page.getByRole('link', { name: 'To an address' }).click();
    await settled(page);
    await page.getByRole('link', { name: 'Paula Plain' }).click();
    await settled(page);
    assert.match(page.url(), /\/candidates\/~\d+$/);
    await go(page, '/candidates/plain%40example.org');
    await page.waitForURL(/\/candidates\/~\d+$/);
    await page.getByRole('heading', { name: 'Paula Plain' }).waitFor();
  });
});

// The screen of webhooks: an administrator subscribes another system, sees what it got, and looks after it.
import assert from 'node:assert/strict';
import { after, afterEach, before, describe, test } from 'node:test';
import { eventually, genericDelivery, standardWebhooksSecret } from '../integration/support.mjs';
import { Receiver } from '../integration/webhook-receiver.mjs';
import { go, launch, open, signIn } from './browser.mjs';
import { ADMIN, PASSWORD } from './data.mjs';
import { startService } from './service.mjs';

describe('webhooks', () => {
  let service, receiver, browser, session, page;

  before(async () => {
    service = await startService({ flags: ['--outgoing-webhooks-allow-private'] });
    receiver = await new Receiver().start();
    browser = await launch();
    session = await open(browser, service.url);
    page = session.page;
    await signIn(session, ADMIN, PASSWORD);
  });
  after(async () => {
    await browser?.close();
    await receiver?.stop();
    await service?.remove();
  });
  afterEach(() => assert.deepEqual(session.complaints.splice(0), []));
  const card = () => page.getByRole('region', { name: 'Applicant tracking' });
  const only = async () => (await service.must('GET', '/webhook-subscriptions')).data[0];

  test('is made with its secret shown once, and gets what happens', async () => {
    session.allowed.push(/status of 400/);
    await go(page, '/admin/webhooks');
    await page.getByText('No webhook yet').waitFor();
    await page.getByRole('button', { name: 'New webhook' }).click();
    const dialog = page.getByRole('dialog');
    await dialog.getByLabel('Address').fill('ftp://x.example/');
    await dialog.getByLabel('What it is for').fill('Applicant tracking');
    await dialog.getByLabel('Delivered').check();
    await dialog.getByLabel('Clicked, by a person').uncheck();
    await dialog.getByRole('button', { name: 'Make the webhook' }).click();
    await dialog.getByText('only https addresses are used').waitFor();
    await dialog.getByLabel('Address').fill(receiver.url);
    await dialog.getByRole('button', { name: 'Make the webhook' }).click();
    const secret = await dialog.getByLabel('Secret', { exact: true }).inputValue();
    assert.match(secret, /^whsec_/);
    receiver.secrets.push(secret);
    await dialog.getByRole('button', { name: 'I have it' }).click();
    await card().getByText('Active').waitFor();
    assert.ok(!(await page.content()).includes(secret), 'and never again');
    const { events } = await only();
    assert.ok(events.includes('email.delivered') && !events.includes('email.clicked'));

    const own = standardWebhooksSecret();
    const endpoint = await service.must('POST', '/endpoints', { provider: 'generic', secrets: [own] });
    await service.register({ message_id: 'told', subject: 'Interview', sent_at: new Date(Date.now() - 7200_000).toISOString(), candidate: { id: 'john', name: 'John Smith' } });
    await service.deliver(endpoint, genericDelivery(own, { event_type: 'open', message_id: 'told', timestamp: new Date(Date.now() - 3600_000).toISOString(), recipient: 'john@x.example', user_agent: 'Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0' }));
    await eventually(() => receiver.of('email.opened').length === 1, 'the webhook');
    assert.deepEqual(receiver.requests[0].fits, [true]);
  });

  test('its deliveries show attempts and answers, and are sent again by hand', async () => {
    receiver.answer = () => ({ status: 503, body: 'closed for <b>maintenance</b>' });
    await card().getByRole('button', { name: 'Send a test' }).click();
    await card().getByText('On its way').waitFor();
    await eventually(async () => (await only()).failing_since, 'the failure');
    await go(page, '/admin/webhooks');
    await card().getByText('Fails', { exact: true }).waitFor();
    await card().getByText('Fails since').waitFor();
    await card().getByRole('button', { name: /^Deliveries/ }).click();
    await page.getByRole('heading', { name: 'Deliveries to Applicant tracking' }).waitFor();
    const row = page.getByRole('row', { name: /webhook\.test/ });
    await row.getByText('Waits').waitFor();
    await row.getByText('503: the answer is no success').waitFor();
    await row.getByRole('button', { name: /^Look at/ }).click();
    const dialog = page.getByRole('dialog');
    await dialog.getByText('closed for <b>maintenance</b>').waitFor();
    await dialog.getByText('"type": "webhook.test"').waitFor();
    await dialog.getByRole('button', { name: 'Close' }).click();
    receiver.answer = () => 200;
    await row.getByRole('button', { name: /^Send again/ }).click();
    await eventually(async () => (await only()).failing_since === null, 'the success');
    await page.getByRole('button', { name: 'Look again' }).click();
    await row.getByText('Delivered').waitFor();
    await page.getByLabel('State').selectOption('given_up');
    await page.getByText('No delivery fits').waitFor();
    await page.goBack();
    await row.waitFor();
    await page.getByRole('button', { name: 'All webhooks' }).click();
    await card().waitFor();
  });

  test('is paused, resumed, changed, given a new secret, and deleted', async () => {
    await card().getByRole('button', { name: 'Pause' }).click();
    await card().getByText('Paused').waitFor();
    assert.equal((await only()).state, 'paused');
    await card().getByRole('button', { name: 'Resume' }).click();
    await card().getByText('Active').waitFor();
    await card().getByRole('button', { name: /^Change/ }).click();
    await page.getByRole('dialog').getByLabel('Clicked, by a person').check();
    await page.getByRole('dialog').getByRole('button', { name: 'Save' }).click();
    await card().getByText('Clicked, by a person').waitFor();
    await card().getByRole('button', { name: /^New secret/ }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Make the secret' }).click();
    receiver.secrets.push(await page.getByRole('dialog').getByLabel('Secret', { exact: true }).inputValue());
    await page.getByRole('dialog').getByRole('button', { name: 'I have it' }).click();
    await card().getByText('Old secret signs until').waitFor();
    await card().getByRole('button', { name: 'Send a test' }).click();
    await eventually(() => receiver.requests.at(-1).fits.length === 2 && receiver.requests.at(-1).fits.every(Boolean), 'both signatures');
    receiver.answer = () => 410;
    await card().getByRole('button', { name: 'Send a test' }).click();
    await eventually(async () => (await only()).state === 'disabled', 'the end of it');
    await go(page, '/admin/webhooks');
    await card().getByText('Disabled because it answered 410 Gone').waitFor();
    await go(page, '/admin/security-events?kind=webhook_subscription_disabled');
    await page.getByRole('row', { name: /it answered 410 Gone/ }).waitFor();
    await go(page, '/admin/webhooks');
    await card().getByRole('button', { name: /^Delete/ }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Delete' }).click();
    await page.getByText('No webhook yet').waitFor();
  });
});

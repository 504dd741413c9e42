// Deliveries of the email services with real requests: services that sign nothing, whose endpoints are locked by credentials
// alone, and those that sign in ways of their own. What a refusal is answered follows each service's own rules.
import assert from 'node:assert/strict';
import crypto from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import { Installation, eventually, standardWebhooksSecret } from './support.mjs';

const SENT = Date.now() - 3600_000;
const OPENED = Math.floor(SENT / 1000) + 60; // s
const iso = (seconds) => new Date(seconds * 1000).toISOString().replace('.000', '');
const basic = (user, password) => `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`;

// An open of the email `id` as each service reports it.
const OPENS = {
  postmark: (id, to) => ({ RecordType: 'Open', MessageID: id, Recipient: to, ReceivedAt: `${iso(OPENED).slice(0, -1)}.0000000+00:00`, FirstOpen: true }),
  sparkpost: (id, to) => [{ msys: { track_event: { type: 'open', message_id: id, rcpt_to: to, timestamp: String(OPENED), event_id: '18446744073709551615' } } }],
  mailjet: (id, to) => [{ event: 'open', time: OPENED, Message_GUID: id, MessageID: 0, email: to }],
  brevo: (id, to) => ({ event: 'opened', email: to, 'message-id': `<${id}>`, ts_epoch: OPENED * 1000 }),
};

// What the service is answered when its credentials are wrong: Postmark gives up on 403 only.
const REFUSED = { postmark: 403, sparkpost: 401, mailjet: 401, brevo: 401 };

function mailgunDelivery(key, data) {
  const timestamp = String(Math.floor(Date.now() / 1000)), token = crypto.randomBytes(25).toString('hex');
  const signature = crypto.createHmac('sha256', key).update(timestamp + token).digest('hex');
  return { headers: { 'Content-Type': 'application/json' }, body: JSON.stringify({ signature: { timestamp, token, signature }, 'event-data': data }) };
}

function svixDelivery(secret, body) {
  const id = `msg_${crypto.randomUUID()}`, timestamp = String(Math.floor(Date.now() / 1000)), text = JSON.stringify(body);
  const signature = crypto.createHmac('sha256', Buffer.from(secret.slice(6), 'base64')).update(`${id}.${timestamp}.${text}`).digest('base64');
  return { headers: { 'Content-Type': 'application/json', 'svix-id': id, 'svix-timestamp': timestamp, 'svix-signature': `v1,${signature}` }, body: text };
}

describe('providers', () => {
  let at, emails = 0;
  before(async () => {
    at = await new Installation().start();
  });
  after(async () => {
    at.verify();
    await at?.remove();
  });

  async function register(more = {}) {
    const id = `mail-${++emails}`;
    const email = { message_id: id, subject: 'Interview', sent_at: new Date(SENT).toISOString(), candidate: { id: `c-${id}`, name: 'Jane', email: `${id}@mail.example` }, ...more };
    const registered = await at.register(email);
    return { id: registered.id, message_id: id, to: email.candidate.email };
  }
  const post = (endpoint, body, headers = {}) => at.deliver(endpoint, {
    headers: { 'Content-Type': 'application/json', ...headers }, body: typeof body === 'string' ? body : JSON.stringify(body),
  });
  const opened = async (email) => (await at.must('GET', `/emails/${email.id}`)).opened_at;
  const refusals = async (endpoint) => {
    const { data } = await at.must('GET', '/security-events?kind=webhook_credentials');
    return data.filter(({ endpoint_id }) => endpoint_id === endpoint.id).reduce((sum, { count }) => sum + count, 0);
  };

  for (const [provider, open] of Object.entries(OPENS)) {
    describe(`${provider}, which signs nothing`, () => {
      it('has no endpoint without credentials, and no secrets', async () => {
        const none = await at.api('POST', '/endpoints', { provider });
        assert.equal(none.status, 400, none.body);
        assert.match(none.json.detail, /signs nothing: set credentials/);
        const secret = await at.api('POST', '/endpoints', { provider, secrets: ['a secret of some length'], credentials: [{ password: 'token' }] });
        assert.equal(secret.status, 400, secret.body);
        assert.match(secret.json.detail, /signs nothing/);
      });

      it('is let in by user and password, challenged without them, refused with others', async () => {
        const email = await register(), body = open(email.message_id, email.to);
        const endpoint = await at.must('POST', '/endpoints', { provider, credentials: [{ username: 'hook', password: 'open sesame' }] });
        assert.deepEqual([endpoint.ready, endpoint.hint, endpoint.require_signature], [true, null, false]);
        const challenged = await post(endpoint, body);
        assert.equal(challenged.status, 401);
        assert.match(challenged.headers['www-authenticate'], /^Basic realm=/);
        for (const wrong of [basic('hook', 'open barley'), basic('', 'open sesame'), 'Bearer open sesame', 'Basic !', 'Digest x'])
          assert.equal((await post(endpoint, body, { Authorization: wrong })).status, REFUSED[provider], wrong);
        assert.equal(await opened(email), null);
        assert.equal(await eventually(async () => (await refusals(endpoint)) >= 6 && refusals(endpoint), 'six security events'), 6);
        const answer = await post(endpoint, body, { Authorization: basic('hook', 'open sesame') });
        assert.deepEqual([answer.status, answer.body], [200, '']);
        assert.equal(await opened(email), iso(OPENED));
      });

      it('is let in by a header of its own, or by a bearer token', async () => {
        const one = await register(), two = await register();
        const endpoint = await at.must('POST', '/endpoints', {
          provider, credentials: [{ header: 'X-Hook-Key', password: 'in the header' }, { password: 'the token' }],
        });
        const refused = await post(endpoint, open(one.message_id, one.to));
        assert.deepEqual([refused.status, refused.headers['www-authenticate']], [REFUSED[provider], undefined], 'nothing to ask for');
        assert.equal((await post(endpoint, open(one.message_id, one.to), { 'X-Hook-Key': 'another' })).status, REFUSED[provider]);
        assert.equal((await post(endpoint, open(one.message_id, one.to), { 'X-Other-Key': 'in the header' })).status, REFUSED[provider]);
        assert.equal((await post(endpoint, open(one.message_id, one.to), { 'x-hook-key': 'in the header' })).status, 200);
        assert.equal((await post(endpoint, open(two.message_id, two.to), { Authorization: 'Bearer the token' })).status, 200);
        assert.deepEqual([await opened(one), await opened(two)], [iso(OPENED), iso(OPENED)]);
      });

      it('gets 200 for what is empty, unknown or about something else, 400 for what cannot be read', async () => {
        const endpoint = await at.must('POST', '/endpoints', { provider, credentials: [{ password: 'the token' }] });
        const token = { Authorization: 'Bearer the token' };
        assert.equal((await post(endpoint, '[]', token)).status, 200);
        const unknown = { postmark: { RecordType: 'Hologram' }, sparkpost: [{ msys: {} }], mailjet: { event: 'hologram' }, brevo: [{ event: 'list_addition' }] };
        assert.equal((await post(endpoint, unknown[provider], token)).status, 200);
        assert.equal((await post(endpoint, open('nobody-knows-it', 'x@mail.example'), token)).status, 200, 'an orphan');
        assert.equal((await post(endpoint, JSON.stringify(open('m', 'x@mail.example')).slice(0, -3), token)).status, 400);
      });
    });
  }

  it('a command makes an endpoint that is locked by a header', () => {
    const file = path.join(at.directory, 'token');
    fs.writeFileSync(file, 'in the header\n');
    const made = at.command('endpoint', 'add', '--provider', 'postmark', '--credentials-file', file, '--credentials-header', 'X-Hook-Key');
    assert.equal(made.status, 0, made.stderr);
    assert.deepEqual(JSON.parse(made.stdout).credentials, [{ username: '', header: 'X-Hook-Key' }]);
    const bare = at.command('endpoint', 'add', '--provider', 'postmark');
    assert.notEqual(bare.status, 0);
    assert.match(bare.stderr, /signs nothing: set credentials/);
  });

  it('Mailgun is told 406 when it is not believed, so that it stops trying', async () => {
    const email = await register(), key = crypto.randomBytes(16).toString('hex');
    const endpoint = await at.must('POST', '/endpoints', { provider: 'mailgun', secrets: [key] });
    const data = {
      event: 'opened', id: 'x', timestamp: OPENED + 0.25, recipient: email.to, message: { headers: { 'message-id': email.message_id } },
      'client-info': { bot: '', 'user-agent': 'Mozilla/5.0' },
    };
    assert.equal((await at.deliver(endpoint, mailgunDelivery('another key', data))).status, 406);
    assert.equal((await post(endpoint, { 'event-data': data })).status, 406);
    assert.equal(await opened(email), null);
    assert.equal((await at.deliver(endpoint, mailgunDelivery(key, data))).status, 200);
    assert.equal(await opened(email), new Date(OPENED * 1000 + 250).toISOString());
    // Before 2018 the same came as a form.
    const { signature } = JSON.parse(mailgunDelivery(key, {}).body);
    const form = new URLSearchParams({ ...signature, event: 'clicked', recipient: email.to, 'Message-Id': `<${email.message_id}>`, url: 'https://a.example/ü' });
    const answer = await post(endpoint, form.toString(), { 'Content-Type': 'application/x-www-form-urlencoded' });
    assert.equal(answer.status, 200, answer.body);
    assert.equal((await at.must('GET', `/emails/${email.id}`)).click_count, 1);
  });

  it('Resend signs by Svix\' headers; an email is found by the id that the sending API told', async () => {
    const email = await register(), secret = standardWebhooksSecret();
    const endpoint = await at.must('POST', '/endpoints', { provider: 'resend', secrets: [secret] });
    const event = { type: 'email.opened', created_at: iso(OPENED), data: { email_id: email.message_id, to: [email.to], created_at: iso(OPENED - 60) } };
    assert.equal((await at.deliver(endpoint, svixDelivery(standardWebhooksSecret(), event))).status, 401);
    assert.equal((await at.deliver(endpoint, svixDelivery(secret, event))).status, 200);
    assert.equal(await opened(email), iso(OPENED));
  });

  it('an email is found by the id that the caller gave along', async () => {
    const endpoint = await at.must('POST', '/endpoints', { provider: 'mailjet', credentials: [{ password: 'the token' }] });
    const email = await register();
    const event = { event: 'open', time: OPENED, MessageID: 576460756513665525, email: email.to, Payload: JSON.stringify({ email_log_id: email.id }) };
    assert.equal((await post(endpoint, event, { Authorization: 'Bearer the token' })).status, 200);
    assert.equal(await opened(email), iso(OPENED));
  });

  it('SparkPost\'s two pixels are one view', async () => {
    const endpoint = await at.must('POST', '/endpoints', { provider: 'sparkpost', credentials: [{ password: 'the token' }] });
    const email = await register();
    const pixel = (type, seconds) => ({ msys: { track_event: { type, message_id: email.message_id, rcpt_to: email.to, timestamp: String(OPENED + seconds) } } });
    const token = { Authorization: 'Bearer the token' };
    assert.equal((await post(endpoint, [pixel('initial_open', 0), pixel('open', 2)], token)).status, 200);
    assert.equal((await post(endpoint, [pixel('open', 0)], token)).status, 200, 'in the same second: the same key');
    assert.equal((await at.must('GET', `/emails/${email.id}`)).open_count, 1);
    assert.equal((await post(endpoint, [pixel('initial_open', 600), pixel('open', 601)], token)).status, 200);
    assert.equal((await at.must('GET', `/emails/${email.id}`)).open_count, 2);
  });
});

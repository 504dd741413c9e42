// Every email service through the real program: an endpoint, what the service does when the address is entered, a sample
// sent by `inkling endpoint test`, and what it changes.
import assert from 'node:assert/strict';
import crypto from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { Installation, eventually, sendgridKey, snsCertificate, standardWebhooksSecret } from './support.mjs';

const PUBLIC_URL = 'https://hooks.example.com';

function rsaKey() {
  const { publicKey, privateKey } = crypto.generateKeyPairSync('rsa', { modulusLength: 2048 });
  return { pem: privateKey.export({ type: 'pkcs8', format: 'pem' }), jwks: JSON.stringify({ keys: [publicKey.export({ format: 'jwk' })] }) };
}

describe('email services', () => {
  let at, emails = 0;

  before(async () => {
    at = await new Installation({ flags: ['--public-url', PUBLIC_URL] }).start();
  });
  after(() => at?.remove());

  const file = (name, text) => {
    const full = path.join(at.directory, name);
    fs.writeFileSync(full, text, { mode: 0o600 });
    return full;
  };
  const sendSample = (endpoint, ...args) => at.command('endpoint', 'test', String(endpoint.id), '--url', at.url, '--public-url', PUBLIC_URL, ...args);
  const register = async () => {
    const message_id = `sample-${++emails}`;
    const { id } = await at.register({ message_id, subject: 'An offer', sent_at: new Date(Date.now() - 3600e3).toISOString(), candidate: { id: `c-${emails}`, name: 'Jane', email: `${message_id}@mail.example` } });
    return id;
  };

  // A sample about an unknown mail becomes an orphan; about an email it is counted.
  async function samples(endpoint, { open = true, args = [] } = {}) {
    const orphan = sendSample(endpoint, ...args);
    assert.equal(orphan.status, 0, orphan.stderr);
    const told = JSON.parse(orphan.stdout);
    assert.deepEqual(told.sent, [{ event: 'delivered', status: 200 }, ...(open ? [{ event: 'open', status: 200 }] : [])]);
    assert.equal(told.orphan, true);
    const orphans = (await at.must('GET', '/orphan-events?limit=200')).data.filter((event) => event.message_ids.includes(told.message_id));
    assert.equal(orphans.length, told.sent.length);

    const id = await register();
    const counted = sendSample(endpoint, '--email', String(id), ...args);
    assert.equal(counted.status, 0, counted.stderr);
    const email = await at.must('GET', `/emails/${id}`);
    assert.ok(email.delivered_at, 'delivered');
    assert.equal(email.open_count, open ? 1 : 0);
  }

  for (const [provider, secret] of [['generic', standardWebhooksSecret()], ['mailersend', 'signing-secret'], ['mailgun', 'signing-key'], ['resend', standardWebhooksSecret()], ['mailtrap', 'signing-secret'], ['mandrill', 'webhook-key'], ['unisender', 'api-key']]) {
    test(`${provider}: the endpoint's secret signs the sample`, async () => {
      const endpoint = await at.must('POST', '/endpoints', { provider, secrets: [secret] });
      assert.equal(endpoint.ready, true);
      await samples(endpoint);
      // Another key, and the service says no.
      await at.must('PATCH', `/endpoints/${endpoint.id}`, { secrets: [secret.startsWith('whsec_') ? standardWebhooksSecret() : 'another-secret'] });
      await eventually(async () => sendSample(endpoint, '--key-file', file('old-key', secret)).status === 1, 'a refusal');
      const refused = sendSample(endpoint, '--key-file', file('old-key', secret));
      assert.match(refused.stderr, provider === 'mailgun' ? /answered 406/ : /answered 401/);
    });
  }

  test('a private key is needed where the endpoint has the public half only', async () => {
    const sendgrid = sendgridKey(), rsa = rsaKey(), certificate = snsCertificate(at.directory), arn = 'arn:aws:sns:eu-central-1:123456789012:t';
    const scaleway = 'arn:scw:sns:fr-par:project-1:tem';
    for (const [settings, key, open] of [
      [{ provider: 'sendgrid', secrets: [sendgrid.secret] }, sendgrid.privateKey.export({ type: 'pkcs8', format: 'pem' }), true],
      [{ provider: 'postal', secrets: [rsa.jwks] }, rsa.pem, true],
      [{ provider: 'ses', secrets: [certificate.pem], topic_arns: [arn] }, certificate.privateKey, true],
      [{ provider: 'scaleway', secrets: [certificate.pem], topic_arns: [scaleway] }, certificate.privateKey, false],
    ]) {
      const endpoint = await at.must('POST', '/endpoints', settings);
      const without = sendSample(endpoint);
      assert.equal(without.status, 2, without.stdout);
      assert.match(without.stderr, /--key-file/);
      await samples(endpoint, { open, args: ['--key-file', file(`${settings.provider}.pem`, key)] });
    }
  });

  test('azure: a header is the lock, and the handshake is answered at once', async () => {
    const secretFile = file('header', 'open sesame\n');
    const added = at.command('endpoint', 'add', '--provider', 'azure', '--credentials-file', secretFile, '--credentials-header', 'X-Inkling-Key');
    assert.equal(added.status, 0, added.stderr);
    const endpoint = JSON.parse(added.stdout);
    const deliver = (body, headers = { 'X-Inkling-Key': 'open sesame' }) => at.deliver(endpoint, { headers: { 'Content-Type': 'application/json', ...headers }, body: JSON.stringify(body) });
    const validation = [{ id: '1', eventType: 'Microsoft.EventGrid.SubscriptionValidationEvent', eventTime: '2026-11-24T08:00:00Z', data: { validationCode: '512d38b6', validationUrl: 'https://evil.example/' } }];
    const answer = await eventually(async () => {
      const got = await deliver(validation);
      return got.status === 200 && got;
    }, 'the endpoint');
    assert.deepEqual(answer.json, { validationResponse: '512d38b6' });
    assert.equal((await deliver(validation, {})).status, 401);
    assert.equal((await at.must('GET', `/endpoints/${endpoint.id}`)).pending_confirmation, null);
    await samples(endpoint);
  });

  for (const [provider, credential] of [['postmark', { username: 'hook', password: 'open sesame' }], ['sparkpost', { password: 'open sesame' }], ['mailjet', { username: 'hook', password: 'x' }], ['brevo', { password: 'x' }]]) {
    test(`${provider}: the sample shows the endpoint's credentials`, async () => {
      await samples(await at.must('POST', '/endpoints', { provider, credentials: [credential] }));
    });
  }

  test('what services do before they save an address', async () => {
    const mandrill = await at.must('POST', '/endpoints', { provider: 'mandrill' });
    const target = new URL(mandrill.url).pathname;
    for (const method of ['HEAD', 'GET']) {
      assert.equal((await at.fetch(target, { method })).status, 200);
      assert.equal((await at.fetch('/webhooks/email/nobody', { method })).status, 404);
    }
    const probe = { headers: { 'Content-Type': 'application/x-www-form-urlencoded', 'X-Mandrill-Signature': 'AAAA' }, body: 'mandrill_events=%5B%5D' };
    assert.equal((await at.deliver(mandrill, probe)).status, 200);

    const mailersend = await at.must('POST', '/endpoints', { provider: 'mailersend' });
    const key = 'test_Am3L1GuOIc4blLUuHqAPxxwkZaJyEk8G';
    const signed = (body) => ({ headers: { Signature: crypto.createHmac('sha256', key).update(body).digest('hex') }, body });
    assert.equal((await at.deliver(mailersend, signed('{"type":"webhook.test","message":"ping"}'))).status, 200);
    assert.equal((await at.deliver(mailersend, signed('{"type":"activity.delivered","data":{}}'))).status, 401);
    const refused = await at.api('PATCH', `/endpoints/${mailersend.id}`, { secrets: [key] });
    assert.equal(refused.status, 400);
  });

  test('mandrill needs public_url, and says so', async () => {
    const endpoint = await at.must('POST', '/endpoints', { provider: 'mandrill', secrets: ['webhook-key'] });
    const blind = at.command('endpoint', 'test', String(endpoint.id), '--url', at.url);
    assert.equal(blind.status, 2);
    assert.match(blind.stderr, /public_url/);
  });

  test('secrets of several lines come from a file', async () => {
    const certificate = snsCertificate(at.directory);
    const added = at.command('endpoint', 'add', '--provider', 'scaleway', '--topics', 'arn:scw:sns:fr-par:project-1:tem', '--secret-file', file('certificate.pem', certificate.pem));
    assert.equal(added.status, 0, added.stderr);
    assert.equal(JSON.parse(added.stdout).ready, true);
  });

  test('bad arguments', async () => {
    const endpoint = await at.must('POST', '/endpoints', { provider: 'mailtrap', secrets: ['signing-secret'] });
    for (const [args, says] of [
      [['--email', '999999'], /no such|not found|there is no/i],
      [['--email', 'x'], /the email/],
      [['--key-file', '/nowhere'], /cannot be read/],
    ]) {
      const { status, stderr } = sendSample(endpoint, ...args);
      assert.ok(status === 1 || status === 2, stderr);
      assert.match(stderr, says);
    }
    assert.equal(at.command('endpoint', 'test').status, 2);
    assert.equal(at.command('endpoint', 'test', '999999').status, 1);
    const dead = at.command('endpoint', 'test', String(endpoint.id), '--url', 'http://127.0.0.1:1');
    assert.equal(dead.status, 1);
    await at.must('PATCH', `/endpoints/${endpoint.id}`, { name: 'x' });
    assert.equal((await at.api('DELETE', `/endpoints/${endpoint.id}`)).status, 204);
    assert.match(sendSample(endpoint).stderr, /disabled/);
  });
});

// Received mail over the inbound webhooks, on both databases: the right event on the right email, once, however often
// and by whichever ways a mail comes, and a status that never loses one.
import assert from 'node:assert/strict';
import crypto from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import {
  Installation, Postgres, eventually, genericDelivery, root, sendgridDelivery, sendgridKey, snsCertificate, snsDelivery, standardWebhooksSecret,
} from './support.mjs';

const DATE = new Date(Math.floor(Date.now() / 1000) * 1000 - 3600_000);
const iso = DATE.toISOString().replace('.000', '');
const rfc5322 = (date) => date.toUTCString().replace('GMT', '+0000');

export function message({ from, to = 'reply@mail.acme.example', subject = 'Re: Interview', headers = {}, date = DATE, body = 'Yes, please.' }) {
  const lines = [`From: ${from}`, `To: ${to}`, `Subject: ${subject}`, `Date: ${rfc5322(date)}`, `Message-ID: <${crypto.randomUUID()}@example.net>`];
  for (const [name, value] of Object.entries(headers)) lines.push(`${name}: ${value}`);
  return `${lines.join('\r\n')}\r\n\r\n${body}\r\n`;
}

for (const database of ['sqlite', 'postgres']) {
  describe(`received mail on ${database}`, () => {
    let postgres, at, secret, generic, key, sendgrid, certificate, ses, number = 0;
    const topic = 'arn:aws:sns:eu-central-1:123456789012:inbound';

    before(async () => {
      postgres = database === 'postgres' ? new Postgres() : undefined;
      at = await new Installation({ postgres, flags: ['--mail-excerpt-max', '40'] }).start();
      secret = standardWebhooksSecret();
      generic = await at.must('POST', '/endpoints', { provider: 'generic', name: 'own', secrets: [secret] });
      key = sendgridKey();
      sendgrid = await at.must('POST', '/endpoints', { provider: 'sendgrid', name: 'parse', secrets: [key.secret] });
      certificate = snsCertificate(at.directory);
      ses = await at.must('POST', '/endpoints', { provider: 'ses', name: 'ses', secrets: [certificate.pem], topic_arns: [topic] });
    });
    after(async () => {
      await at?.remove();
      postgres?.remove();
    });

    const register = async (more = {}) => {
      const id = `mail-${++number}`;
      const email = {
        message_id: `${id}@mail.acme.example`, subject: `Interview ${number}`, sent_at: new Date(DATE - 3600_000).toISOString(),
        candidate: { id: `c-${id}`, email: `${id}@candidates.example` }, sender: { email: 'recruiter@acme.example' }, ...more,
      };
      return { ...email, ...(await at.register(email)) };
    };
    const post = (endpoint, delivery) => at.fetch(new URL(endpoint.inbound_url).pathname, { method: 'POST', ...delivery });
    const raw = (text) => {
      const delivery = genericDelivery(secret, Buffer.from(text));
      return { ...delivery, headers: { ...delivery.headers, 'Content-Type': 'message/rfc822' } };
    };
    const take = async (endpoint, delivery) => {
      const answer = await post(endpoint, delivery);
      assert.equal(answer.status, 200, answer.body);
      assert.equal(answer.body, '');
    };
    const events = async (email) => (await at.must('GET', `/emails/${email.id}/events`)).data;
    const show = (email) => at.must('GET', `/emails/${email.id}`);

    it('a reply is matched by In-Reply-To, counts once by two ways, and sets replied_at', async () => {
      const email = await register();
      const text = message({ from: `Jane <${email.candidate.email}>`, headers: { 'In-Reply-To': `<${email.message_id}>` } });
      await take(generic, raw(text));
      await take(generic, raw(text));
      const content = Buffer.from(text).toString('base64');
      const received = { notificationType: 'Received', mail: { messageId: 'm1', source: email.candidate.email }, content,
        receipt: { timestamp: new Date().toISOString(), recipients: ['reply@mail.acme.example'], action: { type: 'SNS', encoding: 'BASE64' } } };
      await take(ses, snsDelivery(certificate, topic, received));
      const [event, ...others] = await events(email);
      assert.deepEqual(others, []);
      assert.equal(event.event_type, 'reply');
      assert.equal(event.occurred_at, iso);
      assert.deepEqual(event.metadata, { match: 'in_reply_to', excerpt: 'Yes, please.' });
      assert.equal((await show(email)).replied_at, iso);
    });

    it('a token in the address is surer than everything else', async () => {
      const email = await register(), other = await register();
      await take(generic, raw(message({ from: 'private@elsewhere.example', to: `reply+${email.reply_token.toUpperCase()}@mail.acme.example`,
        headers: { 'In-Reply-To': `<${other.message_id}>` } })));
      assert.deepEqual((await events(email)).map((event) => event.metadata.match), ['token']);
      assert.deepEqual(await events(other), []);
    });

    it("another organization's token and message ids are worth nothing", async () => {
      const foreign = at.setup(`Other ${number}`, `other${number}@other.example`);
      const options = { key: foreign.api_key };
      const theirs = await at.must('POST', '/emails', { message_id: 'theirs@other.example', candidate: { email: 'x@y.example' } }, options);
      const mine = await register();
      await take(generic, raw(message({ from: 'x@y.example', to: `reply+${theirs.reply_token}@mail.acme.example`,
        headers: { 'In-Reply-To': '<theirs@other.example>', References: `<${mine.message_id}>` } })));
      assert.deepEqual((await at.must('GET', `/emails/${theirs.id}/events`, undefined, options)).data, []);
      assert.deepEqual((await events(mine)).map((event) => event.metadata.match), ['references']);
    });

    it('an automatic reply is recorded and counts for nothing', async () => {
      const email = await register();
      const headers = { 'In-Reply-To': `<${email.message_id}>`, 'Auto-Submitted': 'auto-replied' };
      await take(generic, raw(message({ from: email.candidate.email, subject: 'Out of office', headers })));
      const [event] = await events(email);
      assert.equal(event.event_type, 'auto_reply');
      assert.deepEqual(event.metadata, { match: 'in_reply_to', sign: 'auto-submitted' });
      assert.equal((await show(email)).replied_at, null);
      const timeline = await at.must('GET', `/candidates/${email.candidate.id}/timeline`);
      assert.ok(JSON.stringify(timeline).includes('auto_reply'));
    });

    it('an answer without ids is matched by address and subject, the newest email first, within the window', async () => {
      const address = `thread${++number}@candidates.example`;
      const candidate = { id: `thread-${number}`, email: address };
      const old = await register({ subject: 'Backend engineer', candidate, sent_at: new Date(DATE - 86400_000 * 40).toISOString() });
      const first = await register({ subject: 'Backend engineer', candidate, sent_at: new Date(DATE - 86400_000 * 2).toISOString() });
      const second = await register({ subject: 'Re: Backend  Engineer', candidate, sent_at: new Date(DATE - 86400_000).toISOString() });
      const later = await register({ subject: 'Backend engineer', candidate, sent_at: new Date(+DATE + 1800_000 * 4).toISOString() });
      await take(generic, raw(message({ from: address.toUpperCase(), subject: 'AW: backend engineer' })));
      assert.deepEqual((await events(second)).map((event) => event.metadata.match), ['subject']);
      for (const email of [old, first, later]) assert.deepEqual(await events(email), []);
    });

    it("the recruiter's own answer is none of the candidate's", async () => {
      const email = await register();
      await take(generic, raw(message({ from: 'Recruiter@acme.example', headers: { References: `<${email.message_id}>` } })));
      assert.deepEqual(await events(email), []);
    });

    it('a mail that comes before its email waits for it', async () => {
      const id = `early-${++number}@mail.acme.example`;
      await take(generic, raw(message({ from: 'early@candidates.example', headers: { 'In-Reply-To': `<${id}>` } })));
      const email = await register({ message_id: id });
      assert.equal(email.adopted, 1);
      assert.deepEqual((await events(email)).map((event) => event.metadata.match), ['later']);
    });

    it('bounces, complaints and unsubscriptions find the returned message', async () => {
      const fixture = (name, email) => fs.readFileSync(path.join(root, 'tests/fixtures/mail', `${name}.eml`), 'utf8')
        .replaceAll(/orig-dsn@mail\.acme\.example|arf-orig@mail\.acme\.example/g, email.message_id).replaceAll('jane@example.net', email.candidate.email);
      const email = await register();
      for (const name of ['dsn-postfix-unknown', 'dsn-postfix-delayed', 'arf-abuse', 'arf-opt-out', 'arf-not-spam']) await take(generic, raw(fixture(name, email)));
      assert.deepEqual((await events(email)).map((event) => event.event_type).sort(), ['bounce', 'deferred', 'spam', 'unsubscribe']);
      const shown = await show(email);
      assert.equal(shown.bounce_type, 'hard');
      assert.ok(shown.bounced_at && shown.complained_at && shown.unsubscribed_at);
    });

    it('unsubscribing by mail is about the newest email to that address', async () => {
      const email = await register();
      await take(generic, raw(message({ from: email.candidate.email, to: 'unsubscribe@mail.acme.example', subject: 'unsubscribe' })));
      assert.deepEqual((await events(email)).map((event) => [event.event_type, event.metadata.match]), [['unsubscribe', 'address']]);
    });

    it('JSON in every form of the generic provider', async () => {
      const email = await register();
      const text = (date) => message({ from: email.candidate.email, date, headers: { 'In-Reply-To': `<${email.message_id}>` } });
      const parts = (date) => text(date).split('\r\n\r\n')[0].split('\r\n').map((line) => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 2)]);
      const dates = [1, 2, 3, 4, 5].map((n) => new Date(+DATE + n * 1000));
      await take(generic, genericDelivery(secret, [
        { raw: text(dates[0]), envelope: { from: email.candidate.email, to: ['reply@mail.acme.example'] } },
        { raw_base64: Buffer.from(text(dates[1])).toString('base64') },
        { headers: Object.fromEntries(parts(dates[2])), text: 'Hello' },
        { headers: parts(dates[3]) },
        { headers: parts(dates[4]).map(([name, value]) => ({ name, value })) },
      ]));
      assert.equal((await events(email)).length, 5);
    });

    it("SendGrid's Inbound Parse, raw and taken apart", async () => {
      const email = await register();
      const form = (fields) => {
        const boundary = 'xYzZY';
        const body = `${fields.map(([name, value]) => `--${boundary}\r\nContent-Disposition: form-data; name="${name}"\r\n\r\n${value}\r\n`).join('')}--${boundary}--\r\n`;
        const delivery = sendgridDelivery(key, body);
        return { ...delivery, headers: { ...delivery.headers, 'Content-Type': `multipart/form-data; boundary=${boundary}` } };
      };
      const envelope = JSON.stringify({ to: [`reply+${email.reply_token}@mail.acme.example`], from: email.candidate.email });
      const one = message({ from: email.candidate.email, date: new Date(+DATE + 1000) });
      const two = message({ from: email.candidate.email, date: new Date(+DATE + 2000) });
      await take(sendgrid, form([['email', one], ['envelope', envelope]]));
      await take(sendgrid, form([['headers', two.split('\r\n\r\n')[0]], ['text', 'Hello'], ['envelope', envelope], ['charsets', '{"text":"utf-8"}']]));
      await take(sendgrid, form([['email', one], ['envelope', envelope]]));
      assert.deepEqual((await events(email)).map((event) => event.metadata.excerpt), ['Yes, please.', 'Hello']);
    });

    it('what is signed but cannot be used is kept and answered 200; what is not signed is 401', async () => {
      await take(generic, genericDelivery(secret, '{"no": "mail"}'));
      await take(generic, genericDelivery(secret, 'neither'));
      const kept = (await at.must('GET', '/failed-deliveries?kind=failed')).data;
      assert.equal(kept.filter((delivery) => delivery.endpoint_id === generic.id).length, 2);
      const email = await register();
      const forged = raw(message({ from: email.candidate.email, headers: { 'In-Reply-To': `<${email.message_id}>` } }));
      forged.headers['webhook-signature'] = `v1,${Buffer.alloc(32).toString('base64')}`;
      assert.equal((await post(generic, forged)).status, 401);
      assert.deepEqual(await events(email), []);
    });

    it('a rejected mail is processed once the secret is right', async () => {
      const email = await register();
      const right = standardWebhooksSecret();
      const endpoint = await at.must('POST', '/endpoints', { provider: 'generic', name: 'rotated', secrets: [standardWebhooksSecret()] });
      const delivery = genericDelivery(right, Buffer.from(message({ from: email.candidate.email, headers: { 'In-Reply-To': `<${email.message_id}>` } })));
      delivery.headers['Content-Type'] = 'message/rfc822';
      assert.equal((await post(endpoint, delivery)).status, 401);
      await at.must('PATCH', `/endpoints/${endpoint.id}`, { secrets: [right] });
      await eventually(async () => (await events(email)).length === 1, 'the replay of the rejected mail', 30);
    });

    it('too many at once are put off, not refused', async () => {
      const endpoint = await at.must('POST', '/endpoints', { provider: 'generic', name: 'slow', secrets: [secret], rate_limit: 1 });
      await take(endpoint, raw(message({ from: 'a@b.example' })));
      const answer = await post(endpoint, raw(message({ from: 'a@b.example' })));
      assert.equal(answer.status, 503);
      assert.ok(Number(answer.headers['retry-after']) > 0);
    });

    it('leaves figures that a recount confirms', () => {
      at.verify();
    });
  });
}

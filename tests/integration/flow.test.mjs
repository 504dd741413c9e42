// The specification's basic flow over real HTTP, on both databases: each event type changes exactly the figures that
// docs and semantics name, repetition changes nothing, and what is not ours or not readable changes nothing at all.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import {
  Installation, Postgres, eventually, genericDelivery, sendgridDelivery, sendgridKey, snsCertificate, snsDelivery, standardWebhooksSecret,
} from './support.mjs';

const SENT = Date.parse('2026-09-01T08:00:00Z');
const seconds = (after) => Math.floor(SENT / 1000) + after;
const iso = (after) => new Date(SENT + after * 1000).toISOString().replace('.000', '');

const UNTOUCHED = {
  delivered_at: null, opened_at: null, open_count: 0, machine_open_count: 0, clicked_at: null, click_count: 0, total_click_count: 0,
  machine_click_count: 0, replied_at: null, bounced_at: null, bounce_type: null, unsubscribed_at: null, complained_at: null, dropped_at: null,
};

function figures(email) {
  return Object.fromEntries(Object.keys(UNTOUCHED).map((name) => [name, email[name]]));
}

let messages = 0;
function newEmail(more = {}) {
  const id = `flow-${++messages}`;
  return {
    message_id: id, subject: 'Interview Invitation', sent_at: iso(0), candidate: { id: `c-${id}`, name: 'Jane Doe', email: `${id}@mail.example` },
    job: { id: 'job-1', title: 'Software Engineer' }, template: { id: 'tpl-1', name: 'Interview Invite' }, ...more,
  };
}

function sendgridEvent(email, event, after, more = {}) {
  return {
    email: email.candidate.email, timestamp: seconds(after), event, sg_event_id: `${email.message_id}-${event}-${after}`,
    sg_message_id: `${email.message_id}.filterdrecv-5645d9c87f-78xtx-1-60F0C2A5-1B.0`, ...more,
  };
}

for (const database of ['sqlite', 'postgres']) {
  describe(`flow on ${database}`, () => {
    let postgres, at, key, endpoint, secret, generic, certificate, ses;
    const topic = 'arn:aws:sns:eu-central-1:123456789012:ses-events';

    before(async () => {
      postgres = database === 'postgres' ? new Postgres() : undefined;
      at = await new Installation({ postgres }).start();
      key = sendgridKey();
      endpoint = await at.must('POST', '/endpoints', { provider: 'sendgrid', name: 'main', secrets: [key.secret] });
      secret = standardWebhooksSecret();
      generic = await at.must('POST', '/endpoints', { provider: 'generic', name: 'own', secrets: [secret] });
      certificate = snsCertificate(at.directory);
      ses = await at.must('POST', '/endpoints', { provider: 'ses', name: 'ses', secrets: [certificate.pem], topic_arns: [topic] });
    });
    after(async () => {
      await at?.remove();
      postgres?.remove();
    });

    const register = async (more) => {
      const email = newEmail(more);
      const { id } = await at.register(email);
      return { ...email, id };
    };
    const deliver = async (...events) => {
      const answer = await at.deliver(endpoint, sendgridDelivery(key, events));
      assert.equal(answer.status, 200, answer.body);
      assert.equal(answer.body, '');
    };
    const show = async (email) => figures(await at.must('GET', `/emails/${email.id}`));

    const changes = [
      ['processed', {}, {}],
      ['delivered', { response: '250 OK' }, { delivered_at: iso(60) }],
      ['deferred', { response: '451 later', attempt: '2' }, {}],
      ['dropped', { reason: 'Bounced Address' }, { dropped_at: iso(60) }],
      ['open', {}, { opened_at: iso(60), open_count: 1 }],
      ['open', { sg_machine_open: true }, { machine_open_count: 1 }],
      ['click', { url: 'https://a.example/1' }, { clicked_at: iso(60), click_count: 1, total_click_count: 1 }],
      ['bounce', { type: 'bounce', reason: '550' }, { bounced_at: iso(60), bounce_type: 'hard' }],
      ['bounce', { type: 'blocked', reason: '554' }, { bounced_at: iso(60), bounce_type: 'block' }],
      ['spamreport', {}, { complained_at: iso(60) }],
      ['unsubscribe', {}, { unsubscribed_at: iso(60) }],
      ['group_unsubscribe', { asm_group_id: 10 }, { unsubscribed_at: iso(60) }],
      ['group_resubscribe', { asm_group_id: 10 }, {}],
      ['something_new', {}, {}],
    ];
    for (const [event, more, change] of changes) {
      it(`SendGrid ${event} ${JSON.stringify(more)} changes exactly ${Object.keys(change).join(', ') || 'nothing'}`, async () => {
        const email = await register(), other = await register();
        await deliver(sendgridEvent(email, event, 60, more));
        assert.deepEqual(await show(email), { ...UNTOUCHED, ...change });
        assert.deepEqual(await show(other), UNTOUCHED);
      });
    }

    it('generic and SES deliveries end in the same figures as SendGrid ones', async () => {
      const one = await register(), two = await register();
      const made = (event_type, after, more = {}) => ({
        event_type, message_id: `<${one.message_id}>`, timestamp: iso(after), recipient: one.candidate.email, ...more });
      const answer = await at.deliver(generic, genericDelivery(secret, [
        made('delivered', 2), made('open', 30), made('click', 40, { url: 'https://a.example/1' }), made('click', 45, { url: 'https://a.example/2' }),
        made('click', 50, { url: 'https://a.example/1' }), made('reply', 100), made('bounce', 7),
      ]));
      assert.equal(answer.status, 200, answer.body);
      const mail = { messageId: two.message_id, timestamp: iso(0), destination: [two.candidate.email], commonHeaders: {} };
      for (const event of [
        { eventType: 'Delivery', mail, delivery: { timestamp: iso(2), recipients: [two.candidate.email] } },
        { eventType: 'Open', mail, open: { timestamp: iso(30), ipAddress: '192.0.2.1', userAgent: 'Mozilla/5.0' } },
        { eventType: 'Click', mail, click: { timestamp: iso(40), link: 'https://a.example/1', ipAddress: '192.0.2.1', userAgent: 'x' } },
        { eventType: 'Click', mail, click: { timestamp: iso(45), link: 'https://a.example/2', ipAddress: '192.0.2.1', userAgent: 'x' } },
        { eventType: 'Click', mail, click: { timestamp: iso(50), link: 'https://a.example/1', ipAddress: '192.0.2.1', userAgent: 'x' } },
        { notificationType: 'Bounce', mail, bounce: { bounceType: 'Transient', bounceSubType: 'General', timestamp: iso(7), bouncedRecipients: [{ emailAddress: two.candidate.email }] } },
      ]) {
        const given = await at.deliver(ses, snsDelivery(certificate, topic, event, { SignatureVersion: event.eventType === 'Open' ? '1' : '2' }));
        assert.equal(given.status, 200, given.body);
      }
      const expected = { ...UNTOUCHED, delivered_at: iso(2), opened_at: iso(30), open_count: 1, clicked_at: iso(40), click_count: 2, total_click_count: 3, bounced_at: iso(7) };
      const first = await show(one), second = await show(two);
      assert.deepEqual({ ...first, bounce_type: null, replied_at: null }, expected);
      assert.equal(first.replied_at, iso(100));
      assert.deepEqual(second, { ...expected, bounce_type: 'soft' });
      const { data: events } = await at.must('GET', `/emails/${two.id}/events`);
      assert.deepEqual(events.map((event) => event.event_type).sort(), ['bounce', 'click', 'click', 'click', 'delivered', 'open']);
      const { data: links } = await at.must('GET', `/emails/${two.id}/links`);
      assert.deepEqual(links.map((link) => [link.url, link.click_count]).sort(), [['https://a.example/1', 2], ['https://a.example/2', 1]]);
    });

    it('the same events three times, shuffled, split anew, from 8 clients at once: the figures of once', async () => {
      const emails = [];
      for (let i = 0; i < 20; i++) emails.push(await register());
      const events = emails.flatMap((email, i) => [
        sendgridEvent(email, 'delivered', 1),
        ...[5, 6, 7].map((after) => sendgridEvent(email, 'open', after + i)),
        ...[0, 1, 2].map((n) => sendgridEvent(email, 'click', 9, { url: `https://a.example/${n}`, url_offset: { index: n, type: 'html' } })),
        sendgridEvent(email, 'open', 3, { sg_machine_open: true }),
      ]);
      const pieces = [];
      for (let round = 0; round < 3; round++) {
        const shuffled = events.map((event) => [Math.random(), event]).sort((a, b) => a[0] - b[0]).map(([, event]) => event);
        while (shuffled.length > 0) pieces.push(shuffled.splice(0, 1 + Math.floor(Math.random() * 25)));
      }
      await Promise.all(Array.from({ length: 8 }, async () => {
        for (let piece; (piece = pieces.pop()); ) await deliver(...piece);
      }));
      for (const [i, email] of emails.entries()) {
        assert.deepEqual(await show(email), {
          ...UNTOUCHED, delivered_at: iso(1), opened_at: iso(5 + i), open_count: 3, machine_open_count: 1, clicked_at: iso(9), click_count: 3, total_click_count: 3,
        });
      }
      at.verify();
    });

    it('events that outrun their email are orphans first and count as if they had come after (EF-2)', async () => {
      const email = newEmail(), twin = newEmail();
      const events = (one) => [sendgridEvent(one, 'delivered', 1), sendgridEvent(one, 'open', 20), sendgridEvent(one, 'click', 21, { url: 'https://a.example/' })];
      await deliver(...events(email));
      await deliver(...events(email)); /* the provider repeats itself */
      const waiting = (await at.must('GET', '/orphan-events?limit=100')).data.filter((orphan) => orphan.message_ids.includes(email.message_id));
      assert.equal(waiting.length, 3);
      const registered = await at.register(email);
      assert.equal(registered.adopted, 3);
      const { id } = await at.register(twin);
      await deliver(...events(twin));
      assert.deepEqual(figures(await at.must('GET', `/emails/${registered.id}`)), figures(await at.must('GET', `/emails/${id}`)));
      assert.equal((await at.must('GET', '/orphan-events?limit=100')).data.filter((orphan) => orphan.message_ids.includes(email.message_id)).length, 0);
      at.verify();
    });

    it('a message id of another organization is an orphan and touches nothing', async () => {
      const foreign = at.setup('Other Recruiting', `other-${database}@other.example`);
      const email = newEmail();
      const { id } = await at.must('POST', '/emails', email, { key: foreign.api_key });
      await deliver(sendgridEvent(email, 'open', 30));
      assert.deepEqual(figures(await at.must('GET', `/emails/${id}`, undefined, { key: foreign.api_key })), UNTOUCHED);
      assert.equal((await at.api('GET', `/emails/${id}`)).status, 404);
      const orphans = await at.must('GET', '/orphan-events?limit=100');
      assert.ok(orphans.data.some((orphan) => orphan.message_ids.includes(email.message_id)));
    });

    it('an objection holds for emails already sent, and bounces are kept all the same (BR-558.1)', async () => {
      const email = await register();
      await deliver(sendgridEvent(email, 'open', 10));
      await at.must('PUT', `/candidates/${email.candidate.id}/tracking`, { level: 'none' });
      await deliver(sendgridEvent(email, 'open', 20), sendgridEvent(email, 'click', 21, { url: 'https://a.example/' }), sendgridEvent(email, 'bounce', 22, { type: 'bounce' }));
      assert.deepEqual(await show(email), { ...UNTOUCHED, opened_at: iso(10), open_count: 1, bounced_at: iso(22), bounce_type: 'hard' });
      at.verify();
    });

    describe('what is wrong gets the right status, one record, and changes nothing', () => {
      const big = Buffer.alloc(9 << 20, 0x20);
      const nested = (depth) => `[${'['.repeat(depth)}${']'.repeat(depth)}]`;
      const signed = (body) => sendgridDelivery(key, body);
      const altered = (change) => {
        const delivery = signed([sendgridEvent(newEmail(), 'open', 1)]);
        change(delivery);
        return delivery;
      };
      const signature = 'X-Twilio-Email-Event-Webhook-Signature';
      const event = (more) => JSON.stringify([{ email: 'a@b.example', timestamp: seconds(1), event: 'open', sg_message_id: 'bad-input', ...more }]);
      const cases = [
        ['no signature', () => altered((delivery) => delete delivery.headers[signature]), 401, 'security'],
        ['a truncated DER signature', () => altered((delivery) => (delivery.headers[signature] = delivery.headers[signature].slice(0, 40))), 401, 'security'],
        ['a signature that is no base64', () => altered((delivery) => (delivery.headers[signature] = '@@@@')), 401, 'security'],
        ['another key', () => sendgridDelivery(sendgridKey(), [sendgridEvent(newEmail(), 'open', 1)]), 401, 'security'],
        ['a changed body', () => altered((delivery) => (delivery.body = Buffer.concat([delivery.body, Buffer.from(' ')]))), 401, 'security'],
        ['a changed timestamp', () => altered((delivery) => (delivery.headers['X-Twilio-Email-Event-Webhook-Timestamp'] = '1')), 401, 'security'],
        ['9 MiB', () => signed(big), 413, 'failed'],
        ['no JSON', () => signed('{"truncated":'), 400, 'failed'],
        ['invalid UTF-8', () => signed(Buffer.concat([Buffer.from('[{"email":"'), Buffer.from([0xff, 0xfe]), Buffer.from('"}]')])), 400, 'failed'],
        ['a depth bomb', () => signed(nested(100000)), 400, 'failed'],
        ['an array of a million elements', () => signed(`[${'{},'.repeat(999999)}{}]`), 413, 'failed'],
        ['an object instead of an array', () => signed('{"event":"open"}'), 400, 'failed'],
        ['no timestamp', () => signed(event({ timestamp: undefined })), 400, 'failed'],
        ['a timestamp beyond all time', () => signed(event({ timestamp: 1e17 })), 400, 'failed'],
        ['no message id', () => signed(event({ sg_message_id: undefined })), 400, 'failed'],
      ];
      for (const [name, make, status, record] of cases) {
        it(name, async () => {
          const countFailed = async () => (await at.must('GET', '/failed-deliveries?limit=200')).data.filter((row) => row.kind === 'failed').length;
          const count = async (list) => (await at.must('GET', `/${list}?limit=200`)).data.reduce((sum, row) => sum + (row.count ?? 1), 0);
          const security = await count('security-events'), failed = await countFailed();
          const stored = await at.metric('inkling_events_stored_total'), orphaned = await at.metric('inkling_events_orphaned_total');
          const answer = await at.deliver(endpoint, make()).catch((error) => ({ status: error.code }));
          if (name === '9 MiB') assert.ok([413, 'EPIPE', 'ECONNRESET'].includes(answer.status), String(answer.status));
          else assert.equal(answer.status, status, answer.body);
          assert.equal(await at.metric('inkling_events_stored_total'), stored);
          assert.equal(await at.metric('inkling_events_orphaned_total'), orphaned);
          assert.equal((await count('security-events')) - security, record === 'security' ? 1 : 0);
          if (name === '9 MiB') await eventually(async () => (await countFailed()) === failed + 1, 'the record of the oversize body');
          else assert.equal((await countFailed()) - failed, record === 'failed' ? 1 : 0);
        });
      }

      it('numbers beyond 2^53 are kept exactly', async () => {
        const email = await register();
        const body = JSON.stringify([sendgridEvent(email, 'bounce', 5, { type: 'bounce', job_number: 0 })]).replace('"job_number":0', '"job_number":9007199254740993');
        assert.equal((await at.deliver(endpoint, signed(body))).status, 200);
        assert.equal((await show(email)).bounce_type, 'hard');
      });

      it('an unknown endpoint is 404', async () => {
        assert.equal((await at.fetch('/webhooks/email/nothing-here', { method: 'POST', ...signed('[]') })).status, 404);
      });

      it('an empty batch is 200', async () => {
        assert.equal((await at.deliver(endpoint, signed('[]\r\n'))).status, 200);
      });
    });

    it('a rejected delivery is replayed once the key is corrected', async () => {
      const email = await register();
      const newKey = sendgridKey();
      const refused = await at.deliver(endpoint, sendgridDelivery(newKey, [sendgridEvent(email, 'open', 33)]));
      assert.equal(refused.status, 401);
      await at.must('PATCH', `/endpoints/${endpoint.id}`, { secrets: [key.secret, newKey.secret] });
      const { status, stdout, stderr } = at.command('replay', '--rejected');
      assert.equal(status, 0, stdout + stderr);
      await eventually(async () => (await show(email)).opened_at === iso(33), 'the open of the rejected delivery');
      at.verify();
    });

    it('what was acknowledged is there after a restart, and SIGTERM ends the service with 0', async () => {
      const email = await register();
      await deliver(sendgridEvent(email, 'open', 44));
      assert.equal(await at.stop(), 0);
      await at.start();
      assert.equal((await show(email)).opened_at, iso(44));
      at.verify();
    });
  });
}

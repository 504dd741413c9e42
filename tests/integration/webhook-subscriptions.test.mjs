// Webhook subscriptions, with a real receiver: what is sent, signed and kept back; failures, repeats and their end; nothing
// lost when the service is killed.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import { after, before, beforeEach, describe, test } from 'node:test';
import { Installation, Postgres, eventually, genericDelivery, inkling, standardWebhooksSecret } from './support.mjs';
import { Receiver, signatureFits } from './webhook-receiver.mjs';

const ALLOW = ['--outgoing-webhooks-allow-private'];
const EVERY = ['email.opened', 'email.clicked', 'email.replied', 'email.bounced', 'email.unsubscribed', 'email.complained'];
const HUMAN = 'Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0';

function suite(kind) {
  let postgres, service, secret, endpoint, receiver;

  before(async () => {
    postgres = kind === 'PostgreSQL' ? new Postgres() : undefined;
    service = await new Installation({ postgres, flags: ALLOW }).start();
    secret = standardWebhooksSecret();
    endpoint = await service.must('POST', '/endpoints', { provider: 'generic', name: 'main', secrets: [secret] });
  });
  after(async () => {
    await receiver?.stop();
    await service?.remove();
    postgres?.remove();
  });
  // Each test has a receiver and subscriptions of its own.
  beforeEach(async () => {
    if (service.environment.INKLING_CLOCK_OFFSET_MS || service.flags !== ALLOW || !service.process) {
      service.flags = ALLOW; // a test before this one failed half-way
      await restart();
    }
    for (const { id } of (await service.must('GET', '/webhook-subscriptions')).data) await service.must('DELETE', `/webhook-subscriptions/${id}`);
    await receiver?.stop();
    receiver = await new Receiver().start();
  });

  async function subscribe(events = EVERY, more = {}) {
    const made = await service.must('POST', '/webhook-subscriptions', { url: receiver.url, events, ...more });
    receiver.secrets.push(made.secret);
    return made;
  }
  const show = (id) => service.must('GET', `/webhook-subscriptions/${id}`);
  const deliveries = async (id, query = '') => (await service.must('GET', `/webhook-subscriptions/${id}/deliveries${query}`)).data;
  const arrived = (count, what = 'the webhook') => eventually(() => receiver.requests.length >= count && receiver.requests, what);

  let emails = 0;
  async function send(more = {}) {
    const message_id = `hook-${++emails}`;
    const email = {
      message_id, subject: 'Interview "Invitation" – Zürich', sent_at: new Date(Date.now() - 3600_000).toISOString(), sender: { email: 'ada@acme.example' },
      candidate: { id: `c-${message_id}`, name: 'John Smith', email: `${message_id}@mail.example` }, job: { id: 'job-1', title: 'Engineer' }, ...more,
    };
    return { ...email, ...(await service.register(email)) };
  }
  let second = 0;
  async function happen(email, event_type, more = {}) {
    const timestamp = new Date(Date.now() - 1800_000 + 1000 * ++second).toISOString();
    const body = { event_type, message_id: email.message_id, timestamp, recipient: email.candidate.email, user_agent: HUMAN, ...more };
    const answer = await service.deliver(endpoint, genericDelivery(secret, body));
    assert.equal(answer.status, 200, answer.body);
    return body;
  }
  async function restart(offsetMs = 0, signal = 'SIGTERM') {
    await service.stop(signal);
    service.environment = offsetMs ? { INKLING_CLOCK_OFFSET_MS: String(offsetMs) } : {};
    await service.start();
  }

  test('a click is told, signed, with what the API shows of it', async () => {
    const made = await subscribe();
    assert.match(made.secret, /^whsec_[A-Za-z0-9+/]{43}=$/);
    assert.equal((await show(made.id)).secret, undefined, 'shown once');
    const email = await send();
    const happened = await happen(email, 'click', { url: 'https://example.org/job?a=1&b=2', link_position: 2 });
    const [taken] = await arrived(1);
    assert.deepEqual([taken.method, taken.path, taken.headers['content-type'], taken.type], ['POST', '/hook', 'application/json', 'email.clicked']);
    assert.match(taken.id, /^msg_[0-9a-z]{26}$/);
    assert.ok(Math.abs(Number(taken.headers['webhook-timestamp']) - Date.now() / 1000) < 10);
    assert.deepEqual(taken.fits, [true]);
    assert.ok(!signatureFits(taken.headers, `${taken.text} `, made.secret), 'the body is signed');
    assert.equal(Date.parse(taken.timestamp), Date.parse(happened.timestamp));
    const [event] = (await service.must('GET', `/emails/${email.id}/events`)).data;
    assert.deepEqual(taken.data, {
      engagement_event_id: event.engagement_event_id, event_type: 'click', email: { id: email.id, message_id: email.message_id, subject: email.subject },
      candidate: { id: email.candidate.id, name: 'John Smith' }, sender: { id: null, email: 'ada@acme.example' }, job: { id: 'job-1', title: 'Engineer' },
      url: event.url, link_position: event.link_position,
    });
    assert.ok(!taken.text.includes(email.candidate.email), 'no address');
    const [kept] = await eventually(async () => {
      const list = await deliveries(made.id);
      return list[0]?.state === 'delivered' && list;
    }, 'the record of it');
    assert.deepEqual([kept.message_id, kept.type, kept.attempts, kept.last_status, kept.next_attempt_at, kept.last_error], [taken.id, 'email.clicked', 1, 200, null, null]);
    assert.equal((await show(made.id)).waiting, 0);
    assert.ok((await service.metric('inkling_outgoing_webhooks_delivered_total')) >= 1);
  });

  test('each subscription gets what it asked for, and machines are told to nobody', async () => {
    const opens = await subscribe(['email.opened'], { url: `${receiver.url}/opens` });
    await subscribe(['email.bounced', 'email.complained', 'email.replied', 'email.unsubscribed', 'email.delivered'], { url: `${receiver.url}/rest` });
    const email = await send();
    await happen(email, 'open', { machine: true });
    await happen(email, 'open');
    for (const type of ['delivered', 'click', 'reply', 'spam', 'unsubscribe']) await happen(email, type, type === 'click' ? { url: 'https://x.example/' } : {});
    await happen(await send(), 'bounce', { bounce_type: 'hard' });
    const seen = (path) => receiver.requests.filter((request) => request.path === path).map(({ type }) => type).sort();
    await eventually(() => seen('/hook/rest').length === 5, 'the rest');
    assert.deepEqual(seen('/hook/opens'), ['email.opened']);
    assert.deepEqual(seen('/hook/rest'), ['email.bounced', 'email.complained', 'email.delivered', 'email.replied', 'email.unsubscribed']);
    assert.equal(receiver.of('email.bounced')[0].data.bounce_type, 'hard');
    assert.equal((await deliveries(opens.id)).length, 1);
  });

  test('a level that becomes another one is told', async () => {
    await subscribe(['candidate.level_changed']);
    const email = await send();
    const levels = () => receiver.requests.filter(({ data }) => data.candidate.id === email.candidate.id).map(({ data }) => [data.former_level, data.engagement_level, data.engagement_score]);
    await eventually(() => levels().length === 1, 'the first level');
    assert.deepEqual(levels(), [['unknown', 'cold', 0]]);
    await happen(email, 'open');
    await happen(email, 'click', { url: 'https://x.example/' });
    await eventually(() => levels().at(-1)[1] === 'hot', 'the level after an open and a click');
    assert.equal(levels().at(-1)[2], 100);
    assert.equal((await service.must('GET', `/candidates/${email.candidate.id}`)).engagement_level, 'hot');
  });

  test('what a person does not allow any more is not sent, and subscribers hear that it is to be forgotten', async () => {
    const made = await subscribe([...EVERY, 'candidate.tracking_withdrawn'], { state: 'paused' });
    const email = await send();
    await happen(email, 'open');
    await happen(email, 'reply');
    await eventually(async () => (await show(made.id)).waiting === 2, 'two deliveries that wait');
    await service.must('PUT', `/candidates/${email.candidate.id}/tracking`, { level: 'none' });
    await eventually(async () => (await show(made.id)).waiting === 3, 'the withdrawal');
    assert.equal(receiver.requests.length, 0, 'paused');
    assert.equal((await service.must('PATCH', `/webhook-subscriptions/${made.id}`, { state: 'active' })).state, 'active');
    await eventually(async () => (await show(made.id)).waiting === 0, 'all to be dealt with');
    assert.deepEqual(receiver.requests.map(({ type }) => type).sort(), ['candidate.tracking_withdrawn', 'email.replied']);
    assert.deepEqual(receiver.of('candidate.tracking_withdrawn')[0].data, { candidate: { id: email.candidate.id, name: 'John Smith' }, event_types: ['open', 'click'] });
    const [withheld] = await deliveries(made.id, '?state=withheld');
    assert.deepEqual([withheld.type, withheld.attempts], ['email.opened', 0]);
    assert.equal((await service.must('GET', `/webhook-subscriptions/${made.id}/deliveries/${withheld.id}`)).payload, null);
  });

  test('killed at any moment, every event arrives, and repeats have the same id', async () => {
    const made = await subscribe(['email.opened', 'email.clicked']);
    let number = 0;
    receiver.answer = () => (++number % 3 === 0 ? 'hang' : { status: number % 5 === 0 ? 500 : 200, after: 5 });
    const all = [];
    for (let i = 0; i < 40; i++) all.push(await send());
    const acknowledged = [];
    for (let round = 0; round < 4; round++) {
      for (const email of all.slice(round * 10, round * 10 + 10)) {
        await happen(email, 'open');
        acknowledged.push(email.id);
      }
      await eventually(() => receiver.requests.length > round * 3, 'some of them');
      await service.stop('SIGKILL');
      for (const socket of receiver.sockets) socket.destroy();
      if (round === 3) receiver.answer = () => 200;
      await service.start();
    }
    // On PostgreSQL what the killed process had claimed is anybody's after a minute; the repeats after 5 s and 5 min: the clock is moved.
    await eventually(async () => (await service.must('GET', '/webhook-subscriptions')).data[0].waiting < 40, 'most of them', 60);
    await restart(400_000);
    await eventually(async () => (await show(made.id)).waiting === 0, 'all of them', 60);
    const told = new Map();
    for (const [id, requests] of receiver.byId()) {
      assert.equal(new Set(requests.map(({ text }) => text)).size, 1, 'a repeat says the same');
      assert.ok(requests.every(({ fits }) => fits[0]));
      const email = requests[0].data.email.id;
      assert.ok(!told.has(email), `one id for the open of email ${email}, not ${told.get(email)} and ${id}`);
      told.set(email, id);
    }
    assert.deepEqual([...told.keys()].sort((a, b) => a - b), acknowledged.sort((a, b) => a - b));
    service.verify();
    await restart();
  });

  test('a failure is repeated after five seconds under the same id, and what was answered is kept', async () => {
    const made = await subscribe();
    let down = true;
    receiver.answer = () => (down ? { status: 503, body: `maintenance \u0000 ${'x'.repeat(3000)}` } : 200);
    await happen(await send(), 'open');
    await arrived(1);
    const failed = await eventually(async () => (await deliveries(made.id))[0]?.attempts === 1 && (await deliveries(made.id))[0], 'the record of the failure');
    assert.deepEqual([failed.state, failed.last_status], ['waiting', 503]);
    assert.match(failed.last_answer, /^maintenance \? x+$/);
    assert.ok(failed.last_answer.length <= 1024 && failed.last_answer.length > 900);
    const wait = Date.parse(failed.next_attempt_at) - Date.parse(failed.last_attempt_at);
    assert.ok(wait >= 4500 && wait <= 5500, `waits ${wait} ms`);
    assert.ok((await show(made.id)).failing_since);
    down = false;
    await arrived(2, 'the repeat');
    const [first, again] = receiver.requests;
    assert.equal(again.id, first.id);
    assert.equal(again.text, first.text);
    assert.ok(Number(again.headers['webhook-timestamp']) >= Number(first.headers['webhook-timestamp']) + 4);
    assert.deepEqual([first.fits, again.fits], [[true], [true]]);
    await eventually(async () => (await deliveries(made.id))[0].state === 'delivered', 'the success');
    assert.equal((await show(made.id)).failing_since, null);
    assert.equal((await deliveries(made.id))[0].attempts, 2);
  });

  test('after eight attempts within 28 hours it is given up, and can be sent again by hand', async () => {
    const made = await subscribe();
    receiver.answer = () => 500;
    await happen(await send(), 'open');
    const waits = [5, 300, 1800, 7200, 18_000, 36_000, 36_000];
    let passed = 0;
    const attempted = (attempts) => eventually(async () => {
      const [delivery] = await deliveries(made.id);
      return delivery?.attempts === attempts && delivery;
    }, `attempt ${attempts}`);
    for (const [index, wait] of waits.entries()) {
      const delivery = await attempted(index + 1);
      const seconds = (Date.parse(delivery.next_attempt_at) - Date.parse(delivery.last_attempt_at)) / 1000;
      assert.ok(seconds >= wait * 0.89 && seconds <= wait * 1.11, `wait ${index} is ${seconds} s`);
      passed += wait * 1.12 * 1000;
      await restart(Math.round(passed));
    }
    const dead = await attempted(8);
    assert.deepEqual([dead.state, dead.next_attempt_at], ['given_up', null]);
    assert.equal(new Set(receiver.requests.map(({ id }) => id)).size, 1);
    assert.equal((await show(made.id)).state, 'active', 'the subscription goes on');
    receiver.answer = () => 200;
    const again = await service.api('POST', `/webhook-subscriptions/${made.id}/deliveries/${dead.id}/redeliver`, {});
    assert.deepEqual([again.status, again.json.state], [202, 'waiting']);
    assert.equal((await attempted(9)).state, 'delivered');
    assert.equal(receiver.requests.at(-1).id, dead.message_id);
    await restart();
  });

  test('410 disables at once, with a security event; made active it goes on with what waits', async () => {
    const made = await subscribe(EVERY, { description: 'Applicant tracking' });
    receiver.answer = () => 410;
    await happen(await send(), 'open');
    await eventually(async () => (await show(made.id)).state === 'disabled', 'the end of the subscription');
    const gone = await show(made.id);
    assert.match(gone.state_reason, /410/);
    const { data } = await service.must('GET', '/security-events?kind=webhook_subscription_disabled');
    assert.match(data[0].detail, new RegExp(`subscription ${made.id}: .*410`));
    await eventually(() => /a webhook subscription was disabled.*subscription=\d+/.test(service.logs), 'the line in the log');
    assert.ok(!service.logs.includes(receiver.url), 'no address in the log');
    await happen(await send(), 'open');
    const [{ id }] = await deliveries(made.id);
    assert.equal((await service.api('POST', `/webhook-subscriptions/${made.id}/deliveries/${id}/redeliver`, {})).status, 409);
    assert.equal((await service.api('POST', `/webhook-subscriptions/${made.id}/test`, {})).status, 409);
    receiver.answer = () => 200;
    const { state, state_reason, failing_since } = await service.must('PATCH', `/webhook-subscriptions/${made.id}`, { state: 'active' });
    assert.deepEqual([state, state_reason, failing_since], ['active', null, null]);
    await arrived(2, 'what waited');
    assert.equal(receiver.requests.length, 2, 'what happened while it was disabled is not told');
  });

  test('five days without a success disable it', async () => {
    const made = await subscribe();
    receiver.answer = () => 404;
    await happen(await send(), 'open');
    await eventually(async () => (await show(made.id)).failing_since, 'the failure');
    await restart(5 * 86400_000 + 60_000);
    await eventually(async () => (await show(made.id)).state === 'disabled', 'the end of the subscription');
    assert.match((await show(made.id)).state_reason, /five days/);
    await restart();
  });

  test('redirects are not followed, and who does not answer is given fifteen seconds', async () => {
    const elsewhere = await new Receiver().start();
    const made = await subscribe();
    receiver.answer = () => ({ status: 307, headers: { Location: elsewhere.url } });
    await happen(await send(), 'open');
    const [redirected] = await eventually(async () => {
      const list = await deliveries(made.id);
      return list[0]?.attempts === 1 && list;
    }, 'the redirect');
    assert.equal(redirected.last_status, 307);
    assert.match(redirected.last_error, /redirect/);
    assert.equal(elsewhere.requests.length, 0);
    await elsewhere.stop();
    receiver.answer = () => 'hang';
    const started = Date.now();
    await eventually(async () => (await deliveries(made.id))[0].attempts === 2, 'the time-out', 40);
    assert.ok(Date.now() - started >= 15_000);
    const [late] = await deliveries(made.id);
    assert.deepEqual([late.last_status, late.last_answer], [null, null]);
    assert.match(late.last_error, /[Tt]imeout/);
  });

  test('a slow receiver gets four at a time and holds nobody else up', async () => {
    const fast = await new Receiver().start();
    await subscribe(['email.opened']);
    await service.must('POST', '/webhook-subscriptions', { url: fast.url, events: ['email.opened'] });
    receiver.answer = () => ({ status: 200, after: 700 });
    const all = [];
    for (let i = 0; i < 12; i++) all.push(await send());
    for (const email of all) await happen(email, 'open');
    await eventually(() => fast.byId().size === 12, 'all at the fast one');
    assert.ok(receiver.requests.length < 12, 'while the slow one still works');
    await eventually(() => receiver.byId().size === 12, 'all at the slow one');
    assert.equal(receiver.openMax, 4);
    assert.deepEqual(fast.requests.map(({ data }) => data.email.id).sort((a, b) => a - b), all.map(({ id }) => id));
    assert.deepEqual(receiver.requests.slice(0, 4).map(({ data }) => data.email.id).sort((a, b) => a - b), all.slice(0, 4).map(({ id }) => id), 'the oldest first');
    await fast.stop();
  });

  test('a new secret: for a while both sign', async () => {
    const made = await subscribe();
    const rotated = await service.must('POST', `/webhook-subscriptions/${made.id}/secret`, { overlap_hours: 1 });
    assert.notEqual(rotated.secret, made.secret);
    assert.ok(Math.abs(Date.parse(rotated.former_secret_until) - Date.now() - 3600_000) < 10_000);
    receiver.secrets.push(rotated.secret);
    await service.must('POST', `/webhook-subscriptions/${made.id}/test`, {});
    const [both] = await arrived(1);
    assert.deepEqual([both.type, both.data, both.fits], ['webhook.test', { subscription_id: made.id }, [true, true]]);
    assert.equal(both.headers['webhook-signature'].split(' ').length, 2);
    await restart(3601_000);
    await service.must('POST', `/webhook-subscriptions/${made.id}/test`, {});
    await arrived(2);
    assert.deepEqual(receiver.requests[1].fits, [false, true]);
    assert.equal((await show(made.id)).former_secret_until, null);
    const sudden = await service.must('POST', `/webhook-subscriptions/${made.id}/secret`, { overlap_hours: 0 });
    receiver.secrets.push(sudden.secret);
    await service.must('POST', `/webhook-subscriptions/${made.id}/test`, {});
    await arrived(3);
    assert.deepEqual(receiver.requests[2].fits, [false, false, true]);
    await restart();
  });

  test('addresses of the own network are refused, when entered and when connected to', async () => {
    const made = await subscribe();
    await service.stop();
    service.flags = [];
    await service.start();
    for (const url of ['http://127.0.0.1:1/', 'https://127.0.0.1/', 'https://10.1.2.3/x', 'https://[::1]/', 'https://[fd00::1]/', 'https://169.254.169.254/latest', 'http://example.org/', 'ftp://example.org/', 'https://user@example.org/', 'https://example.org/#x', 'https://exämple.org/', 'example.org', 'file:///etc/passwd', '']) {
      const answer = await service.api('POST', '/webhook-subscriptions', { url, events: ['email.opened'] });
      assert.equal(answer.status, 400, `${url}: ${answer.body}`);
    }
    const named = await service.must('POST', '/webhook-subscriptions', { url: `https://localhost:${receiver.port}/`, events: ['email.opened'] });
    await service.must('POST', `/webhook-subscriptions/${named.id}/test`, {});
    await service.must('POST', `/webhook-subscriptions/${made.id}/test`, {});
    for (const id of [named.id, made.id]) {
      const [refused] = await eventually(async () => {
        const list = await deliveries(id);
        return list[0]?.attempts === 1 && list;
      }, 'the refusal');
      assert.match(refused.last_error, id === named.id ? /internal network/ : /only https/);
      assert.equal(refused.last_status, null);
    }
    assert.equal(receiver.requests.length, 0);
    await service.stop();
    service.flags = ALLOW;
    await service.start();
  });

  test('a full backlog drops what comes, and says so', async () => {
    await service.stop();
    service.flags = [...ALLOW, '--outgoing-webhooks-backlog-max', '3'];
    await service.start();
    const made = await subscribe(['email.opened'], { state: 'paused' });
    for (let i = 0; i < 5; i++) await happen(await send(), 'open');
    const full = await eventually(async () => {
      const subscription = await show(made.id);
      return subscription.waiting + subscription.dropped === 5 && subscription;
    }, 'five events');
    assert.deepEqual([full.waiting, full.dropped], [3, 2]);
    assert.ok(full.dropped_at);
    assert.equal(await service.metric('inkling_outgoing_webhooks_dropped_total'), 2);
    await service.must('PATCH', `/webhook-subscriptions/${made.id}`, { state: 'active' });
    await arrived(3);
    await service.stop();
    service.flags = ALLOW;
    await service.start();
  });

  test('the list of deliveries in pages, and by state', async () => {
    const made = await subscribe();
    for (let i = 0; i < 5; i++) await service.must('POST', `/webhook-subscriptions/${made.id}/test`, {});
    await eventually(async () => (await deliveries(made.id, '?state=delivered')).length === 5, 'all of them');
    const first = await service.must('GET', `/webhook-subscriptions/${made.id}/deliveries?limit=3`);
    const second = await service.must('GET', `/webhook-subscriptions/${made.id}/deliveries?limit=3&cursor=${encodeURIComponent(first.next_cursor)}`);
    const ids = [...first.data, ...second.data].map(({ id }) => id);
    assert.equal(second.next_cursor, null);
    assert.deepEqual(ids, [...ids].sort((a, b) => b - a));
    assert.equal(new Set(ids).size, 5);
    assert.deepEqual(await deliveries(made.id, '?state=waiting'), []);
    const one = await service.must('GET', `/webhook-subscriptions/${made.id}/deliveries/${ids[0]}`);
    assert.equal(one.payload.type, 'webhook.test');
  });

  test('bad input changes nothing', async () => {
    const made = await subscribe();
    const before = await show(made.id);
    const url = receiver.url;
    for (const body of [{}, { url }, { url, events: [] }, { url, events: ['email.seen'] }, { url, events: ['webhook.test'] }, { url, events: 'email.opened' }, { url, events: [1] }, { events: ['email.opened'] }, { url: 1, events: ['email.opened'] }, { url, events: ['email.opened'], more: 1 }, { url, events: ['email.opened'], state: 'disabled' }, { url, events: ['email.opened'], description: 'x'.repeat(201) }, { url: `${url}/${'x'.repeat(2000)}`, events: ['email.opened'] }])
      assert.equal((await service.api('POST', '/webhook-subscriptions', body)).status, 400, JSON.stringify(body).slice(0, 90));
    for (const body of [{ events: [] }, { url: '' }, { state: 'gone' }, { secret: 'mine' }]) assert.equal((await service.api('PATCH', `/webhook-subscriptions/${made.id}`, body)).status, 400, JSON.stringify(body));
    for (const body of [{ overlap_hours: -1 }, { overlap_hours: 169 }, { more: 1 }]) assert.equal((await service.api('POST', `/webhook-subscriptions/${made.id}/secret`, body)).status, 400, JSON.stringify(body));
    assert.deepEqual(await show(made.id), before);
    assert.equal((await service.api('GET', `/webhook-subscriptions/${made.id}/deliveries?state=odd`)).status, 400);
    for (const [method, target] of [['GET', '/999999'], ['PATCH', '/999999'], ['DELETE', '/999999'], ['POST', '/999999/secret'], ['POST', '/999999/test'], ['GET', '/999999/deliveries'], ['POST', `/${made.id}/deliveries/999999/redeliver`], ['GET', `/${made.id}/deliveries/999999`]])
      assert.equal((await service.api(method, `/webhook-subscriptions${target}`, method === 'GET' || method === 'DELETE' ? undefined : {})).status, 404, `${method} ${target}`);
    for (let i = 0; i < 49; i++) await subscribe();
    assert.equal((await service.api('POST', '/webhook-subscriptions', { url, events: ['email.opened'] })).status, 413);
    const body = { url, events: ['email.opened'] };
    await service.must('DELETE', `/webhook-subscriptions/${made.id}`);
    assert.equal((await service.api('GET', `/webhook-subscriptions/${made.id}`)).status, 404);
    const headers = { 'Idempotency-Key': `once-${kind}` };
    const once = await service.must('POST', '/webhook-subscriptions', body, { headers });
    assert.deepEqual(await service.must('POST', '/webhook-subscriptions', body, { headers }), once, 'the same, with the secret');
  });

  test('secrets are not in the database', async () => {
    const made = await subscribe();
    let bytes;
    if (service.isSqlite) {
      const copy = `${service.directory}/copy.db`;
      const { status, stderr } = inkling(['backup', copy, ...service.databaseFlags()]);
      assert.equal(status, 0, stderr);
      bytes = fs.readFileSync(copy);
    } else {
      const result = spawnSync('psql', [service.database, '-Atc', "SELECT url, encode(secret, 'escape'), encode(secret, 'base64') FROM webhook_subscriptions"]);
      bytes = result.stdout;
    }
    assert.ok(bytes.includes(receiver.url), 'what is looked for would be found');
    assert.ok(!bytes.includes(made.secret) && !bytes.includes(made.secret.slice(6, 46)) && !bytes.includes(Buffer.from(made.secret.slice(6), 'base64')));
  });

  if (kind === 'PostgreSQL')
    test('two nodes send nothing twice', async () => {
      const made = await subscribe(['email.opened']);
      // Nobody is answered before both nodes send: one alone has four under way.
      receiver.answer = async () => {
        await eventually(() => receiver.openMax > 4, 'the other node', 12);
        return { status: 200, after: 30 };
      };
      const other = new Installation({ flags: ALLOW, empty: true });
      const own = other.directory;
      Object.assign(other, { database: service.database, directory: service.directory, apiKey: service.apiKey, isSqlite: false, flags: [...ALLOW, '--journal-directory', `${own}/hits`] });
      await other.start();
      try {
        const all = [];
        for (let i = 0; i < 60; i++) all.push(await send());
        await Promise.all(all.map((email) => happen(email, 'open')));
        // Nothing waits before the outbox is emptied, too: what arrived comes first.
        await eventually(() => receiver.byId().size === 60, 'all of them');
        await eventually(async () => (await show(made.id)).waiting === 0, 'what became of them, stored');
        assert.equal(receiver.requests.length, 60);
        assert.ok(receiver.openMax <= 8, 'four of each node');
      } finally {
        await other.stop();
      }
    });
}

for (const kind of ['SQLite', 'PostgreSQL']) describe(`webhook subscriptions on ${kind}`, () => suite(kind));

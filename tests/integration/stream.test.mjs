// The live channel (UC-558 AF-3): a webhook becomes a notification and an event on the streams of those who may see it,
// and of nobody else; cuts, merging, preferences, withdrawal; on both databases.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import http from 'node:http';
import { after, before, describe, test } from 'node:test';
import { Browser, Installation, Postgres, eventually, genericDelivery, standardWebhooksSecret } from './support.mjs';
import { Receiver } from './webhook-receiver.mjs';

const PASSWORD = 'correct horse battery staple';

// A Server-Sent Events client: `frames` as they come, {id, event, data}.
class Stream {
  constructor(service, { headers = {}, target = '/api/v1/stream' } = {}) {
    this.frames = [];
    this.ended = false;
    this.text = '';
    this.answered = new Promise((resolve, reject) => {
      this.request = http.get(`${service.url}${target}`, { headers, agent: false }, (answer) => {
        this.status = answer.statusCode;
        this.headers = answer.headers;
        answer.setEncoding('utf8').on('data', (part) => this.#take(part));
        answer.on('error', () => {});
        answer.on('close', () => (this.ended = true));
        resolve(this);
      });
      this.request.on('error', (error) => (this.status ? resolve(this) : reject(error)));
    });
  }

  #take(part) {
    this.text += part;
    for (let end; (end = this.text.indexOf('\n\n')) >= 0; this.text = this.text.slice(end + 2)) {
      const frame = {};
      for (const line of this.text.slice(0, end).split('\n')) {
        const [, name, value] = /^([a-z]*): ?(.*)$/.exec(line);
        if (name) frame[name] = name === 'data' ? JSON.parse(value) : value;
      }
      if (frame.id) this.lastId = frame.id;
      if (frame.event) this.frames.push(frame);
    }
  }

  of(event) {
    return this.frames.filter((frame) => frame.event === event).map((frame) => frame.data);
  }

  ready() {
    return eventually(() => this.of('ready').length > 0, 'a stream that is ready');
  }

  cut() {
    this.request.destroy();
  }
}

function suite(kind) {
  let postgres, service, secret, endpoint, ada, ben, manager;
  const streams = [];
  const sql = (text) => {
    const done = service.isSqlite ? spawnSync('sqlite3', ['-bail', '-cmd', '.timeout 10000', service.database.replace('sqlite:', ''), text]) : spawnSync('psql', [service.database, '-qc', text]);
    assert.equal(done.status, 0, String(done.stderr));
  };

  before(async () => {
    postgres = kind === 'PostgreSQL' ? new Postgres() : undefined;
    service = await new Installation({ postgres, flags: ['--outgoing-webhooks-allow-private'] }).start();
    secret = standardWebhooksSecret();
    endpoint = await service.must('POST', '/endpoints', { provider: 'generic', name: 'main', secrets: [secret] });
    ada = await person('ada@acme.example', 'recruiter');
    ben = await person('ben@acme.example', 'recruiter');
    manager = await person('maria@acme.example', 'hiring_manager');
    await service.must('PUT', `/users/${manager.id}/jobs`, { jobs: ['job-hers'] });
  });
  after(async () => {
    for (const stream of streams) stream.cut();
    await service?.remove();
    postgres?.remove();
  });

  async function person(email, role) {
    const { id } = await service.must('POST', '/users', { email, role, password: PASSWORD });
    const browser = new Browser(service);
    await browser.signIn(email, PASSWORD);
    return { id, email, browser };
  }

  async function open(who, { lastId, target, headers = {} } = {}) {
    const own = who ? { Cookie: who.browser.cookie() } : { Authorization: `Bearer ${service.apiKey}` };
    const stream = new Stream(service, { target, headers: { ...own, ...(lastId ? { 'Last-Event-ID': lastId } : {}), ...headers } });
    streams.push(stream);
    await stream.answered;
    if (!lastId && stream.status === 200) await stream.ready();
    return stream;
  }

  let emails = 0;
  async function send(sender, more = {}) {
    const message_id = `live-${++emails}`;
    const email = {
      message_id, subject: 'Interview Invitation', sent_at: new Date(Date.now() - 3600_000).toISOString(), sender: { email: sender.email },
      candidate: { id: `c-${message_id}`, name: 'John Smith', email: `${message_id}@mail.example` }, job: { id: 'job-1', title: 'Engineer' }, ...more,
    };
    return { ...email, ...(await service.register(email)) };
  }

  let second = 0;
  async function happen(email, event_type, more = {}) {
    const timestamp = new Date(Date.now() - 1800_000 + 1000 * ++second).toISOString();
    const body = { event_type, message_id: email.message_id, timestamp, recipient: email.candidate.email, ...more };
    const answer = await service.deliver(endpoint, genericDelivery(secret, body));
    assert.equal(answer.status, 200, answer.body);
    return body;
  }

  test('an open reaches its sender within two seconds, with what the toast shows', async () => {
    const stream = await open(ada);
    assert.equal(stream.headers['content-type'], 'text/event-stream; charset=utf-8');
    assert.equal(stream.headers['x-accel-buffering'], 'no');
    const email = await send(ada);
    const started = Date.now();
    await happen(email, 'open');
    const [told] = await eventually(() => stream.of('notification').length > 0 && stream.of('notification'), 'the notification', 2);
    assert.ok(Date.now() - started < 2000);
    assert.match(told.candidate.ref, /^~\d+$/);
    assert.deepEqual(
      [told.event_type, told.sender_id, told.count, told.candidate, told.email, told.job, told.toast],
      ['open', ada.id, 1, { id: email.candidate.id, ref: told.candidate.ref, name: 'John Smith' }, { id: email.id, subject: 'Interview Invitation' }, { id: 'job-1', title: 'Engineer' }, true],
    );
    const [event] = await eventually(() => stream.of('engagement').length > 0 && stream.of('engagement'), 'the event');
    assert.deepEqual([event.event_type, event.sender_id, event.candidate.id], ['open', ada.id, email.candidate.id]);
    const list = await ada.browser.must('GET', '/notifications');
    assert.equal(list.unread, 1);
    assert.deepEqual(list.data[0], told, 'the list shows the same');
    stream.cut();
  });

  test('others hear of the event as far as they may see it, and get no notification', async () => {
    const theirs = [await open(ben), await open(manager), await open(null)];
    const [bens, managers, programs] = theirs;
    const [hers, other] = [await send(ada, { job: { id: 'job-hers', title: 'Hers' } }), await send(ada)];
    await happen(other, 'open');
    await happen(hers, 'open');
    const of = (stream) => stream.of('engagement').map((event) => event.candidate.id);
    for (const stream of [bens, programs])
      await eventually(() => of(stream).length === 2, 'both events');
    await eventually(() => of(managers).includes(hers.candidate.id), 'the event of her job');
    assert.deepEqual(of(managers), [hers.candidate.id]);
    assert.deepEqual([bens.of('notification'), programs.of('notification')], [[], []]);
    assert.deepEqual(managers.of('notification').map((told) => told.candidate.id), [hers.candidate.id], 'her standard: her jobs');
    assert.deepEqual((await ben.browser.must('GET', '/notifications')).data, []);
    for (const stream of theirs) stream.cut();
  });

  test('events of one candidate and type are merged while unread; machines and repetition say nothing', async () => {
    const stream = await open(ada);
    const email = await send(ada);
    const first = await happen(email, 'open');
    await eventually(() => stream.of('notification').length === 1, 'the first');
    await happen(email, 'open');
    await eventually(() => stream.of('notification').at(-1).count === 2, 'the second, merged');
    await happen(email, 'open', { machine: true });
    await service.deliver(endpoint, genericDelivery(secret, first));
    await happen(email, 'reply');
    await eventually(() => stream.of('notification').at(-1).event_type === 'reply', 'the reply');
    const told = stream.of('notification');
    assert.deepEqual(told.map(({ event_type, count }) => [event_type, count]), [['open', 1], ['open', 2], ['reply', 1]]);
    assert.equal(told[0].id, told[1].id);
    await ada.browser.must('PATCH', `/notifications/${told[0].id}`, { read: true });
    await happen(email, 'open');
    await eventually(() => stream.of('notification').length === 4, 'one more');
    assert.notEqual(stream.of('notification')[3].id, told[0].id, 'what was read is not touched again');
    stream.cut();
  });

  test('a stream that was cut gets what it missed, once', async () => {
    const stream = await open(ada);
    const email = await send(ada);
    await happen(email, 'open');
    await eventually(() => stream.of('engagement').length === 1, 'the first');
    stream.cut();
    await happen(email, 'click', { url: 'https://a.example/1' });
    await eventually(async () => (await ada.browser.must('GET', '/notifications')).data[0].event_type === 'click', 'the click');
    const again = await open(ada, { lastId: stream.lastId });
    await eventually(() => again.of('engagement').length > 0 && again.of('notification').some((told) => told.event_type === 'click'), 'what was missed');
    assert.deepEqual(again.of('engagement').map((event) => event.event_type), ['click']);
    assert.equal(again.of('engagement')[0].url, 'https://a.example/1');
    assert.deepEqual(again.of('gap'), []);
    again.cut();

    const [run, number] = stream.lastId.split('-');
    const foreign = await open(ada, { lastId: `${run === '00000000' ? '1' : '00000000'}-${number}-${Date.now() - 60_000}` });
    await eventually(() => foreign.of('gap').length === 1, 'the gap that is announced');
    const told = await eventually(() => foreign.of('notification').length > 0 && foreign.of('notification'), 'notifications from the table');
    assert.ok(told.some((one) => one.event_type === 'click' && one.candidate.id === email.candidate.id));
    foreign.cut();
  });

  test('preferences decide: which events, whose, quiet hours', async () => {
    const standard = await ben.browser.must('GET', '/me/notification-preferences');
    assert.deepEqual(standard, {
      events: ['open', 'click', 'reply', 'bounce', 'unsubscribe', 'spam'], scope: 'mine', hot_only: false, quiet_hours: null, merge_seconds: 60, updated_at: null,
    });
    for (const wrong of [{ events: ['opened'] }, { events: 'open' }, { scope: 'all' }, { quiet_hours: { from: '24:00', to: '07:00' } }, { merge_seconds: -1 }, { hot_only: 1 }, { updated_at: 'soon' }, { sound: true }])
      assert.equal((await ben.browser.api('PUT', '/me/notification-preferences', wrong)).status, 400, JSON.stringify(wrong));
    const set = await ben.browser.must('PUT', '/me/notification-preferences', { events: ['first_open', 'reply'], scope: 'team', quiet_hours: { from: '00:00', to: '23:59' } });
    assert.deepEqual([set.events, set.scope, set.quiet_hours], [['first_open', 'reply'], 'team', { from: '00:00', to: '23:59' }]);
    const stream = await open(ben);
    const email = await send(ada);
    await eventually(async () => {
      await happen(email, 'reply');
      return stream.of('notification').length > 0;
    }, 'a reply after the preferences are in force');
    await happen(email, 'click', { url: 'https://a.example/1' });
    await happen(email, 'open');
    await happen(email, 'open');
    await eventually(() => stream.of('engagement').filter((event) => event.event_type === 'open').length === 2, 'both opens');
    await happen(await send(ada), 'reply');
    await eventually(() => stream.of('notification').at(-1).event_type === 'reply', 'the last reply');
    const opens = stream.of('notification').filter((told) => told.event_type === 'open');
    assert.deepEqual(opens.map((told) => told.count), [1], 'the first open alone');
    assert.ok(!stream.of('notification').some((told) => told.event_type === 'click'));
    assert.equal(new Date().getUTCHours() === 23 && new Date().getUTCMinutes() === 59 ? false : opens[0].toast, false, 'quiet');
    await ben.browser.must('PUT', '/me/notification-preferences', { events: [], quiet_hours: null });
    stream.cut();
  });

  test('hot only: told from the event on that makes the candidate hot; who sees no scores learns nothing by it', async () => {
    const preferences = '/me/notification-preferences';
    await ben.browser.must('PUT', preferences, { events: ['open', 'click', 'reply'], scope: 'team', quiet_hours: null, hot_only: true });
    const refused = await manager.browser.api('PUT', preferences, { hot_only: true });
    assert.equal(refused.status, 403, refused.body);
    const stream = await open(ben);
    const marker = await send(ada);
    await happen(marker, 'open'); // 30 for the day, 30 for opens: warm
    await eventually(() => stream.of('engagement').some((event) => event.candidate.id === marker.candidate.id), 'the event itself');
    await happen(marker, 'click', { url: 'https://a.example/hot' }); // 100: hot
    await eventually(() => stream.of('notification').some((told) => told.candidate.id === marker.candidate.id), 'the notification of the click');
    assert.deepEqual(stream.of('notification').filter((told) => told.candidate.id === marker.candidate.id).map((told) => told.event_type), ['click']);
    await service.must('PUT', '/settings', { score_enabled: false });
    const other = await send(ada);
    await happen(other, 'open');
    await eventually(() => stream.of('notification').some((told) => told.candidate.id === other.candidate.id), 'without scores the switch has no effect');
    await service.must('PUT', '/settings', { score_enabled: true });
    await ben.browser.must('PUT', preferences, { events: [], hot_only: false });
    stream.cut();
  });

  test('preferences that were changed meanwhile are not overwritten', async () => {
    const preferences = '/me/notification-preferences';
    const seen = await ben.browser.must('GET', preferences);
    const changed = await ben.browser.must('PUT', preferences, { ...seen, merge_seconds: 30 });
    assert.notEqual(changed.updated_at, seen.updated_at);
    const late = await ben.browser.api('PUT', preferences, { ...seen, merge_seconds: 90 });
    assert.equal(late.status, 409, late.body);
    assert.equal((await ben.browser.must('GET', preferences)).merge_seconds, 30);
    assert.equal((await ben.browser.must('PUT', preferences, { ...changed, merge_seconds: 60 })).merge_seconds, 60);
    assert.equal((await manager.browser.must('PUT', preferences, await manager.browser.must('GET', preferences))).scope, 'jobs', 'what was answered can be sent back');
  });

  test('what happened last can be asked for, in the shape of the stream, as far as one may see it', async () => {
    const stream = await open(ben);
    const [hers, other] = [await send(ben, { job: { id: 'job-hers', title: 'Hers' } }), await send(ben)];
    await happen(hers, 'open');
    await happen(other, 'click', { url: 'https://a.example/activity' });
    await happen(other, 'open', { machine: true });
    await happen(other, 'delivered');
    await happen(hers, 'reply');
    const mine = (events) => events.filter(({ candidate }) => [hers, other].some((email) => email.candidate.id === candidate.id));
    await eventually(() => mine(stream.of('engagement')).some(({ event_type }) => event_type === 'reply'), 'the last');
    const shown = mine(stream.of('engagement')).filter(({ event_type }) => event_type !== 'delivered').reverse();
    const { data } = await ben.browser.must('GET', '/activity?limit=200');
    assert.deepEqual(mine(data), shown, 'by time, without machines and deliveries');
    assert.deepEqual(shown.map(({ event_type }) => event_type), ['reply', 'click', 'open']);
    assert.equal((await ben.browser.must('GET', '/activity?limit=1')).data.length, 1);
    assert.deepEqual(mine((await manager.browser.must('GET', '/activity')).data).map(({ event_type }) => event_type), ['reply', 'open']);
    assert.equal((await manager.browser.api('GET', '/activity?limit=201')).status, 400);
    await service.must('PUT', `/candidates/${other.candidate.id}/tracking`, { level: 'none' });
    assert.deepEqual(mine((await ben.browser.must('GET', '/activity')).data).map(({ event_type }) => event_type), ['reply', 'open'], 'not of who objected');
    stream.cut();
  });

  test('an objection withdraws what was told of opens and clicks', async () => {
    const stream = await open(ada);
    const email = await send(ada);
    await happen(email, 'open');
    await happen(email, 'reply');
    await eventually(() => stream.of('notification').length === 2, 'both');
    const [opened, replied] = ['open', 'reply'].map((type) => stream.of('notification').find((told) => told.event_type === type));
    await service.must('PUT', `/candidates/${email.candidate.id}/tracking`, { level: 'none' });
    await eventually(() => stream.of('notification_withdrawn').length > 0, 'the withdrawal');
    assert.deepEqual(stream.of('notification_withdrawn'), [{ id: opened.id }]);
    const { data } = await ada.browser.must('GET', '/notifications');
    assert.ok(data.some(({ id }) => id === replied.id) && !data.some(({ id }) => id === opened.id));
    await happen(email, 'open');
    await happen(email, 'spam');
    await eventually(() => stream.of('engagement').some((event) => event.event_type === 'spam'), 'the complaint');
    assert.equal(stream.of('engagement').filter((event) => event.event_type === 'open').length, 1);
    stream.cut();
  });

  test('what is taken back is taken back everywhere: stream, list, and each webhook subscription that was told of it', async () => {
    const receiver = await new Receiver().start();
    const subscribe = async (path, events) => (await service.must('POST', '/webhook-subscriptions', { url: `${receiver.url}/${path}`, events })).id;
    const all = ['email.opened', 'email.clicked', 'email.replied', 'email.event_withdrawn'];
    const ids = [await subscribe('all', all), await subscribe('clicks', ['email.clicked', 'email.event_withdrawn']), await subscribe('replies', ['email.replied', 'email.event_withdrawn'])];
    const of = (path, type) => receiver.requests.filter((request) => request.path === `/hook/${path}` && request.type === type);
    try {
      const [email, another] = [await send(ada), await send(ada)];
      const stream = await open(ada);
      for (const type of ['open', 'reply', 'click']) await happen(email, type, type === 'click' ? { url: 'https://x.example/job' } : {});
      await happen(another, 'open');
      await eventually(() => stream.of('notification').length === 4, 'all in the stream');
      await eventually(() => of('all', 'email.opened').length === 2 && of('all', 'email.clicked').length === 1 && of('all', 'email.replied').length === 1, 'all of them delivered');
      await eventually(() => of('clicks', 'email.clicked').length === 1 && of('replies', 'email.replied').length === 1, 'the parts delivered');
      const gone = stream.of('notification').filter((told) => told.email.id === email.id && told.event_type !== 'reply').map(({ id }) => id).sort();
      const told = [...of('all', 'email.opened'), ...of('all', 'email.clicked')].filter(({ data }) => data.email.id === email.id);

      const objected = Date.now();
      await service.must('PUT', `/candidates/${email.candidate.id}/tracking`, { level: 'none' });
      await eventually(() => of('all', 'email.event_withdrawn').length === 2 && of('clicks', 'email.event_withdrawn').length === 1, 'what is taken back');
      await eventually(() => stream.of('notification_withdrawn').length === 2, 'the toasts taken back');
      assert.deepEqual(stream.of('notification_withdrawn').map(({ id }) => id).sort(), gone);
      const left = (await ada.browser.must('GET', '/notifications')).data.filter((one) => one.email.id === email.id);
      assert.deepEqual(left.map(({ event_type }) => event_type), ['reply']);
      const taken = of('all', 'email.event_withdrawn');
      const id = ({ data }) => data.engagement_event_id;
      assert.deepEqual(taken.map(id).sort(), told.map(id).sort(), 'the ids that they were told under');
      assert.equal(id(of('clicks', 'email.event_withdrawn')[0]), id(of('clicks', 'email.clicked')[0]));
      for (const request of taken) {
        const { reason, ...rest } = request.data;
        assert.equal(reason, 'tracking_withdrawn');
        assert.deepEqual(rest, told.find((first) => id(first) === id(request)).data);
        assert.ok(Date.parse(request.timestamp) >= objected, 'when it was taken back');
      }

      // Allowed and taken back once more, with a new open: it alone, everything else only once.
      await service.must('PUT', `/candidates/${email.candidate.id}/tracking`, { level: 'full' });
      await happen(email, 'open');
      await eventually(() => of('all', 'email.opened').length === 3, 'the open that is allowed again');
      await service.must('PUT', `/candidates/${email.candidate.id}/tracking`, { level: 'none' });
      await eventually(() => of('all', 'email.event_withdrawn').length === 3, 'that one');
      assert.equal(id(of('all', 'email.event_withdrawn')[2]), id(of('all', 'email.opened')[2]));
      await happen(another, 'reply');
      await eventually(() => of('replies', 'email.replied').length === 2, 'what came after all that');
      assert.equal(of('clicks', 'email.event_withdrawn').length, 1);
      assert.equal(of('replies', 'email.event_withdrawn').length, 0, 'who was told of no open hears of none');
      assert.equal(receiver.byId().size, receiver.requests.length);
      stream.cut();
    } finally {
      for (const id of ids) await service.must('DELETE', `/webhook-subscriptions/${id}`);
      await receiver.stop();
    }
  });

  // No rule of today changes its mind; this is the row that a changed verdict leaves in the outbox.
  test('an event that is no human’s any more is taken out of stream, list and subscriptions', async () => {
    const receiver = await new Receiver().start();
    const { id } = await service.must('POST', '/webhook-subscriptions', { url: receiver.url, events: ['email.opened', 'email.event_withdrawn'] });
    try {
      const email = await send(ada);
      const stream = await open(ada);
      await happen(email, 'open');
      await happen(email, 'open');
      await eventually(() => stream.of('notification').at(-1)?.count === 2, 'both opens in one notification');
      await eventually(() => receiver.of('email.opened').length === 2, 'both delivered');
      const retract = (order) => sql(`INSERT INTO event_outbox (organization_id, kind, email_log_id, event_type, occurred_at, link_id, recipient_ref)
          SELECT organization_id, 1, email_log_id, event_type, occurred_at, link_id, recipient_ref FROM email_engagement_events
          WHERE email_log_id = ${email.id} ORDER BY occurred_at ${order} LIMIT 1`);
      retract('ASC');
      await eventually(() => receiver.of('email.event_withdrawn').length === 1, 'the first taken back');
      const [first, second] = receiver.of('email.opened').sort((a, b) => (a.timestamp < b.timestamp ? -1 : 1));
      const [taken] = receiver.of('email.event_withdrawn');
      assert.deepEqual([taken.data.engagement_event_id, taken.data.reason], [first.data.engagement_event_id, 'machine']);
      const shown = async () => (await ada.browser.must('GET', '/notifications')).data.filter((one) => one.email.id === email.id);
      assert.deepEqual((await shown()).map(({ count }) => count), [1]);
      retract('ASC'); // said twice, told once
      retract('DESC');
      await eventually(() => receiver.of('email.event_withdrawn').length === 2, 'the second taken back');
      assert.equal(receiver.of('email.event_withdrawn')[1].data.engagement_event_id, second.data.engagement_event_id);
      await eventually(() => stream.of('notification_withdrawn').length === 1, 'the toast taken back');
      assert.deepEqual(await shown(), []);
      stream.cut();
    } finally {
      await service.must('DELETE', `/webhook-subscriptions/${id}`);
      await receiver.stop();
    }
  });

  test('the list has pages, and is marked as read', async () => {
    const first = await ada.browser.must('GET', '/notifications?limit=2');
    assert.equal(first.data.length, 2);
    const second = await ada.browser.must('GET', `/notifications?limit=2&cursor=${first.next_cursor}`);
    assert.ok(second.data[0].id < first.data[1].id);
    assert.ok(first.unread > 0);
    const [newest] = first.data;
    assert.equal((await ben.browser.api('PATCH', `/notifications/${newest.id}`, { read: true })).status, 404, 'another one’s');
    assert.equal((await ada.browser.api('POST', '/notifications/read', { up_to_id: second.data[0].id })).status, 204);
    const left = (await ada.browser.must('GET', '/notifications?unread=true')).data.map(({ id }) => id);
    assert.ok(left.every((id) => id > second.data[0].id) && left.length > 0);
    assert.equal((await ada.browser.api('POST', '/notifications/read', {})).status, 204);
    assert.deepEqual((({ unread }) => unread)(await ada.browser.must('GET', '/notifications')), 0);
  });

  test('a stream is refused to strangers and other sites, and ends with its session', async () => {
    const refused = async (headers) => (await service.fetch('/api/v1/stream', { headers })).status;
    assert.equal(await refused({}), 401);
    const cookie = ada.browser.cookie();
    assert.equal(await refused({ Cookie: cookie, 'Sec-Fetch-Site': 'cross-site' }), 403);
    assert.equal(await refused({ Cookie: cookie, Origin: 'https://evil.example' }), 403);
    const { key, id } = await service.must('POST', '/api-keys', { name: 'live', role: 'read' });
    const program = await open(null, { headers: { Authorization: `Bearer ${key}` } });
    const stream = await open(ada, { headers: { 'Sec-Fetch-Site': 'same-origin' } });
    await service.must('DELETE', `/api-keys/${id}`);
    await eventually(() => program.ended, 'the end of the program’s stream', 5);
    assert.equal(stream.ended, false);
    assert.equal((await ada.browser.api('DELETE', '/session')).status, 204);
    await eventually(() => stream.ended, 'the end of the stream', 5);
    assert.equal(await refused({ Cookie: cookie }), 401);
    await eventually(async () => (await service.metric('inkling_streams')) === 0, 'no open stream');
  });

  test('the stream of a key that ends by itself ends with it', async () => {
    const made = await service.must('POST', '/api-keys', { name: 'live for a moment', role: 'read', expires_in_days: 1 });
    sql(`UPDATE api_keys SET expires_at = ${Date.now() + 3000} WHERE id = ${made.id}`);
    const program = await open(null, { headers: { Authorization: `Bearer ${made.key}` } });
    assert.equal(program.ended, false);
    await eventually(() => program.ended, 'the end of the stream', 15);
    assert.equal((await service.api('GET', '/settings', undefined, { key: made.key })).status, 401);
  });

  test('an orderly stop ends the streams at once; what was not told yet is told after the start', async () => {
    await ada.browser.signIn(ada.email, PASSWORD);
    const stream = await open(ada);
    const started = Date.now();
    assert.equal(await service.stop(), 0);
    assert.ok(Date.now() - started < 5000, `the stop took ${Date.now() - started} ms`);
    await eventually(() => stream.ended, 'the end');
    await service.start();
    const again = await open(ada);
    const email = await send(ada);
    await happen(email, 'open');
    await eventually(() => again.of('notification').length === 1, 'life goes on');
    again.cut();
    service.verify();
  });
}

for (const kind of ['SQLite', 'PostgreSQL']) describe(`live on ${kind}`, () => suite(kind));

// The audit log: what is noted, of whom, with what in it, and that it cannot be changed unnoticed. Orphan events by hand,
// and candidates by number.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { after, before, describe, test } from 'node:test';
import { Browser, Installation, Postgres, eventually, genericDelivery, standardWebhooksSecret } from './support.mjs';

const PASSWORD = 'correct horse battery staple';
const open = (message_id, recipient, timestamp = '2026-01-05T12:00:00Z') => ({ event_type: 'open', message_id, timestamp, recipient, user_agent: 'Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0' });

function suite(kind) {
  let postgres, service, admin, secret, endpoint;

  before(async () => {
    postgres = kind === 'PostgreSQL' ? new Postgres() : undefined;
    service = await new Installation({ postgres }).start();
    const user = await service.must('POST', '/users', { email: 'ada@acme.example', name: 'Ada Admin', role: 'admin', password: PASSWORD });
    admin = new Browser(service);
    await admin.signIn('ada@acme.example', PASSWORD);
    admin.userId = user.id;
    secret = standardWebhooksSecret();
    endpoint = await service.must('POST', '/endpoints', { provider: 'generic', name: 'Own mailer', secrets: [secret] });
  });
  after(async () => {
    await service?.remove();
    postgres?.remove();
  });

  const entries = async (filter = '') => (await service.must('GET', `/audit-log?limit=1000${filter}`)).data;
  const latest = async (action) => (await entries(`&action=${action}`))[0];

  test('begins with the organization, made on the command line', async () => {
    const first = (await entries()).at(-1);
    assert.deepEqual([first.id, first.action, first.actor, first.actor_id, first.source], [1, 'organizations.create', 'command', null, null]);
  });

  test('tells who signed in, and from where', async () => {
    const entry = await latest('session.create');
    assert.deepEqual([entry.actor, entry.actor_id, entry.actor_name, entry.object, entry.object_id], ['user', admin.userId, 'Ada Admin', 'users', admin.userId]);
    assert.equal(entry.source, '127.0.0.0');
    assert.ok(entry.request_id.length > 8);
  });

  test('settings: what was and what is; the same again says that nothing differs', async () => {
    const { score_points } = await service.must('GET', '/settings');
    await admin.must('PUT', '/settings', { time_zone: 'Europe/Berlin', retention_days: 400, score_points: { ...score_points, opens: 20, clicks: score_points.clicks + score_points.opens - 20 } });
    const { detail, actor_id } = await latest('settings.change');
    assert.equal(actor_id, admin.userId);
    assert.deepEqual(detail.changes.time_zone, { from: 'UTC', to: 'Europe/Berlin' });
    assert.deepEqual(detail.changes.retention_days, { from: 730, to: 400 });
    assert.equal(detail.changes.score_points.to.opens, 20);
    assert.deepEqual(Object.keys(detail.changes).sort(), ['retention_days', 'score_points', 'time_zone']);
    const count = (await entries('&action=settings')).length;
    assert.equal((await admin.api('PUT', '/settings', { time_zone: 'Nowhere/Else' })).status, 400);
    assert.equal((await entries('&action=settings')).length, count, 'what is refused changes nothing and is not noted');
  });

  test('people: the role is told, an address only that it changed; keys by number, never themselves', async () => {
    const user = await admin.must('POST', '/users', { email: 'rita@acme.example', name: 'Rita Recruiter', role: 'recruiter' });
    await admin.must('PATCH', `/users/${user.id}`, { email: 'rita.new@acme.example', role: 'hiring_manager', password: PASSWORD });
    await admin.must('PUT', `/users/${user.id}/jobs`, { jobs: ['job-1'] });
    await admin.must('DELETE', `/users/${user.id}`);
    const [gone, jobs, changed, made] = await entries(`&object=users:${user.id}`);
    assert.deepEqual([made.action, changed.action, jobs.action, gone.action], ['users.create', 'users.change', 'users.jobs', 'users.disable']);
    assert.deepEqual(changed.detail.changes, { email: true, has_password: { from: false, to: true }, password: true, role: { from: 'recruiter', to: 'hiring_manager' }, sees_scores: { from: true, to: false } });
    const key = await admin.must('POST', '/api-keys', { name: 'ATS', role: 'write' });
    await admin.must('DELETE', `/api-keys/${key.id}`);
    assert.deepEqual((await entries(`&object=api-keys:${key.id}`)).map(({ action }) => action), ['api-keys.revoke', 'api-keys.create']);
    const text = JSON.stringify((await entries()).map(({ actor_name, ...entry }) => entry));
    for (const hidden of ['rita', 'Rita', 'ada@', PASSWORD, key.key, key.prefix, secret, endpoint.url.split('/').at(-1)]) assert.ok(!text.includes(hidden), `${hidden} is in the log`);
  });

  test('endpoints: that secrets were replaced is told, also where their number stays', async () => {
    await admin.must('PATCH', `/endpoints/${endpoint.id}`, { secrets: [secret], rate_limit: 77 });
    const { detail, object_id } = await latest('endpoints.change');
    assert.deepEqual([object_id, detail.changes.secrets, detail.changes.rate_limit], [endpoint.id, true, { from: 0, to: 77 }]);
  });

  test('a repeated POST is noted once', async () => {
    const headers = { 'Idempotency-Key': 'audit-1' };
    const first = await service.must('POST', '/api-keys', { name: 'once', role: 'read' }, { headers });
    const second = await service.must('POST', '/api-keys', { name: 'once', role: 'read' }, { headers });
    assert.equal(first.id, second.id);
    assert.equal((await entries(`&object=api-keys:${first.id}`)).length, 1);
  });

  test('what leaves as a file, and a kept delivery that is read', async () => {
    await service.must('POST', '/emails', { message_id: 'exported', subject: 'Exported', sent_at: '2026-01-05T10:00:00Z', candidate: { email: 'Only.Address@Example.org', name: 'Only Address' } });
    assert.equal((await admin.api('GET', '/emails', undefined, { headers: { Accept: 'text/csv' } })).status, 200);
    const exported = await latest('emails.export');
    assert.deepEqual([exported.actor_id, exported.detail], [admin.userId, { rows: 1 }]);
    await service.deliver(endpoint, genericDelivery(standardWebhooksSecret(), open('forged', 'x@example.org')));
    const { id } = await eventually(async () => (await service.must('GET', '/failed-deliveries')).data[0], 'the kept delivery');
    const before = (await entries('&action=failed-deliveries')).length;
    await service.must('GET', '/failed-deliveries');
    assert.equal((await entries('&action=failed-deliveries')).length, before, 'the list shows no bodies');
    await admin.must('GET', `/failed-deliveries/${id}`);
    const read = await latest('failed-deliveries.read');
    assert.deepEqual([read.object_id, read.actor_id], [id, admin.userId]);
    assert.equal((await admin.api('POST', `/failed-deliveries/${id}/replay`)).status, 200);
    assert.equal((await latest('failed-deliveries.replay')).object_id, id);
  });

  test('CSV, with cells that would be formulas guarded; pages; filters that are wrong are refused', async () => {
    await service.must('POST', '/users', { email: 'formula@acme.example', name: '=1+1', role: 'admin', password: PASSWORD });
    const formula = new Browser(service);
    await formula.signIn('formula@acme.example', PASSWORD);
    const { body } = await admin.api('GET', '/audit-log?limit=1000', undefined, { headers: { Accept: 'text/csv' } });
    assert.match(body, /^id,at,actor,actor_id,actor_name,source,action,object,object_id,detail,request_id\r\n/);
    assert.ok(body.includes("\"'=1+1\""), 'the name of a user is guarded');
    const all = await entries();
    const paged = [];
    for (let cursor = ''; cursor !== null; ) {
      const page = await service.must('GET', `/audit-log?limit=7${cursor && `&cursor=${encodeURIComponent(cursor)}`}`);
      paged.push(...page.data);
      cursor = page.next_cursor;
    }
    assert.deepEqual(paged.map(({ id }) => id), all.map(({ id }) => id));
    assert.deepEqual(all.map(({ id }) => id), all.map((_, index) => all.length - index), 'numbered without a gap');
    assert.ok((await entries('&actor=api_key')).every(({ actor }) => actor === 'api_key'));
    assert.ok((await entries(`&actor=user:${admin.userId}`)).every(({ actor_id }) => actor_id === admin.userId));
    assert.equal((await entries('&from=2030-01-01')).length, 0);
    const today = new Intl.DateTimeFormat('sv', { timeZone: 'Europe/Berlin' }).format(new Date());
    assert.equal((await entries(`&from=2020-01-01&to=${today}`)).length, all.length);
    assert.equal((await entries('&to=2020-01-01')).length, 0);
    for (const filter of ['actor=nobody', 'actor=user:x', 'object=:5', 'object=users:0', 'from=yesterday', 'who=me'])
      assert.equal((await service.api('GET', `/audit-log?${filter}`)).status, 400, filter);
  });

  test('the command line is noted too', async () => {
    assert.equal(service.command('key', 'add', '--name', 'by hand', '--role', 'read').status, 0);
    assert.equal(service.command('token-key', 'rotate').status, 0);
    assert.deepEqual([(await latest('api-keys.create')).actor, (await latest('token-keys.rotate')).actor], ['command', 'command']);
  });

  test('changes at the same time each get their entry', async () => {
    const before = (await entries('&action=settings')).length;
    await Promise.all(Array.from({ length: 30 }, (_, index) => service.must('PUT', '/settings', { retention_days: 500 + index })));
    await Promise.all(Array.from({ length: 10 }, (_, index) => Promise.all([
      service.must('PUT', `/candidates/parallel-${index}/tracking`, { level: 'none' }),
      service.register({ message_id: `parallel-${index}`, subject: 'x', sent_at: '2026-01-05T10:00:00Z', candidate: { id: `parallel-${index}` } }),
      service.deliver(endpoint, genericDelivery(secret, open(`parallel-${index}`, 'x@example.org'))),
    ])));
    assert.equal((await entries('&action=settings')).length, before + 30);
    service.verify();
  });

  describe('candidates by number', () => {
    test('who has no id but an address is named without it', async () => {
      const { data } = await service.must('GET', '/candidates');
      const { id, ref } = data.find(({ name }) => name === 'Only Address');
      assert.equal(id, 'only.address@example.org');
      assert.match(ref, /^~[1-9][0-9]*$/);
      for (const name of [ref, id]) {
        const one = await service.must('GET', `/candidates/${encodeURIComponent(name)}`);
        assert.deepEqual([one.id, one.ref], [id, ref]);
        assert.equal((await service.api('GET', `/candidates/${encodeURIComponent(name)}/timeline`)).status, 200);
        assert.equal((await service.must('GET', `/emails?candidate=${encodeURIComponent(name)}`)).data.length, 1);
      }
      assert.equal((await service.must('GET', '/emails?limit=200')).data.find(({ subject }) => subject === 'Exported').candidate.ref, ref);
      assert.equal((await service.must('PUT', `/candidates/${ref}/tracking`, { level: 'none' })).id, id);
      const entry = await latest('candidates.tracking');
      assert.deepEqual([entry.object_id, entry.detail.changes.tracking], [Number(ref.slice(1)), { from: null, to: 'none' }]);
      assert.equal((await service.must('GET', `/candidates/${ref}`)).tracking, 'none');
    });

    test('a number that is nobody’s is 404, and makes nobody', async () => {
      for (const ref of ['~999999', '~0', '~-1', '~1x']) assert.equal((await service.api('GET', `/candidates/${ref}`)).status, 404, ref);
      assert.equal((await service.api('PUT', '/candidates/~999999/tracking', { level: 'none' })).status, 404);
      assert.deepEqual((await service.must('GET', '/emails?candidate=~999999')).data, []);
    });
  });

  test('who said what about being recorded', async () => {
    await service.must('PUT', '/candidates/said-first/tracking', { level: 'clicks' });
    await service.must('PUT', '/candidates/said-100%25_sure/tracking', { level: 'none' });
    await service.must('PUT', '/candidates/said-first/tracking', { level: 'full' });
    const found = async (search) => (await service.must('GET', `/consents?search=${encodeURIComponent(search)}`)).data.map(({ candidate_id, tracking, channel }) => [candidate_id, tracking, channel]);
    assert.deepEqual(await found('SAID-'), [['said-100%_sure', 'none', 'api'], ['said-first', 'full', 'api']]);
    assert.deepEqual(await found('%_s'), [['said-100%_sure', 'none', 'api']]);
    await service.must('PUT', '/candidates/said-first/tracking', { level: null });
    assert.deepEqual(await found('said-first'), []);
    const all = (await service.must('GET', '/consents?limit=500')).data;
    assert.ok(all.length >= 11);
    const paged = [];
    for (let cursor = ''; cursor !== null; ) {
      const page = await service.must('GET', `/consents?limit=4${cursor && `&cursor=${encodeURIComponent(cursor)}`}`);
      paged.push(...page.data);
      cursor = page.next_cursor;
    }
    assert.deepEqual(paged, all);
    assert.equal((await latest('candidates.tracking')).detail.changes.tracking.from, 'full');
  });

  describe('orphan events by hand', () => {
    const orphanOf = async (id) => (await service.must('GET', '/orphan-events?limit=500')).data.find(({ message_ids }) => message_ids.includes(id));
    const send = async (...events) => assert.equal((await service.deliver(endpoint, genericDelivery(secret, events))).status, 200);
    const email = (id) => service.must('GET', `/emails/${id}`);
    let target;

    before(async () => {
      target = await service.register({ subject: 'Interview on Tuesday', sent_at: '2026-01-05T10:00:00Z', candidate: { id: 'c-77', email: 'Jane.Doe@example.org', name: 'Jane' } });
    });

    test('are found an email for by recipient, and by text', async () => {
      await send(open('hand-0', 'jane.doe@example.org'));
      const { id } = await orphanOf('hand-0');
      const found = async (search) => (await service.must('GET', `/orphan-events/${id}/emails${search === undefined ? '' : `?search=${encodeURIComponent(search)}`}`)).data.map((row) => row.id);
      assert.deepEqual(await found(), [target.id]);
      assert.deepEqual(await found('interview ON'), [target.id]);
      assert.deepEqual(await found('%'), []);
      assert.deepEqual(await found('EXPORTED').then((ids) => ids.length), 1);
      assert.equal((await service.api('GET', '/orphan-events/999999/emails')).status, 404);
    });

    test('match: counted, with all that waits and comes under the same id', async () => {
      await send(open('hand-1', 'jane.doe@example.org'), open('hand-1', 'jane.doe@example.org', '2026-01-05T13:00:00Z'));
      const { id } = await orphanOf('hand-1');
      const before = (await email(target.id)).open_count;
      assert.equal((await service.api('POST', `/orphan-events/${id}/match`, { email_id: 999999 })).status, 404);
      assert.equal((await service.api('POST', `/orphan-events/${id}/match`, {})).status, 400);
      assert.equal((await service.api('POST', `/orphan-events/${id}/match`, { email_id: target.id, more: 1 })).status, 400);
      assert.ok(await orphanOf('hand-1'), 'what is refused changes nothing');
      assert.deepEqual(await service.must('POST', `/orphan-events/${id}/match`, { email_id: target.id }), { id, adopted: 2 });
      assert.equal(await orphanOf('hand-1'), undefined);
      assert.equal((await email(target.id)).open_count, before + 2);
      await send(open('hand-1', 'jane.doe@example.org', '2026-01-05T14:00:00Z'));
      assert.equal((await email(target.id)).open_count, before + 3, 'later ones find the email by themselves');
      assert.equal((await service.api('POST', `/orphan-events/${id}/match`, { email_id: target.id })).status, 404);
      const entry = await latest('orphan-events.match');
      assert.deepEqual([entry.object_id, entry.detail.changes.email_id.to, entry.detail.changes.adopted.to], [id, target.id, 2]);
      assert.equal((await service.must('GET', '/candidates/c-77')).stats.opened, 1);
    });

    test('retry finds none as long as there is none; discard counts nowhere', async () => {
      await send(open('hand-2', 'jane.doe@example.org'));
      const { id } = await orphanOf('hand-2');
      assert.deepEqual(await service.must('POST', `/orphan-events/${id}/retry`), { id, adopted: 0 });
      const before = (await email(target.id)).open_count;
      assert.equal((await service.api('POST', `/orphan-events/${id}/discard`)).status, 204);
      assert.equal(await orphanOf('hand-2'), undefined);
      assert.equal((await service.api('POST', `/orphan-events/${id}/discard`)).status, 404);
      assert.equal((await email(target.id)).open_count, before);
      service.verify();
    });
  });

  test('scores are counted for the thresholds', async () => {
    const { scores, unknown } = await service.must('GET', '/settings/scores');
    assert.equal(scores.length, 101);
    assert.ok(unknown + scores.reduce((sum, count) => sum + count) > 0);
  });

  test('verify tells of an entry that was changed', { skip: kind === 'PostgreSQL' && 'the unit tests do it there' }, async () => {
    await service.stop();
    const sql = (text) => assert.equal(spawnSync('sqlite3', [service.database.replace('sqlite:', ''), text]).status, 0);
    sql("UPDATE audit_log SET actor_id = 99 WHERE id = 3");
    const { status, stdout } = service.command('verify');
    assert.equal(status, 1);
    assert.match(stdout, /audit log of organization 1: this entry, or the one before, was changed \(entry 3\)/);
  });
}

describe('SQLite', () => suite('SQLite'));
describe('PostgreSQL', () => suite('PostgreSQL'));

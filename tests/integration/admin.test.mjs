// Administration: keys, settings, users, endpoints, what becomes of refused deliveries, and the commands beside the API.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import fs from 'node:fs';
import path from 'node:path';
import {
  Installation, Postgres, eventually, genericDelivery, inkling, sendgridDelivery, sendgridKey, snsCertificate, snsDelivery,
  standardWebhooksSecret, temporaryDirectory,
} from './support.mjs';

const TOPIC = 'arn:aws:sns:eu-central-1:123456789012:inkling-events';

function open(messageId, at = new Date()) {
  return { event_type: 'open', message_id: messageId, timestamp: at.toISOString(), recipient: 'jane@example.org' };
}

const basic = (user, password) => `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`;

function suite(kind) {
  let postgres, service, secret, endpoint;

  before(async () => {
    postgres = kind === 'PostgreSQL' ? new Postgres() : undefined;
    service = await new Installation({ postgres, flags: ['--rejected-max', '20'] }).start();
    secret = standardWebhooksSecret();
    endpoint = await service.must('POST', '/endpoints', { provider: 'generic', name: 'Own mailer', secrets: [secret] });
  });
  after(async () => {
    await service?.remove();
    postgres?.remove();
  });

  async function generic(settings) {
    const own = standardWebhooksSecret();
    return { own, made: await service.must('POST', '/endpoints', { provider: 'generic', secrets: [own], ...settings }) };
  }

  describe('API keys', () => {
    test('are needed, and each role may do its part only', async () => {
      const none = await service.api('GET', '/settings', undefined, { key: null });
      assert.equal(none.status, 401);
      assert.match(none.headers['www-authenticate'], /^Bearer/);
      assert.match(none.headers['content-type'], /^application\/problem\+json/);
      const read = await service.must('POST', '/api-keys', { name: 'dashboard', role: 'read' });
      assert.match(read.key, /^ink_\d+_[0-9a-z]{52}$/);
      assert.ok(read.key.startsWith(read.prefix));
      assert.equal((await service.api('GET', '/settings', undefined, { key: read.key })).status, 200);
      assert.equal((await service.api('PUT', '/settings', { name: 'X' }, { key: read.key })).status, 403);
      assert.equal((await service.api('GET', '/endpoints', undefined, { key: read.key })).status, 403);
      const { data } = await service.must('GET', '/api-keys');
      assert.ok(data.some(({ id, key }) => id === read.id && key === undefined), 'listed, and never shown again');
      assert.equal((await service.api('DELETE', `/api-keys/${read.id}`)).status, 204);
      assert.equal((await service.api('GET', '/settings', undefined, { key: read.key })).status, 401);
      assert.equal((await service.api('DELETE', `/api-keys/${read.id}`)).status, 404);
    });

    test('may end by themselves', async () => {
      for (const days of [0, 3651, 1.5, '7']) assert.equal((await service.api('POST', '/api-keys', { name: 'x', role: 'read', expires_in_days: days })).status, 400, `${days}`);
      const lasting = await service.must('POST', '/api-keys', { name: 'lasting', role: 'read' });
      const ending = await service.must('POST', '/api-keys', { name: 'ending', role: 'read', expires_in_days: 7 });
      assert.equal(lasting.expires_at, null);
      assert.ok(Math.abs(Date.parse(ending.expires_at) - Date.now() - 7 * 86_400_000) < 60_000, ending.expires_at);
      const made = JSON.parse(service.command('key', 'add', '--org', String(service.organizationId), '--name', 'by hand', '--role', 'read', '--expires-in-days', '1').stdout);
      assert.ok(Date.parse(made.expires_at) > Date.now());
      assert.notEqual(service.command('key', 'add', '--org', String(service.organizationId), '--name', 'x', '--role', 'read', '--expires-in-days', 'soon').status, 0);
      const statuses = async () => Promise.all([lasting, ending, made].map(async ({ key }) => (await service.api('GET', '/settings', undefined, { key })).status));
      assert.deepEqual(await statuses(), [200, 200, 200]);
      const embed = await service.must('POST', '/api-keys', { name: 'pages', role: 'embed', expires_in_days: 1 });
      const before = service.environment;
      await service.stop();
      service.environment = { ...before, INKLING_CLOCK_OFFSET_MS: String(2 * 86_400_000) };
      await service.start();
      assert.deepEqual(await statuses(), [200, 200, 401], 'two days later');
      assert.equal((await service.api('POST', '/embed-tokens', { candidates: ['c'], origin: 'https://ats.example.org' }, { key: embed.key })).status, 401);
      await service.stop();
      service.environment = before;
      await service.start();
    });

    test('wrong ones leave one security event a minute', async () => {
      const wrong = `ink_${service.organizationId}_${'a'.repeat(52)}`;
      const listed = async () => (await service.must('GET', '/security-events?kind=api_key')).data;
      const sum = (rows) => rows.reduce((all, { count }) => all + count, 0);
      const before = await listed();
      let events;
      for (let i = 1; i <= 3; i++) {
        assert.equal((await service.api('GET', '/settings', undefined, { key: wrong })).status, 401);
        events = await eventually(async () => {
          const rows = await listed();
          return sum(rows) >= sum(before) + i && rows;
        }, 'the security event');
      }
      assert.ok(events.length <= before.length + 2, JSON.stringify(events)); /* two when the minute has just changed */
      for (const key of ['nonsense', 'ink_', 'ink_1_', `ink_0_${'a'.repeat(52)}`])
        assert.equal((await service.api('GET', '/settings', undefined, { key })).status, 401, key);
    });
  });

  test('settings change what is given, and refuse what makes no sense', async () => {
    const before = await service.must('GET', '/settings');
    assert.equal(before.name, 'Acme Recruiting');
    assert.equal(before.tracking, 'full');
    const changed = await service.must('PUT', '/settings', { time_zone: 'Europe/Berlin', retention_days: 30 });
    assert.deepEqual([changed.time_zone, changed.retention_days, changed.name], ['Europe/Berlin', 30, 'Acme Recruiting']);
    for (const [body, word] of [
      [{ time_zone: 'Mars/Olympus' }, 'time_zone'], [{ tracking: 'everything' }, 'tracking'], [{ retention_days: 0 }, 'retention_days'],
      [{ name: '' }, 'name'], [{ nmae: 'x' }, 'nmae'], [[], 'object'], ['{', ''],
    ]) {
      const answer = await service.api('PUT', '/settings', body);
      assert.equal(answer.status, 400, JSON.stringify(body));
      assert.ok(answer.json.detail.includes(word), answer.body);
    }
    assert.deepEqual(await service.must('PUT', '/settings', { ...before }).then(({ time_zone }) => time_zone), 'UTC');
  });

  test('users are added, changed and disabled', async () => {
    const jane = await service.must('POST', '/users', { email: ' Jane@Example.ORG ', name: 'Jane', role: 'recruiter' });
    assert.deepEqual([jane.email, jane.has_password, jane.disabled_at], ['jane@example.org', false, null]);
    assert.equal((await service.api('POST', '/users', { email: 'JANE@example.org' })).status, 409);
    assert.equal((await service.api('POST', '/users', { email: 'no address' })).status, 400);
    assert.equal((await service.api('POST', '/users', { email: 'a@b.example', password: 'short' })).status, 400);
    assert.equal((await service.api('POST', '/users', { email: 'a@b.example', role: 'emperor' })).status, 400);
    const changed = await service.must('PATCH', `/users/${jane.id}`, { role: 'admin', password: 'correct horse battery' });
    assert.deepEqual([changed.role, changed.has_password, changed.name], ['admin', true, 'Jane']);
    assert.equal((await service.api('DELETE', `/users/${jane.id}`)).status, 204);
    assert.equal((await service.api('DELETE', `/users/${jane.id}`)).status, 404);
    assert.notEqual((await service.must('GET', `/users/${jane.id}`)).disabled_at, null);
    assert.equal((await service.must('PATCH', `/users/${jane.id}`, { disabled: false })).disabled_at, null);
    for (const id of ['0', '-1', 'x', '99999999']) assert.equal((await service.api('GET', `/users/${id}`)).status, 404, id);
  });

  test('organizations do not see each other', async () => {
    const other = service.setup('Other', 'admin@other.example');
    const options = { key: other.api_key };
    assert.deepEqual((await service.must('GET', '/endpoints', undefined, options)).data, []);
    for (const [method, target] of [
      ['GET', `/endpoints/${endpoint.id}`], ['DELETE', `/endpoints/${endpoint.id}`], ['GET', '/users/1'], ['DELETE', '/api-keys/1'],
      ['POST', `/endpoints/${endpoint.id}/confirm`],
    ])
      assert.equal((await service.api(method, target, undefined, options)).status, 404, `${method} ${target}`);
    assert.equal((await service.api('PATCH', `/endpoints/${endpoint.id}`, { name: 'mine' }, options)).status, 404);
  });

  test('lists go on by cursors, which belong to their list', async () => {
    const first = await service.must('GET', '/users?limit=1');
    assert.equal(first.data.length, 1);
    const seen = [...first.data];
    for (let next = first.next_cursor; next; ) {
      const page = await service.must('GET', `/users?limit=1&cursor=${next}`);
      seen.push(...page.data);
      next = page.next_cursor;
    }
    assert.deepEqual(seen, (await service.must('GET', '/users')).data);
    assert.equal((await service.api('GET', `/api-keys?cursor=${first.next_cursor}`)).status, 400);
    assert.equal((await service.api('GET', '/users?cursor=AAAA')).status, 400);
    assert.equal((await service.api('GET', '/users?limit=0')).status, 400);
    assert.equal((await service.api('GET', '/users?colour=red')).status, 400);
    const csv = await service.api('GET', '/users?limit=1', undefined, { headers: { Accept: 'text/csv' } });
    assert.match(csv.headers['content-type'], /^text\/csv/);
    assert.match(csv.headers.link, /^<\/api\/v1\/users\?limit=1&cursor=[\w-]+>; rel="next"$/);
    assert.match(csv.body, /^id,external_id,email,/);
  });

  describe('endpoints', () => {
    test('keep their secrets to themselves', async () => {
      assert.match(endpoint.url, /\/webhooks\/email\/[0-9a-z]{32}$/);
      const shown = await service.api('GET', `/endpoints/${endpoint.id}`);
      assert.ok(!shown.body.includes(secret.slice(6)));
      assert.deepEqual([shown.json.secret_count, shown.json.ready, shown.json.hint], [1, true, null]);
      const withPassword = await service.must('POST', '/endpoints', {
        provider: 'generic', secrets: [secret], credentials: [{ username: 'mailer', password: 'hunter2hunter2' }],
      });
      assert.deepEqual(withPassword.credentials, [{ username: 'mailer' }]);
      if (service.isSqlite) {
        const files = fs.readdirSync(service.directory).filter((name) => name.startsWith('inkling.db'));
        const bytes = Buffer.concat(files.map((name) => fs.readFileSync(path.join(service.directory, name))));
        assert.equal(bytes.indexOf('hunter2hunter2'), -1, 'nothing in clear in the database files');
        assert.equal(bytes.indexOf(Buffer.from(secret.slice(6), 'base64')), -1);
      }
    });

    test('refuse what cannot work, with a sentence that helps', async () => {
      for (const [settings, word] of [
        [{ provider: 'pigeon' }, 'sendgrid'], [{ provider: 'sendgrid', secrets: ['not a key'] }, 'secrets[0]'],
        [{ provider: 'generic', secrets: [secret], require_signature: false }, 'credentials'],
        [{ provider: 'generic', allowed_cidrs: ['10.0.0.1/8'] }, 'allowed_cidrs[0]'],
        [{ provider: 'generic', credentials: [{ username: 'a:b', password: 'x' }] }, 'colon'],
        [{ provider: 'generic', secret: 'typing error' }, 'secret'], [{ provider: 'generic', rate_limit: -1 }, 'rate_limit'],
      ]) {
        const answer = await service.api('POST', '/endpoints', settings);
        assert.equal(answer.status, 400, JSON.stringify(settings));
        assert.ok(answer.json.detail.includes(word), answer.json.detail);
      }
    });

    test('without what they need say so, and keep what comes until it is there', async () => {
      const key = sendgridKey();
      const early = await service.must('POST', '/endpoints', { provider: 'sendgrid', name: 'early' });
      assert.equal(early.ready, false);
      assert.ok(early.hint.length > 20);
      const delivery = sendgridDelivery(key, [{ event: 'open', email: 'j@example.org', timestamp: 1764000000, sg_message_id: 'early.filter1', sg_event_id: 'e1' }]);
      assert.equal((await service.deliver(early, delivery)).status, 401);
      const ready = await service.must('PATCH', `/endpoints/${early.id}`, { secrets: [key.secret] });
      assert.equal(ready.ready, true);
      await eventually(async () => {
        const { data } = await service.must('GET', `/failed-deliveries?endpoint=${early.id}`);
        return data[0].state === 'replayed';
      }, 'processing of the kept delivery');
      const [{ id, attempts }] = (await service.must('GET', `/failed-deliveries?endpoint=${early.id}`)).data;
      const again = await service.must('POST', `/failed-deliveries/${id}/replay`);
      assert.deepEqual([again.id, again.state, again.attempts, again.replayable], [id, 'replayed', attempts, false], 'who asks for it later is told that it is done');
      const { data } = await service.must('GET', '/orphan-events');
      assert.ok(data.some(({ message_ids }) => message_ids.includes('early')));
    });

    test('rotate secrets with overlap', async () => {
      const { own, made } = await generic();
      const next = standardWebhooksSecret();
      const changed = await service.must('PATCH', `/endpoints/${made.id}`, { add_secrets: [next] });
      assert.equal(changed.secret_count, 2);
      for (const valid of [own, next])
        assert.equal((await service.deliver(made, genericDelivery(valid, open(`rotate-${valid.length}`)))).status, 200);
      await service.must('PATCH', `/endpoints/${made.id}`, { secrets: [next] });
      assert.equal((await service.deliver(made, genericDelivery(own, open('old')))).status, 401);
      assert.equal((await service.deliver(made, genericDelivery(next, open('new')))).status, 200);
    });

    test('that are removed are gone, like those that never were', async () => {
      const { own, made } = await generic();
      assert.equal((await service.api('DELETE', `/endpoints/${made.id}`)).status, 204);
      const gone = await service.deliver(made, genericDelivery(own, open('gone')));
      const never = await service.deliver({ url: `${service.url}/webhooks/email/${'z'.repeat(32)}` }, genericDelivery(own, open('gone')));
      assert.deepEqual([gone.status, never.status], [404, 404]);
      const shape = ({ json }) => ({ ...json, request_id: '' });
      assert.deepEqual(shape(gone), shape(never));
    });
  });

  describe('deliveries', () => {
    test('with a wrong signature: 401, one security event, kept', async () => {
      const { own, made } = await generic();
      const wrong = genericDelivery(standardWebhooksSecret(), open('forged'));
      for (let i = 0; i < 2; i++) assert.equal((await service.deliver(made, wrong)).status, 401);
      const security = (await service.must('GET', '/security-events?kind=webhook_signature')).data.filter(({ endpoint_id }) => endpoint_id === made.id);
      assert.equal(security.reduce((sum, { count }) => sum + count, 0), 2);
      assert.equal(security[0].source, '127.0.0.0', 'shortened');
      const { data } = await service.must('GET', `/failed-deliveries?endpoint=${made.id}&kind=rejected`);
      assert.equal(data.length, 2);
      assert.deepEqual([data[0].state, data[0].next_attempt_at, data[0].replayable], ['kept', null, true]);
      const kept = await service.must('GET', `/failed-deliveries/${data[0].id}`);
      assert.equal(kept.body, wrong.body);
      assert.equal(kept.headers['webhook-id'], wrong.headers['webhook-id']);
      const again = await service.must('POST', `/failed-deliveries/${data[0].id}/replay`);
      assert.deepEqual([again.state, again.attempts], ['kept', 1]);
      assert.match(again.last_error, /signature/);
      assert.equal((await service.deliver(made, genericDelivery(own, open('honest')))).status, 200);
    });

    test('signed but unreadable: 400, kept as failed, tried again', async () => {
      const { own, made } = await generic();
      for (const body of ['{"event_type":', '{}', JSON.stringify([open('a'), { event_type: 'open' }])])
        assert.equal((await service.deliver(made, genericDelivery(own, body))).status, 400);
      const { data } = await service.must('GET', `/failed-deliveries?endpoint=${made.id}`);
      assert.deepEqual(data.map(({ kind, state, attempts }) => `${kind} ${state} ${attempts}`), Array(3).fill('failed kept 0'));
      assert.ok(data.every(({ next_attempt_at }) => next_attempt_at !== null));
      assert.deepEqual((await service.must('GET', `/security-events?kind=webhook_signature`)).data.filter(({ endpoint_id }) => endpoint_id === made.id), []);
    });

    test('with too many events: 413', async () => {
      const { own, made } = await generic();
      const at = new Date();
      assert.equal((await service.deliver(made, genericDelivery(own, Array(5001).fill(open('many', at))))).status, 413);
    });

    test('of a rejected body above 1 MiB are cut and cannot be processed again', async () => {
      const { made } = await generic();
      const big = genericDelivery(standardWebhooksSecret(), JSON.stringify({ ...open('big'), filler: 'x'.repeat(1 << 20) }));
      assert.equal((await service.deliver(made, big)).status, 401);
      const { data } = await service.must('GET', `/failed-deliveries?endpoint=${made.id}`);
      assert.deepEqual([data[0].replayable, data[0].body_size], [false, big.body.length]);
      assert.equal((await service.must('GET', `/failed-deliveries/${data[0].id}`)).body.length, 1 << 20);
      assert.equal((await service.api('POST', `/failed-deliveries/${data[0].id}/replay`)).status, 409);
    });

    test('from outside the allow list: 403', async () => {
      const { own, made } = await generic({ allowed_cidrs: ['192.0.2.0/24'] });
      assert.equal((await service.deliver(made, genericDelivery(own, open('outside')))).status, 403);
      const { data } = await service.must('GET', '/security-events?kind=webhook_address');
      assert.ok(data.some(({ endpoint_id }) => endpoint_id === made.id));
      await service.must('PATCH', `/endpoints/${made.id}`, { allowed_cidrs: ['192.0.2.0/24', '127.0.0.0/8'] });
      assert.equal((await service.deliver(made, genericDelivery(own, open('inside')))).status, 200);
    });

    test('over the rate limit: 429 with Retry-After', async () => {
      const { own, made } = await generic({ rate_limit: 2 });
      const answers = [];
      for (let i = 0; i < 4; i++) answers.push(await service.deliver(made, genericDelivery(own, open(`rate-${i}`))));
      assert.deepEqual(answers.map(({ status }) => status), [200, 200, 429, 429]);
      const wait = Number(answers[2].headers['retry-after']);
      assert.ok(wait >= 1 && wait <= 60, `${wait}`);
    });

    test('ask for credentials where there are any', async () => {
      const { made } = await generic({ require_signature: false, secrets: [], credentials: [{ username: 'mailer', password: 's3cret:with:colons' }, { password: 'a-bearer-token' }] });
      const plain = { headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(open('basic')) };
      const as = (authorization) => service.deliver(made, { ...plain, headers: { ...plain.headers, Authorization: authorization } });
      assert.equal((await service.deliver(made, plain)).status, 401);
      assert.equal((await as(basic('mailer', 'wrong'))).status, 401);
      assert.equal((await as(basic('', 'a-bearer-token'))).status, 401, 'a token is no password without a user');
      assert.equal((await as('Bearer s3cret:with:colons')).status, 401);
      assert.equal((await as(basic('mailer', 's3cret:with:colons'))).status, 200);
      assert.equal((await as('Bearer a-bearer-token')).status, 200);
      const { data } = await service.must('GET', `/failed-deliveries?endpoint=${made.id}`);
      const kept = await service.must('GET', `/failed-deliveries/${data[0].id}`);
      assert.ok(!('authorization' in kept.headers) && !('Authorization' in kept.headers));
    });

    test('rejected ones are bounded; the oldest go', async () => {
      const { made } = await generic();
      const bodies = [];
      for (let i = 0; i < 22; i++) {
        bodies.push(JSON.stringify(open(`bounded-${i}`)));
        assert.equal((await service.deliver(made, genericDelivery(standardWebhooksSecret(), bodies[i]))).status, 401);
      }
      const { data } = await service.must('GET', '/failed-deliveries?kind=rejected&limit=100');
      assert.equal(data.length, 20);
      assert.equal((await service.must('GET', `/failed-deliveries/${data[0].id}`)).body, bodies.at(-1));
    });
  });

  test('an Idempotency-Key makes a repeated POST harmless', async () => {
    const headers = { 'Idempotency-Key': 'make-one' };
    const body = { name: 'once', role: 'write' };
    const all = await Promise.all([1, 2, 3].map(() => service.api('POST', '/api-keys', body, { headers })));
    assert.deepEqual(all.map(({ status }) => status), [201, 201, 201]);
    assert.equal(new Set(all.map(({ body: text }) => text)).size, 1, 'the same answer, the key included');
    assert.equal((await service.must('GET', '/api-keys')).data.filter(({ name }) => name === 'once').length, 1);
    assert.equal((await service.api('POST', '/api-keys', { ...body, role: 'read' }, { headers })).status, 409);
    assert.equal((await service.api('GET', '/settings', undefined, { key: all[0].json.key })).status, 200);
    const refused = await service.api('POST', '/users', { email: 'x' }, { headers: { 'Idempotency-Key': 'refused' } });
    assert.equal(refused.status, 400);
    const better = await service.api('POST', '/users', { email: 'better@example.org' }, { headers: { 'Idempotency-Key': 'refused' } });
    assert.equal(better.status, 201, 'a refusal used nothing up');
  });

  test('what a monitor asks for', async () => {
    assert.equal((await service.fetch('/healthz')).status, 200);
    assert.equal((await service.fetch('/readyz')).status, 200);
    assert.ok((await service.metric('inkling_events_received_total')) > 0);
    const page = await service.fetch('/');
    assert.equal(page.status, 200);
    assert.match(page.headers['content-security-policy'], /default-src 'none'; script-src 'self'; style-src 'self';.*trusted-types 'none'/);
    assert.ok(!/<script>|<style|style="/.test(page.body));
    const reference = await service.fetch('/api/v1/openapi.json');
    assert.equal(reference.json.openapi, '3.1.0');
  });

  test('commands work beside the service', async () => {
    const made = JSON.parse(service.command('key', 'add', '--org', String(service.organizationId), '--name', 'by hand', '--role', 'admin').stdout);
    assert.equal((await service.api('GET', '/settings', undefined, { key: made.key })).status, 200);
    const secretFile = path.join(service.directory, 'secret.txt'), own = standardWebhooksSecret();
    fs.writeFileSync(secretFile, `${own}\n`);
    const added = service.command('endpoint', 'add', '--org', String(service.organizationId), '--provider', 'generic', '--secret-file', secretFile);
    assert.equal(added.status, 0, added.stderr);
    const delivery = genericDelivery(own, open('by-hand'));
    /* The service finds it at the first delivery, or a second later when somebody just asked in vain. */
    await eventually(async () => (await service.deliver(JSON.parse(added.stdout), delivery)).status === 200, 'a delivery to the new endpoint');
    const several = service.command('user', 'list');
    assert.equal(several.status, 2, 'there are two organizations');
    assert.match(several.stderr, /--org/);
    const users = JSON.parse(service.command('user', 'list', '--org', '1').stdout).data;
    assert.ok(users.some(({ email, role }) => email === 'admin@acme.example' && role === 'admin'));
    assert.equal(service.command('org', 'list').status, 0);
  });

  test('kept deliveries are processed again by command', async () => {
    const { made } = await generic();
    const other = standardWebhooksSecret();
    assert.equal((await service.deliver(made, genericDelivery(other, open('by-command')))).status, 401);
    service.flags = [...service.flags];
    const before = service.command('replay', '--rejected', '--since', '2020-01-01');
    assert.equal(before.status, 0, before.stderr);
    assert.equal(JSON.parse(before.stdout).processed, 0);
    const secretFile = path.join(service.directory, 'secret.txt');
    fs.writeFileSync(secretFile, other);
    assert.equal(service.command('endpoint', 'set', String(made.id), '--org', '1', '--secret-file', secretFile).status, 0);
    await eventually(async () => {
      service.command('replay', '--rejected', '--org', '1');
      const { data } = await service.must('GET', `/failed-deliveries?endpoint=${made.id}`);
      return data[0].state === 'replayed';
    }, 'processing by command or by the service');
  });

  test('SIGTERM ends orderly, and everything is there after the start', async () => {
    const { own, made } = await generic();
    const deliveries = Array.from({ length: 30 }, (_, i) => service.deliver(made, genericDelivery(own, open(`stop-${i}`))));
    const answers = await Promise.all(deliveries);
    assert.deepEqual(new Set(answers.map(({ status }) => status)), new Set([200]));
    assert.equal(await service.stop(), 0);
    assert.match(service.logs, /stopped/);
    await service.start();
    const { data } = await service.must('GET', '/orphan-events?limit=1000');
    assert.equal(data.filter(({ message_ids }) => message_ids[0].startsWith('stop-')).length, 30);
    service.verify();
  });
}

describe('administration on SQLite', () => suite('SQLite'));
describe('administration on PostgreSQL', () => suite('PostgreSQL'));

describe('Amazon SNS', () => {
  let service, certificate, directory;
  before(async () => {
    directory = temporaryDirectory();
    certificate = snsCertificate(directory);
    fs.writeFileSync(path.join(directory, path.basename(new URL(certificate.url).pathname)), certificate.pem);
    service = await new Installation({ flags: ['--sns-certificates-directory', directory] }).start();
  });
  after(async () => {
    await service?.remove();
    fs.rmSync(directory, { recursive: true, force: true });
  });

  const sesOpen = (id) => ({
    eventType: 'Open', open: { ipAddress: '192.0.2.1', timestamp: new Date().toISOString(), userAgent: 'Mozilla/5.0' },
    mail: { timestamp: new Date().toISOString(), messageId: id, destination: ['jane@example.org'] },
  });

  test('the certificate is found on disk, not on the event thread', async () => {
    const endpoint = await service.must('POST', '/endpoints', { provider: 'ses', topic_arns: [TOPIC] });
    assert.equal((await service.deliver(endpoint, snsDelivery(certificate, TOPIC, sesOpen('ses-1')))).status, 200);
    assert.equal((await service.deliver(endpoint, snsDelivery(certificate, `${TOPIC}-other`, sesOpen('ses-2')))).status, 401);
    const { data } = await service.must('GET', '/orphan-events');
    assert.deepEqual(data.map(({ message_ids }) => message_ids[0]), ['ses-1']);
  });

  test('a certificate that cannot be had is no reason to refuse for good', async () => {
    const endpoint = await service.must('POST', '/endpoints', { provider: 'ses', topic_arns: [TOPIC] });
    const elsewhere = { ...certificate, url: 'https://sns.eu-central-1.amazonaws.com/absent.pem' };
    const answer = await service.deliver(endpoint, snsDelivery(elsewhere, TOPIC, sesOpen('ses-3')));
    assert.equal(answer.status, 503);
    assert.ok(Number(answer.headers['retry-after']) > 0);
    assert.deepEqual((await service.must('GET', `/failed-deliveries?endpoint=${endpoint.id}`)).data, [], 'Amazon sends it again');
  });

  test('a subscription waits for its confirmation', async () => {
    const endpoint = await service.must('POST', '/endpoints', { provider: 'ses', topic_arns: [TOPIC] });
    const asks = snsDelivery(certificate, TOPIC, 'You have chosen to subscribe', {
      Type: 'SubscriptionConfirmation', Token: 'a1'.repeat(40), SubscribeURL: 'https://evil.example/',
    });
    assert.equal((await service.deliver(endpoint, asks)).status, 200);
    const waiting = await service.must('GET', `/endpoints/${endpoint.id}`);
    assert.equal(waiting.ready, false);
    assert.equal(waiting.pending_confirmation.topic, TOPIC);
    assert.match(waiting.pending_confirmation.confirm_url, /^https:\/\/sns\.eu-central-1\.amazonaws\.com\/\?Action=ConfirmSubscription&/);
    const none = await service.must('POST', '/endpoints', { provider: 'ses', topic_arns: [TOPIC] });
    assert.equal((await service.api('POST', `/endpoints/${none.id}/confirm`)).status, 409);
  });
});

describe('the program', () => {
  test('says what to do, and by its exit status whose fault it was', () => {
    for (const [args, status, word] of [
      [[], 2, 'usage'], [['--help'], 0, 'serve'], [['serve', '--help'], 0, '--listen'], [['nonsense'], 2, 'no command'],
      [['serve', '--lisen', 'x'], 2, '--lisen'], [['setup'], 2, '--org'], [['config', 'print-default'], 0, '#listen ='],
      [['org', 'list', '--database', 'sqlite:/nonexistent/dir/x.db', '--secret-key-file', '/nonexistent/key'], 1, '/nonexistent'],
      [['config', 'check', '--log-level', 'loud'], 2, 'log_level'], [['--version'], 0, 'inkling '],
    ]) {
      const result = inkling(args);
      assert.equal(result.status, status, `${args.join(' ')}: ${result.stderr}`);
      assert.ok((status === 0 ? result.stdout : result.stderr).includes(word), `${args.join(' ')}: ${result.stdout}${result.stderr}`);
    }
  });

  test('setup takes a password from a file, and makes the key that only its owner may read', async () => {
    const directory = temporaryDirectory();
    const flags = ['--database', `sqlite:${directory}/data/inkling.db`];
    const short = inkling(['setup', '--org', 'A', '--email', 'a@example.org', '--password-file', '-', ...flags], { input: 'short\n' });
    assert.equal(short.status, 2);
    const good = inkling(['setup', '--org', 'A', '--email', 'a@example.org', '--password-file', '-', ...flags], { input: 'long enough for me\n' });
    assert.equal(good.status, 0, good.stderr);
    assert.deepEqual(Object.keys(JSON.parse(good.stdout)), ['organization_id', 'user_id', 'api_key']);
    assert.equal(fs.statSync(`${directory}/data/secret.key`).mode & 0o777, 0o600);
    fs.chmodSync(`${directory}/data/secret.key`, 0o644);
    const open = inkling(['org', 'list', ...flags]);
    assert.equal(open.status, 1);
    assert.match(open.stderr, /chmod 600/);
    fs.rmSync(directory, { recursive: true });
  });

  test('SIGHUP takes over what can change, and names what cannot', async () => {
    const directory = temporaryDirectory();
    const file = path.join(directory, 'inkling.conf');
    fs.writeFileSync(file, 'log_level = info\nworker_threads = 4\nmetrics_token = first\n');
    const service = await new Installation({ flags: ['--config', file] }).start();
    assert.equal((await service.fetch('/metrics', { headers: { Authorization: 'Bearer first' } })).status, 200);
    assert.equal((await service.fetch('/metrics')).status, 403);
    fs.writeFileSync(file, 'log_level = debug\nworker_threads = 5\nmetrics_token = second\n');
    service.process.kill('SIGHUP');
    await eventually(() => service.logs.includes('configuration reloaded'), 'reload');
    assert.match(service.logs, /an option takes effect at the next start.*worker_threads/);
    assert.equal((await service.fetch('/metrics', { headers: { Authorization: 'Bearer first' } })).status, 403);
    assert.equal((await service.fetch('/metrics', { headers: { Authorization: 'Bearer second' } })).status, 200);
    fs.writeFileSync(file, 'log_level = loud\n');
    service.process.kill('SIGHUP');
    await eventually(() => /not reloaded.*log_level/.test(service.logs), 'the refusal');
    assert.equal((await service.fetch('/healthz')).status, 200);
    await service.remove();
    fs.rmSync(directory, { recursive: true });
  });

  test('a lost secret key is not replaced by another', async () => {
    const service = await new Installation().start();
    await service.must('POST', '/endpoints', { provider: 'generic', secrets: [standardWebhooksSecret()] });
    await service.stop();
    fs.renameSync(`${service.directory}/secret.key`, `${service.directory}/elsewhere`);
    const result = service.command('endpoint', 'list');
    assert.equal(result.status, 1);
    assert.match(result.stderr, /secret key .* is missing/);
    assert.ok(!fs.existsSync(`${service.directory}/secret.key`));
    assert.equal(service.command('endpoint', 'list', '--secret-key-file', `${service.directory}/elsewhere`).status, 0);
    await service.remove();
  });

  test('a database that is not there is not made by accident', () => {
    const result = inkling(['org', 'list', '--database', 'sqlite:/tmp/inkling-no-such-directory/x.db']);
    assert.equal(result.status, 1);
    assert.match(result.stderr, /inkling setup/);
    assert.ok(!fs.existsSync('/tmp/inkling-no-such-directory'));
  });

  test('backup copies a database in use', async () => {
    const service = await new Installation().start();
    const copy = path.join(service.directory, 'copy.db');
    const result = service.command('backup', copy);
    assert.equal(result.status, 0, result.stderr);
    const listed = inkling(['org', 'list', '--database', `sqlite:${copy}`, '--secret-key-file', path.join(service.directory, 'secret.key')]);
    assert.equal(JSON.parse(listed.stdout).data[0].name, 'Acme Recruiting');
    await service.remove();
  });
});

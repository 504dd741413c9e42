// Every route × role × organization (compliance C-115), and every change without proof of where it comes from (C-112).
// The routes are those that the program's own reference lists, and tools/check-routes holds that against the route
// table; a route without a rule here fails the first test.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { Browser, Installation, Postgres, eventually, genericDelivery, standardWebhooksSecret } from './support.mjs';

const PASSWORD = 'correct horse battery staple';
// Where nothing is connected to.
const SUBSCRIPTION = { url: 'https://localhost:1/', events: ['email.opened', 'email.clicked'], state: 'paused' };

// What each role may do. Written down a second time on purpose.
const READING = ['read_jobs', 'read', 'scores'];
const PERMISSIONS = {
  admin: ['self', ...READING, 'register', 'write', 'admin', 'audit'],
  recruiter: ['self', ...READING, 'write'],
  hiring_manager: ['self', 'read_jobs'],
  'key read': READING,
  'key ingest': ['register'],
  'key embed': ['embed'],
  'key audit': ['audit'],
  'key write': [...READING, 'register', 'write', 'embed'],
  'key admin': [...READING, 'register', 'write', 'embed', 'admin', 'audit'],
};

// A route's rule: the permission it needs ('public': none; 'outside': has no session or key at all), the kind of object
// that its {id} names, and a body that is acceptable.
const RULES = {
  'GET /healthz': { needs: 'outside' },
  'GET /readyz': { needs: 'outside' },
  'GET /metrics': { needs: 'outside' },
  'GET /api/v1/openapi.json': { needs: 'outside' },
  'GET /webhooks/email/{endpoint}': { needs: 'outside' },
  'POST /webhooks/email/{endpoint}': { needs: 'outside' },
  'GET /webhooks/inbound/{endpoint}': { needs: 'outside' },
  'POST /webhooks/inbound/{endpoint}': { needs: 'outside' },
  'GET /o/{token}': { needs: 'outside' },
  'GET /c/{token}': { needs: 'outside' },
  'GET /u/{token}': { needs: 'outside' },
  'POST /u/{token}': { needs: 'outside' },
  'GET /p/{token}': { needs: 'outside' },
  'POST /p/{token}': { needs: 'outside' },

  'GET /api/v1/session': { needs: 'public' },
  'POST /api/v1/session': { needs: 'public' },
  'POST /api/v1/setup': { needs: 'public' },
  'GET /api/v1/oidc/start': { needs: 'public' },
  'GET /api/v1/oidc/callback': { needs: 'public' },
  'DELETE /api/v1/session': { needs: 'self', ends: true },
  'GET /api/v1/me': { needs: 'self' },
  'PATCH /api/v1/me': { needs: 'self', body: {} },
  'PUT /api/v1/me/password': { needs: 'self', body: { current: 'a wrong one', password: PASSWORD }, own: 403 },
  'GET /api/v1/me/sessions': { needs: 'self' },
  'DELETE /api/v1/me/sessions': { needs: 'self' },
  'DELETE /api/v1/me/sessions/{id}': { needs: 'self', object: 'session', own: 404 },
  'POST /api/v1/me/second-factor': { needs: 'self', body: { password: 'a wrong one' }, own: 403 },
  'PUT /api/v1/me/second-factor': { needs: 'self', body: { code: '000000' }, own: 404 },
  'POST /api/v1/me/second-factor/remove': { needs: 'self', body: { password: 'a wrong one' }, own: 403 },
  'POST /api/v1/account-links/show': { needs: 'public' },
  'POST /api/v1/account-links/redeem': { needs: 'public' },

  'GET /api/v1/me/notification-preferences': { needs: 'self' },
  'PUT /api/v1/me/notification-preferences': { needs: 'self', body: {} },
  'GET /api/v1/notifications': { needs: 'self' },
  'PATCH /api/v1/notifications/{id}': { needs: 'self', object: 'notification', body: {}, own: 404 },
  'POST /api/v1/notifications/read': { needs: 'self', body: {} },
  'GET /api/v1/activity': { needs: 'read_jobs' },
  // Answered at once, with 400: an open stream would have no end. Who hears what is in stream.test.mjs.
  'GET /api/v1/stream': { needs: 'read_jobs', own: 400 },

  'GET /api/v1/settings': { needs: 'read' },
  'PUT /api/v1/settings': { needs: 'admin', body: {} },
  'GET /api/v1/settings/scores': { needs: 'admin' },

  'GET /api/v1/users': { needs: 'admin' },
  'POST /api/v1/users': { needs: 'admin', body: () => ({ email: `new-${unique()}@example.org` }) },
  'GET /api/v1/users/{id}': { needs: 'admin', object: 'user' },
  'PATCH /api/v1/users/{id}': { needs: 'admin', object: 'user', body: { name: 'Changed' } },
  'DELETE /api/v1/users/{id}': { needs: 'admin', object: 'user' },
  'GET /api/v1/users/{id}/jobs': { needs: 'admin', object: 'user' },
  'PUT /api/v1/users/{id}/jobs': { needs: 'admin', object: 'user', body: { jobs: ['job-9'] } },
  'POST /api/v1/users/{id}/link': { needs: 'admin', object: 'user' },
  'DELETE /api/v1/users/{id}/second-factor': { needs: 'admin', object: 'user' },
  'DELETE /api/v1/users/{id}/sessions': { needs: 'admin', object: 'user' },

  'GET /api/v1/api-keys': { needs: 'admin' },
  'POST /api/v1/api-keys': { needs: 'admin', body: { name: 'new', role: 'read' } },
  'GET /api/v1/api-keys/{id}': { needs: 'admin', object: 'key' },
  'DELETE /api/v1/api-keys/{id}': { needs: 'admin', object: 'key' },

  'GET /api/v1/endpoints': { needs: 'admin' },
  'POST /api/v1/endpoints': { needs: 'admin', body: () => ({ provider: 'generic', secrets: [standardWebhooksSecret()] }) },
  'GET /api/v1/endpoints/{id}': { needs: 'admin', object: 'endpoint' },
  'GET /api/v1/endpoints/{id}/health': { needs: 'admin', object: 'endpoint' },
  'PATCH /api/v1/endpoints/{id}': { needs: 'admin', object: 'endpoint', body: { name: 'Changed' } },
  'DELETE /api/v1/endpoints/{id}': { needs: 'admin', object: 'endpoint' },
  'POST /api/v1/endpoints/{id}/confirm': { needs: 'admin', object: 'endpoint', body: {} },
  'GET /api/v1/providers': { needs: 'admin' },

  'GET /api/v1/failed-deliveries': { needs: 'admin' },
  'GET /api/v1/failed-deliveries/{id}': { needs: 'admin', object: 'delivery' },
  'POST /api/v1/failed-deliveries/{id}/replay': { needs: 'admin', object: 'delivery', body: {} },
  'GET /api/v1/security-events': { needs: 'admin' },
  'GET /api/v1/audit-log': { needs: 'audit' },
  'GET /api/v1/consents': { needs: 'admin' },
  'GET /api/v1/orphan-events': { needs: 'admin' },
  'GET /api/v1/orphan-events/{id}/emails': { needs: 'admin', object: 'orphan' },
  'POST /api/v1/orphan-events/{id}/match': { needs: 'admin', object: 'orphan', body: () => ({ email_id: 1 }) },
  'POST /api/v1/orphan-events/{id}/retry': { needs: 'admin', object: 'orphan' },
  'POST /api/v1/orphan-events/{id}/discard': { needs: 'admin', object: 'orphan' },

  'GET /api/v1/webhook-subscriptions': { needs: 'admin' },
  'POST /api/v1/webhook-subscriptions': { needs: 'admin', body: SUBSCRIPTION },
  'GET /api/v1/webhook-subscriptions/{id}': { needs: 'admin', object: 'subscription' },
  'PATCH /api/v1/webhook-subscriptions/{id}': { needs: 'admin', object: 'subscription', body: { description: 'Changed' } },
  'DELETE /api/v1/webhook-subscriptions/{id}': { needs: 'admin', object: 'subscription' },
  'POST /api/v1/webhook-subscriptions/{id}/secret': { needs: 'admin', object: 'subscription', body: {} },
  // Paused, so that nothing is sent: 409.
  'POST /api/v1/webhook-subscriptions/{id}/test': { needs: 'admin', object: 'subscription', body: {}, own: 409 },
  'GET /api/v1/webhook-subscriptions/{id}/deliveries': { needs: 'admin', object: 'subscription' },
  'GET /api/v1/webhook-subscriptions/{id}/deliveries/{delivery}': { needs: 'admin', object: 'subscription' },
  'POST /api/v1/webhook-subscriptions/{id}/deliveries/{delivery}/redeliver': { needs: 'admin', object: 'subscription', body: {} },

  'GET /api/v1/emails': { needs: 'read_jobs' },
  'POST /api/v1/emails': { needs: 'register', body: () => ({ message_id: `new-${unique()}`, subject: 'New', sent_at: '2026-01-05T10:00:00Z', candidate: { id: 'new' } }) },
  'GET /api/v1/emails/{id}': { needs: 'read_jobs', object: 'email' },
  'PATCH /api/v1/emails/{id}': { needs: 'register', object: 'email', body: () => ({ rfc_message_id: `<${unique()}@x.example>` }) },
  'GET /api/v1/emails/{id}/events': { needs: 'read_jobs', object: 'email' },
  'GET /api/v1/emails/{id}/links': { needs: 'read_jobs', object: 'email' },

  'GET /api/v1/candidates': { needs: 'read_jobs' },
  'GET /api/v1/candidates/{id}': { needs: 'read_jobs', object: 'candidate' },
  'GET /api/v1/candidates/{id}/timeline': { needs: 'read_jobs', object: 'candidate' },
  // An objection is taken of people who are not known yet, so another organization's id is nobody's: it makes an own one.
  'PUT /api/v1/candidates/{id}/tracking': { needs: 'write', object: 'candidate', body: { level: 'full' }, makes: true },
  'PUT /api/v1/campaigns/{id}/tracking': { needs: 'write', object: 'campaign', body: { level: 'full' }, makes: true },

  // Only for embed tokens, below.
  'GET /api/v1/embed': { needs: 'read_jobs', own: 403 },
  'POST /api/v1/embed-tokens': { needs: 'embed', body: { candidates: ['x'], origin: 'https://ats.example' } },

  'GET /api/v1/engagement/dashboard': { needs: 'read_jobs' },
  'GET /api/v1/search': { needs: 'read_jobs' },

  'GET /api/v1/engagement/summary': { needs: 'read_jobs' },
  'GET /api/v1/engagement/series': { needs: 'read_jobs' },
  'GET /api/v1/engagement/templates': { needs: 'read_jobs' },
  'GET /api/v1/engagement/top': { needs: 'read_jobs' },
  'GET /api/v1/engagement/campaigns': { needs: 'read_jobs' },
  'GET /api/v1/engagement/jobs': { needs: 'read_jobs' },
  'GET /api/v1/engagement/links': { needs: 'read_jobs' },
};

// All that the lists must tell apart is within one period.
const PERIOD = '?from=2026-01-01&to=2026-01-31';
const QUERIES = { 'GET /api/v1/stream': '?unknown=1', 'GET /api/v1/emails': PERIOD, 'GET /api/v1/search': '?q=person', 'GET /api/v1/engagement/top': `${PERIOD}&min_sent=1` };
const queryOf = (route) => QUERIES[route] ?? (route.includes('/engagement/') ? PERIOD : '');

let counter = 0;
const unique = () => ++counter;
const bodyOf = (rule) => (typeof rule.body === 'function' ? rule.body() : rule.body);
const methodOf = (route) => route.split(' ')[0];
const isChange = (route) => methodOf(route) !== 'GET';
const guarded = () => Object.entries(RULES).filter(([, rule]) => !['public', 'outside'].includes(rule.needs));

// An organization with people of every role, keys of every role, and objects whose names say whose they are.
class Organization {
  constructor(service, name, adminEmail) {
    Object.assign(this, { service, name, adminEmail });
  }

  async fill() {
    const { service, name } = this;
    const setup = service.setup(name, this.adminEmail, '--password-file', service.file('password', `${PASSWORD}\n`));
    this.key = setup.api_key;
    this.id = setup.organization_id;
    this.actors = { admin: await this.signIn(this.adminEmail) };
    for (const role of ['recruiter', 'hiring_manager']) {
      const email = `${role}@${name}.example`;
      const user = await this.must('POST', '/users', { email, role, password: PASSWORD });
      if (role === 'hiring_manager') await this.must('PUT', `/users/${user.id}/jobs`, { jobs: ['job-1'] });
      this.actors[role] = await this.signIn(email);
    }
    for (const role of ['read', 'ingest', 'embed', 'audit', 'write', 'admin']) {
      const { key } = await this.must('POST', '/api-keys', { name: `${name} ${role}`, role });
      this.actors[`key ${role}`] = { api: (method, target, body) => service.api(method, target, body, { key }) };
    }
    const secret = standardWebhooksSecret();
    this.endpoint = await this.must('POST', '/endpoints', { provider: 'generic', name: `${name} endpoint`, secrets: [secret] });
    this.subscription = await this.must('POST', '/webhook-subscriptions', { ...SUBSCRIPTION, description: `${name} subscription` });
    for (const job of [1, 2]) await this.register(job);
    const send = (this.send = (body) => service.deliver(this.endpoint, genericDelivery(secret, body)));
    const events = [1, 2].flatMap((job) => ['open', 'click'].map((type) => ({
      event_type: type, message_id: `${name}-${job}`, timestamp: '2026-01-05T12:00:00Z', recipient: 'x@example.org',
      event_id: `${name}-${job}-${type}`, ip_address: '203.0.113.7', metadata: { place: 'alpine' },
      user_agent: 'Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0', ...(type === 'click' ? { url: `https://${name}-${job}.example/` } : {}),
    })));
    assert.equal((await send(events)).status, 200);
    // Lately, for what tells of the last days alone.
    await send([1, 2].map((job) => ({ event_type: 'click', message_id: `${name}-${job}`, timestamp: new Date(Date.now() - 60_000).toISOString(), recipient: 'x@example.org', url: `https://${name}.example/${job}` })));
    await send({ event_type: 'open', message_id: `${name}-orphan`, timestamp: '2026-01-05T12:00:00Z', recipient: `${name}-orphan@example.org` });
    await send('not readable');
    await send('not readable either');
    this.deliveries = await eventually(async () => {
      const { data } = await this.must('GET', '/failed-deliveries');
      return data.length >= 2 && data.map(({ id }) => id);
    }, 'failed deliveries');
    const subscription = `/webhook-subscriptions/${this.subscription.id}`;
    await this.must('PATCH', subscription, { state: 'active' });
    await this.must('POST', `${subscription}/test`);
    await this.must('PATCH', subscription, { state: 'paused' });
    [this.told] = (await this.must('GET', `${subscription}/deliveries`)).data;
    return this;
  }

  async register(job) {
    const { name } = this;
    const { id } = await this.must('POST', '/emails', {
      message_id: `${name}-${job}`, subject: `${name} subject of ${name}-job-${job}`, sent_at: '2026-01-05T10:00:00Z',
      candidate: { id: `${name}-candidate-${job}`, name: `${name} person of ${name}-job-${job}`, email: `${name}-${job}@example.org` },
      job: { id: `job-${job}`, title: `${name}-job-${job}` }, template: { id: `template-${job}`, name: `${name} template of ${name}-job-${job}` },
      campaign: { id: `${name}-campaign-${job}`, name: `${name} campaign of ${name}-job-${job}` },
    });
    (this.emails ??= {})[job] = id;
  }

  must(method, target, body) {
    return this.service.must(method, target, body, { key: this.key });
  }

  async signIn(email) {
    const browser = new Browser(this.service);
    const { session } = await browser.signIn(email, PASSWORD);
    browser.sessionId = session.id;
    return browser;
  }

  // The id of an object that may be changed or taken away; of `job` where objects belong to jobs.
  async object(kind, route, job = 1) {
    switch (kind) {
    case 'user':
      return (await this.must('POST', '/users', { email: `object-${unique()}@example.org` })).id;
    case 'key':
      return (await this.must('POST', '/api-keys', { name: 'object', role: 'read' })).id;
    case 'endpoint':
      return methodOf(route) === 'DELETE'
        ? (await this.must('POST', '/endpoints', { provider: 'generic', secrets: [standardWebhooksSecret()] })).id
        : this.endpoint.id;
    case 'delivery':
      return this.deliveries[0];
    case 'subscription':
      return methodOf(route) === 'DELETE' ? (await this.must('POST', '/webhook-subscriptions', SUBSCRIPTION)).id : this.subscription.id;
    case 'orphan': {
      const message_id = `orphan-${unique()}`;
      await this.send({ event_type: 'open', message_id, timestamp: '2026-01-05T12:00:00Z', recipient: 'nobody@example.org' });
      return (await this.must('GET', '/orphan-events')).data.find(({ message_ids }) => message_ids.includes(message_id)).id;
    }
    case 'notification':
      return 1_000_000; // of nobody: who may mark whose is in stream.test.mjs
    case 'session':
      return this.actors.recruiter.sessionId;
    case 'email':
      return this.emails[job];
    case 'candidate':
      return `${this.name}-candidate-${job}`;
    case 'campaign':
      return `${this.name}-campaign-${job}`;
    default:
      throw new Error(`there is no object of kind ${kind}`);
    }
  }
}

function suite(kind) {
  let postgres, service, alpha, bravo;

  before(async () => {
    postgres = kind === 'PostgreSQL' ? new Postgres() : undefined;
    service = await new Installation({ postgres, flags: ['--trusted-proxies', '127.0.0.0/8'] }).start();
    alpha = await new Organization(service, 'alpha', 'ada@alpha.example').fill();
    bravo = await new Organization(service, 'bravo', 'bob@bravo.example').fill();
  });
  after(async () => {
    await service?.remove();
    postgres?.remove();
  });

  // One call of a route by an actor, with the object named by `id`.
  function call(actor, route, rule, id) {
    const [method, path] = route.split(' ');
    const delivery = (id === bravo.subscription.id ? bravo : alpha).told.id;
    const target = path.replace('/api/v1', '').replace('{id}', encodeURIComponent(id ?? '')).replace('{delivery}', delivery) + queryOf(route);
    return actor.api(method, target, bodyOf(rule));
  }

  test('every route has a rule', async () => {
    const { json } = await service.fetch('/api/v1/openapi.json');
    const methods = ['get', 'post', 'put', 'patch', 'delete'];
    const routes = Object.entries(json.paths).flatMap(([path, item]) => methods.filter((method) => item[method]).map((method) => `${method.toUpperCase()} ${path}`));
    assert.deepEqual(routes.filter((route) => !RULES[route]), [], 'routes without a rule: add one to RULES');
    assert.deepEqual(Object.keys(RULES).filter((route) => !routes.includes(route)), [], 'rules without a route');
  });

  test('nobody gets in without a key or a session', async () => {
    const nobody = { api: (method, target, body) => service.api(method, target, body, { key: null }) };
    const stranger = new Browser(service);
    stranger.cookies.set('__Host-inkling', `ins_${alpha.id}_${'a'.repeat(52)}`);
    for (const [route, rule] of guarded())
      for (const actor of [nobody, stranger])
        assert.equal((await call(actor, route, rule, await alpha.object(rule.object ?? 'email', route))).status, 401, route);
  });

  for (const role of Object.keys(PERMISSIONS)) {
    test(`${role}: what the role allows, and nothing else`, async () => {
      for (const [route, rule] of guarded()) {
        let actor = alpha.actors[role];
        if (rule.ends) actor = role.startsWith('key ') ? actor : await alpha.signIn(role === 'admin' ? alpha.adminEmail : `${role}@alpha.example`);
        const id = rule.object && (await alpha.object(rule.object, route));
        const answer = await call(actor, route, rule, id);
        const what = `${role}: ${route} answered ${answer.status} ${answer.body.slice(0, 200)}`;
        if (!PERMISSIONS[role].includes(rule.needs)) assert.equal(answer.status, 403, what);
        else if (rule.own && !(rule.object === 'session' && role === 'recruiter')) assert.equal(answer.status, rule.own, what);
        else assert.ok(answer.status < 500 && ![401, 403, 404].includes(answer.status), what);
        if (rule.object === 'session' && role === 'recruiter') alpha.actors.recruiter = await alpha.signIn('recruiter@alpha.example');
      }
    });

    test(`${role}: nothing of another organization`, async () => {
      const actor = alpha.actors[role];
      for (const [route, rule] of guarded()) {
        if (rule.ends || rule.makes || !PERMISSIONS[role].includes(rule.needs)) continue;
        const id = rule.object && (await bravo.object(rule.object, route));
        const answer = await call(actor, route, rule, id);
        if (rule.object) assert.equal(answer.status, 404, `${role}: ${route}: ${answer.body}`);
        else assert.ok(!answer.body.includes('bravo'), `${role}: ${route} tells of the other: ${answer.body}`);
      }
    });
  }

  test('what one organization says of an id changes nothing of the same id elsewhere', async () => {
    const before = await bravo.must('GET', '/candidates/bravo-candidate-1');
    await alpha.must('PUT', '/candidates/bravo-candidate-1/tracking', { level: 'none' });
    await alpha.must('PUT', '/campaigns/bravo-campaign-1/tracking', { level: 'none' });
    assert.deepEqual(await bravo.must('GET', '/candidates/bravo-candidate-1'), before);
    assert.equal((await bravo.must('GET', `/emails/${bravo.emails[1]}`)).tracking, 'full');
  });

  test('a hiring manager: only what belongs to the own jobs', async () => {
    const manager = alpha.actors.hiring_manager;
    let objects = 0, lists = 0;
    for (const [route, rule] of guarded()) {
      if (rule.needs !== 'read_jobs') continue;
      if (rule.object) {
        const answer = await call(manager, route, rule, await alpha.object(rule.object, route, 2));
        assert.equal(answer.status, 404, `${route}: ${answer.body}`);
        objects++;
      } else {
        const answer = await call(manager, route, rule);
        const all = await call(alpha.actors.recruiter, route, rule);
        assert.ok(!/alpha-job-2|alpha-2|candidate-2/.test(answer.body), `${route} tells of the other job: ${answer.body}`);
        assert.notEqual(answer.body, all.body, `${route} shows a recruiter more`);
        lists++;
      }
    }
    assert.ok(objects >= 5 && lists >= 9);
    const { sent, clicked } = await manager.must('GET', `/engagement/summary${PERIOD}`);
    assert.deepEqual([sent, clicked], [1, 1]);
    const candidates = (await manager.must('GET', '/candidates')).data.map(({ id }) => id);
    assert.deepEqual(candidates, ['alpha-candidate-1']);
    assert.deepEqual((await manager.must('GET', '/emails?job=job-2')).data, []);
    assert.equal((await manager.must('GET', '/engagement/summary?from=2026-01-01&to=2026-01-31&job=job-2')).sent, 0);
  });

  test('jobs are given and taken away at once, and one without jobs sees nothing', async () => {
    const { data } = await alpha.must('GET', '/users');
    const { id } = data.find(({ email }) => email === 'hiring_manager@alpha.example');
    const manager = alpha.actors.hiring_manager;
    const seen = async () => (await manager.must('GET', `/emails${PERIOD}`)).data.map(({ job }) => job.id).sort();
    assert.deepEqual((await alpha.must('PUT', `/users/${id}/jobs`, { jobs: ['job-2', 'job-1', 'job-2', 'not-yet'] })).data.map((job) => job.id).sort(), ['job-1', 'job-2', 'not-yet']);
    assert.deepEqual(await seen(), ['job-1', 'job-2']);
    await alpha.must('PUT', `/users/${id}/jobs`, { jobs: [] });
    assert.deepEqual(await seen(), []);
    assert.deepEqual((await manager.must('GET', '/candidates')).data, []);
    assert.equal((await manager.must('GET', `/engagement/summary${PERIOD}`)).sent, 0);
    for (const body of [{}, { jobs: 'job-1' }, { jobs: [1] }, { jobs: [''] }, { jobs: [], more: 1 }])
      assert.equal((await service.api('PUT', `/users/${id}/jobs`, body, { key: alpha.key })).status, 400, JSON.stringify(body));
    await alpha.must('PUT', `/users/${id}/jobs`, { jobs: ['job-1'] });
    assert.deepEqual((await manager.must('GET', '/me')).permissions, ['self', 'read_jobs']);
    await alpha.must('PATCH', `/users/${id}`, { sees_scores: true });
    assert.deepEqual((await manager.must('GET', '/me')).permissions, ['self', 'read_jobs', 'scores']);
  });

  test('the audit log may be read by whom it was granted to, and that is noted; no other right comes with it', async () => {
    const recruiter = alpha.actors.recruiter;
    const { id } = (await recruiter.must('GET', '/me')).user;
    const status = async (route) => (await recruiter.api('GET', route)).status;
    assert.equal(await status('/audit-log'), 403);
    assert.equal((await alpha.must('PATCH', `/users/${id}`, { reads_audit: true })).reads_audit, true);
    assert.equal((await alpha.must('GET', `/users/${id}`)).reads_audit, true);
    assert.deepEqual((await recruiter.must('GET', '/me')).permissions, [...PERMISSIONS.recruiter, 'audit']);
    const [entry] = (await recruiter.must('GET', '/audit-log?action=users.change&limit=1')).data;
    assert.deepEqual([entry.object_id, entry.detail.changes.reads_audit], [id, { from: false, to: true }]);
    assert.deepEqual([await status('/security-events'), await status('/users'), await status('/api-keys')], [403, 403, 403]);
    assert.equal((await alpha.must('PATCH', `/users/${id}`, { reads_audit: false })).reads_audit, false);
    assert.equal(await status('/audit-log'), 403);
    const made = await alpha.must('POST', '/users', { email: 'auditor@alpha.example', role: 'hiring_manager', reads_audit: true, password: PASSWORD });
    assert.equal(made.reads_audit, true);
    const auditor = await alpha.signIn('auditor@alpha.example');
    assert.ok((await auditor.must('GET', '/audit-log')).data.length > 0);
    await alpha.must('DELETE', `/users/${made.id}`);
  });

  describe('an embed token', () => {
    const origin = 'https://ats.example';
    const EMBEDDED = ['GET /api/v1/emails/{id}', 'GET /api/v1/emails/{id}/events', 'GET /api/v1/emails/{id}/links', 'GET /api/v1/candidates/{id}', 'GET /api/v1/candidates/{id}/timeline'];
    const make = async (body, key = 'key embed') => {
      const answer = await alpha.actors[key].api('POST', '/embed-tokens', { origin, ...body });
      assert.equal(answer.status, 201, answer.body);
      return answer.json;
    };
    const holder = (token, from = origin) => ({
      api: (method, target, body) => service.api(method, target, body, { key: token, headers: from ? { Origin: from } : {} }),
    });

    test('opens what it names on the few routes it is for, and nothing else', async () => {
      const { token, expires_at: until } = await make({ candidates: ['alpha-candidate-1'] });
      assert.match(token, /^emb_[A-Za-z0-9_-]+$/);
      assert.ok(!Buffer.from(token.slice(4), 'base64url').includes('candidate'), 'says nothing');
      assert.ok(Math.abs(Date.parse(until) - Date.now() - 900e3) < 10e3);
      for (const [route, rule] of guarded()) {
        const [own, other, foreign] = await Promise.all([alpha.object(rule.object ?? 'email', route, 1), alpha.object(rule.object ?? 'email', route, 2), bravo.object(rule.object ?? 'email', route, 1)]);
        if (route === 'GET /api/v1/embed') continue;
        if (!EMBEDDED.includes(route)) {
          assert.equal((await call(holder(token), route, rule, own)).status, 403, route);
          continue;
        }
        const answer = await call(holder(token), route, rule, own);
        assert.equal(answer.status, 200, `${route}: ${answer.body}`);
        assert.deepEqual([answer.headers['access-control-allow-origin'], answer.headers['access-control-allow-credentials']], [origin, undefined]);
        assert.match(String(answer.headers.vary), /Origin/);
        for (const id of [other, foreign]) {
          const refused = await call(holder(token), route, rule, id);
          assert.deepEqual([refused.status, refused.headers['access-control-allow-origin']], [404, origin], route);
        }
      }
    });

    test('may name single emails', async () => {
      const { token } = await make({ emails: [alpha.emails[2], String(alpha.emails[1])] }, 'key write');
      for (const job of [1, 2]) assert.equal((await holder(token).api('GET', `/emails/${alpha.emails[job]}`)).status, 200);
      assert.equal((await holder(token).api('GET', '/candidates/alpha-candidate-2')).status, 404);
      const foreign = await make({ emails: [bravo.emails[1]], candidates: ['bravo-candidate-2'] });
      assert.equal((await holder(foreign.token).api('GET', `/emails/${bravo.emails[1]}`)).status, 404, 'another organization');
      assert.equal((await holder(foreign.token).api('GET', '/candidates/bravo-candidate-2')).status, 404);
    });

    test('tells what it opens, and shows no device that was used', async () => {
      const { token, expires_at: until } = await make({ candidates: ['alpha-candidate-1', 'ä "b"'], emails: [alpha.emails[2]] });
      const grant = await holder(token).api('GET', '/embed');
      assert.deepEqual([grant.status, grant.headers['access-control-allow-origin']], [200, origin]);
      assert.deepEqual(grant.json, { candidates: ['alpha-candidate-1', 'ä "b"'], emails: [alpha.emails[2]], scores: true, expires_at: until });
      assert.equal((await holder(token).api('GET', '/embed?more=1')).status, 400);
      for (const target of ['/candidates/alpha-candidate-1/timeline', `/emails/${alpha.emails[1]}/events`]) {
        const { data } = (await holder(token).api('GET', target)).json;
        const all = (await alpha.must('GET', target)).data;
        const known = (name) => all.some((event) => event[name] !== null);
        assert.ok(['ip_address', 'user_agent', 'provider_event_id', 'metadata'].every(known), 'known to the program');
        assert.deepEqual(data, all.map((event) => ({ ...event, ip_address: null, user_agent: null, provider_event_id: null, metadata: null })), target);
      }
    });

    test('shows scores unless they are kept back', async () => {
      const { token } = await make({ candidates: ['alpha-candidate-1'] });
      const kept = await make({ candidates: ['alpha-candidate-1'], scores: false });
      const [open, without] = [(await holder(token).api('GET', '/candidates/alpha-candidate-1')).json, (await holder(kept.token).api('GET', '/candidates/alpha-candidate-1')).json];
      assert.ok('engagement_score' in open && open.explanation.length > 0);
      assert.deepEqual(Object.keys(without).filter((name) => /score|level|explanation|trend|next_change/.test(name)), []);
      assert.equal(without.name, open.name);
      assert.equal((await holder(kept.token).api('GET', '/embed')).json.scores, false);
    });

    test('fits into the head of a request, or is not made', async () => {
      const ids = (length) => Array.from({ length: 50 }, (_, index) => `${index}`.padEnd(length, 'x'));
      let length = 255;
      while (length > 0 && (await alpha.actors['key embed'].api('POST', '/embed-tokens', { origin, candidates: ids(length) })).status === 400) length--;
      assert.ok(length >= 100, `50 ids of ${length} bytes`);
      const { token } = await make({ candidates: ids(length) });
      const browser = { 'User-Agent': 'x'.repeat(200), Accept: '*/*', 'Accept-Language': 'en-GB,en;q=0.9', 'Accept-Encoding': 'gzip, deflate, br, zstd', 'Sec-Ch-Ua': 'x'.repeat(120), Origin: origin };
      assert.equal((await service.api('GET', '/embed', undefined, { key: token, headers: browser })).status, 200);
    });

    test('is for its origin only, and ends with its time and its key', async () => {
      const { token } = await make({ candidates: ['alpha-candidate-1'] });
      const read = (text, from) => holder(text, from).api('GET', '/candidates/alpha-candidate-1');
      for (const from of ['https://evil.example', 'null', '', 'https://ats.example.evil.example', 'http://ats.example']) {
        const answer = await read(token, from);
        assert.deepEqual([answer.status, answer.headers['access-control-allow-origin']], [403, undefined], from);
      }
      for (const text of [`${token.slice(0, -4)}AAAA`, 'emb_', `emb_${'A'.repeat(200)}`, `${token}A`]) assert.equal((await read(text)).status, 401, text);
      const made = await alpha.must('POST', '/api-keys', { name: 'pages', role: 'embed' });
      const answer = await service.api('POST', '/embed-tokens', { candidates: ['alpha-candidate-1'], origin, seconds: 3600 }, { key: made.key });
      assert.equal((await read(answer.json.token)).status, 200);
      await alpha.must('DELETE', `/api-keys/${made.id}`);
      assert.equal((await read(answer.json.token)).status, 401, 'the key was revoked');
      const { token: short } = await make({ candidates: ['alpha-candidate-1'], seconds: 60 });
      await service.stop();
      service.environment = { INKLING_CLOCK_OFFSET_MS: '61000' };
      await service.start();
      const late = await read(short);
      assert.deepEqual([late.status, late.headers['access-control-allow-origin']], [401, origin], 'too old, and the page can see it');
      await service.stop();
      service.environment = {};
      await service.start();
    });

    test('is made of what makes sense', async () => {
      for (const body of [
        {}, { candidates: [] }, { candidates: ['a'], origin: 'http://ats.example' }, { candidates: ['a'], origin: '*' }, { candidates: [''] }, { candidates: [1] },
        { emails: ['x'] }, { emails: [0] }, { candidates: ['a'], seconds: 3601 }, { candidates: ['a'], seconds: 1 }, { candidates: 'a' },
        { candidates: Array(51).fill('a') }, { candidates: ['a'], scores: 'no' }, { candidates: ['a'], more: 1 }, { candidates: Array(50).fill('x'.repeat(255)) },
      ])
        assert.equal((await alpha.actors['key embed'].api('POST', '/embed-tokens', { origin, ...body })).status, 400, JSON.stringify(body).slice(0, 100));
    });

    test('is sent by browsers after they have asked', async () => {
      const asking = { Origin: origin, 'Access-Control-Request-Method': 'GET', 'Access-Control-Request-Headers': 'authorization' };
      for (const route of [...EMBEDDED, 'GET /api/v1/embed']) {
        const answer = await service.fetch(route.split(' ')[1].replace('{id}', '1'), { method: 'OPTIONS', headers: asking });
        assert.equal(answer.status, 204, route);
        assert.deepEqual([answer.headers['access-control-allow-origin'], answer.headers['access-control-allow-methods'], answer.headers['access-control-allow-headers']], ['*', 'GET', 'Authorization']);
      }
      for (const target of ['/api/v1/settings', '/api/v1/me', '/api/v1/emails'])
        assert.equal((await service.fetch(target, { method: 'OPTIONS', headers: asking })).status, 405, target);
      const { headers } = await alpha.actors.admin.api('GET', '/candidates/alpha-candidate-1', undefined, { headers: { Origin: origin } });
      assert.equal(headers['access-control-allow-origin'], undefined, 'a session is of no use to other origins');
    });
  });

  test('one\'s own emails are a filter, for who has a session', async () => {
    const recruiter = alpha.actors.recruiter;
    await alpha.must('POST', '/emails', { message_id: 'alpha-own', subject: 'Own', sent_at: '2026-01-06T10:00:00Z', candidate: { id: 'own' }, sender: { email: 'recruiter@alpha.example' } });
    const { data } = await recruiter.must('GET', `/emails${PERIOD}&sender=me`);
    assert.deepEqual(data.map(({ subject }) => subject), ['Own']);
    assert.equal((await recruiter.must('GET', `/engagement/summary${PERIOD}&sender=me`)).sent, 1);
    assert.deepEqual((await alpha.must('GET', `/emails${PERIOD}&sender=me`)).data, []);
  });

  test('no change is made by a session that another site uses', async () => {
    const admin = alpha.actors.admin;
    for (const [route, rule] of Object.entries(RULES)) {
      if (!isChange(route) || rule.needs === 'outside') continue;
      const [method, path] = route.split(' ');
      const id = rule.object && (await alpha.object(rule.object, route));
      for (const headers of [{}, { 'X-Inkling-Request': '1', Origin: 'https://evil.example' }, { 'X-Inkling-Request': '1', 'Sec-Fetch-Site': 'cross-site' }, { Origin: service.url }]) {
        const answer = await service.api(method, path.replace('/api/v1', '').replace('{id}', id).replace('{delivery}', 1), bodyOf(rule), { key: null, headers: { Cookie: admin.cookie(), ...headers } });
        assert.equal(answer.status, 403, `${route} with ${JSON.stringify(headers)}: ${answer.body}`);
      }
    }
    assert.equal((await admin.api('GET', '/me')).status, 200, 'and the session is still there');
  });

  test('what was ended, disabled or revoked gets in nowhere', async () => {
    const user = await alpha.must('POST', '/users', { email: 'leaver@alpha.example', role: 'admin', password: PASSWORD });
    const leaver = await alpha.signIn('leaver@alpha.example');
    const made = await alpha.must('POST', '/api-keys', { name: 'leaver', role: 'admin' });
    // From many places, since wrong keys from one place are slowed down.
    const headers = () => ({ 'X-Forwarded-For': `198.51.100.${unique() % 250}` });
    const program = { api: (method, target, body) => service.api(method, target, body, { key: made.key, headers: headers() }) };
    assert.equal((await leaver.api('GET', '/users')).status, 200);
    assert.equal((await program.api('GET', '/users')).status, 200);
    await alpha.must('DELETE', `/users/${user.id}`);
    await alpha.must('DELETE', `/api-keys/${made.id}`);
    for (const [route, rule] of guarded())
      for (const actor of [leaver, program]) assert.equal((await call(actor, route, rule, rule.object && (await alpha.object(rule.object, route)))).status, 401, route);
  });
}

for (const kind of ['SQLite', 'PostgreSQL']) describe(`authorization on ${kind}`, () => suite(kind));

// The dashboard in one answer: its parts are what the single routes answer, and each fails alone. On both databases.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import { Browser, genericDelivery, Installation, Postgres, standardWebhooksSecret } from './support.mjs';

const DAY = 86_400_000;
const PASSWORD = 'correct horse battery staple';
const dateOf = (ms) => new Date(ms).toISOString().slice(0, 10);

function suite(kind) {
  describe(`the dashboard in one request, ${kind}`, () => {
    let postgres, service;
    const now = Date.now();
    // Not "29 days": in the first hour of a day, what was sent an hour ago was sent the day before.
    const sentAt = (i) => now - (i % 75) * DAY - 3_600_000;
    const sentSince = (day) => Array.from({ length: 600 }, (_, i) => dateOf(sentAt(i))).filter((sent) => sent >= day).length;
    const get = (target) => service.must('GET', target);

    const sql = (text) => {
      const [program, args] = postgres
        ? ['psql', ['-qAt', '-v', 'ON_ERROR_STOP=1', '-d', service.database, '-c', text]]
        : ['sqlite3', ['-bail', '-cmd', '.timeout 10000', path.join(service.directory, 'inkling.db'), text]];
      const result = spawnSync(program, args, { encoding: 'utf8' });
      assert.equal(result.status, 0, result.stderr);
    };

    before(async () => {
      postgres = kind === 'PostgreSQL' ? new Postgres() : undefined;
      service = new Installation({ postgres });
      service.setup('Acme', 'ada@acme.example', '--password-file', service.file('password', `${PASSWORD}\n`));
      await service.start();
      const secret = standardWebhooksSecret();
      const endpoint = await service.must('POST', '/endpoints', { provider: 'generic', name: 'Generic', secrets: [secret] });
      const emails = [], events = [];
      for (let i = 0; i < 600; i++) {
        const at = sentAt(i);
        emails.push({
          message_id: `m${i}@mail.example`, subject: `Subject ${i}`, sent_at: new Date(at).toISOString(), candidate: { id: `c${i % 40}`, name: `Person ${i % 40}` },
          template: i % 5 ? { id: `t${i % 12}`, name: `Template ${i % 12}` } : undefined, job: i % 7 ? { id: `j${i % 3}`, title: `Job ${i % 3}` } : undefined,
          campaign: { id: `k${i % 4}` }, sender: { email: `sender${i % 2}@acme.example` },
        });
        const event = (event_type, seconds, more = {}) => events.push({ event_type, message_id: `m${i}@mail.example`, timestamp: new Date(at + seconds * 1000).toISOString(), recipient: 'x@y.example', ...more });
        if (i % 2) event('open', 30 + i);
        if (i % 6 === 1) event('click', 60 + i, { url: 'https://jobs.example/' });
        if (i % 50 === 3) event('bounce', 5, { bounce_type: 'hard' });
      }
      await service.must('POST', '/emails', emails);
      for (let at = 0; at < events.length; at += 200) assert.equal((await service.deliver(endpoint, genericDelivery(secret, events.slice(at, at + 200)))).status, 200);
    });
    after(async () => {
      await service?.remove();
      postgres?.remove();
    });

    // What the single routes say, in the shape of the whole.
    async function single(filter, days, interval, compare) {
      const whole = { ...(await get(`/engagement/series?${days}${filter}&interval=${interval}`)) };
      const summary = await get(`/engagement/summary?${days}${filter}`);
      const { data, ...rest } = await get(`/engagement/jobs?${days}&limit=200`);
      return {
        summary, series: whole,
        previous_series: compare ? await get(`/engagement/series?from=${summary.previous.from}&to=${summary.previous.to}${filter}&interval=${interval}`) : null,
        top: await get(`/engagement/top?${days}${filter}`),
        templates: await get(`/engagement/templates?${days}${filter}&limit=10`),
        jobs: { ...rest, data: data.filter(({ id }) => id !== null).map(({ id, title, sent }) => ({ id, title, sent })) },
      };
    }
    const partsOf = ({ summary, series, previous_series, top, templates, jobs }) => ({ summary, series, previous_series, top, templates, jobs });

    it('has exactly what the single routes answer', async () => {
      const month = `from=${dateOf(now - 29 * DAY)}&to=${dateOf(now)}`;
      for (const filter of ['', '&job=j1', '&sender=sender1@acme.example', '&template=t2', '&campaign=k3', '&job=j1&campaign=k1', '&job=nothing'])
        for (const compare of [false, true]) {
          const whole = await get(`/engagement/dashboard?${month}${filter}${compare ? '&compare=1' : ''}`);
          assert.deepEqual(partsOf(whole), await single(filter, month, 'day', compare), filter);
          assert.deepEqual([whole.from, whole.to, whole.time_zone, whole.interval, whole.me], [dateOf(now - 29 * DAY), dateOf(now), 'UTC', 'day', null]);
        }
      const { summary, templates, jobs } = await get(`/engagement/dashboard?${month}`);
      assert.equal(summary.sent, sentSince(dateOf(now - 29 * DAY)));
      assert.equal(templates.data.length, 10);
      assert.equal(typeof templates.next_cursor, 'string');
      assert.deepEqual(jobs.data.map(({ id }) => id).sort(), ['j0', 'j1', 'j2']);
    });

    it('takes ranges that end today, and steps that suit them', async () => {
      for (const [range, days, interval] of [['7d', 7, 'day'], ['30d', 30, 'day'], ['90d', 90, 'day'], ['365d', 365, 'week']]) {
        const { from, to } = await get(`/engagement/dashboard?range=${range}`);
        assert.deepEqual(partsOf(await get(`/engagement/dashboard?range=${range}`)), await single('', `from=${from}&to=${to}`, interval, false), range);
        assert.equal((Date.parse(to) - Date.parse(from)) / DAY, days - 1);
      }
      assert.deepEqual(await get('/engagement/dashboard'), await get('/engagement/dashboard?range=30d'));
      const long = await get(`/engagement/dashboard?from=${dateOf(now - 600 * DAY)}`);
      assert.deepEqual([long.interval, long.summary.sent], ['month', 600]);
      assert.equal((await get('/engagement/dashboard?range=90d&interval=month')).interval, 'month');
    });

    it('refuses what it does not understand, as a whole', async () => {
      for (const query of ['range=week', 'range=7d&from=2026-01-01', 'range=', 'compare=yes', 'compare=', 'interval=year', 'from=yesterday', 'from=2026-05-02&to=2026-05-01', 'limit=5', 'job=', 'jbo=1']) {
        const answer = await service.api('GET', `/engagement/dashboard?${query}`);
        assert.equal(answer.status, 400, query);
        assert.match(answer.headers['content-type'], /problem\+json/);
        assert.ok(answer.json.detail.length > 10);
      }
    });

    it('says who is signed in, and shows a hiring manager the own jobs only', async () => {
      const admin = new Browser(service);
      await admin.signIn('ada@acme.example', PASSWORD);
      const { me } = await admin.must('GET', '/engagement/dashboard');
      assert.deepEqual(me, await admin.must('GET', '/me'));
      const { id } = await service.must('POST', '/users', { email: 'hal@acme.example', role: 'hiring_manager', password: PASSWORD });
      await service.must('PUT', `/users/${id}/jobs`, { jobs: ['j2'] });
      const manager = new Browser(service);
      await manager.signIn('hal@acme.example', PASSWORD);
      const seen = await manager.must('GET', '/engagement/dashboard?range=90d');
      assert.equal(seen.me.role, 'hiring_manager');
      assert.deepEqual(seen.jobs.data.map((job) => job.id), ['j2']);
      assert.deepEqual(seen.summary, (await get('/engagement/dashboard?range=90d&job=j2')).summary);
      assert.deepEqual((await manager.must('GET', '/engagement/dashboard?range=90d&job=j1')).summary.sent, 0);
    });

    it('tells of a part that fails in its place, and has the others', async () => {
      const target = '/engagement/dashboard?range=90d&compare=1';
      const whole = partsOf(await get(target));
      sql('ALTER TABLE templates RENAME TO templates_away');
      try {
        const broken = partsOf(await get(target));
        for (const name of ['top', 'templates']) {
          const { problem, ...nothing } = broken[name];
          assert.deepEqual(nothing, {});
          assert.deepEqual([problem.status, problem.title, problem.type], [500, 'Internal error', 'about:blank']);
          assert.match(problem.detail, /log has the reason/);
          assert.ok(problem.request_id.length > 4);
          assert.ok(service.logs.includes(problem.request_id), 'the log has it');
        }
        assert.deepEqual({ ...broken, top: whole.top, templates: whole.templates }, whole);
      } finally {
        sql('ALTER TABLE templates_away RENAME TO templates');
      }
      assert.deepEqual(partsOf(await get(target)), whole);
      sql('ALTER TABLE cohorts RENAME TO cohorts_away');
      try {
        const answer = await service.api('GET', target);
        assert.equal(answer.status, 500, answer.body);
        assert.match(answer.headers['content-type'], /problem\+json/);
      } finally {
        sql('ALTER TABLE cohorts_away RENAME TO cohorts');
      }
      assert.deepEqual(partsOf(await get(target)), whole);
      assert.match(service.verify(), / 0 differences/);
    });
  });
}

suite('SQLite');
suite('PostgreSQL');

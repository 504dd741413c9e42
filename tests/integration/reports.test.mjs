// Registration, lists and reports through the real program, on both databases.
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { Installation, Postgres, genericDelivery, standardWebhooksSecret } from './support.mjs';

const DAY = 86_400_000;
const iso = (ms) => new Date(ms).toISOString();
const dateOf = (ms) => iso(ms).slice(0, 10);

// Parses RFC 4180 text into an array of objects.
function parseCsv(text) {
  const rows = [];
  let row = [], cell = '', quoted = false;
  for (let i = 0; i < text.length; i++) {
    const c = text[i];
    if (quoted && c === '"' && text[i + 1] === '"') cell += text[++i];
    else if (c === '"') quoted = !quoted;
    else if (quoted) cell += c;
    else if (c === ',') row.push(cell), (cell = '');
    else if (c === '\n') rows.push([...row, cell]), (row = []), (cell = '');
    else if (c !== '\r') cell += c;
  }
  const [names, ...lines] = rows;
  for (const line of lines) assert.equal(line.length, names.length);
  return lines.map((line) => Object.fromEntries(line.map((value, i) => [names[i], value])));
}

function suite(name, makePostgres) {
  describe(name, () => {
    let postgres, installation, endpoint, secret;
    const now = Date.now();
    const api = (...args) => installation.api(...args);
    const get = (target) => installation.must('GET', target);

    before(async () => {
      postgres = makePostgres?.();
      installation = await new Installation({ postgres }).start();
      secret = standardWebhooksSecret();
      endpoint = await installation.must('POST', '/endpoints', { provider: 'generic', name: 'Generic', secrets: [secret] });
    });
    after(async () => {
      await installation?.remove();
      postgres?.remove();
    });

    async function deliver(events) {
      for (let at = 0; at < events.length; at += 200) {
        const answer = await installation.deliver(endpoint, genericDelivery(secret, events.slice(at, at + 200)));
        assert.equal(answer.status, 200, answer.body);
      }
    }

    // `sent` emails of a template on one day, the first `opened` of them opened, the first `clicked` clicked.
    async function send(template, day, sent, opened, clicked, more = {}) {
      const ids = Array.from({ length: sent }, (_, i) => `${template.id}-${day}-${i}@mail.example`);
      const at = now - day * DAY;
      await installation.must('POST', '/emails', ids.map((id, i) => ({
        message_id: id, subject: template.name, sent_at: iso(at), template, candidate: { id: `c${i % 7}`, name: `Candidate ${i % 7}` }, ...more,
      })));
      const event = (id, event_type, seconds, url) => ({ event_type, message_id: id, timestamp: iso(at + seconds * 1000), recipient: 'x@y.example', url });
      await deliver([
        ...ids.slice(0, opened).map((id) => event(id, 'open', 60)),
        ...ids.slice(0, clicked).map((id) => event(id, 'click', 90, 'https://jobs.example/schedule')),
      ]);
      return ids;
    }

    describe('registration', () => {
      const email = { message_id: '<one@mail.example>', subject: 'Hello', sent_at: iso(now - DAY), candidate: { id: 4711, email: 'Zoe <zoe@example.org>' } };

      it('answers 201 once, then 200, and changes nothing', async () => {
        const first = await api('POST', '/emails', email);
        assert.equal(first.status, 201, first.body);
        assert.deepEqual(first.json, { id: first.json.id, message_id: '<one@mail.example>', tracking: 'full', existed: false, adopted: 0, reply_token: first.json.reply_token });
        assert.match(first.json.reply_token, /^[0-9a-hjkmnp-tv-z]{36}$/);
        const again = await api('POST', '/emails', { ...email, message_id: 'one@mail.example', subject: 'Other' });
        assert.equal(again.status, 200);
        assert.equal(again.json.existed, true);
        assert.equal(again.json.reply_token, first.json.reply_token);
        assert.equal(again.json.id, first.json.id);
        const shown = await get(`/emails/${first.json.id}`);
        assert.equal(shown.subject, 'Hello');
        assert.match(shown.candidate.ref, /^~\d+$/);
        assert.deepEqual(shown.candidate, { id: '4711', ref: shown.candidate.ref, name: null, email: 'zoe@example.org', title: null });
        assert.equal(shown.job, null);
        assert.equal(shown.sent_at, iso(now - DAY));
      });

      it('takes arrays, and is new when one of them is', async () => {
        const mixed = await api('POST', '/emails', [email, { ...email, message_id: 'two@mail.example', tracking: 'clicks' }]);
        assert.equal(mixed.status, 201);
        assert.deepEqual(mixed.json.data.map((row) => [row.existed, row.tracking]), [[true, 'full'], [false, 'clicks']]);
        assert.equal((await api('POST', '/emails', [email])).status, 200);
      });

      it('says which email and which field is wrong, and stores none of them', async () => {
        const bad = async (change, ...words) => {
          const answer = await api('POST', '/emails', [{ ...email, message_id: 'fine@mail.example' }, { ...email, message_id: 'bad@mail.example', ...change }]);
          assert.equal(answer.status, 400, answer.body);
          assert.match(answer.headers['content-type'], /problem\+json/);
          for (const word of ['email 1', ...words]) assert.ok(answer.json.detail.includes(word), `${answer.json.detail} lacks ${word}`);
        };
        await bad({ candidate: undefined }, 'candidate');
        await bad({ candidate: { name: 'Nobody' } }, 'candidate');
        await bad({ candidate: { email: 'no address' } }, 'candidate', 'email');
        await bad({ candidate: 'zoe' }, 'candidate');
        await bad({ candidate: { id: '1', nmae: 'x' } }, 'candidate', 'nmae');
        await bad({ job: { title: 'Engineer' } }, 'job', 'id');
        await bad({ sent_at: 'yesterday' }, 'sent_at');
        await bad({ sent_at: iso(now + 3 * DAY) }, 'sent_at');
        await bad({ tracking: 'some' }, 'tracking');
        await bad({ subject: 5 }, 'subject');
        await bad({ subjekt: 'x' }, 'subjekt');
        await bad({ sequence: { id: 's', step: -1 } }, 'sequence', 'step');
        assert.equal((await get('/emails?limit=500')).data.some((row) => row.message_id === 'fine@mail.example'), false);
        assert.equal((await api('POST', '/emails', [])).status, 400);
        assert.equal((await api('POST', '/emails', '{"message_id":')).status, 400);
        assert.equal((await api('POST', '/emails', Array.from({ length: 1001 }, () => email))).status, 413);
      });

      it('does a request with an Idempotency-Key once', async () => {
        const body = { subject: 'No id', sent_at: iso(now - DAY), candidate: { id: '1' } };
        const options = { headers: { 'Idempotency-Key': 'abc' } };
        const first = await api('POST', '/emails', body, options);
        const second = await api('POST', '/emails', body, options);
        assert.equal(first.status, 201);
        assert.equal(second.status, 201);
        assert.deepEqual(second.json, first.json);
        assert.equal((await api('POST', '/emails', { ...body, subject: 'Other' }, options)).status, 409);
      });

      it('needs a key that may write', async () => {
        const key = await installation.must('POST', '/api-keys', { name: 'reader', role: 'read' });
        const answer = await api('POST', '/emails', email, { key: key.key ?? key.api_key });
        assert.equal(answer.status, 403, answer.body);
        assert.equal((await api('GET', '/emails', undefined, { key: key.key ?? key.api_key })).status, 200);
        assert.equal((await api('POST', '/emails', email, { key: null })).status, 401);
      });

      it('adopts events that came before the message id was known', async () => {
        const { id } = await installation.must('POST', '/emails', { sent_at: iso(now - DAY), candidate: { id: '1' } });
        await deliver([{ event_type: 'open', message_id: 'late@mail.example', timestamp: iso(now - DAY + 1000), recipient: 'x@y.example' }]);
        const changed = await installation.must('PATCH', `/emails/${id}`, { message_id: '<late@mail.example>' });
        assert.equal(changed.adopted, 1);
        assert.equal(changed.open_count, 1);
        assert.equal(changed.opened_at, iso(now - DAY + 1000));
        const taken = await api('PATCH', `/emails/${id}`, { message_id: 'one@mail.example' });
        assert.equal(taken.status, 409);
        assert.equal((await api('PATCH', '/emails/999999', { message_id: 'new@mail.example' })).status, 404);
        assert.equal((await api('PATCH', `/emails/${id}`, {})).status, 400);
      });
    });

    describe('reports', () => {
      const invite = { id: 'invite', name: 'Interview Invite' };
      const confirm = { id: 'confirm', name: 'Application Confirm' };
      const nurture = { id: 'nurture', name: 'Follow-up Nurture' };
      const period = `from=${dateOf(now - 140 * DAY)}&to=${dateOf(now - 110 * DAY)}`;

      before(async () => {
        await send(invite, 120, 245, 167, 59, { job: { id: 'j1', title: 'Engineer' }, sender: { email: 'Ann@acme.example' }, campaign: { id: 'spring' } });
        await send(confirm, 121, 512, 282, 41, { job: { id: 'j2', title: '=1+1' } });
        await send(nurture, 122, 189, 85, 28);
        await send({ id: 'rare', name: 'Rare' }, 123, 1, 1, 1);
      });

      it('shows the figures of the specification', async () => {
        const { data, next_cursor } = await get(`/engagement/templates?${period}`);
        assert.equal(next_cursor, null);
        assert.deepEqual(data.map((row) => [row.id, row.name, row.sent, row.opened, row.clicked, row.open_rate, row.click_rate]), [
          ['confirm', 'Application Confirm', 512, 282, 41, 55.08, 8.01],
          ['invite', 'Interview Invite', 245, 167, 59, 68.16, 24.08],
          ['nurture', 'Follow-up Nurture', 189, 85, 28, 44.97, 14.81],
          ['rare', 'Rare', 1, 1, 1, 100, 100],
        ]);
        assert.equal(data[1].avg_time_to_open, 60);
        assert.equal((await get(`/engagement/summary?${period}&template=invite`)).median_time_to_open, 60);
        assert.equal('median_time_to_open' in data[1], false);
        assert.equal(data[1].click_to_open_rate, 35.33);
        assert.equal(data[1].reply_rate, 0);
        const top = await get(`/engagement/top?${period}`);
        assert.deepEqual(top.data.map((row) => [row.rank, row.id, row.open_rate]), [[1, 'invite', 68.16], [2, 'confirm', 55.08], [3, 'nurture', 44.97]]);
        const byClicks = await get(`/engagement/top?${period}&by=click_rate&min_sent=1&limit=2`);
        assert.deepEqual(byClicks.data.map((row) => row.id), ['rare', 'invite']);
      });

      it('sums up alike everywhere', async () => {
        const summary = await get(`/engagement/summary?${period}`);
        assert.equal(summary.sent, 947);
        assert.equal(summary.time_zone, 'UTC');
        for (const path of ['templates', 'jobs', 'campaigns', 'series', 'series?interval=week', 'series?interval=month']) {
          const { data } = await get(`/engagement/${path}${path.includes('?') ? '&' : '?'}${period}`);
          for (const field of ['sent', 'opened', 'clicked', 'opens', 'clicks', 'opened_or_clicked'])
            assert.equal(data.reduce((sum, row) => sum + row[field], 0), summary[field], `${path} ${field}`);
        }
        const series = await get(`/engagement/series?${period}`);
        assert.equal(series.data.length, 31);
        const day = series.data.find((row) => row.from === dateOf(now - 120 * DAY));
        assert.deepEqual([day.to, day.sent, day.open_rate], [day.from, 245, 68.16]);
        const empty = series.data.find((row) => row.from === dateOf(now - 130 * DAY));
        assert.deepEqual([empty.sent, empty.open_rate, empty.avg_time_to_open], [0, null, null]);
      });

      it('compares with the period just before', async () => {
        await send({ id: 'cmp', name: 'Compare' }, 300, 1000, 425, 128);
        await send({ id: 'cmp', name: 'Compare' }, 310, 1000, 393, 117);
        const from = dateOf(now - 305 * DAY), to = dateOf(now - 296 * DAY);
        const summary = await get(`/engagement/summary?from=${from}&to=${to}`);
        assert.deepEqual([summary.open_rate, summary.click_rate, summary.click_to_open_rate], [42.5, 12.8, 30.12]);
        assert.deepEqual([summary.previous.from, summary.previous.to], [dateOf(now - 315 * DAY), dateOf(now - 306 * DAY)]);
        assert.equal(summary.previous.open_rate, 39.3);
        assert.deepEqual([summary.change.open_rate, summary.change.click_rate], [3.2, 1.1]);
        const lonely = await get(`/engagement/summary?from=${dateOf(now - 900 * DAY)}&to=${dateOf(now - 890 * DAY)}`);
        assert.deepEqual([lonely.sent, lonely.open_rate, lonely.change.open_rate], [0, null, null]);
      });

      it('filters by the ids of the applicant tracking system', async () => {
        const of = async (filter) => (await get(`/engagement/summary?${period}&${filter}`)).sent;
        assert.equal(await of('job=j1'), 245);
        assert.equal(await of('template=confirm'), 512);
        assert.equal(await of('campaign=spring'), 245);
        assert.equal(await of('sender=ann@acme.example'), 245);
        assert.equal(await of('job=j1&template=confirm'), 0);
        assert.equal(await of('job=unknown'), 0);
        assert.deepEqual((await get(`/engagement/templates?${period}&job=unknown`)).data, []);
      });

      it('lists links with their clicks', async () => {
        const { data } = await get(`/engagement/links?${period}&template=invite`);
        assert.deepEqual(data, [{ url: 'https://jobs.example/schedule', link_position: null, link_text: null, click_rate: 24.08, click_base: 245, clicked: 59, clicks: 59, machine_clicks: 0, recorded_clicks: 59 }]);
      });

      it('pages through every row once', async () => {
        const seen = [];
        for (let cursor = ''; cursor !== null; ) {
          const page = await get(`/engagement/templates?${period}&limit=1${cursor && `&cursor=${cursor}`}`);
          seen.push(...page.data.map((row) => row.id));
          cursor = page.next_cursor;
        }
        assert.deepEqual(seen, ['confirm', 'invite', 'nurture', 'rare']);
        const foreign = (await get(`/engagement/templates?${period}&limit=1`)).next_cursor;
        assert.equal((await api('GET', `/engagement/jobs?${period}&cursor=${foreign}`)).status, 400);
      });

      it('refuses what it does not understand', async () => {
        for (const query of ['from=yesterday', 'to=2026-02-30', 'from=2026-05-02&to=2026-05-01', 'from=1990-01-01', 'jbo=1', 'job=', 'limit=0', 'limit=99999']) {
          const answer = await api('GET', `/engagement/templates?${query}`);
          assert.equal(answer.status, 400, query);
          assert.ok(answer.json.detail.length > 10);
        }
        assert.equal((await api('GET', '/engagement/series?interval=year')).status, 400);
        assert.equal((await api('GET', '/engagement/top?by=luck')).status, 400);
      });

      it('gives the same as CSV, with cells that look like formulas quoted', async () => {
        const csv = async (target) => {
          const answer = await api('GET', target, undefined, { headers: { Accept: 'text/csv' } });
          assert.equal(answer.status, 200);
          assert.match(answer.headers['content-type'], /^text\/csv/);
          return parseCsv(answer.body);
        };
        const rows = await csv(`/engagement/templates?${period}`);
        assert.deepEqual(rows.map((row) => [row.id, row.sent, row.open_rate]), [['confirm', '512', '55.08'], ['invite', '245', '68.16'], ['nurture', '189', '44.97'], ['rare', '1', '100.00']]);
        const jobs = await csv(`/engagement/jobs?${period}`);
        assert.equal(jobs.find((row) => row.id === 'j2').title, "'=1+1");
        const summary = await csv(`/engagement/summary?${period}`);
        assert.deepEqual(summary.map((row) => [row.period, row.sent]), [['current', '947'], ['previous', '0']]);
        assert.equal(summary[1].open_rate, '');
        const emails = await csv('/emails?template=nurture&limit=5');
        assert.equal(emails.length, 5);
        assert.equal(emails[0].template_name, 'Follow-up Nurture');
      });
    });

    describe('emails and candidates', () => {
      let id;
      before(async () => {
        ({ id } = await installation.register({ message_id: 'zoe@mail.example', subject: 'Interview', sent_at: iso(now - 2 * DAY), candidate: { id: 'zoe', name: 'Zoë', email: 'zoe@a.example', title: 'Engineer' }, job: { id: 'jz' }, campaign: { id: 'cz' } }));
        const event = (event_type, seconds, more = {}) => ({ event_type, message_id: 'zoe@mail.example', timestamp: iso(now - 2 * DAY + seconds * 1000), recipient: 'zoe@a.example', ip_address: '198.51.100.77', user_agent: 'Mozilla/5.0', ...more });
        await deliver([event('delivered', 2), event('open', 100), event('click', 130, { url: 'https://a.example/x' }), event('click', 140, { url: 'https://a.example/x' }), event('reply', 5000)]);
      });

      it('shows an email with its events and links', async () => {
        const email = await get(`/emails/${id}`);
        assert.deepEqual([email.open_count, email.click_count, email.total_click_count, email.machine_open_count], [1, 1, 2, 0]);
        assert.equal(email.replied_at, iso(now - 2 * DAY + 5_000_000));
        const { data, truncated } = await get(`/emails/${id}/events`);
        assert.equal(truncated, false);
        assert.deepEqual(data.map((event) => event.event_type), ['delivered', 'open', 'click', 'click', 'reply']);
        const click = data[2];
        assert.equal(click.url, 'https://a.example/x');
        assert.equal(click.verdict, 'human');
        assert.equal(click.provider, 'generic');
        assert.equal(click.ip_address, '198.51.100.0'); // shortened, as the organization's policy says
        assert.equal(click.email_log_id, id);
        const links = await get(`/emails/${id}/links`);
        assert.deepEqual(links.data.map((link) => [link.url, link.click_count]), [['https://a.example/x', 2]]);
        assert.equal((await api('GET', '/emails/99999999')).status, 404);
        assert.equal((await api('GET', '/emails/abc')).status, 404);
        assert.equal((await api('GET', '/emails/99999999/events')).status, 404);
      });

      it('lists emails, the newest first, every one once', async () => {
        for (const filter of ['', 'status=replied&', 'job=jz&', 'candidate=zoe&', 'template=nurture&', 'status=clicked&template=invite&', `from=${dateOf(now - 122 * DAY)}&to=${dateOf(now - 121 * DAY)}&`]) {
          const all = (await get(`/emails?${filter}limit=500`)).data;
          const seen = [];
          let cursor = '';
          while (cursor !== null && seen.length < 60) {
            const page = await get(`/emails?${filter}limit=7${cursor && `&cursor=${cursor}`}`);
            seen.push(...page.data.map((row) => row.id));
            cursor = page.next_cursor;
          }
          assert.deepEqual(seen, all.map((row) => row.id).slice(0, seen.length), filter);
          assert.equal(new Set(seen).size, seen.length);
        }
        assert.deepEqual((await get('/emails?job=jz')).data.map((row) => row.id), [id]);
        assert.equal((await get('/emails?status=clicked&template=invite&limit=500')).data.length, 59);
        assert.deepEqual((await get('/emails?job=nothing')).data, []);
        assert.equal((await api('GET', '/emails?status=happy')).status, 400);
      });

      it('shows a candidate with figures and timeline', async () => {
        const zoe = await get('/candidates/zoe');
        assert.deepEqual([zoe.name, zoe.title, zoe.tracking], ['Zoë', 'Engineer', null]);
        assert.deepEqual([zoe.stats.sent, zoe.stats.open_rate, zoe.stats.click_rate], [1, 100, 100]);
        const { data } = await get('/candidates/zoe/timeline');
        assert.deepEqual(data.map((event) => event.event_type), ['reply', 'click', 'click', 'open', 'delivered']);
        assert.equal(data[0].subject, 'Interview');
        assert.equal((await get('/candidates/zoe/timeline?limit=2')).truncated, true);
        assert.equal((await api('GET', '/candidates/nobody')).status, 404);
        const seen = [];
        for (let cursor = ''; cursor !== null; ) {
          const page = await get(`/candidates?limit=3${cursor && `&cursor=${cursor}`}`);
          seen.push(...page.data.map((row) => row.id));
          cursor = page.next_cursor;
        }
        assert.ok(seen.includes('zoe') && seen.includes('c6') && new Set(seen).size === seen.length);
      });

      it('records nothing more after an objection, and what was recorded stays', async () => {
        const put = (target, level) => installation.must('PUT', target, { level });
        assert.deepEqual(await put('/candidates/zoe/tracking', 'none'), { id: 'zoe', tracking: 'none', emails: 1 });
        assert.equal((await get('/candidates/zoe')).tracking, 'none');
        const open = (seconds) => ({ event_type: 'open', message_id: 'zoe@mail.example', timestamp: iso(now - DAY + seconds * 1000), recipient: 'zoe@a.example' });
        await deliver([open(1)]);
        assert.equal((await get(`/emails/${id}`)).open_count, 1);
        assert.equal((await get(`/emails/${id}`)).tracking_now, 'none');
        await put('/candidates/zoe/tracking', null);
        await put('/campaigns/cz/tracking', 'clicks');
        await deliver([open(2)]);
        assert.equal((await get(`/emails/${id}`)).open_count, 1);
        assert.deepEqual(await put('/campaigns/cz/tracking', null), { id: 'cz', tracking: null, emails: 1 });
        await deliver([open(3)]);
        assert.equal((await get(`/emails/${id}`)).open_count, 2);
        await put('/candidates/ahead/tracking', 'clicks'); // before any email
        const answer = await installation.register({ message_id: 'ahead@mail.example', sent_at: iso(now), candidate: { id: 'ahead' } });
        assert.equal(answer.tracking, 'clicks');
        assert.equal((await api('PUT', '/candidates/zoe/tracking', { level: 'sometimes' })).status, 400);
        assert.equal((await api('PUT', '/candidates/zoe/tracking', {})).status, 400);
      });
    });

    it('verify finds no difference, while the service runs', () => {
      assert.match(installation.verify(), / 0 differences/);
    });
  });
}

suite('SQLite');
suite('PostgreSQL', () => new Postgres());

// Our own pixel, links and pages over real HTTP, on both databases: what they count and what they leave alone, that a link
// leads nowhere but to its registered address, and that neither an outage of the database nor kill -9 loses what was
// acknowledged.
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import crypto from 'node:crypto';
import { once } from 'node:events';
import fs from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import { Installation, Postgres, binary, eventually, genericDelivery, standardWebhooksSecret } from './support.mjs';

const OPEN = 1, CLICK = 2, UNSUBSCRIBE = 3, PREFERENCES = 4, HONEYPOT = 5;
const tool = path.join(path.dirname(binary), 'tests/tools/token_tool');
const SENT = '2026-11-20T08:00:00Z';

// Tokens as the sending side makes them: [[purpose, email, {cohort, position, url, organization}] …].
function tokens(at, wanted) {
  const lines = wanted.map(([purpose, email, { cohort = 0, position = -1, url = '-', organization = at.organizationId } = {}]) =>
    `${purpose} ${organization} ${email} ${cohort} ${position} ${url}`);
  return runTool(at, lines);
}

function runTool(at, lines) {
  const { status, stdout, stderr } = spawnSync(tool, at.databaseFlags(), { input: `${lines.join('\n')}\n`, encoding: 'utf8' });
  assert.equal(status, 0, stderr);
  return stdout.trim().split('\n');
}

function query(at, sql) {
  const words = at.isSqlite
    ? ['sqlite3', ['-cmd', '.timeout 10000', path.join(at.directory, 'inkling.db'), sql]]
    : ['psql', ['-qAt', '-F', '|', '-d', at.database, '-c', sql]];
  const { status, stdout, stderr } = spawnSync(words[0], words[1], { encoding: 'utf8' });
  assert.equal(status, 0, stderr);
  return stdout.trim();
}

// What recipients' requests could change, row by row.
function tables(at) {
  return ['email_engagement_events', 'email_stats', 'email_links', 'candidates', 'consent_records', 'orphan_events', 'event_fingerprints']
    .map((table) => `${table}\n${query(at, `SELECT * FROM ${table} ORDER BY 1, 2, 3, 4`)}`).join('\n');
}

let emails = 0;
async function newEmail(at, more = {}) {
  const id = `tracking-${++emails}`;
  const email = { message_id: id, sent_at: SENT, candidate: { id: `c-${id}`, email: `${id}@mail.example` }, ...more };
  const { id: number } = await at.must('POST', '/emails', email);
  runTool(at, [`own ${at.organizationId} ${number} 3`]);
  return { ...email, id: number };
}

const show = (at, email) => at.must('GET', `/emails/${email.id}`);
const eventsOf = async (at, email) => (await at.must('GET', `/emails/${email.id}/events`)).data;
const settled = (at) => eventually(async () => (await at.metric('inkling_tracking_hits_waiting')) === 0, 'an empty journal');

// An answer without what differs between two equal ones.
function comparable({ status, headers, body }) {
  const { date, 'x-request-id': id, ...kept } = headers;
  return { status, headers: kept, body };
}

// One request as raw bytes; the answer's bytes.
async function raw(at, bytes) {
  const socket = net.connect(at.port, '127.0.0.1');
  await once(socket, 'connect');
  socket.end(bytes);
  const parts = [];
  socket.on('data', (part) => parts.push(part));
  socket.on('error', () => {});
  await once(socket, 'close');
  return Buffer.concat(parts).toString('latin1');
}

// Keeps the database away: PostgreSQL stopped, SQLite locked. Gives a function that brings it back.
async function takeDatabaseAway(at, postgres) {
  if (postgres) {
    postgres.stop('immediate');
    return async () => postgres.start();
  }
  const holder = spawn('sqlite3', [path.join(at.directory, 'inkling.db')], { stdio: ['pipe', 'pipe', 'inherit'] });
  holder.stdin.write('.timeout 10000\nBEGIN IMMEDIATE;\nSELECT \'held\';\n');
  await once(holder.stdout, 'data');
  return async () => {
    holder.stdin.end('ROLLBACK;\n.quit\n');
    await once(holder, 'exit');
  };
}

for (const kind of ['SQLite', 'PostgreSQL']) {
  describe(`our own tracking on ${kind}`, () => {
    let at, postgres;
    before(async () => {
      postgres = kind === 'PostgreSQL' ? new Postgres() : undefined;
      at = await new Installation({ postgres }).start();
    });
    after(async () => {
      await at?.remove();
      postgres?.remove();
    });

    it('a pixel and a link count as the open and click of their email', async () => {
      const email = await newEmail(at), other = await newEmail(at);
      const url = 'https://jobs.example.org/apply?a=1&b=2';
      const [open, click] = tokens(at, [[OPEN, email.id], [CLICK, email.id, { position: 2, url }]]);
      const pixel = await at.fetch(`/o/${open}`, { headers: { 'User-Agent': 'Mozilla/5.0 (X11)' } });
      assert.deepEqual([pixel.status, pixel.headers['content-type'], pixel.headers['content-length']], [200, 'image/gif', '43']);
      const link = await at.fetch(`/c/${click}`, { headers: { 'User-Agent': 'Mozilla/5.0 (X11)' } });
      assert.deepEqual([link.status, link.headers.location, link.body], [302, url, '']);
      for (const { headers } of [pixel, link]) {
        assert.equal(headers['set-cookie'], undefined);
        assert.equal(headers['cache-control'], 'no-store, private');
        assert.equal(headers['referrer-policy'], 'no-referrer');
        assert.equal(headers['x-content-type-options'], 'nosniff');
        assert.equal(headers['content-security-policy'], "default-src 'none'");
      }
      await settled(at);
      const shown = await show(at, email);
      assert.deepEqual([shown.open_count, shown.click_count, shown.total_click_count, shown.machine_open_count], [1, 1, 1, 0]);
      const found = await eventsOf(at, email);
      assert.deepEqual(found.map((event) => [event.event_type, event.url, event.link_position, event.provider, event.ip_address, event.verdict]), [
        ['open', null, null, 'inkling', '127.0.0.0', 'human'], ['click', url, 2, 'inkling', '127.0.0.0', 'human'],
      ]);
      assert.equal((await show(at, other)).open_count, 0);
    });

    it('HEAD, prefetch and the hidden link are a machine, with the reason', async () => {
      const email = await newEmail(at);
      const [open, click, honeypot] = tokens(at, [[OPEN, email.id], [CLICK, email.id, { position: 0, url: 'https://a.example/' }], [HONEYPOT, email.id]]);
      assert.equal((await at.fetch(`/o/${open}`, { method: 'HEAD' })).status, 200);
      assert.equal((await at.fetch(`/c/${click}`, { method: 'HEAD' })).headers.location, 'https://a.example/');
      await at.fetch(`/c/${click}`, { headers: { 'Sec-Purpose': 'prefetch;prerender' } });
      await at.fetch(`/c/${click}`, { headers: { Purpose: 'prefetch' } });
      assert.equal((await at.fetch(`/c/${honeypot}`)).status, 204);
      await settled(at);
      const shown = await show(at, email);
      assert.deepEqual([shown.open_count, shown.click_count, shown.total_click_count, shown.machine_open_count, shown.machine_click_count], [0, 0, 0, 1, 4]);
      const reasons = (await eventsOf(at, email)).map((event) => [event.event_type, event.verdict, event.reasons.join()]).sort();
      assert.deepEqual(reasons, [['click', 'machine', 'honeypot'], ['click', 'machine', 'method'], ['click', 'machine', 'prefetch'],
        ['click', 'machine', 'prefetch'], ['open', 'machine', 'method']]);
    });

    it('a thousand hits on one token are answered, and at most 30 a minute stored (C-74)', async () => {
      const email = await newEmail(at);
      const [open] = tokens(at, [[OPEN, email.id]]);
      const before = await at.metric('inkling_tracking_hits_repeated_total');
      const answers = await Promise.all(Array.from({ length: 1000 }, () => at.fetch(`/o/${open}`)));
      assert.ok(answers.every((answer) => answer.status === 200));
      await settled(at);
      const stored = (await eventsOf(at, email)).length;
      assert.ok(stored > 0 && stored <= 60, `${stored} rows`); // the minute may turn once
      assert.ok((await at.metric('inkling_tracking_hits_repeated_total')) - before >= 940);
    });

    it('a wrong token gets one answer, whatever is wrong, and no link leads anywhere else (C-23, C-70, C-73)', async () => {
      const email = await newEmail(at);
      const url = 'https://jobs.example.org/only-here';
      const [open, click, unsubscribe] = tokens(at, [[OPEN, email.id], [CLICK, email.id, { position: 0, url }], [UNSUBSCRIBE, email.id]]);
      const bytes = Buffer.from(click, 'base64url');
      const flipped = Array.from({ length: 8 * bytes.length }, (_, bit) => {
        const changed = Buffer.from(bytes);
        changed[bit >> 3] ^= 1 << (bit & 7);
        return changed.toString('base64url');
      });
      const wrong = [...flipped, 'x', open, unsubscribe, click.slice(0, -1), `${click}A`, `${click}=`, crypto.randomBytes(40).toString('base64url'),
        click.toUpperCase(), 'A'.repeat(2880), 'A'.repeat(2881), encodeURIComponent('https://evil.example/'), encodeURIComponent('javascript:alert(1)'),
        encodeURIComponent('\\evil.example'), '%0d%0aLocation:%20https:%2f%2fevil.example', 'user@evil.example', 'data:text,x'];
      const expected = comparable(await at.fetch('/c/AAAA'));
      assert.equal(expected.status, 404);
      assert.equal(expected.headers.location, undefined);
      for (const token of wrong) assert.deepEqual(comparable(await at.fetch(`/c/${token}`)), expected, token);
      for (const token of [click, unsubscribe, 'x']) assert.deepEqual(comparable(await at.fetch(`/o/${token}`)), expected);
      for (const token of [click, open, 'x']) assert.deepEqual(comparable(await at.fetch(`/u/${token}`)), expected);
      for (const target of ['/c//evil.example', '//evil.example', '/c/\\evil.example', '/c/https://evil.example', `/c/${click}/x`,
        `/c/${'B'.repeat(100000)}`, `/c/${click}%0d%0aX: y`, `/c/%00`, `/c/${click}\\@evil.example`]) {
        const answer = await raw(at, `GET ${target} HTTP/1.1\r\nHost: t\r\nConnection: close\r\n\r\n`);
        assert.ok(!/^location:/im.test(answer), `${target}: ${answer}`);
      }
      for (const more of ['?url=https://evil.example', '?//evil.example', '?redirect=%0d%0a', '#https://evil.example', `?x=${'y'.repeat(8000)}`]) {
        const answer = await at.fetch(`/c/${click}${more}`);
        assert.deepEqual([answer.status, answer.headers.location], [302, url], more);
      }
      await settled(at);
      assert.equal((await show(at, email)).total_click_count, 5);
      assert.equal((await show(at, email)).open_count, 0);
    });

    it('refuses within the same time, whatever is wrong (C-23)', async () => {
      const email = await newEmail(at);
      const [click] = tokens(at, [[CLICK, email.id, { position: 0, url: 'https://a.example/x' }]]);
      const kinds = [`B${click.slice(1)}`, `${click.slice(0, 30)}${click[30] === 'A' ? 'B' : 'A'}${click.slice(31)}`, crypto.randomBytes(60).toString('base64url')];
      const times = kinds.map(() => []);
      for (let round = 0; round < 200; round++) {
        for (const [i, token] of kinds.entries()) {
          const start = process.hrtime.bigint();
          await at.fetch(`/c/${token}`);
          times[i].push(Number(process.hrtime.bigint() - start) / 1000);
        }
      }
      const medians = times.map((list) => list.sort((a, b) => a - b)[100]);
      assert.ok(Math.max(...medians) < 3 * Math.min(...medians), medians.join(' '));
    });

    it('after an objection pixel and link answer as before and leave no trace (C-09)', async () => {
      const email = await newEmail(at);
      const [open, click] = tokens(at, [[OPEN, email.id], [CLICK, email.id, { position: 0, url: 'https://a.example/y' }]]);
      const answers = async () => [comparable(await at.fetch(`/o/${open}`)), comparable(await at.fetch(`/c/${click}`))];
      const before = await answers();
      await settled(at);
      await at.must('PUT', `/candidates/${email.candidate.id}/tracking`, { level: 'none' });
      const names = ['stored', 'withheld', 'machine', 'duplicate', 'orphaned'].map((name) => `inkling_events_${name}_total`);
      const metrics = async () => Promise.all(names.map((name) => at.metric(name)));
      const counted = await metrics(), state = tables(at);
      assert.deepEqual(await answers(), before);
      await settled(at);
      assert.equal(tables(at), state);
      assert.deepEqual(await metrics(), counted);
      assert.ok(!at.logs.includes(open) && !at.logs.includes(click) && !at.logs.includes(open.slice(4, 20)));
    });

    it('a request that asks not to be tracked is answered and not recorded (C-12)', async () => {
      const email = await newEmail(at);
      const [open] = tokens(at, [[OPEN, email.id]]);
      await at.fetch(`/o/${open}`, { headers: { 'Sec-GPC': '1' } });
      await at.fetch(`/o/${open}`, { headers: { DNT: '1' } });
      await at.fetch(`/o/${open}`, { headers: { DNT: '0' } });
      await settled(at);
      assert.equal((await show(at, email)).open_count, 1);
      await at.must('PUT', '/settings', { honor_privacy_signals: false });
      await eventually(async () => {
        await at.fetch(`/o/${open}`, { headers: { 'Sec-GPC': '1' } });
        return (await show(at, email)).open_count > 1;
      }, 'the setting to hold');
      await at.must('PUT', '/settings', { honor_privacy_signals: true });
    });

    it('a token of a cohort raises totals and nothing else (C-03)', async () => {
      const campaign = { id: `campaign-${++emails}` };
      const email = await newEmail(at, { campaign });
      const cohort = query(at, `SELECT cohort_id FROM email_stats WHERE email_log_id = ${email.id}`);
      const [open, click] = tokens(at, [[OPEN, 0, { cohort }], [CLICK, 0, { cohort, position: 0, url: 'https://a.example/z' }]]);
      const counted = ['email_engagement_events', 'email_stats', 'agents', 'links', 'email_links', 'orphan_events']
        .map((table) => `SELECT '${table}' AS name, count(*) FROM ${table}`).join(' UNION ALL ');
      await settled(at); // hits of before
      const state = query(at, `${counted} ORDER BY 1`);
      for (let i = 0; i < 3; i++) await at.fetch(`/o/${open}`, { headers: { 'User-Agent': 'A/1' } });
      await at.fetch(`/c/${click}`, { headers: { 'User-Agent': 'B/2' } });
      await settled(at);
      const summary = await at.must('GET', `/engagement/summary?from=2026-11-01&to=2026-11-30&campaign=${campaign.id}`);
      assert.match(JSON.stringify(summary), /"anonymous_opens":3,"anonymous_clicks":1/);
      assert.equal(query(at, `${counted} ORDER BY 1`), state);
      await at.must('PUT', `/campaigns/${campaign.id}/tracking`, { level: 'none' });
      await at.fetch(`/o/${open}`);
      await settled(at);
      assert.deepEqual(await at.must('GET', `/engagement/summary?from=2026-11-01&to=2026-11-30&campaign=${campaign.id}`), summary);
    });

    it('an open that both we and the provider see is one open, in either order; both are kept (decision 8)', async () => {
      const secret = standardWebhooksSecret();
      const endpoint = await at.must('POST', '/endpoints', { provider: 'generic', name: 'beside', secrets: [secret] });
      const told = (email, event_type, more = {}) => at.deliver(endpoint, genericDelivery(secret, {
        event_type, message_id: email.message_id, timestamp: new Date().toISOString(), recipient: email.candidate.email, ...more }));
      const ours = async (email) => {
        const [open, click] = tokens(at, [[OPEN, email.id], [CLICK, email.id, { position: 0, url: 'https://a.example/both' }]]);
        await at.fetch(`/o/${open}`);
        await at.fetch(`/c/${click}`);
        await settled(at);
      };
      const theirs = async (email) => {
        for (const args of [['delivered'], ['open'], ['click', { url: 'https://a.example/both' }]]) {
          assert.equal((await told(email, ...args)).status, 200);
        }
      };
      const one = await newEmail(at), two = await newEmail(at);
      await ours(one);
      await theirs(one);
      await theirs(two);
      await ours(two);
      for (const email of [one, two]) {
        const shown = await show(at, email);
        assert.deepEqual([shown.open_count, shown.machine_open_count, shown.total_click_count, shown.click_count, shown.machine_click_count], [1, 0, 1, 1, 0]);
        assert.notEqual(shown.delivered_at, null);
        const kept = (await eventsOf(at, email)).map((event) => [event.event_type, event.verdict, event.reasons.join(), event.own_recipient]).sort();
        assert.deepEqual(kept, [['click', 'evidence', 'own_tracking', true], ['click', 'human', '', true], ['delivered', null, '', true],
          ['open', 'evidence', 'own_tracking', true], ['open', 'human', '', true]]);
      }
    });

    it('RFC 8058: a POST in either encoding unsubscribes, without cookies or redirect, as often as it comes', async () => {
      const encodings = [
        ['application/x-www-form-urlencoded', 'List-Unsubscribe=One-Click'],
        ['multipart/form-data; boundary=x', '--x\r\nContent-Disposition: form-data; name="List-Unsubscribe"\r\n\r\nOne-Click\r\n--x--\r\n'],
      ];
      for (const [type, body] of encodings) {
        const email = await newEmail(at);
        const [unsubscribe, open] = tokens(at, [[UNSUBSCRIBE, email.id], [OPEN, email.id]]);
        const headers = { 'Content-Type': type, 'User-Agent': 'python-requests/2' };
        for (let i = 0; i < 3; i++) {
          const answer = await at.fetch(`/u/${unsubscribe}`, { method: 'POST', headers, body });
          assert.deepEqual([answer.status, answer.headers.location, answer.headers['set-cookie']], [200, undefined, undefined]);
        }
        await settled(at);
        const shown = await show(at, email);
        assert.notEqual(shown.unsubscribed_at, null);
        assert.equal(shown.tracking_now, 'none'); // C-11
        assert.deepEqual((await eventsOf(at, email)).map((event) => event.event_type), ['unsubscribe']);
        assert.equal(query(at, `SELECT r.tracking, r.channel, r.email_log_id FROM consent_records r JOIN email_logs e ON e.recipient_id = r.candidate_id WHERE e.id = ${email.id}`),
          `0|unsubscribe|${email.id}`);
        await at.fetch(`/o/${open}`);
        await settled(at);
        assert.equal((await show(at, email)).open_count, 0);
      }
    });

    it('GET and HEAD of the pages change nothing (C-62)', async () => {
      const email = await newEmail(at);
      const [unsubscribe, preferences] = tokens(at, [[UNSUBSCRIBE, email.id], [PREFERENCES, email.id]]);
      const state = tables(at);
      for (const method of ['GET', 'HEAD']) {
        for (const target of [`/u/${unsubscribe}`, `/p/${preferences}`, `/u/${unsubscribe}?List-Unsubscribe=One-Click`, `/p/${preferences}?tracking=none`]) {
          assert.equal((await at.fetch(target, { method })).status, 200, target);
        }
      }
      await settled(at);
      assert.equal(tables(at), state);
    });

    it('the preference page shows what holds and changes it at once, with a record', async () => {
      const email = await newEmail(at);
      const [preferences, open, click] = tokens(at, [[PREFERENCES, email.id], [OPEN, email.id], [CLICK, email.id, { position: 0, url: 'https://a.example/p' }]]);
      const shown = async () => /value="(\w+)" required checked/.exec((await at.fetch(`/p/${preferences}`)).body)?.[1];
      const choose = (body) => at.fetch(`/p/${preferences}`, { method: 'POST', headers: { 'Content-Type': 'application/x-www-form-urlencoded' }, body });
      assert.equal(await shown(), undefined);
      for (const level of ['clicks', 'none', 'full']) {
        assert.equal((await choose(`tracking=${level}`)).status, 200);
        assert.equal(await shown(), level);
        assert.equal((await show(at, email)).tracking_now, level);
      }
      assert.equal((await choose('tracking=clicks')).status, 200);
      await at.fetch(`/o/${open}`);
      await at.fetch(`/c/${click}`);
      await settled(at);
      const figures = await show(at, email);
      assert.deepEqual([figures.open_count, figures.total_click_count], [0, 1]);
      for (const body of ['', 'tracking=', 'tracking=aggregate', 'tracking=everything', 'other=none']) assert.equal((await choose(body)).status, 400, body);
      assert.equal(query(at, `SELECT count(*) FROM consent_records WHERE email_log_id = ${email.id} AND channel = 'preference_page'`), '4');
      assert.equal(figures.unsubscribed_at, null); // C-11: withdrawing never stops mails
    });

    it('pages speak five languages, wear the organization\'s name and colour, and run no script', async () => {
      const email = await newEmail(at);
      const [unsubscribe, preferences] = tokens(at, [[UNSUBSCRIBE, email.id], [PREFERENCES, email.id]]);
      await at.must('PUT', '/settings', { name: 'Müller & <Söhne>', brand_color: '#ffcc00' });
      assert.equal((await at.api('PUT', '/settings', { brand_color: 'red;}' })).status, 400);
      await eventually(async () => (await at.fetch(`/u/${unsubscribe}`)).body.includes('background:#ffcc00;color:#000'), 'the colour');
      const titles = new Set();
      for (const [asked, expected] of [['en-GB', 'en'], ['de-AT,en;q=0.5', 'de'], ['nl, fr;q=0.8, en;q=0.7', 'fr'], ['es', 'es'], ['it;q=1', 'it'], ['', 'en'], ['zh', 'en'], ['de;q=0, it;q=0.1', 'it']]) {
        for (const target of [`/u/${unsubscribe}`, `/p/${preferences}`]) {
          const { body, headers } = await at.fetch(target, { headers: { 'Accept-Language': asked } });
          assert.match(body, new RegExp(`<html lang="${expected}">`), asked);
          assert.equal(headers['content-language'], expected);
          assert.ok(body.includes('Müller &amp; &lt;Söhne&gt;') && !/<script|<img|<link|https?:/.test(body));
          const style = /<style>(.*)<\/style>/s.exec(body)[1];
          const hash = crypto.createHash('sha256').update(style).digest('base64');
          assert.equal(headers['content-security-policy'], `default-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; style-src 'sha256-${hash}'`);
          titles.add(/<h1>(.*)<\/h1>/.exec(body)[1]);
        }
      }
      assert.equal(titles.size, 10);
      await at.must('PUT', '/settings', { name: 'Acme Recruiting', brand_color: '' });
    });

    it('a token works on no other organization\'s domain, and tracking domains serve nothing else (C-75)', async () => {
      const second = at.setup('Other', `other-${++emails}@acme.example`);
      await at.must('PUT', '/settings', { tracking_domain: 'links.acme.example' });
      const other = { key: second.api_key };
      assert.equal((await at.api('PUT', '/settings', { tracking_domain: 'links.acme.example' }, other)).status, 409);
      assert.equal((await at.api('PUT', '/settings', { tracking_domain: 'Links.Acme/x' }, other)).status, 400);
      await at.must('PUT', '/settings', { tracking_domain: 'links.other.example' }, other);
      const email = await newEmail(at);
      // Asking until the domain is known takes hits of a token of its own: one has 30 a minute.
      const [open, unsubscribe, asking] = tokens(at, [[OPEN, email.id], [UNSUBSCRIBE, email.id], [OPEN, (await newEmail(at)).id]]);
      const from = (host, target, more = {}) => at.fetch(target, { ...more, headers: { Host: host, ...more.headers } });
      const refused = comparable(await at.fetch('/o/AAAA'));
      await eventually(async () => (await from('links.other.example', `/o/${asking}`)).status === 404, 'the domain to be known');
      assert.deepEqual(comparable(await from('links.other.example', `/o/${open}`)), refused);
      assert.deepEqual(comparable(await from('LINKS.other.example', `/u/${unsubscribe}`, { method: 'POST', body: 'x' })), refused);
      assert.equal((await from('links.acme.example', `/o/${open}`)).status, 200);
      assert.equal((await from('unknown.example', `/o/${open}`)).status, 200);
      await settled(at);
      assert.equal((await show(at, email)).open_count, 2);
      const authorization = { Authorization: `Bearer ${at.apiKey}` };
      for (const target of ['/', '/api/v1/emails', '/api/v1/openapi.json', '/metrics', '/readyz']) {
        assert.deepEqual(comparable(await from('links.acme.example', target, { headers: authorization })), refused, target);
        assert.notEqual((await at.fetch(target, { headers: authorization })).status, 404, target);
      }
      assert.equal((await from('links.acme.example', '/healthz')).status, 200);
    });

    it('without the database links redirect within 200 ms, and nothing that was acknowledged is lost, even by kill -9 (C-76)', async () => {
      const email = await newEmail(at), leaving = await newEmail(at);
      const url = 'https://a.example/outage';
      const [click, open, unsubscribe] = tokens(at, [[CLICK, email.id, { position: 0, url }], [OPEN, email.id], [UNSUBSCRIBE, leaving.id]]);
      await settled(at);
      const written = await at.metric('inkling_tracking_hits_total');
      const bringBack = await takeDatabaseAway(at, postgres);
      for (let i = 0; i < 10; i++) {
        const start = performance.now();
        const answer = await at.fetch(`/c/${click}`);
        assert.deepEqual([answer.status, answer.headers.location], [302, url]);
        assert.ok(performance.now() - start < 200);
      }
      assert.equal((await at.fetch(`/o/${open}`)).status, 200);
      const start = performance.now();
      assert.equal((await at.fetch(`/u/${unsubscribe}`, { method: 'POST', body: 'List-Unsubscribe=One-Click' })).status, 200);
      assert.ok(performance.now() - start < 5000);
      await eventually(async () => (await at.metric('inkling_tracking_hits_total')) >= written + 12, 'hits in the journal');
      await at.stop('SIGKILL');
      const [journal] = fs.readdirSync(path.join(at.directory, 'hits')).filter((name) => name.endsWith('.hits'));
      fs.appendFileSync(path.join(at.directory, 'hits', journal), Buffer.from([200, 0, 0, 0, 1, 2, 3, 4, 5]));
      await bringBack();
      await at.start();
      await eventually(async () => (await show(at, leaving)).unsubscribed_at !== null && (await show(at, email)).total_click_count === 10, 'the journal in the database');
      await settled(at);
      const shown = await show(at, email);
      assert.deepEqual([shown.total_click_count, shown.click_count, shown.open_count], [10, 1, 1]);
      assert.match(at.logs, /torn record/);
      await at.stop('SIGKILL');
      await at.start();
      await settled(at);
      assert.deepEqual(await show(at, email), shown);
    });

    it('the database comes back while the service runs: hits enter once', async () => {
      const email = await newEmail(at);
      const [open] = tokens(at, [[OPEN, email.id]]);
      const bringBack = await takeDatabaseAway(at, postgres);
      for (let i = 0; i < 5; i++) await at.fetch(`/o/${open}`);
      await bringBack();
      await settled(at);
      await eventually(async () => (await show(at, email)).open_count === 5, 'the opens');
    });

    it('nobody\'s figures differ from a recount', () => {
      at.verify();
    });
  });
}

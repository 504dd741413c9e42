// The engagement score through the real program, on both databases: one candidate with reasons, lists, settings.
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { Installation, Postgres, genericDelivery, standardWebhooksSecret } from './support.mjs';

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const iso = (ms) => new Date(ms).toISOString();

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

    // `emails` of a candidate, the first `opened` of them opened, the first `clicked` clicked, `ago` before now.
    async function engage(id, { emails, opened = 0, clicked = 0, replied = 0, ago = HOUR, job, tracking }) {
      const ids = Array.from({ length: emails }, (_, i) => `${id}-${i}@mail.example`);
      await installation.must('POST', '/emails', ids.map((message_id, i) => ({
        message_id, subject: 'Hello', sent_at: iso(now - (i + 2) * DAY), candidate: { id, name: `Candidate ${id}` }, job: job && { id: job }, tracking,
      })));
      const event = (event_type, message_id) => ({
        event_type, message_id, timestamp: iso(now - ago), recipient: `${id}@x.example`, url: event_type === 'click' ? 'https://jobs.example/' : undefined,
      });
      const events = [
        ...ids.slice(0, opened).map((message_id) => event('open', message_id)),
        ...ids.slice(0, clicked).map((message_id) => event('click', message_id)),
        ...ids.slice(0, replied).map((message_id) => event('reply', message_id)),
      ];
      if (events.length > 0) assert.equal((await installation.deliver(endpoint, genericDelivery(secret, events))).status, 200);
    }

    it('shows the score of the specification\'s example, with parts, reasons and what is next', async () => {
      await engage('john', { emails: 4, opened: 3, clicked: 2, ago: 2 * HOUR, job: 'j1' });
      const john = await get('/candidates/john');
      assert.equal(john.engagement_score, 73); // 30 + 22.5 + 20: see docs/guide/score.md
      assert.equal(john.engagement_level, 'warm');
      assert.equal(john.score_hint, 'communication hint, no statement on suitability');
      assert.deepEqual(john.score_parts.map(({ part, points, max, measured, emails, of }) => [part, points, max, measured, emails, of]), [
        ['recency', 30, 30, true, undefined, undefined], ['opens', 23, 30, true, 3, 4], ['clicks', 20, 40, true, 2, 4],
      ]);
      assert.equal(john.score_parts[0].last_engaged_at, iso(now - 2 * HOUR));
      assert.deepEqual(john.explanation.map(({ part, text }) => [part, text]), [
        ['recency', 'The last open, click or reply is less than 24 hours old: 30 of 30 points.'],
        ['opens', '3 of 4 emails opened: 23 of 30 points.'],
        ['clicks', '2 of 4 emails clicked: 20 of 40 points.'],
      ]);
      assert.deepEqual(john.next_change, { at: iso(now - 2 * HOUR + DAY), score: 63, level: 'warm' });
      assert.equal(john.trend.length, 30);
      assert.deepEqual(john.trend.at(-1), { date: john.trend.at(-1).date, score: 73, level: 'warm' });
      assert.deepEqual(john.score_basis.emails, 4);
    });

    it('counts a reply as opened and clicked', async () => {
      await engage('rose', { emails: 2, replied: 2, job: 'j1' });
      const rose = await get('/candidates/rose');
      assert.deepEqual([rose.engagement_score, rose.engagement_level], [100, 'hot']);
      assert.ok(rose.explanation.some(({ code }) => code === 'replied'));
    });

    it('says unknown, never cold, where nothing can be measured', async () => {
      await engage('nora', { emails: 2, tracking: 'none', job: 'j2' });
      const nora = await get('/candidates/nora');
      assert.deepEqual([nora.engagement_score, nora.engagement_level, nora.next_change], [null, 'unknown', null]);
      assert.equal(nora.score_basis.left_out_of_opens.not_tracked, 2);
      await engage('otto', { emails: 2, opened: 2, job: 'j2' });
      assert.equal((await get('/candidates/otto')).engagement_score, 60);
      await installation.must('PUT', '/candidates/otto/tracking', { level: 'none' });
      const otto = await get('/candidates/otto');
      assert.deepEqual([otto.engagement_score, otto.engagement_level], [null, 'unknown']);
      assert.ok(otto.explanation.some(({ code }) => code === 'no_consent'));
      assert.equal((await get('/candidates?sort=-score&level=unknown')).data.length, 2);
      await installation.must('PUT', '/candidates/otto/tracking', { level: null });
      assert.equal((await get('/candidates?sort=-score&level=unknown')).data.length, 1);
    });

    it('lists by score at once after events, page by page, by level and job', async () => {
      await engage('cold', { emails: 4, opened: 1, ago: 40 * DAY, job: 'j2' });
      const all = await get('/candidates?sort=-score');
      assert.deepEqual(all.data.map((row) => [row.id, row.engagement_score, row.engagement_level]), [
        ['rose', 100, 'hot'], ['john', 73, 'warm'], ['otto', 60, 'warm'], ['cold', 8, 'cold'], ['nora', null, 'unknown'],
      ]);
      assert.equal(all.scores_pending, false);
      assert.equal(all.score_hint, 'communication hint, no statement on suitability');
      for (const [query, expected] of [['sort=-score', ['rose', 'john', 'otto', 'cold', 'nora']], ['sort=score', ['nora', 'cold', 'otto', 'john', 'rose']],
        ['sort=newest', ['cold', 'otto', 'nora', 'rose', 'john']], ['', ['cold', 'otto', 'nora', 'rose', 'john']],
        ['sort=-score&level=warm', ['john', 'otto']], ['level=warm', ['otto', 'john']], ['sort=score&job=j2', ['nora', 'cold', 'otto']],
        ['sort=-score&job=j1&level=hot', ['rose']], ['job=j1', ['rose', 'john']], ['sort=-score&job=nothing', []]]) {
        const seen = [];
        for (let cursor = ''; cursor !== null; ) {
          const page = await get(`/candidates?limit=2&${query}${cursor && `&cursor=${cursor}`}`);
          seen.push(...page.data.map((row) => row.id));
          cursor = page.next_cursor;
        }
        assert.deepEqual(seen, expected, query);
      }
      const csv = await api('GET', '/candidates?sort=-score', undefined, { headers: { accept: 'text/csv' } });
      const [names, first] = csv.body.split('\n').map((line) => line.trim().split(','));
      assert.equal(first[names.indexOf('engagement_score')], '100');
      assert.equal(first[names.indexOf('engagement_level')], 'hot');
      const { next_cursor } = await get('/candidates?sort=-score&limit=1');
      for (const bad of ['sort=best', 'level=lukewarm', `sort=score&cursor=${next_cursor}`, 'order=score'])
        assert.equal((await api('GET', `/candidates?${bad}`)).status, 400, bad);
    });

    it('follows the settings, and shows nothing when scores are off', async () => {
      const settings = await get('/settings');
      assert.deepEqual(settings.score_points, { within_24_hours: 30, within_7_days: 20, within_30_days: 10, opens: 30, clicks: 40 });
      assert.deepEqual([settings.score_enabled, settings.score_levels], [true, { hot: 75, warm: 40 }]);
      assert.equal((await api('PUT', '/settings', { score_points: { opens: 31 } })).status, 400);
      assert.equal((await api('PUT', '/settings', { score_points: { opens: 31, chance: 1 } })).status, 400);
      assert.equal((await api('PUT', '/settings', { score_levels: { warm: 80 } })).status, 400);
      await installation.must('PUT', '/settings', { score_points: { opens: 10, clicks: 60 }, score_levels: { hot: 70, warm: 65 } });
      assert.equal((await get('/candidates/john')).engagement_score, 68); // 30 + 7.5 + 30
      assert.deepEqual((await get('/candidates?sort=-score')).data.map((row) => [row.id, row.engagement_score, row.engagement_level]), [
        ['rose', 100, 'hot'], ['john', 68, 'warm'], ['otto', 40, 'cold'], ['cold', 3, 'cold'], ['nora', null, 'unknown'],
      ]);
      await installation.must('PUT', '/settings', { score_enabled: false });
      const list = await get('/candidates');
      assert.equal(list.data.length, 5);
      assert.ok(!JSON.stringify(list).includes('score') && !JSON.stringify(await get('/candidates/john')).includes('engagement_'));
      assert.equal((await api('GET', '/candidates?sort=-score')).status, 400);
      assert.equal((await api('GET', '/candidates?level=hot')).status, 400);
      assert.deepEqual((await get('/candidates?job=j1')).data.map((row) => row.id), ['rose', 'john']);
      await installation.must('PUT', '/settings', { score_enabled: true });
      assert.equal((await get('/candidates?sort=-score')).data[0].engagement_score, 100);
    });

    it('is found right by verify while the service runs', async () => {
      const report = installation.command('verify');
      assert.equal(report.status, 0, report.stdout + report.stderr);
      assert.match(report.stdout, /scores of \d+ candidates compared.* 0 differences/);
    });
  });
}

suite('SQLite');
suite('PostgreSQL', () => new Postgres());

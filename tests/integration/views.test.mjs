// Views of the numbers over HTTP: what happened on a day, whose emails, whom to follow up, search. On both databases.
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { Browser, genericDelivery, inkling, Installation, Postgres, standardWebhooksSecret } from './support.mjs';

const PASSWORD = 'correct horse battery staple';
const HOUR = 3_600_000, DAY = 24 * HOUR;

function suite(kind) {
  describe(`views of the numbers, ${kind}`, () => {
    let postgres, service, endpoint, ada, rita, mona;
    const secret = standardWebhooksSecret();
    const get = (target) => service.must('GET', target);
    const ids = async (who, target) => (await who.must('GET', target)).data.map(({ id }) => id);
    const deliver = async (events) => assert.equal((await service.deliver(endpoint, genericDelivery(secret, events))).status, 200);
    const event = (event_type, message_id, at, more = {}) => ({ event_type, message_id, timestamp: new Date(at).toISOString(), recipient: 'x@y.example', ...more });

    async function signedIn(email, role, jobs) {
      const user = await service.must('POST', '/users', { email, role, name: email, password: PASSWORD, ...(jobs ? { sees_scores: true } : {}) });
      if (jobs) await service.must('PUT', `/users/${user.id}/jobs`, { jobs });
      const browser = new Browser(service);
      await browser.must('POST', '/session', { email, password: PASSWORD });
      return browser;
    }

    before(async () => {
      postgres = kind === 'PostgreSQL' ? new Postgres() : undefined;
      service = new Installation({ postgres });
      await service.start();
      await service.must('PUT', '/settings', { time_zone: 'Asia/Kolkata' });
      endpoint = await service.must('POST', '/endpoints', { provider: 'generic', name: 'Generic', secrets: [secret] });
      // Old history, by days of India (UTC +5:30): sent on 1 March, opened on the 3rd at 23:59 and the 4th at 00:00.
      await service.must('POST', '/emails', ['a', 'b', 'c'].map((name, index) => ({
        message_id: name, subject: `March ${name}`, sent_at: '2026-03-01T08:00:00Z', candidate: { id: `old-${name}`, name: `Old ${name}` }, job: { id: `job-${index % 2}`, title: `Job ${index % 2}` }, template: { id: 'march', name: 'March' }, campaign: { id: 'spring', name: 'Spring' }, sender: { email: 'rita@acme.example' },
      })));
      await deliver([
        event('delivered', 'a', '2026-03-01T08:00:05Z'), event('open', 'a', '2026-03-03T18:29:59Z'), event('open', 'a', '2026-03-05T10:00:00Z'), event('click', 'a', '2026-03-05T10:01:00Z', { url: 'https://x.example/' }),
        event('open', 'b', '2026-03-03T18:30:00Z'), event('open', 'c', '2026-03-04T10:00:00Z', { machine: true }), event('bounce', 'c', '2026-03-02T10:00:00Z', { bounce_type: 'hard' }),
      ]);
      // People of now: hot ones with and without a reply, one who is not; of two senders and two jobs.
      const now = Date.now();
      const people = [['Hanna Hot', 'rita', 'job-0', ['open', 'click']], ['Henry Hotter', 'rita', 'job-1', ['open', 'click', 'reply']], ['Heidi Hot', 'otto', 'job-0', ['open', 'click']], ['Carl Cold', 'rita', 'job-0', []], ['Émile Ölund', 'otto', 'job-1', ['open']]];
      await service.must('POST', '/emails', people.map(([name, sender, job], index) => ({
        message_id: `p${index}`, subject: `Offer 50% for ${name}`, sent_at: new Date(now - 3 * HOUR).toISOString(), candidate: { id: `p-${index}`, name, email: `person${index}@example.org`, title: 'Engineer' }, job: { id: job, title: job === 'job-0' ? 'Baker' : 'Painter_1' }, template: { id: 'offer', name: 'Offer' }, campaign: { id: 'now', name: 'Now' }, sender: { email: `${sender}@acme.example` },
      })));
      await deliver(people.flatMap(([, , , types], index) => types.map((type, nth) => event(type, `p${index}`, now - 2 * HOUR + nth * 60_000, type === 'click' ? { url: 'https://x.example/' } : {}))));
      ada = await signedIn('ada@acme.example', 'admin');
      const users = (await get('/users')).data;
      for (const name of ['rita', 'otto']) await service.must('PATCH', `/users/${users.find(({ email }) => email === `${name}@acme.example`).id}`, { password: PASSWORD });
      rita = new Browser(service);
      await rita.must('POST', '/session', { email: 'rita@acme.example', password: PASSWORD });
      mona = await signedIn('mona@acme.example', 'hiring_manager', ['job-1']);
    });
    after(async () => {
      await service?.remove();
      postgres?.remove();
    });

    it('events belong to the day on which they happened, whenever the email was sent', async () => {
      const days = async (more = '') => Object.fromEntries((await get(`/engagement/series?basis=activity&from=2026-03-01&to=2026-03-06${more}`)).data.map(({ from, sent, opened, opens, clicked, bounced, machine_opens }) => [from.slice(-2), [sent, opened, opens, clicked, bounced, machine_opens].join(' ')]));
      assert.deepEqual(await days(), { '01': '3 0 0 0 0 0', '02': '0 0 0 0 1 0', '03': '0 1 1 0 0 0', '04': '0 1 1 0 0 1', '05': '0 0 1 1 0 0', '06': '0 0 0 0 0 0' });
      assert.deepEqual(await days('&job=job-0'), { '01': '2 0 0 0 0 0', '02': '0 0 0 0 1 0', '03': '0 1 1 0 0 0', '04': '0 0 0 0 0 1', '05': '0 0 1 1 0 0', '06': '0 0 0 0 0 0' });
      const cohort = await get('/engagement/summary?from=2026-03-01&to=2026-03-01');
      assert.deepEqual([cohort.basis, cohort.opened, cohort.clicked, cohort.opens, cohort.open_rate], ['cohort', 2, 1, 3, 66.67]);
      const activity = await get('/engagement/summary?basis=activity&from=2026-03-03&to=2026-03-04');
      assert.deepEqual([activity.basis, activity.sent, activity.opened, activity.open_rate, activity.click_to_open_rate, activity.bounce_rate, activity.median_time_to_open, activity.anonymous_opens], ['activity', 0, 2, null, null, null, null, null]);
      assert.equal(activity.avg_time_to_open, ((2 * 24 + 10) * 60 + 29.5) * 60 + 29.5);
      assert.deepEqual([activity.previous.sent, activity.previous.bounced, activity.change.opened, activity.change.open_rate], [3, 1, 2, null]);
      // Of all days together both say the same.
      const both = await Promise.all(['cohort', 'activity'].map((basis) => get(`/engagement/summary?basis=${basis}&from=2026-01-01&to=${new Date(Date.now() + DAY).toISOString().slice(0, 10)}`)));
      for (const name of ['sent', 'delivered', 'opened', 'clicked', 'opened_or_clicked', 'replied', 'bounced', 'opens', 'clicks', 'distinct_clicks', 'machine_opens', 'avg_time_to_open']) assert.equal(both[0][name], both[1][name], name);
    });

    it('groups, ranks and lists of emails follow the basis; links do not', async () => {
      const of = (route, more = '') => get(`/engagement/${route}?basis=activity&from=2026-03-03&to=2026-03-05${more}`);
      const [march, ...others] = (await of('templates')).data;
      assert.deepEqual([march.id, march.sent, march.opened, march.clicked, march.open_rate, others.length], ['march', 0, 2, 1, null, 0]);
      assert.deepEqual((await of('jobs')).data.map(({ id, opened }) => [id, opened]), [['job-0', 1], ['job-1', 1]]);
      const [spring] = (await of('campaigns')).data;
      assert.deepEqual([spring.id, 'attention' in spring], ['spring', false]);
      assert.deepEqual((await of('top', '&by=click_rate')).data.map(({ id, clicked, rank }) => [id, clicked, rank]), [['march', 1, 1]]);
      const emails = async (status, from, to = from) => (await get(`/emails?basis=activity&status=${status}&from=${from}&to=${to}`)).data.map(({ message_id }) => message_id);
      assert.deepEqual(await emails('opened', '2026-03-03'), ['a']);
      assert.deepEqual(await emails('opened', '2026-03-04'), ['b']);
      assert.deepEqual(await emails('opened', '2026-03-03', '2026-03-05'), ['b', 'a']);
      assert.deepEqual(await emails('clicked', '2026-03-05'), ['a']);
      assert.deepEqual(await emails('bounced', '2026-03-01'), []);
      assert.deepEqual((await get('/emails?basis=activity&from=2026-03-01&to=2026-03-01')).data.length, 3, 'of any status: those sent then');
      // Page by page.
      const first = await get('/emails?basis=activity&status=opened&from=2026-03-03&to=2026-03-05&limit=1');
      assert.deepEqual([first.data[0].message_id, (await get(`/emails?basis=activity&status=opened&from=2026-03-03&to=2026-03-05&limit=1&cursor=${first.next_cursor}`)).data[0].message_id], ['b', 'a']);
      assert.equal((await service.api('GET', '/engagement/links?basis=activity')).status, 400);
      for (const target of ['/engagement/summary?basis=both', '/emails?basis=', '/engagement/dashboard?basis=Activity']) assert.equal((await service.api('GET', target)).status, 400, target);
      const whole = await get('/engagement/dashboard?basis=activity&from=2026-03-03&to=2026-03-04&job=job-1');
      assert.deepEqual([whole.basis, whole.summary.opened, whole.templates.data[0].opened, whole.top.data[0].opened, whole.jobs.data.length], ['activity', 1, 1, 1, 0]);
    });

    it('sender=me means who is signed in, in every report and list', async () => {
      for (const [who, emails, people] of [[rita, 6, ['p-0', 'p-1', 'p-3', 'old-a', 'old-b', 'old-c']], [ada, 0, []]]) {
        assert.equal((await who.must('GET', '/emails?sender=me')).data.length, emails);
        assert.equal((await who.must('GET', '/engagement/summary?from=2026-01-01&sender=me')).sent, emails);
        assert.equal((await who.must('GET', '/engagement/dashboard?from=2026-01-01&sender=me')).summary.sent, emails);
        assert.deepEqual((await ids(who, '/candidates?sender=me')).sort(), [...people].sort());
        assert.deepEqual((await ids(who, '/candidates?sender=me&sort=-score')).sort(), [...people].sort());
      }
      assert.deepEqual(await ids(rita, '/candidates?sender=me&job=job-1&sort=-score'), ['p-1', 'old-b']);
      assert.deepEqual(await ids(rita, '/candidates?sender=otto@acme.example&sort=-score'), ['p-2', 'p-4']);
      assert.deepEqual(await ids(rita, '/candidates?sender=nobody@acme.example'), []);
    });

    it('who is to be followed up: hot, no reply, by the latest engagement', async () => {
      assert.deepEqual(await ids(ada, '/candidates?level=hot&replied=no&sort=-score'), ['p-2', 'p-0']);
      assert.deepEqual(await ids(ada, '/candidates?level=hot&replied=yes'), ['p-1']);
      assert.deepEqual((await ids(ada, '/candidates?engaged_days=1&sort=-score')).sort(), ['p-0', 'p-1', 'p-2', 'p-4']);
      assert.deepEqual(await ids(ada, '/candidates?engaged_days=30&replied=no&job=job-0&sort=-score'), ['p-2', 'p-0']);
      const [heidi] = (await get('/candidates?level=hot&replied=no&sort=-score')).data;
      assert.deepEqual([heidi.jobs, heidi.score_trend.length, heidi.score_trend.at(-1), heidi.engagement_score], [[{ id: 'job-0', title: 'Baker' }], 30, 100, 100]);
      assert.ok(Date.now() - Date.parse(heidi.last_engaged_at) < 3 * HOUR);
      const whole = await rita.must('GET', '/engagement/dashboard?sender=me');
      assert.deepEqual(whole.follow_up.data.map(({ id }) => id), ['p-0']);
      assert.deepEqual((await rita.must('GET', '/engagement/dashboard?job=job-1')).follow_up.data, []);
      assert.deepEqual((await ada.must('GET', '/engagement/dashboard')).follow_up.data.map(({ id }) => id), ['p-2', 'p-0']);
      for (const target of ['replied=maybe', 'engaged_days=2', 'engaged_days=']) assert.equal((await service.api('GET', `/candidates?${target}`)).status, 400, target);
    });

    it('a campaign says why it needs attention, when there are enough emails', async () => {
      const sent_at = new Date(Date.now() - 5 * HOUR).toISOString();
      const campaign = (id, count) => Array.from({ length: count }, (_, i) => ({ message_id: `${id}-${i}`, subject: id, sent_at, candidate: { id: `${id}-${i}` }, campaign: { id, name: id } }));
      await service.must('POST', '/emails', [...campaign('bouncing', 30), ...campaign('few', 10), ...campaign('silent', 25), ...campaign('good', 40)]);
      await deliver([
        ...['bouncing-1', 'bouncing-2', 'few-1', 'few-2', 'few-3', 'good-1'].map((id) => event('bounce', id, Date.parse(sent_at) + 5000, { bounce_type: 'hard' })),
        event('spam', 'bouncing-3', Date.parse(sent_at) + 6000), event('spam', 'bouncing-4', Date.parse(sent_at) + 6000), event('delivered', 'good-2', Date.parse(sent_at) + 1000),
      ]);
      const codes = Object.fromEntries((await get('/engagement/campaigns')).data.map(({ id, attention }) => [id, attention]));
      assert.deepEqual(codes.bouncing, [{ code: 'spam', text: '2 of 30 marked as spam' }, { code: 'bounces', text: '2 of 30 came back' }]);
      assert.deepEqual([codes.few, codes.good, codes.silent.map(({ code }) => code)], [[], [], ['silence']]);
      const whole = await get('/engagement/dashboard');
      assert.deepEqual(whole.attention.data.map(({ id }) => id).sort(), ['bouncing', 'silent']);
    });

    it('finds people by the beginning of a name or address, and things by what their names contain', async () => {
      const search = async (who, q, more = '') => {
        const { candidates, emails, campaigns, templates, jobs } = await who.must('GET', `/search?q=${encodeURIComponent(q)}${more}`);
        return { candidates: candidates.map(({ name }) => name), emails: emails.map(({ subject }) => subject), campaigns: campaigns.map(({ name }) => name), templates: templates.map(({ name }) => name), jobs: jobs.map(({ title }) => title) };
      };
      assert.deepEqual((await search(ada, 'h')).candidates, ['Hanna Hot', 'Heidi Hot', 'Henry Hotter']);
      assert.deepEqual((await search(ada, 'HAN')).candidates, ['Hanna Hot']);
      assert.deepEqual((await search(ada, 'hotte')).candidates, ['Henry Hotter'], 'by the last name');
      assert.deepEqual((await search(ada, 'person3@')).candidates, ['Carl Cold'], 'by the address');
      assert.deepEqual((await search(ada, 'p-4')).candidates, ['Émile Ölund'], 'by the whole id');
      assert.deepEqual((await search(ada, 'Émi')).candidates, ['Émile Ölund']);
      assert.deepEqual((await search(ada, 'h', '&limit=2')).candidates, ['Hanna Hot', 'Heidi Hot']);
      assert.deepEqual((await search(ada, 'offer')).templates, ['Offer']);
      assert.deepEqual((await search(ada, 'ING')).campaigns.sort(), ['Spring', 'bouncing']);
      // Whatever the case, and not of ASCII's letters alone.
      await service.must('POST', '/emails', { message_id: 'letters', subject: 'ÜBER Öl', sent_at: '2025-03-01T08:00:00Z', candidate: { id: 'letters', name: 'Çetin MÜLLER', email: 'letters@example.org' }, job: { id: 'letters', title: 'Влад, Bäcker' }, template: { id: 'letters', name: 'Große Straße' }, campaign: { id: 'letters', name: 'ΟΔΥΣΣΕΥΣ' } });
      for (const q of ['müller', 'Müller', 'MÜLLER', 'mÜl']) assert.deepEqual((await search(ada, q)).candidates, ['Çetin MÜLLER'], q);
      for (const q of ['çetin m', 'ÇE']) assert.deepEqual((await search(ada, q)).candidates, ['Çetin MÜLLER'], q);
      for (const q of ['émile ö', 'ÖLUND']) assert.deepEqual((await search(ada, q)).candidates, ['Émile Ölund'], q);
      for (const q of ['über ö', 'Über Öl']) assert.deepEqual((await search(ada, q)).emails, ['ÜBER Öl'], q);
      for (const q of ['влад', 'ВЛАД', 'BÄCK']) assert.deepEqual((await search(ada, q)).jobs, ['Влад, Bäcker'], q);
      for (const q of ['straße', 'STRASSE', 'GROẞE']) assert.deepEqual((await search(ada, q)).templates, ['Große Straße'], q);
      for (const q of ['οδυσ', 'ΟΔΥΣ', 'Οδυσσεύς'.replace('ύ', 'υ')]) assert.deepEqual((await search(ada, q)).campaigns, ['ΟΔΥΣΣΕΥΣ'], q);
      assert.deepEqual((await search(ada, 'muller')).candidates, [], 'another letter');
      assert.deepEqual((await search(mona, 'ÖLUND')).candidates, ['Émile Ölund'], 'of their jobs');
      // No character means more than itself.
      assert.deepEqual((await search(ada, '50%')).emails.length, 5);
      assert.deepEqual((await search(ada, '%')).jobs, []);
      assert.deepEqual((await search(ada, '_')).jobs, ['Painter_1']);
      assert.deepEqual((await search(ada, '!')).emails, []);
      assert.deepEqual((await search(ada, "' OR 1=1 --")).candidates, []);
      // Only what is theirs: jobs, candidates and emails of their jobs.
      assert.deepEqual(await search(mona, 'h'), { candidates: ['Henry Hotter'], emails: ['Offer 50% for Henry Hotter', 'March b'], campaigns: [], templates: [], jobs: [] });
      assert.deepEqual((await search(mona, 'paint')).jobs, ['Painter_1']);
      assert.deepEqual((await search(mona, 'baker')).jobs, []);
      for (const target of ['', '?q=', `?q=${'x'.repeat(201)}`, '?q=a&limit=0', '?q=a&limit=21', '?q=a&kind=x']) assert.equal((await service.api('GET', `/search${target}`)).status, 400, target);
      for (const q of ['%ff', '%00a', 'a%00', '%f4%8f%bf%bf']) assert.ok([200, 400].includes((await service.api('GET', `/search?q=${q}`)).status), q);
    });

    it('keeps all of it in step with the events', async () => {
      await service.stop();
      const result = inkling(['verify', ...service.databaseFlags()]);
      assert.equal(result.status, 0, result.stdout + result.stderr);
      await service.start();
      // Another zone moves no day that was counted.
      const days = () => get('/engagement/series?basis=activity&from=2026-03-01&to=2026-03-06').then(({ data }) => data.map(({ opened }) => opened));
      const before = await days();
      await service.must('PUT', '/settings', { time_zone: 'America/New_York' });
      assert.deepEqual(await days(), before);
      await deliver([event('open', 'b', '2026-03-02T18:29:59Z')]); // earlier, arrives later: on the 2nd in India
      assert.deepEqual(await days(), [0, 1, 1, 0, 0, 0]);
      await service.stop();
      const again = inkling(['verify', ...service.databaseFlags()]);
      assert.equal(again.status, 0, again.stdout + again.stderr);
      await service.start();
    });
  });
}

suite('SQLite');
suite('PostgreSQL');

// The watch on endpoints: what is wrong with one is told with its probable cause, and figures say when they may be
// missing instead of low.
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { Installation, Postgres, eventually, sendgridDelivery, sendgridKey } from './support.mjs';

for (const kind of ['SQLite', 'PostgreSQL']) {
  describe(`health of endpoints on ${kind}`, () => {
    let postgres, at, key, endpoint;
    const now = () => Math.floor(Date.now() / 1000);
    const healthOf = (id = endpoint.id) => at.must('GET', `/endpoints/${id}/health`);
    const until = (cause, id) => eventually(async () => ((await healthOf(id)).cause === cause ? healthOf(id) : null), `cause ${cause}`);
    const deliver = (signingKey, events) => at.deliver(endpoint, sendgridDelivery(signingKey, events));
    const event = (n, type, more = {}) => ({ email: 'jane@x.example', timestamp: now() - n, event: type, sg_message_id: `h${n}.recvd-1`, sg_event_id: `${type}${n}`, ...more });

    before(async () => {
      if (kind === 'PostgreSQL') postgres = new Postgres();
      at = await new Installation({ postgres }).start();
      key = sendgridKey();
      endpoint = await at.must('POST', '/endpoints', { provider: 'sendgrid', name: 'Main', secrets: [key.secret] });
    });
    after(async () => {
      await at?.remove();
      postgres?.remove();
    });

    it('knows nothing of a new one, and says so', async () => {
      const health = await healthOf();
      assert.deepEqual([health.health, health.cause, health.last_event_at], ['unknown', null, null]);
      assert.deepEqual([health.error_rate, health.processing_p95_ms, health.deliveries_last_day], [null, null, 0]);
      const hours = health.hours.map(({ from }) => Date.parse(from));
      assert.equal(hours.length, 24);
      assert.ok(hours.every((hour, index) => hour % 3600000 === 0 && (index === 0 || hour === hours[index - 1] + 3600000)));
      assert.ok(Date.now() - hours.at(-1) < 3700000, 'the current hour is the last one');
      assert.equal((await at.must('GET', '/engagement/summary')).measurable.complete, true);
      assert.equal((await at.fetch('/api/v1/endpoints/999/health', { headers: { Authorization: `Bearer ${at.apiKey}` } })).status, 404);
    });

    it('a wrong key', async () => {
      assert.equal((await deliver(sendgridKey(), [event(1, 'open')])).status, 401);
      const health = await until('wrong_key');
      assert.deepEqual([health.health, health.rejected_last_day], ['failing', 1]);
      assert.deepEqual([health.deliveries_last_day, health.error_rate, health.processing_p95_ms], [1, 100, null]);
      const { measurable } = await at.must('GET', '/engagement/summary');
      assert.equal(measurable.complete, false);
      assert.deepEqual(measurable.endpoints.map(({ id, health: state }) => [id, state]), [[endpoint.id, 'failing']]);
    });

    it('events of unknown emails', async () => {
      assert.equal((await deliver(key, Array.from({ length: 30 }, (_, n) => event(n, 'delivered')))).status, 200);
      const health = await until('unknown_emails');
      assert.deepEqual([health.health, health.last_week.events, health.last_week.orphans, health.last_week.orphan_rate], ['failing', 30, 30, 100]);
      const [listed] = (await at.must('GET', '/endpoints')).data;
      assert.equal(listed.health, 'failing');
      assert.match(listed.health_reason, /other message ids/);
    });

    it('deliveries without opens; then all is well, and the metrics say how much came', async () => {
      for (let n = 100; n < 170; n++)
        await at.register({ message_id: `h${n}`, sent_at: new Date((now() - 3600) * 1000).toISOString(), candidate: { email: 'jane@x.example' } });
      assert.equal((await deliver(key, Array.from({ length: 70 }, (_, n) => event(100 + n, 'delivered')))).status, 200);
      const health = await until('tracking_off');
      assert.deepEqual([health.health, health.last_week.delivered, health.last_week.opens], ['quiet', 100, 0]);
      assert.equal((await deliver(key, [event(101, 'open', { timestamp: now() + 1200 })])).status, 200);
      const ahead = await until('clock');
      assert.equal(ahead.health, 'ok');
      assert.ok(ahead.clock_ahead_ms > 600000, `${ahead.clock_ahead_ms}`);
      const sum = (name) => ahead.hours.reduce((all, hour) => all + hour[name], 0);
      assert.deepEqual([sum('deliveries'), sum('events'), sum('errors')], [4, 101, 1]);
      assert.deepEqual([ahead.deliveries_last_day, ahead.error_rate], [4, 25]);
      assert.ok([5, 10, 25, 50, 100, 250, 1000, 10000].includes(ahead.processing_p95_ms), `${ahead.processing_p95_ms}`);
      assert.equal((await at.must('GET', '/engagement/summary')).measurable.complete, true);
      const { body } = await at.fetch('/metrics');
      assert.match(String(body), new RegExp(`inkling_endpoint_events_total\\{endpoint="${endpoint.id}",provider="sendgrid"\\} 101\n`));
      assert.match(String(body), new RegExp(`inkling_endpoint_rejected_total\\{endpoint="${endpoint.id}",provider="sendgrid"\\} 1\n`));
    });

    it('two days later: emails of which nothing was heard, and counts that a restart did not lose', async () => {
      await at.register({ message_id: 'never-heard', sent_at: new Date((now() - 60) * 1000).toISOString(), candidate: { email: 'jane@x.example' } });
      const silent = await at.must('POST', '/endpoints', { provider: 'sendgrid', name: 'Second', secrets: [key.secret] });
      await at.stop();
      at.environment = { INKLING_CLOCK_OFFSET_MS: String(2 * 86400000) };
      await at.start();
      assert.deepEqual((await healthOf(silent.id)).cause, 'never_heard');
      const health = await healthOf();
      assert.equal(health.last_week.events, 101);
      assert.equal(health.events_last_day, 0);
      assert.ok(health.hours.every(({ deliveries }) => deliveries === 0));
      assert.deepEqual(health.emails, { looked_at: 71, without_event: 1 });
    });
  });
}

// Load for the tests of crashes: clients that send signed SendGrid batches as the service does, again when no answer or
// a 5xx came, and a book of what was acknowledged, against which the database is held in the end.
import assert from 'node:assert/strict';
import crypto from 'node:crypto';
import http from 'node:http';
import { setTimeout as pause } from 'node:timers/promises';
import { sendgridDelivery, sendgridKey } from './support.mjs';

const SENT = Math.floor(Date.now() / 1000) - 2 * 86400; // seconds
const BATCH_MAX = 200;
const EVENTS_OF_EMAIL_MAX = 900; // GET /emails/{id}/events shows at most 1000
const UNREGISTERED_MAX = 25;
const ANSWER_LIMIT_MS = 120000;

export const chance = (share) => Math.random() < share;
export const upTo = (most) => Math.floor(Math.random() * most);
const pick = (list) => list[upTo(list.length)];
const isoOf = (seconds) => new Date(seconds * 1000).toISOString().replace('.000', '');

const KINDS = [
  ['processed', () => ({})],
  ['delivered', () => ({ response: '250 OK' })],
  ['deferred', () => ({ response: '451 later', attempt: '2' })],
  ['open', () => ({ useragent: 'Mozilla/5.0', ip: '192.0.2.1' })],
  ['open', () => ({ sg_machine_open: true })],
  ['click', (n) => ({ url: `https://a.example/${n % 3}`, url_offset: { index: n % 3, type: 'html' } })],
  ['bounce', () => ({ type: 'bounce', reason: '550 unknown' })],
  ['spamreport', () => ({})],
];

// What makes an event of an email the same one (BR-558.5), in the words of the API.
const identitySent = (event) => `${event.event === 'spamreport' ? 'spam' : event.event} ${isoOf(event.timestamp)} ${event.url ?? ''}`;
const identityShown = (event) => `${event.event_type} ${event.occurred_at} ${event.url ?? ''}`;

export class Load {
  // `registered`: emails that the API knows from the start; `late`: how many more are registered while the load runs.
  constructor(at, { clients = 6, registered = 120, late = 150 } = {}) {
    Object.assign(this, { at, clientCount: clients, registeredAtFirst: registered, lateLeft: late });
    this.key = sendgridKey();
    this.emails = []; // {body, id or undefined, sequence, events: identity -> {event, acknowledged}}
    this.unregistered = [];
    this.sent = []; // some events of the past, to be repeated
    this.acknowledged = 0; // batches
    this.registrations = 0; // answered requests
    this.registering = 0; // requests under way
    this.inFlight = 0; // batches under way
    this.answers = new Map(); // status, or 'closed' -> how many
    this.gate = Promise.resolve();
    this.stopping = false;
  }

  async prepare() {
    this.endpoint = await this.at.must('POST', '/endpoints', { provider: 'sendgrid', name: 'load', secrets: [this.key.secret] });
    const emails = Array.from({ length: this.registeredAtFirst }, () => this.#newEmail());
    const { data } = await this.at.must('POST', '/emails', emails.map((email) => email.body));
    emails.forEach((email, i) => (email.id = data[i].id));
    return this;
  }

  #newEmail() {
    const id = `load-${this.emails.length}`;
    const email = {
      body: {
        message_id: id, subject: 'Interview', sent_at: isoOf(SENT), candidate: { id: `c-${id}`, email: `${id}@mail.example` },
        job: { id: `job-${this.emails.length % 5}`, title: 'Engineer' }, template: { id: `tpl-${this.emails.length % 3}`, name: 'Invite' },
      },
      sequence: 0,
      events: new Map(),
    };
    this.emails.push(email);
    return email;
  }

  // ---- events ----

  #newEvent(email) {
    const n = ++email.sequence;
    const [kind, more] = pick(KINDS);
    const event = {
      email: email.body.candidate.email, timestamp: SENT + n, event: kind, sg_event_id: crypto.randomUUID(),
      sg_message_id: `${email.body.message_id}.filterdrecv-5645d9c87f-78xtx-1-60F0C2A5-1B.0`, ...more(n),
    };
    const record = { event, acknowledged: false };
    email.events.set(identitySent(event), record);
    if (this.sent.length < 5000) this.sent.push(record);
    else this.sent[upTo(this.sent.length)] = record;
    return record;
  }

  // Providers repeat events under new ids.
  newBatch(size = 1 + Math.floor(BATCH_MAX * Math.random() ** 3)) {
    const open = [...this.emails, ...this.unregistered, ...this.unregistered].filter((email) => email.sequence < EVENTS_OF_EMAIL_MAX);
    return Array.from({ length: size }, () => {
      if (this.sent.length > 0 && (open.length === 0 || chance(0.05))) {
        const record = pick(this.sent);
        return { ...record, event: { ...record.event, sg_event_id: crypto.randomUUID() }, of: record.of ?? record };
      }
      return this.#newEvent(pick(open));
    });
  }

  acknowledge(batch) {
    for (const record of batch) (record.of ?? record).acknowledged = true;
    this.acknowledged++;
  }

  // ---- clients ----

  // The status of the answer with its headers, or 'closed' when the connection ended without one.
  post(agent, target, headers, body) {
    return new Promise((resolve, reject) => {
      const request = http.request(`${this.at.url}${target}`, { method: 'POST', headers, agent, timeout: ANSWER_LIMIT_MS }, (answer) => {
        const parts = [];
        answer.on('data', (part) => parts.push(part));
        answer.on('error', () => resolve({ status: 'closed' }));
        answer.on('end', () => resolve({ status: answer.statusCode, headers: answer.headers, text: Buffer.concat(parts).toString() }));
      });
      request.on('timeout', () => {
        reject(new Error(`POST ${target} got no answer within ${ANSWER_LIMIT_MS} ms`));
        request.destroy();
      });
      request.on('error', () => resolve({ status: 'closed' }));
      request.end(body);
    });
  }

  async send(agent, batch) {
    const { headers, body } = sendgridDelivery(this.key, batch.map((record) => record.event));
    this.inFlight++;
    try {
      const answer = await this.post(agent, new URL(this.endpoint.url).pathname, headers, body);
      this.answers.set(answer.status, this.answered(answer.status) + 1);
      if (![200, 500, 503, 'closed'].includes(answer.status)) throw new Error(`a good batch was answered ${answer.status}: ${answer.text}`);
      return answer;
    } finally {
      this.inFlight--;
    }
  }

  answered(...statuses) {
    return statuses.reduce((sum, status) => sum + (this.answers.get(status) ?? 0), 0);
  }

  // Until the load stops; then until what is under way is acknowledged.
  async #client(number) {
    const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
    let batch;
    while (batch || !this.stopping) {
      await this.gate;
      batch ??= this.newBatch();
      const { status } = await this.send(agent, batch);
      if (status === 200) {
        this.acknowledge(batch);
        batch = undefined;
      } else if (number === 0 && chance(0.3)) {
        batch = undefined; // given up: it may be there or not
      } else if (chance(0.3)) {
        batch.sort(() => Math.random() - 0.5); // sent again in another order
      }
      await pause(status === 200 ? upTo(8) : 15 + upTo(15));
    }
    agent.destroy();
  }

  async #register(agent, emails) {
    const headers = { 'Content-Type': 'application/json', Authorization: `Bearer ${this.at.apiKey}` };
    if (chance(0.5)) headers['Idempotency-Key'] = crypto.randomUUID();
    const body = JSON.stringify(emails.length === 1 ? emails[0].body : emails.map((email) => email.body));
    for (;;) {
      await this.gate;
      this.registering++;
      const { status, text } = await this.post(agent, '/api/v1/emails', headers, body);
      this.registering--;
      if (status === 200 || status === 201) {
        this.registrations++;
        const answer = JSON.parse(text);
        (answer.data ?? [answer]).forEach((one, i) => (emails[i].id = one.id));
        return;
      }
      if (!['closed', 500, 503].includes(status)) throw new Error(`a good registration was answered ${status}: ${text}`);
      await pause(20);
    }
  }

  async #registrar() {
    const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
    while (!this.stopping || this.unregistered.length > 0) {
      while (!this.stopping && this.lateLeft > 0 && this.unregistered.length < UNREGISTERED_MAX) {
        this.lateLeft--;
        this.unregistered.push(this.#newEmail());
      }
      const some = this.unregistered.slice(0, 1 + upTo(4));
      if (some.length > 0) await this.#register(agent, some);
      this.unregistered = this.unregistered.filter((email) => email.id === undefined);
      await pause(this.stopping ? 0 : 20 + upTo(200));
    }
    agent.destroy();
  }

  // Starts the clients; `finish` waits for them.
  run() {
    const all = [this.#registrar(), ...Array.from({ length: this.clientCount }, (_, number) => this.#client(number))];
    this.running = Promise.all(all);
    this.running.catch((error) => (this.failure = error));
    return this;
  }

  // Clients start no new request until `resume`; what is under way ends.
  async hold() {
    if (!this.resume) this.gate = new Promise((resolve) => (this.resume = resolve));
    await this.until(() => this.inFlight === 0 && this.registering === 0, 'an answer or the end of the connection of every request');
  }

  release() {
    this.resume?.();
    this.resume = undefined;
    this.gate = Promise.resolve();
  }

  async until(condition, what, seconds = 120) {
    for (const end = Date.now() + seconds * 1000; !condition(); await pause(2)) {
      if (this.failure) throw this.failure;
      if (Date.now() > end) throw new Error(`${what} did not happen within ${seconds} s; ${this.summary()}; ${this.at.logs.slice(-3000)}`);
    }
  }

  async finish() {
    this.release();
    this.stopping = true;
    await this.running;
  }

  summary() {
    const answers = [...this.answers].map(([status, count]) => `${status} ${count} times`).join(', ');
    const events = this.emails.reduce((sum, email) => sum + email.events.size, 0);
    return `${events} events of ${this.emails.length} emails, ${this.registrations} registrations while running, answers to batches: ${answers}`;
  }

  // ---- the reckoning ----

  async #listEmails() {
    const listed = new Map();
    let cursor;
    do {
      const page = await this.at.must('GET', `/emails?limit=500${cursor ? `&cursor=${encodeURIComponent(cursor)}` : ''}`);
      for (const email of page.data) {
        assert.ok(!listed.has(email.message_id), `${email.message_id} is registered twice`);
        listed.set(email.message_id, email);
      }
      cursor = page.next_cursor;
    } while (cursor);
    return listed;
  }

  #checkEvents(email, shown, figures) {
    const found = new Map(shown.map((event) => [identityShown(event), event]));
    assert.equal(found.size, shown.length, `an event of ${email.body.message_id} is there twice`);
    for (const identity of found.keys()) assert.ok(email.events.has(identity), `${email.body.message_id} has an event that was never sent: ${identity}`);
    for (const [identity, { acknowledged }] of email.events)
      assert.ok(!acknowledged || found.has(identity), `${email.body.message_id} has lost an acknowledged event: ${identity}`);
    const sent = [...found.keys()].map((identity) => email.events.get(identity).event);
    const of = (kind, machine = false) => sent.filter((event) => event.event === kind && Boolean(event.sg_machine_open) === machine);
    assert.deepEqual(
      [figures.open_count, figures.machine_open_count, figures.total_click_count, figures.click_count],
      [of('open').length, of('open', true).length, of('click').length, new Set(of('click').map((event) => event.url)).size],
      `figures of ${email.body.message_id}`);
  }

  // Every acknowledged event is there once, none twice, nothing else is, and no event waits for its email.
  async check() {
    const listed = await this.#listEmails();
    assert.equal(listed.size, this.emails.length);
    for (const email of this.emails) {
      const figures = listed.get(email.body.message_id);
      assert.equal(figures?.id, email.id, `the id of ${email.body.message_id}`);
      const { data, truncated } = await this.at.must('GET', `/emails/${email.id}/events`);
      assert.ok(!truncated);
      this.#checkEvents(email, data, figures);
    }
    assert.deepEqual((await this.at.must('GET', '/orphan-events?limit=10')).data, []);
    this.at.verify();
  }
}

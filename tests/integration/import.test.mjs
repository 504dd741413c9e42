// `inkling import`: what providers and applicant tracking systems exported, in their own formats; interrupted by kill -9,
// run twice, beside webhooks that told the same, and counted right in the end.
// INKLING_IMPORT_EVENTS: how many events the large file has.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import zlib from 'node:zlib';
import { Installation, Postgres, binary, eventually, sendgridDelivery, sendgridKey } from './support.mjs';

const EVENTS = Number(process.env.INKLING_IMPORT_EVENTS ?? 50000);
const DAY = 86400;
const BROKEN = [2, 6000, 11000]; // lines of the large file
const iso = (seconds) => new Date(seconds * 1000).toISOString().replace('.000', '');
const SENT = Math.floor(Date.now() / 1000 / DAY) * DAY - 400 * DAY; // more than a year back, within retention

function imported(at, file, ...more) {
  const { status, stdout, stderr } = at.command('import', file, ...more);
  assert.equal(status, 0, stderr);
  return JSON.parse(stdout);
}

function verified(at) {
  const { status, stdout, stderr } = at.command('verify');
  assert.equal(status, 0, `${stdout}${stderr}`);
  return stdout;
}

// `count` SendGrid events in lines, eight an email, and the emails in CSV.
function writeHistory(at, count) {
  const emails = Math.ceil(count / 8), kinds = ['processed', 'delivered', 'open', 'click', 'open', 'click', 'open', 'open'];
  const rows = ['message_id;sent_at;candidate email;candidate name;template id'];
  for (let i = 0; i < emails; i++)
    rows.push(`m${i}.x;${iso(SENT + (i % 300) * DAY)};c${i % 500}@x.example;"Jane ""${i % 500}""; Ä";t${i % 9}`);
  const file = at.file('history.jsonl', '');
  const handle = fs.openSync(file, 'w');
  for (let from = 0; from < count; from += 5000) {
    const lines = [];
    for (let n = from; n < Math.min(count, from + 5000); n++) {
      const i = Math.floor(n / 8), event = kinds[n % 8];
      const click = event === 'click' ? { url: `https://a.example/${n % 3}`, url_offset: { index: n % 3, type: 'html' } } : {};
      lines.push(
        JSON.stringify({
          email: `c${i % 500}@x.example`, timestamp: SENT + (i % 300) * DAY + (n % 8) * 600, event, sg_event_id: `e${n}`,
          sg_message_id: `m${i}.x.recvd-1-0`, useragent: `Mozilla/5.0 (${n % 20})`, ip: '192.0.2.7', ...click,
        }),
      );
    }
    fs.writeSync(handle, `${lines.join('\n')}\n`);
  }
  fs.closeSync(handle);
  return { emails: at.file('emails.csv', `\ufeff${rows.join('\r\n')}\r\n`), events: file, emailCount: emails };
}

// Starts an import and kills it as soon as it has stored something, which the database tells.
async function killMidway(at, file) {
  const child = spawn(binary, ['import', file, ...at.databaseFlags()], { stdio: ['ignore', 'ignore', 'pipe'] });
  let told = '';
  child.stderr.on('data', (text) => (told += text));
  const ended = once(child, 'exit');
  const lines = () => (fs.existsSync(`${file}.refused.jsonl`) ? fs.readFileSync(`${file}.refused.jsonl`, 'utf8').split('\n').length - 1 : 0);
  await eventually(() => lines() >= 2 || child.exitCode !== null, 'the first portion', 60);
  child.kill('SIGKILL');
  const [, signal] = await ended;
  assert.equal(signal, 'SIGKILL', `the import had ended before it was killed: ${told}`);
}

for (const kind of ['SQLite', 'PostgreSQL']) {
  describe(`import into ${kind}`, () => {
    let postgres, at;
    before(() => {
      if (kind === 'PostgreSQL') postgres = new Postgres();
      at = new Installation({ postgres });
    });
    after(async () => {
      await at?.remove();
      postgres?.remove();
    });

    it(`takes ${EVENTS} events, survives kill -9, and counts nothing twice`, () => large(at));
  });
}

async function large(at) {
  const history = writeHistory(at, EVENTS);
  const emails = imported(at, history.emails);
  assert.equal(emails.registered, history.emailCount);
  assert.equal(emails.refused, 0);
  // Three lines are none. The report of them is written just before its portion is stored: with the second line of it
  // the first portion is in the database.
  const lines = fs.readFileSync(history.events, 'utf8').split('\n');
  for (const at of BROKEN) lines.splice(at - 1, 0, '{"event":"open",');
  fs.writeFileSync(history.events, lines.join('\n'));
  await killMidway(at, history.events);
  const second = at.command('import', history.events);
  assert.equal(second.status, 0, second.stderr);
  assert.match(second.stderr, /goes on behind the \d+ records/);
  const totals = JSON.parse(second.stdout);
  assert.equal(totals.records, EVENTS + 3);
  assert.equal(totals.events, EVENTS);
  assert.equal(totals.stored, EVENTS, 'the totals of both runs together');
  assert.equal(totals.refused_unreadable, 3);
  const refused = fs.readFileSync(`${history.events}.refused.jsonl`, 'utf8').trim().split('\n').map(JSON.parse);
  assert.deepEqual(refused.map(({ line, reason }) => [line, reason]), BROKEN.map((line) => [line, 'unreadable']));
  assert.match(verified(at), new RegExp(`${history.emailCount} emails with ${EVENTS} events .* 0 differences`));
  const third = imported(at, history.events);
  assert.equal(third.stored, 0);
  assert.equal(third.duplicates, EVENTS);
  assert.match(verified(at), / 0 differences/);
}

describe('formats of import', () => {
  let at, key, endpoint;
  before(async () => {
    at = await new Installation().start();
    key = sendgridKey();
    endpoint = await at.must('POST', '/endpoints', { provider: 'sendgrid', name: 'SendGrid', secrets: [key.secret] });
  });
  after(() => at?.remove());

  const emailOf = async (id) => (await at.must('GET', `/emails/${id}`));
  const eventsOf = async (id) => (await at.must('GET', `/emails/${id}/events`)).data;
  async function register(messageId) {
    const email = await at.register({ message_id: messageId, sent_at: iso(SENT), candidate: { email: 'jane@x.example' } });
    return email.id;
  }

  it('beside a running service: events that a webhook brought are known again', async () => {
    const id = await register('same.1');
    const events = ['delivered', 'open', 'click'].map((event, n) => ({
      email: 'jane@x.example', timestamp: SENT + 60 * n, event, sg_message_id: 'same.1.recvd-9', sg_event_id: `w${n}`, url: event === 'click' ? 'https://a.example/' : undefined,
    }));
    assert.equal((await at.deliver(endpoint, sendgridDelivery(key, events))).status, 200);
    const file = at.file('same.json', JSON.stringify([...events, { ...events[1], timestamp: SENT + 999 }])); // one array
    const totals = imported(at, file, '--endpoint', String(endpoint.id));
    assert.equal(totals.duplicates, 3);
    assert.equal(totals.stored, 1);
    assert.equal((await emailOf(id)).open_count, 2);
    const csv = at.file('activity.csv',
      'processed,message_id,event,api_key_id,recv_message_id,credential_id,subject,from,email,reason,url,user_agent,type,unique_args\n' +
      `${iso(SENT + 60).replace('T', ' ').replace('Z', ' UTC')},same.1.recvd-9,opened,,,,"Hello, ""you""",a@b.example,jane@x.example,,,,,{}\n` +
      `${iso(SENT + 500)},same.1.recvd-9,bounced,,,,Hello,a@b.example,jane@x.example,"550\n5.1.1 unknown",,,bounce,{}\n` +
      'yesterday,same.1.recvd-9,opened,,,,,,jane@x.example,,,,,{}\n');
    const activity = imported(at, csv);
    assert.deepEqual([activity.duplicates, activity.stored, activity.refused_invalid], [1, 1, 1]);
    const [line] = fs.readFileSync(`${csv}.refused.jsonl`, 'utf8').trim().split('\n').map(JSON.parse);
    assert.equal(line.line, 5, 'the row begins on the fifth line: one before it has two');
    assert.equal((await emailOf(id)).bounce_type, 'hard');
  });

  it('SES files: packed, in several members, without line feeds', async () => {
    const id = await register('0100-ses');
    const event = (n) => JSON.stringify({
      eventType: 'Open', mail: { messageId: '0100-ses', timestamp: iso(SENT), destination: ['jane@x.example'] },
      open: { timestamp: iso(SENT + n), ipAddress: '192.0.2.1', userAgent: 'Mozilla/5.0 {"' },
    });
    const file = path.join(at.directory, 'firehose.gz');
    fs.writeFileSync(file, Buffer.concat([zlib.gzipSync(event(1) + event(2)), zlib.gzipSync(event(3) + event(3))]));
    const totals = imported(at, file);
    assert.deepEqual([totals.stored, totals.duplicates], [3, 1]);
    assert.equal((await emailOf(id)).open_count, 3);
    const cut = path.join(at.directory, 'cut.gz');
    fs.writeFileSync(cut, fs.readFileSync(file).subarray(0, 150));
    const { status, stderr } = at.command('import', cut, '--format', 'ses');
    assert.equal(status, 1);
    assert.match(stderr, /packed file is damaged/);
  });

  it('pages of Mailgun and Postmark, and what another provider posts', async () => {
    const mailgun = await register('mg.1@x'), postmark = await register('pm-1'), resend = await register('re-1');
    const item = (event, n) => ({ event, id: `m${n}`, timestamp: SENT + n + 0.25, recipient: 'jane@x.example', message: { headers: { 'message-id': 'mg.1@x' } } });
    const page = JSON.stringify({ items: [item('delivered', 1), item('opened', 2), { event: 'stored' }], paging: {} }, null, 2);
    assert.equal(imported(at, at.file('mailgun.json', `${page}\n${page}`)).stored, 2);
    assert.equal((await emailOf(mailgun)).open_count, 1);
    const message = {
      MessageID: 'pm-1', Recipients: ['jane@x.example'],
      MessageEvents: [
        { Recipient: 'jane@x.example', Type: 'Delivered', ReceivedAt: iso(SENT + 5), Details: { DeliveryMessage: '250' } },
        { Recipient: 'jane@x.example', Type: 'LinkClicked', ReceivedAt: iso(SENT + 9), Details: { Link: 'https://a.example/?a=1' } },
        { Recipient: 'jane@x.example', Type: 'Bounced', ReceivedAt: iso(SENT + 9), Details: { BounceID: '1' } },
      ],
    };
    const opens = { TotalCount: 1, Opens: [{ FirstOpen: true, MessageID: 'pm-1', ReceivedAt: iso(SENT + 7), Recipient: 'jane@x.example' }] };
    const totals = imported(at, at.file('postmark.json', JSON.stringify(message) + JSON.stringify(opens)));
    assert.deepEqual([totals.stored, totals.ignored], [3, 1]);
    assert.deepEqual((await eventsOf(postmark)).map((event) => event.event_type).sort(), ['click', 'delivered', 'open']);
    const webhook = { type: 'email.opened', created_at: iso(SENT + 3), data: { created_at: iso(SENT), email_id: 're-1', to: ['jane@x.example'] } };
    assert.equal(imported(at, at.file('resend.jsonl', JSON.stringify(webhook)), '--provider', 'resend').stored, 1);
    assert.equal((await emailOf(resend)).open_count, 1);
  });

  it('what is too old, has no id or cannot be read is refused with its line; orphans wait for their emails', async () => {
    const old = { event_type: 'open', message_id: 'own-1', recipient: 'jane@x.example', timestamp: iso(SENT - 800 * DAY) };
    const file = at.file('events.jsonl', [old, { ...old, timestamp: iso(SENT + 1) }, { ...old, recipient: 5.5 }].map((event) => JSON.stringify(event)).join('\n'));
    const totals = imported(at, file);
    assert.deepEqual([totals.orphaned, totals.refused_older_than_retention, totals.refused_invalid, totals.refused], [1, 1, 1, 2]);
    const lines = fs.readFileSync(`${file}.refused.jsonl`, 'utf8').trim().split('\n').map(JSON.parse);
    assert.deepEqual(lines.map(({ line, reason }) => [line, reason]), [[1, 'older_than_retention'], [3, 'invalid']]);
    const emails = at.file('own.csv', `Id\tWhen\tTo\nown-1\t${iso(SENT)}\tJane <jane@x.example>\n\t${iso(SENT)}\tjane@x.example\n`);
    const columns = ['--format', 'emails-csv', '--columns', 'Id=message_id,When=sent_at,To=candidate.email'];
    const dry = imported(at, emails, ...columns, '--dry-run');
    assert.deepEqual([dry.emails, dry.registered, dry.refused_without_message_id], [1, 0, 1]);
    assert.equal(fs.existsSync(`${emails}.refused.jsonl`), false);
    const registered = imported(at, emails, ...columns);
    assert.deepEqual([registered.registered, registered.adopted], [1, 1]);
    assert.match(verified(at), / 0 differences/);
    const unknown = at.command('import', at.file('unknown.csv', 'a,b\n1,2\n'));
    assert.equal(unknown.status, 2);
    assert.match(unknown.stderr, /name one with --format/);
  });
});

// LMTP over TCP without a mail server between: organizations of domains, an answer for each recipient, and what is
// answered while the database is gone: never that a mail is stored when it is not.
import assert from 'node:assert/strict';
import crypto from 'node:crypto';
import net from 'node:net';
import { after, before, describe, it } from 'node:test';
import { Installation, Postgres, eventually, freePort, genericDelivery, standardWebhooksSecret } from './support.mjs';

// Sends everything at once (PIPELINING) and reads until the other side closes: the answers, a line each.
function talk(port, text) {
  return new Promise((resolve, reject) => {
    const socket = net.connect(port, '127.0.0.1', () => socket.write(text));
    let got = '';
    socket.setEncoding('utf8').on('data', (part) => (got += part));
    socket.on('error', reject).on('close', () => resolve(got.trimEnd().split('\r\n')));
  });
}

function transaction(from, recipients, headers) {
  const lines = ['LHLO test.example', `MAIL FROM:<${from}>`, ...recipients.map((to) => `RCPT TO:<${to}>`), 'DATA', `From: ${from}`, 'Subject: Re: Interview',
    `Date: ${new Date(Math.floor(Date.now() / 1000) * 1000 - 60_000).toUTCString().replace('GMT', '+0000')}`, `Message-ID: <${crypto.randomUUID()}@example.net>`,
    ...Object.entries(headers).map(([name, value]) => `${name}: ${value}`), '', 'Yes', '.', 'QUIT', ''];
  return lines.join('\r\n');
}

describe('LMTP', () => {
  let postgres, at, port, other, secret, endpoint;

  before(async () => {
    postgres = new Postgres();
    port = await freePort();
    at = new Installation({ postgres, flags: ['--lmtp-listen', `127.0.0.1:${port}`, '--lmtp-connections-max', '2', '--mail-organizations', 'acme.example=1, other.example=2'] });
    other = at.setup('Other', 'admin@other.example');
    await at.start();
    secret = standardWebhooksSecret();
    endpoint = await at.must('POST', '/endpoints', { provider: 'generic', name: 'own', secrets: [secret] });
  });
  after(async () => {
    await at?.remove();
    postgres?.remove();
  });

  const answers = (lines) => lines.filter((line) => /^[245]\d\d [245]\.\d/.test(line)).map((line) => line.slice(0, 9));

  it('gives each organization its own mail, and each recipient an answer', async () => {
    const id = `${crypto.randomUUID()}@mail.acme.example`;
    const mine = await at.register({ message_id: id, candidate: { email: 'jane@candidates.example' } });
    const theirs = await at.must('POST', '/emails', { message_id: id, candidate: { email: 'jane@candidates.example' } }, { key: other.api_key });
    const lines = await talk(port, transaction('jane@candidates.example', ['a@acme.example', 'b@OTHER.example', 'c@acme.example', 'd@unknown.example'], { 'In-Reply-To': `<${id}>` }));
    assert.deepEqual(answers(lines), ['250 2.1.0', '250 2.1.5', '250 2.1.5', '250 2.1.5', '450 4.3.5', '250 2.0.0', '250 2.0.0', '250 2.0.0', '221 2.0.0']);
    assert.equal((await at.must('GET', `/emails/${mine.id}/events`)).data.length, 1);
    assert.equal((await at.must('GET', `/emails/${theirs.id}/events`, undefined, { key: other.api_key })).data.length, 1);
    assert.equal(await at.metric('inkling_mails_received_total'), 1);
  });

  it('a token says whose mail it is, whatever the domain', async () => {
    const email = await at.must('POST', '/emails', { message_id: 'token@x', candidate: { email: 'k@candidates.example' } }, { key: other.api_key });
    const lines = await talk(port, transaction('k@candidates.example', [`reply+${email.reply_token}@acme.example`], {}));
    assert.ok(lines.includes('250 2.0.0 stored'), lines.join('\n'));
    assert.equal((await at.must('GET', `/emails/${email.id}/events`, undefined, { key: other.api_key })).data[0].metadata.match, 'token');
  });

  it('bounds its connections', async () => {
    const idle = [net.connect(port, '127.0.0.1'), net.connect(port, '127.0.0.1')];
    await Promise.all(idle.map((socket) => new Promise((resolve) => socket.once('data', resolve))));
    assert.deepEqual(await talk(port, ''), ['421 4.3.2 too many connections']);
    idle.forEach((socket) => socket.destroy());
    await eventually(async () => (await talk(port, 'QUIT\r\n'))[0].startsWith('220'), 'a free place');
  });

  it('never says stored while the database is gone, by LMTP or by webhook', async () => {
    const email = await at.register({ message_id: 'gone@x', candidate: { email: 'l@candidates.example' } });
    const text = transaction('l@candidates.example', ['a@acme.example'], { 'In-Reply-To': '<gone@x>' });
    const delivery = genericDelivery(secret, { headers: { From: 'l@candidates.example', 'In-Reply-To': '<gone@x>', Subject: 'Re: x', Date: new Date().toUTCString() } });
    const post = () => at.fetch(new URL(endpoint.inbound_url).pathname, { method: 'POST', ...delivery });
    postgres.stop('immediate');
    try {
      assert.deepEqual(answers(await talk(port, text)).at(-2), '451 4.3.0');
      assert.ok((await post()).status >= 500);
    } finally {
      postgres.start();
    }
    await eventually(async () => answers(await talk(port, text)).at(-2) === '250 2.0.0', 'storing again', 60);
    await eventually(async () => (await post()).status === 200, 'the webhook', 60);
    assert.equal((await at.must('GET', `/emails/${email.id}/events`)).data.length, 2);
    at.verify();
  });
});

// A real Postfix hands mail over, by LMTP and by a pipe to `inkling deliver`, on both databases: replies, automatic
// replies, a bounce that Postfix itself writes, a feedback report. Postfix wants root.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import crypto from 'node:crypto';
import { once } from 'node:events';
import fs from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import { Installation, Postgres, binary, eventually, freePort, root, temporaryDirectory } from './support.mjs';

function must(command, args, options = {}) {
  const result = spawnSync(command, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'], ...options });
  if (result.error) throw result.error;
  if (result.status !== 0) throw new Error(`${command} ${args.join(' ')} ended with ${result.status}: ${result.stdout}${result.stderr}`);
  return result.stdout;
}

// An instance of its own: directories, port, processes.
class Postfix {
  static async create({ lmtp, deliver }) {
    const postfix = new Postfix();
    postfix.directory = temporaryDirectory();
    fs.chmodSync(postfix.directory, 0o755);
    postfix.port = await freePort();
    for (const name of ['etc', 'spool', 'data']) fs.mkdirSync(path.join(postfix.directory, name));
    must('chown', ['postfix', path.join(postfix.directory, 'data')]);
    const etc = path.join(postfix.directory, 'etc');
    fs.writeFileSync(path.join(etc, 'main.cf'), `
compatibility_level = 3.6
queue_directory = ${postfix.directory}/spool
data_directory = ${postfix.directory}/data
maillog_file = ${postfix.directory}/maillog
maillog_file_prefixes = ${postfix.directory}
myhostname = mx.acme.example
mydestination =
alias_maps =
local_recipient_maps =
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
mynetworks = 127.0.0.0/8
relay_domains = mail.acme.example, pipe.acme.example, gone.example
transport_maps = inline:{ { mail.acme.example = lmtp:unix:${lmtp} }, { pipe.acme.example = inkling: }, { gone.example = gone: } }
recipient_delimiter = +
queue_run_delay = 1s
minimal_backoff_time = 1s
maximal_backoff_time = 2s
transport_retry_time = 1s
notify_classes =
`);
    fs.writeFileSync(path.join(etc, 'master.cf'), `
127.0.0.1:${postfix.port} inet n - n - - smtpd
pickup unix n - n 60 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 1 1 qmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
verify unix - - n - 1 verify
flush unix n - n 1000? 0 flush
proxymap unix - - n - - proxymap
error unix - - n - - error
retry unix - - n - - error
lmtp unix - - n - - lmtp
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
postlog unix-dgram n - n - 1 postlogd
gone unix - n n - - pipe
  user=nobody argv=/bin/sh -c {exit 67}
inkling unix - n n - 4 pipe
  null_sender= user=nobody argv=${deliver.join(' ')} --sender=\${sender} -- \${recipient}
`);
    must('postfix', ['-c', etc, 'start']);
    postfix.etc = etc;
    return postfix;
  }

  log() {
    return fs.readFileSync(path.join(this.directory, 'maillog'), 'utf8');
  }

  remove() {
    must('postfix', ['-c', this.etc, 'stop']);
    fs.rmSync(this.directory, { recursive: true, force: true });
  }

  // One mail by SMTP, as the internet delivers it.
  async send(from, to, text) {
    const socket = net.connect(this.port, '127.0.0.1');
    let received = '';
    socket.setEncoding('utf8').on('data', (part) => (received += part));
    const say = async (line, expected) => {
      received = '';
      if (line !== null) socket.write(`${line}\r\n`);
      await eventually(() => /^\d{3} .*\r\n$/m.test(received) && received.endsWith('\r\n'), `an answer to ${line?.slice(0, 60)}`);
      assert.match(received, expected, received);
    };
    await say(null, /^220/);
    await say('EHLO test.example', /^250/);
    await say(`MAIL FROM:<${from}>`, /^250/);
    await say(`RCPT TO:<${to}>`, /^250/);
    await say('DATA', /^354/);
    await say(`${text.replaceAll(/\r?\n/g, '\r\n').replaceAll(/^\./gm, '..')}\r\n.`, /^250/);
    socket.end('QUIT\r\n');
    await once(socket, 'close');
  }
}

const DATE = new Date(Math.floor(Date.now() / 1000) * 1000 - 3600_000);
const iso = (date) => date.toISOString().replace('.000', '');
const letter = (from, to, subject, headers, body = 'Yes, please.', date = DATE) => [
  `From: ${from}`, `To: ${to}`, `Subject: ${subject}`, `Date: ${date.toUTCString().replace('GMT', '+0000')}`, `Message-ID: <${crypto.randomUUID()}@example.net>`,
  ...Object.entries(headers).map(([name, value]) => `${name}: ${value}`), '', body, ''].join('\r\n');

for (const database of ['sqlite', 'postgres']) {
  describe(`Postfix and ${database}`, { skip: process.getuid() !== 0 && 'Postfix wants root' }, () => {
    let postgres, at, postfix, lmtp, sockets, number = 0;

    before(async () => {
      postgres = database === 'postgres' ? new Postgres() : undefined;
      if (postgres) fs.chmodSync(postgres.directory, 0o755); // the pipe's user connects as well
      // As docs/guide/inbound.md says: the socket in a directory whose group is the mail server's, and is passed on.
      sockets = temporaryDirectory();
      must('chgrp', ['postfix', sockets]);
      fs.chmodSync(sockets, 0o2750);
      lmtp = path.join(sockets, 'lmtp');
      at = await new Installation({ postgres, flags: ['--lmtp-listen', `unix:${lmtp}`] }).start();
      must('chown', ['-R', 'nobody', at.directory]); // `inkling deliver` runs as the service's user; here that is nobody
      postfix = await Postfix.create({ lmtp, deliver: [binary, 'deliver', ...at.databaseFlags()] });
    });
    after(async () => {
      postfix?.remove();
      await at?.remove();
      postgres?.remove();
      if (sockets) fs.rmSync(sockets, { recursive: true, force: true });
    });

    const register = async () => {
      const id = `post-${++number}`;
      const email = { message_id: `${id}@mail.acme.example`, subject: `Interview ${number}`, sent_at: new Date(DATE - 3600_000).toISOString(),
        candidate: { id: `c-${id}`, email: `${id}@candidates.example` } };
      return { ...email, ...(await at.register(email)) };
    };
    const events = async (email) => (await at.must('GET', `/emails/${email.id}/events`)).data;
    const arrival = (email, count) => eventually(async () => {
      const found = await events(email);
      return found.length >= count && found;
    }, `event ${count} of ${email.message_id}`, 30).catch((error) => {
      throw new Error(`${error.message}\n${postfix.log()}\n${at.logs}`);
    });
    // What was sent to this address is through once a later mail to it is: Postfix may deliver side by side, so all of them.
    const delivered = (count) => eventually(() => (postfix.log().match(/status=sent/g) ?? []).length >= count, `${count} deliveries`, 30);
    const sent = () => (postfix.log().match(/status=sent/g) ?? []).length;

    for (const domain of ['mail.acme.example', 'pipe.acme.example']) {
      const road = domain.startsWith('mail') ? 'LMTP' : 'inkling deliver';

      it(`a reply by ${road} sets replied_at`, async () => {
        const email = await register();
        await postfix.send(email.candidate.email, `reply@${domain}`,
          letter(email.candidate.email, `reply@${domain}`, 'Re: Interview', { 'In-Reply-To': `<${email.message_id}>` }, '.dots\r\n..\r\nYes'));
        const [event] = await arrival(email, 1);
        assert.equal(event.event_type, 'reply');
        assert.equal(event.occurred_at, iso(DATE));
        assert.equal((await at.must('GET', `/emails/${email.id}`)).replied_at, iso(DATE));
      });

      it(`a reply to a token by ${road}`, async () => {
        const email = await register();
        await postfix.send('other@elsewhere.example', `reply+${email.reply_token}@${domain}`, letter('other@elsewhere.example', `x@${domain}`, 'my phone number', {}));
        assert.deepEqual((await arrival(email, 1)).map((event) => [event.event_type, event.metadata.match]), [['reply', 'token']]);
      });

      it(`an automatic reply by ${road} does not`, async () => {
        const email = await register();
        await postfix.send('', `reply@${domain}`, letter(email.candidate.email, `reply@${domain}`, 'Away', { 'In-Reply-To': `<${email.message_id}>` }));
        const [event] = await arrival(email, 1);
        assert.deepEqual([event.event_type, event.metadata.sign], ['auto_reply', 'return-path']);
        assert.equal((await at.must('GET', `/emails/${email.id}`)).replied_at, null);
      });

      it(`a bounce of Postfix's own by ${road}`, async () => {
        const email = await register();
        await postfix.send(`bounce@${domain}`, 'jane@gone.example',
          `From: Acme <reply@${domain}>\r\nTo: jane@gone.example\r\nSubject: Interview\r\nMessage-ID: <${email.message_id}>\r\n\r\nDear Jane\r\n`);
        const [event] = await arrival(email, 1);
        assert.deepEqual([event.event_type, event.metadata.match, event.metadata.status], ['bounce', 'returned', '5.1.1']);
        assert.equal((await at.must('GET', `/emails/${email.id}`)).bounce_type, 'hard');
      });

      it(`a feedback report by ${road}`, async () => {
        const email = await register();
        const report = fs.readFileSync(path.join(root, 'tests/fixtures/mail/arf-abuse.eml'), 'utf8').replaceAll('arf-orig@mail.acme.example', email.message_id);
        await postfix.send('feedback@isp.example', `fbl@${domain}`, report);
        assert.deepEqual((await arrival(email, 1)).map((event) => event.event_type), ['spam']);
      });
    }

    it('the same mail by both ways, and twice, counts once', async () => {
      const email = await register();
      const text = letter(email.candidate.email, 'reply@mail.acme.example', 'Re: Interview', { 'In-Reply-To': `<${email.message_id}>` });
      const first = sent();
      for (const domain of ['mail.acme.example', 'pipe.acme.example', 'mail.acme.example']) await postfix.send(email.candidate.email, `reply@${domain}`, text);
      await delivered(first + 3);
      assert.equal((await events(email)).length, 1);
    });

    it('mail waits in the queue while the service is stopped', async () => {
      const email = await register();
      assert.equal(await at.stop(), 0);
      assert.equal(fs.existsSync(lmtp), false);
      await postfix.send(email.candidate.email, 'reply@mail.acme.example', letter(email.candidate.email, 'reply@mail.acme.example', 'Re: Interview', { References: `<${email.message_id}>` }));
      await eventually(() => /status=deferred/.test(postfix.log()), 'a deferral', 30);
      await at.start();
      assert.deepEqual((await arrival(email, 1)).map((event) => event.event_type), ['reply']);
    });

    it('deliver says to try again when it cannot store', () => {
      const text = letter('a@b.example', 'reply@mail.acme.example', 'Re: x', { 'In-Reply-To': '<a@b>' });
      const run = (args, input = text) => spawnSync(binary, ['deliver', ...args], { input, encoding: 'utf8' });
      const flags = at.databaseFlags();
      assert.equal(run([...flags, 'reply@mail.acme.example']).status, 0);
      assert.equal(run([...flags, '--org', '99', 'reply@mail.acme.example']).status, 75);
      assert.equal(run([...flags, '--no-such-option']).status, 75);
      assert.equal(run(['--database', 'sqlite:/nowhere/inkling.db', 'reply@mail.acme.example']).status, 75);
      assert.equal(run([...flags, 'reply@mail.acme.example'], '').status, 65);
      assert.equal(run([...flags, '--inbound-body-max', '65536', 'reply@mail.acme.example'], `${text}${'x'.repeat(70000)}`).status, 65);
    });

    it('leaves figures that a recount confirms, and a reply rate', async () => {
      const summary = await at.must('GET', '/engagement/summary');
      assert.ok(summary.replied >= 5, JSON.stringify(summary));
      at.verify();
    });
  });
}

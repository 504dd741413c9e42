// inkling milter in a real Postfix: what it takes is registered and rewritten, everything else arrives as it was sent, and
// nothing that goes wrong keeps an email from arriving.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import { Postfix, canRunPostfix } from './postfix.mjs';
import { Installation, binary, eventually, freePort, root } from './support.mjs';

const folder = path.join(root, 'tests/fixtures/rewrite/mail');

class Milter {
  constructor(at, ...flags) {
    this.at = at;
    this.flags = flags;
  }

  async start(socket, listens) {
    const keyFile = path.join(this.at.directory, 'milter-key');
    fs.writeFileSync(keyFile, this.at.apiKey);
    this.process = spawn(binary, ['milter', '--url', this.at.url, '--api-key-file', keyFile, '--socket', socket, '--log-level', 'debug', ...this.flags], { stdio: ['ignore', 'ignore', 'pipe'] });
    this.logs = '';
    this.process.stderr.setEncoding('utf8').on('data', (text) => (this.logs += text));
    this.exited = once(this.process, 'exit');
    await eventually(listens, 'the mail filter');
    return this;
  }

  async stop(signal = 'SIGTERM') {
    if (this.process.exitCode !== null || this.process.signalCode !== null) return null;
    this.process.kill(signal);
    const [code, by] = await this.exited;
    return code ?? by;
  }
}

const listening = (port) => () => new Promise((resolve) => {
  const socket = net.connect(port, '127.0.0.1', () => resolve(true)).on('error', () => resolve(false)).on('connect', () => socket.destroy());
});

const USERS = ['jane', 'pixel', 'qplatin1', 'base64utf8', '8bitutf8', '7bitdefault', 'attachments', 'other', 'two-a', 'two-b', 'signed', 'killed', 'silent', 'gone'];
let emails = 0;
function message(to, { from = 'mark@acme.example', more = '', body = '<p>Hi <a href="https://jobs.example.com/1?a=1&amp;b=2">the job</a></p>' } = {}) {
  return `From: Mark <${from}>\nTo: Jane <${to}>\nSubject: Your application\nMessage-ID: <m${++emails}.${process.pid}@acme.example>\n${more}MIME-Version: 1.0\nContent-Type: text/html; charset=utf-8\n\n${body}\n`;
}
// What arrives behind the header, with line feeds alone.
const bodyOf = (mail) => mail.toString('latin1').replace(/\r\n/g, '\n').split('\n\n').slice(1).join('\n\n');
const headerOf = (mail) => mail.toString('latin1').replace(/\r\n/g, '\n').split('\n\n')[0];
const idOf = (mail) => Number(headerOf(mail).match(/^X-Inkling-Email: (\d+)$/m)?.[1]);

describe('inkling milter in Postfix', { skip: canRunPostfix ? false : 'Postfix needs root' }, () => {
  let at, milter, postfix, port;
  before(async () => {
    at = await new Installation().start();
    port = await freePort();
    milter = await new Milter(at, '--sender-domains', 'acme.example, sub.acme.example').start(`inet:${port}@127.0.0.1`, listening(port));
    postfix = await new Postfix(`inet:127.0.0.1:${port}`, USERS).start();
  });
  after(async () => {
    await postfix?.remove();
    await milter?.stop();
    await at?.remove();
  });

  it('registers and rewrites what its rules take', async () => {
    const sent = message('jane@mail.example', { more: 'X-Inkling-Job: job-9\nX-Inkling-Candidate: cand-1\n' });
    await postfix.send('mark@acme.example', ['jane@mail.example'], sent);
    const [mail] = await postfix.received('jane');
    const email = await at.must('GET', `/emails/${idOf(mail)}`);
    assert.equal(email.subject, 'Your application');
    assert.equal(email.candidate.id, 'cand-1');
    assert.equal(email.job.id, 'job-9');
    assert.equal(email.sender.email, 'mark@acme.example');
    const masked = bodyOf(mail).replaceAll(new RegExp(`${at.url}/([coup])/[\\w-]+`, 'g'), '[$1]');
    assert.ok(masked.startsWith('<p>Hi <a href="[c]">the job</a></p>\n<div'), masked);
    assert.match(masked, /<img src="\[o\]"/);
    assert.match(headerOf(mail), /^List-Unsubscribe: <http:\/\/127\.0\.0\.1:\d+\/u\/[\w-]+>$/m);
    assert.match(headerOf(mail), /^List-Unsubscribe-Post: List-Unsubscribe=One-Click$/m);
  });

  it('shows a fetch of the pixel and a POST of the unsubscribe on that email', async (test) => {
    await postfix.send('mark@acme.example', ['pixel@mail.example'], message('pixel@mail.example'));
    const [mail] = await postfix.received('pixel');
    const pixel = bodyOf(mail).match(/src="http:\/\/[^/]+(\/o\/[\w-]+)"/)[1];
    const unsubscribe = headerOf(mail).match(/^List-Unsubscribe: <http:\/\/[^/]+(\/u\/[\w-]+)>$/m)[1];
    const opened = await at.fetch(pixel, { headers: { 'User-Agent': 'Mozilla/5.0 Thunderbird/128' } });
    if (opened.status === 404 && /no such/i.test(opened.body)) return test.skip('this build has no /o');
    assert.equal(opened.status, 200);
    const stopped = await at.fetch(unsubscribe, { method: 'POST', headers: { 'Content-Type': 'application/x-www-form-urlencoded' }, body: 'List-Unsubscribe=One-Click' });
    assert.equal(stopped.status, 200);
    const email = await eventually(async () => {
      const found = await at.must('GET', `/emails/${idOf(mail)}`);
      return found.opened_at && found.unsubscribed_at && found;
    }, 'open and unsubscribe');
    assert.equal(email.open_count, 1);
    at.verify();
  });

  it('takes every part of real emails and leaves the rest', async () => {
    for (const name of ['qp-latin1', 'base64-utf8', '8bit-utf8', '7bit-default', 'attachments']) {
      const user = name.replace('-', '');
      const source = fs.readFileSync(path.join(folder, `${name}.eml`)).toString('latin1').replace('juergen@example.de', 'juergen@sub.acme.example').replace('jane@mail.example', `${user}@mail.example`);
      await postfix.send('juergen@sub.acme.example', [`${user}@mail.example`], source);
      const [mail] = await postfix.received(user);
      const id = idOf(mail);
      assert.ok(id > 0, name);
      assert.equal((await at.must('GET', `/emails/${id}`)).subject, 'Ihre Bewerbung als Köchin');
      if (name === 'attachments') assert.ok(bodyOf(mail).includes('<a href="https://jobs.example.com/attached">'));
    }
  });

  it('lets pass as they are: other senders, several recipients, signed emails', async () => {
    const other = message('other@mail.example', { from: 'x@elsewhere.example' });
    await postfix.send('x@elsewhere.example', ['other@mail.example'], other);
    const both = message('two-a@mail.example');
    await postfix.send('mark@acme.example', ['two-a@mail.example', 'two-b@mail.example'], both);
    const signed = message('signed@mail.example', { more: 'DKIM-Signature: v=1; a=rsa-sha256; d=acme.example; s=s; h=from; bh=x; b=y\n' });
    await postfix.send('mark@acme.example', ['signed@mail.example'], signed);
    for (const [user, sent] of [['other', other], ['two-a', both], ['two-b', both], ['signed', signed]]) {
      const [mail] = await postfix.received(user);
      assert.equal(bodyOf(mail), sent.split('\n\n').slice(1).join('\n\n'), user);
      assert.ok(!/X-Inkling|List-Unsubscribe/i.test(headerOf(mail)), user);
    }
  });

  it('lets an email arrive untracked when the service is killed during the dialogue', async () => {
    const sent = message('killed@mail.example');
    const began = Date.now();
    await postfix.send('mark@acme.example', ['killed@mail.example'], sent, { end: () => at.stop('SIGKILL') });
    assert.ok(Date.now() - began < 5000);
    const [mail] = await postfix.received('killed');
    assert.equal(bodyOf(mail), sent.split('\n\n').slice(1).join('\n\n'));
    assert.match(milter.logs, /passed untracked/);
  });

  it('does not wait for a service that does not answer', async () => {
    const silent = net.createServer(() => {}).listen(0, '127.0.0.1');
    await once(silent, 'listening');
    await milter.stop();
    const url = at.url;
    at.url = `http://127.0.0.1:${silent.address().port}`;
    milter = await new Milter(at).start(`inet:${port}@127.0.0.1`, listening(port));
    at.url = url;
    const sent = message('silent@mail.example');
    const began = Date.now();
    await postfix.send('mark@acme.example', ['silent@mail.example'], sent);
    assert.ok(Date.now() - began < 4000);
    const [mail] = await postfix.received('silent');
    assert.equal(bodyOf(mail), sent.split('\n\n').slice(1).join('\n\n'));
    silent.close();
  });

  it('lets mail pass when the filter itself is gone, and ends in good order', async () => {
    const sent = message('gone@mail.example');
    await postfix.send('mark@acme.example', ['gone@mail.example'], sent, { end: () => milter.stop('SIGKILL') });
    await postfix.send('mark@acme.example', ['gone@mail.example'], sent);
    for (const mail of await postfix.received('gone', 2)) assert.equal(bodyOf(mail), sent.split('\n\n').slice(1).join('\n\n'));
    const socket = path.join(at.directory, 'milter.sock');
    milter = await new Milter(at).start(`unix:${socket}`, () => fs.existsSync(socket));
    assert.equal(fs.statSync(socket).mode & 0o777, 0o660);
    assert.equal(await milter.stop(), 0, milter.logs);
  });
});

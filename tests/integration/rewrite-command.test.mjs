// inkling rewrite: emails as they go out, through the real program and the real service. Everything but the rewritten
// parts stays byte for byte; whatever goes wrong, the email comes out as it went in.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import { Installation, binary, freePort, root } from './support.mjs';

const TRACK = 'https://track.example.net';
const folder = path.join(root, 'tests/fixtures/rewrite/mail');
const fixture = (name) => fs.readFileSync(path.join(folder, name));

// Header and body; the body cut at the lines of boundaries.
function sections(bytes) {
  const text = bytes.toString('latin1');
  const lineBreak = text.includes('\r\n\r\n') ? '\r\n' : '\n';
  const end = text.indexOf(lineBreak + lineBreak);
  return { header: text.slice(0, end + lineBreak.length), body: text.slice(end + lineBreak.length), lineBreak };
}

// Quoted-printable as RFC 2045 section 6.7 reads it; written here anew, not the program's.
function decodeQuoted(text) {
  return Buffer.from(text.replace(/[ \t]+(?=\r?\n)/g, '').replace(/=\r?\n/g, '').replace(/=([0-9A-F]{2})/gi, (_, hex) => String.fromCharCode(parseInt(hex, 16))), 'latin1');
}

describe('inkling rewrite', () => {
  let at, keyFile;
  before(async () => {
    at = await new Installation({ flags: ['--tracking-url', TRACK] }).start();
    keyFile = path.join(at.directory, 'api-key');
    fs.writeFileSync(keyFile, `${at.apiKey}\n`);
  });
  after(() => at?.remove());

  const rewrite = (input, ...flags) => {
    const result = spawnSync(binary, ['rewrite', '--url', at.url, '--api-key-file', keyFile, ...flags], { input, maxBuffer: 64 << 20 });
    return { status: result.status, out: result.stdout, warning: result.stderr.toString() };
  };
  const rewritten = (name, ...flags) => {
    const input = fixture(name);
    const { status, out, warning } = rewrite(input, ...flags);
    assert.equal(status, 0);
    assert.equal(warning, '', name);
    const [before, now] = [sections(input), sections(out)];
    const added = now.header.slice(before.header.length);
    assert.equal(now.header.slice(0, before.header.length), before.header);
    const id = Number(added.match(/^X-Inkling-Email: (\d+)\r?\n/)[1]);
    return { before, now, added, id };
  };
  const masked = (text) => text.replaceAll(new RegExp(`${TRACK}/([coup])/[\\w-]+`, 'g'), '[$1]');

  it('keeps charset and encoding of quoted-printable parts in ISO-8859-1', async () => {
    const { before, now, added, id } = rewritten('qp-latin1.eml');
    assert.match(added, /\r\nList-Unsubscribe: <https:\/\/track\.example\.net\/u\/[\w-]+>\r\nList-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n$/);
    assert.ok(!/[^\r]\n/.test(now.body) && !/[\x80-\xff]/.test(now.body));
    assert.ok(now.body.split('\r\n').every((line) => line.length <= 76));
    const cut = (body) => body.split('--=_b1');
    const [old, fresh] = [cut(before.body), cut(now.body)];
    assert.equal(fresh.length, old.length);
    assert.equal(fresh[0], old[0]);
    assert.equal(fresh[3], old[3]);
    for (const n of [1, 2]) assert.equal(fresh[n].split('\r\n\r\n')[0], old[n].split('\r\n\r\n')[0]);
    const html = (part) => decodeQuoted(part.slice(part.indexOf('\r\n\r\n') + 4)).toString('latin1');
    const start = html(old[2]).indexOf('</body>');
    const expected = html(old[2]).replace('https://jobs.example.de/stelle?id=1&amp;x=2', '[c]');
    assert.ok(masked(html(fresh[2])).startsWith(expected.slice(0, start - 40)));
    assert.match(masked(html(fresh[2])), /Abmelden<\/a>/);
    assert.ok(masked(html(fresh[2])).endsWith(expected.slice(expected.indexOf('</body>'))));
    assert.ok(masked(html(fresh[1])).startsWith(html(old[1]).trimEnd()));
    assert.match(masked(html(fresh[1])), /Abmelden: \[u\]/);
    const email = await at.must('GET', `/emails/${id}`);
    assert.equal(email.subject, 'Ihre Bewerbung als Köchin');
    assert.equal(email.rfc_message_id, 'qp-latin1@example.de');
    assert.equal(email.candidate.email, 'jane@mail.example');
    assert.equal(email.sender.name, 'Jürgen Muster');
    assert.equal(email.job.id, 'job-7');
    assert.equal(email.campaign.id, 'herbst');
  });

  it('takes base64, 8 bits and 7 bits', () => {
    const base64 = rewritten('base64-utf8.eml');
    const decoded = masked(Buffer.from(base64.now.body.replaceAll('\n', ''), 'base64').toString());
    assert.ok(decoded.startsWith('<html><body><a href="[c]">Eins – 日本</a>') && decoded.endsWith('></body></html>\n'));
    const eight = masked(Buffer.from(rewritten('8bit-utf8.eml').now.body, 'latin1').toString());
    assert.ok(eight.startsWith('\n<html><body><a href="[c]">Eins – 日本</a>') && eight.endsWith('></body></html>\n'));
    assert.ok(masked(rewritten('7bit-default.eml').now.body).startsWith('\n<p>Hi <a href="[c]">seven</a></p>\n<div'));
  });

  it('leaves attachments and forwarded emails alone', () => {
    const { before, now } = rewritten('attachments.eml', '--no-footer');
    const from = before.body.indexOf('--rel\nContent-Type: image/png');
    assert.equal(now.body.slice(now.body.indexOf('--rel\nContent-Type: image/png')), before.body.slice(from));
    assert.equal((decodeQuoted(now.body).toString('latin1').match(/\/c\//g) ?? []).length, 1);
    assert.ok(now.body.includes('Hello https://jobs.example.com/1\n--alt'));
  });

  it('rewrites text when asked', () => {
    const { now } = rewritten('text-only.eml', '--rewrite-text', '--no-unsubscribe', '--language', 'fr');
    assert.equal(masked(Buffer.from(now.body, 'latin1').toString()), '\nHello Jane,\n\nsee [c]\n\nParamètres de suivi: [p]\n');
  });

  it('is done once', () => {
    const once = rewrite(fixture('7bit-default.eml')).out;
    const twice = rewrite(once);
    assert.match(twice.warning, /registered already/);
    assert.deepEqual(twice.out, once);
  });

  it('passes on unchanged what it must not or cannot change', () => {
    for (const name of fs.readdirSync(folder).filter((file) => file.startsWith('untouched'))) {
      const { status, out, warning } = rewrite(fixture(name));
      assert.equal(status, 0, name);
      assert.ok(out.equals(fixture(name)), name);
      assert.match(warning, /^inkling: the email was not rewritten: /, name);
      const strict = rewrite(fixture(name), '--strict');
      assert.equal(strict.status, 75, name);
      assert.equal(strict.out.length, 0, name);
    }
  });

  it('honours an objection', async () => {
    await at.must('PUT', '/candidates/jane@mail.example/tracking', { level: 'none' });
    const input = fixture('8bit-utf8.eml').toString('latin1').replace('<8bit@', '<objected@');
    const { out } = rewrite(Buffer.from(input, 'latin1'), '--no-unsubscribe');
    const [before, now] = [sections(Buffer.from(input, 'latin1')), sections(out)];
    assert.equal(now.body, before.body);
    assert.match(now.header.slice(before.header.length), /^X-Inkling-Email: \d+\n$/);
  });

  it('passes everything on while the service is down or refuses', async () => {
    const input = fixture('qp-latin1.eml');
    const down = rewrite(input, '--url', `http://127.0.0.1:${await freePort()}`);
    assert.equal(down.status, 0);
    assert.ok(down.out.equals(input));
    assert.notEqual(down.warning, '');
    fs.writeFileSync(`${keyFile}.wrong`, 'ik_wrong\n');
    const refused = rewrite(input, '--api-key-file', `${keyFile}.wrong`);
    assert.equal(refused.status, 0);
    assert.ok(refused.out.equals(input));
    assert.match(refused.warning, /401/);
    assert.equal(rewrite(input, '--api-key-file', '/nowhere').status, 2);
  });
});

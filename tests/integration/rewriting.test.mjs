// POST /emails with html and text: what comes back at each level of consent, byte for byte, and that it comes back the
// same again; domains of organizations; links' texts; keys.
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { Installation, Postgres, eventually, genericDelivery, standardWebhooksSecret } from './support.mjs';

const TRACK = 'https://track.example.net';
const HTML = `<!doctype html><html lang="de"><body><p>Hallo Jane,</p>
<p><a href="https://jobs.example.com/1?a=1&amp;b=2">die Stelle</a> und <a href='https://jobs.example.com/2'><img alt="das Team" src=x></a>
<a href="mailto:mark@example.com">mark@example.com</a></p></body></html>`;
const TEXT = 'Hallo Jane,\r\nsiehe https://jobs.example.com/1?a=1&b=2.\r\n';

let emails = 0;
const email = (more = {}) => {
  const id = `rw-${++emails}`;
  return { message_id: id, candidate: { id: `c-${id}`, email: `${id}@mail.example` }, campaign: { id: 'autumn' }, html: HTML, ...more };
};

// The rewritten text with our addresses taken out: [c], [o] …
const masked = (text) => text.replaceAll(new RegExp(`${TRACK}/([coup])/[\\w-]+`, 'g'), '[$1]');

for (const database of ['sqlite', 'postgres']) {
  describe(`rewriting on ${database}`, () => {
    let postgres, at;
    before(async () => {
      postgres = database === 'postgres' ? new Postgres() : undefined;
      at = await new Installation({ postgres, flags: ['--tracking-url', `${TRACK}/`] }).start();
    });
    after(async () => {
      await at?.remove();
      postgres?.remove();
    });

    it('replaces the links and inserts footer and pixel', async () => {
      const answer = await at.api('POST', '/emails', email({ text: TEXT }));
      assert.equal(answer.status, 201);
      const { html, text, headers, tracking, unsubscribe_url, preferences_url } = answer.json;
      assert.equal(tracking, 'full');
      const [before, rest] = masked(html).split('<div style=');
      assert.equal(before, HTML.replace('https://jobs.example.com/1?a=1&amp;b=2', '[c]').replace('https://jobs.example.com/2', '[c]').replace('</body></html>', ''));
      assert.match(rest, /^[^<]*<a href="\[u\]" style="[^"]*">Abmelden<\/a> &middot;\n<a href="\[p\]"[^>]*>Tracking-Einstellungen<\/a><\/div>\n<img src="\[o\]"[^>]*><\/body><\/html>$/);
      assert.equal(masked(text), `${TEXT}\r\nAbmelden: [u]\r\nTracking-Einstellungen: [p]\r\n`);
      assert.deepEqual(headers, { 'List-Unsubscribe': `<${unsubscribe_url}>`, 'List-Unsubscribe-Post': 'List-Unsubscribe=One-Click' });
      assert.ok(html.includes(unsubscribe_url) && html.includes(preferences_url));
      assert.equal(answer.json.links_left_alone, 0);
    });

    it('gives the same text again, with an Idempotency-Key and without', async () => {
      const one = email();
      const first = await at.api('POST', '/emails', one, { headers: { 'Idempotency-Key': one.message_id } });
      const again = await at.api('POST', '/emails', one, { headers: { 'Idempotency-Key': one.message_id } });
      assert.equal(again.status, first.status);
      assert.equal(again.body, first.body);
      const known = await at.api('POST', '/emails', one);
      assert.equal(known.status, 200);
      assert.equal(known.json.existed, true);
      assert.equal(known.json.html, first.json.html);
    });

    it('heeds the options', async () => {
      const plain = await at.register(email({ unsubscribe: false, footer: false, honeypot: true, text: TEXT, rewrite_text: true }));
      assert.deepEqual(plain.headers, {});
      assert.ok(!plain.html.includes('/u/') && !plain.html.includes('/p/'));
      assert.match(masked(plain.html), /<a href="\[c\]" style="display:none"[^>]*><\/a>\n<img/);
      assert.equal(masked(plain.text), TEXT.replace('https://jobs.example.com/1?a=1&b=2', '[c]'));
      // The same destination is the same link in both parts.
      assert.ok(plain.html.includes(plain.text.match(/https:\S+(?=\.)/)[0]));
      const other = await at.register(email({ language: 'fr' }));
      assert.match(other.html, /Se d&#233;sabonner/);
    });

    it('inserts what the level allows', async () => {
      for (const level of ['none', 'aggregate', 'clicks', 'full']) {
        const { html, tracking, headers } = await at.register(email({ tracking: level }));
        assert.equal(tracking, level);
        assert.equal((html.match(/\/c\//g) ?? []).length, level === 'none' ? 0 : 2);
        assert.equal(html.includes('/o/'), level === 'aggregate' || level === 'full');
        assert.equal(html.includes('/p/'), level === 'clicks' || level === 'full');
        if (level === 'none') assert.equal(html, HTML);
        assert.ok(headers['List-Unsubscribe']);
      }
      const { html } = await at.register(email({ tracking: 'none', html: '<a href="{{inkling_unsubscribe_url}}">x</a>' }));
      assert.equal(masked(html), '<a href="[u]">x</a>');
    });

    it('gives two recipients of an aggregated campaign the same bytes (C-03)', async () => {
      await at.must('PUT', '/campaigns/quiet/tracking', { level: 'aggregate' });
      const [one, two] = [await at.register(email({ campaign: { id: 'quiet' } })), await at.register(email({ campaign: { id: 'quiet' } }))];
      assert.notEqual(one.id, two.id);
      assert.equal(one.html, two.html);
      assert.match(one.html, /\/c\//);
    });

    it('heeds an objection', async () => {
      const one = email();
      await at.must('PUT', `/candidates/${one.candidate.id}/tracking`, { level: 'none' });
      const { html, tracking } = await at.register(one);
      assert.equal(tracking, 'none');
      assert.equal(html, HTML);
    });

    it('leaves an email alone that its provider measures', async () => {
      const one = email({ html: undefined });
      await at.register(one);
      const { html } = await at.register({ ...one, html: HTML });
      assert.ok(!/\/[co]\//.test(html)); // decision 0008
    });

    it('takes an array, and says which email is wrong', async () => {
      const list = [email(), email({ html: undefined }), email({ html: undefined, text: 'x' })];
      const { data } = await at.must('POST', '/emails', list);
      assert.deepEqual(data.map((one) => [typeof one.html, typeof one.text]), [['string', 'undefined'], ['undefined', 'undefined'], ['undefined', 'string']]);
      const bad = await at.api('POST', '/emails', [email(), email({ html: 7 })]);
      assert.equal(bad.status, 400);
      assert.match(bad.json.detail, /email 1: html must be text/);
    });

    it('refuses what is too large, and registers nothing then', async () => {
      const one = email({ html: `<p>${'x'.repeat(2 << 20)}</p>` });
      const answer = await at.api('POST', '/emails', one);
      assert.equal(answer.status, 413);
      assert.equal((await at.register({ ...one, html: undefined })).existed, false);
      const deep = await at.api('POST', '/emails', email({ html: `<p>${Array.from({ length: 3000 }, (_, i) => `<b id=${i}>`).join('')}</p>${'<p>x</p>'.repeat(50000)}` }));
      assert.equal(deep.status, 413);
      assert.match(deep.json.detail, /nested/);
    });

    it('uses the domain of the organization', async () => {
      await at.must('PUT', '/settings', { tracking_domain: 'links.acme.example' });
      const { html, headers } = await at.register(email());
      assert.ok(!html.includes(TRACK));
      assert.equal((html.match(/https:\/\/links\.acme\.example\/[coup]\//g) ?? []).length, 5);
      assert.match(headers['List-Unsubscribe'], /^<https:\/\/links\.acme\.example\/u\//);
      await at.must('PUT', '/settings', { tracking_domain: '' });
    });

    it('shows position and text of links (AF-4)', async () => {
      const secret = standardWebhooksSecret();
      const endpoint = await at.must('POST', '/endpoints', { provider: 'generic', name: 'own', secrets: [secret] });
      await at.register(email());
      const one = email({ html: undefined, campaign: { id: 'texts' } }); // what its provider tells of is counted
      const { id } = await at.register(one);
      const clicks = ['https://jobs.example.com/1?a=1&b=2', 'https://jobs.example.com/2', 'https://jobs.example.com/other'].map((url, n) => ({
        event_type: 'click', message_id: one.message_id, timestamp: new Date().toISOString(), recipient: one.candidate.email, url, link_position: n,
      }));
      assert.equal((await at.deliver(endpoint, genericDelivery(secret, clicks))).status, 200);
      const expected = [['https://jobs.example.com/1?a=1&b=2', 0, 'die Stelle'], ['https://jobs.example.com/2', 1, 'das Team'], ['https://jobs.example.com/other', 2, null]];
      const rows = (answer) => answer.data.map((link) => [link.url, link.link_position, link.link_text]).sort((a, b) => a[1] - b[1]);
      assert.deepEqual(rows(await at.must('GET', `/emails/${id}/links`)), expected);
      assert.deepEqual(rows(await at.must('GET', '/engagement/links?campaign=texts')), expected);
    });

    it('goes on after a rotation of keys with new tokens', async () => {
      const one = email();
      const before = await at.register(one);
      const rotated = at.command('token-key', 'rotate');
      assert.equal(rotated.status, 0, rotated.stderr);
      assert.equal(JSON.parse(rotated.stdout).state, 'signs');
      await eventually(async () => (await at.register(one)).html !== before.html, 'the new key');
      const keys = JSON.parse(at.command('token-key', 'list').stdout).data;
      assert.deepEqual(keys.map(({ id, state }) => [id, state]), [[2, 'signs'], [1, 'verifies']]);
      const refused = at.command('token-key', 'retire', '1');
      assert.equal(refused.status, 1);
      assert.match(refused.stderr, /--force/);
      assert.equal(at.command('token-key', 'retire', '1', '--force').status, 0);
      assert.equal(at.command('token-key', 'retire', '2', '--force').status, 1);
    });

    it('leaves the figures in order', () => at.verify());
  });
}

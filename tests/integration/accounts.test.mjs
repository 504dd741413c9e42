// Accounts: first-run set-up, signing in and out, sessions, and who may change what from where.
import assert from 'node:assert/strict';
import crypto from 'node:crypto';
import { after, before, describe, test } from 'node:test';
import { Browser, Installation, Postgres, eventually } from './support.mjs';

// The code that an authenticator shows `steps` half-minutes from now (RFC 6238).
function totp(secret, steps = 0) {
  const bits = [...secret].map((c) => 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'.indexOf(c).toString(2).padStart(5, '0')).join('');
  const key = Buffer.from(bits.match(/.{8}/g).map((byte) => parseInt(byte, 2)));
  const counter = Buffer.alloc(8);
  counter.writeBigUInt64BE(BigInt(Math.floor(Date.now() / 30000) + steps));
  const mac = crypto.createHmac('sha1', key).update(counter).digest();
  return String((mac.readUInt32BE(mac[19] & 15) & 0x7fffffff) % 1e6).padStart(6, '0');
}

const PASSWORD = 'correct horse battery staple';

function suite(kind) {
  let postgres, service, admin;

  before(async () => {
    postgres = kind === 'PostgreSQL' ? new Postgres() : undefined;
    service = await new Installation({ postgres, empty: true }).start();
  });
  after(async () => {
    await service?.remove();
    postgres?.remove();
  });

  const setupToken = () => /token=([0-9a-z]{26})/.exec(service.logs)?.[1];

  describe('first run', () => {
    const first = { organization: 'Acme Recruiting', time_zone: 'Europe/Berlin', email: ' Admin@Acme.example ', name: 'Ada', password: PASSWORD };

    test('needs the token of the log, makes the first account, and is refused the second time', async () => {
      admin = new Browser(service);
      assert.equal((await admin.must('GET', '/session')).setup_needed, true);
      const token = await eventually(setupToken, 'the token in the log');
      for (const [body, status] of [
        [{ ...first }, 403], [{ ...first, token: 'a'.repeat(26) }, 403], [{ ...first, token, password: 'short' }, 400],
        [{ ...first, token, organization: '' }, 400], [{ ...first, token, time_zone: 'Mars' }, 400], [{ ...first, token, more: 1 }, 400],
      ])
        assert.equal((await admin.api('POST', '/setup', body)).status, status, JSON.stringify(body));
      assert.equal((await service.api('POST', '/setup', { ...first, token }, { key: null })).status, 403, 'not from our pages');
      const done = await admin.api('POST', '/setup', { ...first, token });
      assert.equal(done.status, 201, done.body);
      assert.deepEqual([done.json.role, done.json.user.email, done.json.organization.name], ['admin', 'admin@acme.example', 'Acme Recruiting']);
      assert.equal((await admin.must('GET', '/me')).user.name, 'Ada');
      const again = await new Browser(service).api('POST', '/setup', { ...first, token });
      assert.equal(again.status, 409, again.body);
      assert.equal((await admin.must('GET', '/session')).setup_needed, false);
      service.apiKey = (await admin.must('POST', '/api-keys', { name: 'tests', role: 'admin' })).key;
      service.organizationId = done.json.organization.id;
    });

    test('leaves no token behind at the next start', async () => {
      await service.stop();
      service.logs = '';
      await service.start();
      assert.equal(setupToken(), undefined);
      assert.equal((await admin.must('GET', '/me')).role, 'admin', 'sessions outlive a restart');
    });
  });

  describe('signing in', () => {
    test('gives a session in a cookie that scripts and other sites cannot use', async () => {
      const browser = new Browser(service);
      const answer = await browser.api('POST', '/session', { email: 'ADMIN@acme.example', password: PASSWORD });
      assert.equal(answer.status, 200, answer.body);
      const cookie = answer.headers['set-cookie'][0];
      assert.match(cookie, /^__Host-inkling=ins_\d+_[0-9a-z]{52}; Path=\/; HttpOnly; SameSite=Lax; Secure$/);
      assert.deepEqual(answer.json.permissions, ['self', 'read_jobs', 'read', 'scores', 'register', 'write', 'admin', 'audit']);
      assert.equal(answer.json.time_zone, 'Europe/Berlin');
      assert.deepEqual(answer.json.preferences, {});
      assert.equal((await browser.must('GET', '/settings')).name, 'Acme Recruiting');
      const remembered = await browser.api('POST', '/session', { email: 'admin@acme.example', password: PASSWORD, remember: true });
      assert.match(remembered.headers['set-cookie'][0], /; Max-Age=604800$/);
    });

    test('on a host that is not trusted and without TLS uses another name, and not Secure', async () => {
      const headers = { Host: 'inkling.example:8558', Origin: 'http://inkling.example:8558', 'X-Inkling-Request': '1' };
      const answer = await service.api('POST', '/session', { email: 'admin@acme.example', password: PASSWORD }, { key: null, headers });
      assert.match(answer.headers['set-cookie'][0], /^inkling=ins_\S+; Path=\/; HttpOnly; SameSite=Lax$/);
    });

    test('says the same of a wrong password and of an unknown address, and leaves a security event', async () => {
      const browser = new Browser(service);
      const wrong = await browser.api('POST', '/session', { email: 'admin@acme.example', password: 'wrong password' });
      const unknown = await browser.api('POST', '/session', { email: 'nobody@acme.example', password: 'wrong password' });
      assert.deepEqual([wrong.status, unknown.status], [401, 401]);
      assert.equal(wrong.json.detail, unknown.json.detail);
      assert.equal(wrong.headers['set-cookie'], undefined);
      await eventually(async () => (await admin.must('GET', '/security-events?kind=sign_in')).data.length > 0, 'the security event');
    });

    test('is slowed down, for one source and account, and only there', async () => {
      const browser = new Browser(service);
      const user = await admin.must('POST', '/users', { email: 'slow@acme.example', password: PASSWORD });
      assert.equal(user.has_password, true);
      let refused;
      for (let i = 0; i < 15 && !refused; i++) {
        const answer = await browser.api('POST', '/session', { email: 'slow@acme.example', password: 'guess number one' });
        if (answer.status === 429) refused = answer;
        else assert.equal(answer.status, 401);
      }
      assert.ok(refused, 'refused at some point');
      assert.ok(Number(refused.headers['retry-after']) >= 1);
      assert.equal((await browser.api('POST', '/session', { email: 'admin@acme.example', password: PASSWORD })).status, 200, 'others are not locked out');
    });

    test('with one address in several organizations asks which', async () => {
      const other = service.setup('Other', 'both@acme.example', '--password-file', service.file('password', `${PASSWORD}\n`));
      await admin.must('POST', '/users', { email: 'both@acme.example', password: PASSWORD, role: 'recruiter' });
      const browser = new Browser(service);
      const asked = await browser.api('POST', '/session', { email: 'both@acme.example', password: PASSWORD });
      assert.equal(asked.status, 409);
      assert.deepEqual(asked.json.organizations.map(({ name }) => name).sort(), ['Acme Recruiting', 'Other']);
      const chosen = await browser.must('POST', '/session', { email: 'both@acme.example', password: PASSWORD, organization: other.organization_id });
      assert.deepEqual([chosen.organization.name, chosen.role], ['Other', 'admin']);
    });
  });

  describe('sessions', () => {
    test('are listed, ended one by one, and end with signing out', async () => {
      const [a, b] = [new Browser(service), new Browser(service)];
      await a.signIn('admin@acme.example', PASSWORD);
      await b.signIn('admin@acme.example', PASSWORD);
      const { data } = await a.must('GET', '/me/sessions');
      const own = data.filter(({ current }) => current);
      assert.equal(own.length, 1);
      const second = await b.must('GET', '/me').then(({ session }) => session.id);
      assert.equal((await a.api('DELETE', `/me/sessions/${second}`)).status, 204);
      assert.equal((await b.api('GET', '/me')).status, 401);
      assert.equal((await a.api('DELETE', `/me/sessions/${second}`)).status, 404);
      assert.equal((await a.api('DELETE', '/session')).status, 204);
      assert.equal(a.cookies.size, 0, 'the cookie goes');
      a.cookies.set(...b.kept);
      assert.equal((await a.api('GET', '/me')).status, 401);
    });

    test('end with a new password and with disabling; the one who changed it gets a new one', async () => {
      const user = await admin.must('POST', '/users', { email: 'change@acme.example', password: PASSWORD });
      const [a, b] = [new Browser(service), new Browser(service)];
      await a.signIn('change@acme.example', PASSWORD);
      await b.signIn('change@acme.example', PASSWORD);
      const token = [...a.cookies.values()][0];
      assert.equal((await a.api('PUT', '/me/password', { current: 'not this one', password: 'another good password' })).status, 403);
      assert.equal((await a.api('PUT', '/me/password', { current: PASSWORD, password: 'short' })).status, 400);
      assert.equal((await a.api('PUT', '/me/password', { current: PASSWORD, password: 'another good password' })).status, 200);
      assert.notEqual([...a.cookies.values()][0], token);
      assert.equal((await a.api('GET', '/me')).status, 200);
      assert.equal((await b.api('GET', '/me')).status, 401);
      await b.signIn('change@acme.example', 'another good password');
      await admin.must('DELETE', `/users/${user.id}`);
      for (const browser of [a, b]) assert.equal((await browser.api('GET', '/me')).status, 401);
      assert.equal((await b.api('POST', '/session', { email: 'change@acme.example', password: 'another good password' })).status, 401);
    });

    test('end when they are idle, and after their time', async () => {
      const browser = new Browser(service);
      await browser.signIn('admin@acme.example', PASSWORD);
      const restart = async (hours) => {
        await service.stop();
        service.environment = { INKLING_CLOCK_OFFSET_MS: String(hours * 3600e3) };
        await service.start();
      };
      await restart(7);
      assert.equal((await browser.api('GET', '/me')).status, 200);
      await eventually(async () => {
        const { data } = await browser.must('GET', '/me/sessions');
        return Date.parse(data.find(({ current }) => current).last_used_at) > Date.now() + 6 * 3600e3;
      }, 'the moment of use on record');
      await restart(14);
      assert.equal((await browser.api('GET', '/me')).status, 200, 'used 7 h before');
      await restart(14 + 9);
      assert.equal((await browser.api('GET', '/me')).status, 401, 'idle for 9 h');
      await restart(0);
    });

    test('change their own account, and nothing else of it', async () => {
      const changed = await admin.must('PATCH', '/me', { name: 'Ada L.', time_zone: 'Asia/Kolkata', preferences: { theme: 'dark', keys: false } });
      assert.deepEqual([changed.user.name, changed.time_zone, changed.organization.time_zone], ['Ada L.', 'Asia/Kolkata', 'Europe/Berlin']);
      assert.deepEqual((await admin.must('GET', '/me')).preferences, { theme: 'dark', keys: false });
      assert.equal((await admin.must('PATCH', '/me', { time_zone: null })).time_zone, 'Europe/Berlin');
      for (const body of [{ role: 'admin' }, { time_zone: 'Mars' }, { preferences: [] }, { preferences: { a: 'x'.repeat(9000) } }])
        assert.equal((await admin.api('PATCH', '/me', body)).status, 400, JSON.stringify(body).slice(0, 80));
      assert.equal((await service.api('GET', '/me')).status, 403, 'an API key is nobody');
    });
  });

  describe('a second factor', () => {
    let user, browser, recovery, secret;
    const signIn = (more) => new Browser(service).api('POST', '/session', { email: 'two@acme.example', password: PASSWORD, ...more });

    test('is put into force by its first code', async () => {
      user = await admin.must('POST', '/users', { email: 'two@acme.example', password: PASSWORD });
      browser = new Browser(service);
      await browser.signIn('two@acme.example', PASSWORD);
      const other = new Browser(service);
      await other.signIn('two@acme.example', PASSWORD);
      assert.equal((await browser.api('PUT', '/me/second-factor', { code: '000000' })).status, 404);
      assert.equal((await browser.api('POST', '/me/second-factor', { password: 'not mine at all' })).status, 403);
      const begun = await browser.must('POST', '/me/second-factor', { password: PASSWORD });
      assert.match(begun.secret, /^[A-Z2-7]{32}$/);
      assert.equal(begun.uri, `otpauth://totp/Acme%20Recruiting:two@acme.example?secret=${begun.secret}&issuer=Acme%20Recruiting`);
      secret = begun.secret;
      assert.equal((await signIn()).status, 200, 'not in force yet');
      assert.equal((await browser.api('PUT', '/me/second-factor', { code: totp(secret, -5) })).status, 400);
      recovery = (await browser.must('PUT', '/me/second-factor', { code: totp(secret) })).recovery_codes;
      assert.equal(new Set(recovery).size, 10);
      assert.equal((await browser.must('GET', '/me')).user.has_second_factor, true);
      assert.equal((await other.api('GET', '/me')).status, 401, 'other sessions end');
      assert.equal((await browser.api('POST', '/me/second-factor', { password: PASSWORD })).status, 409);
      assert.equal((await browser.api('PUT', '/me/second-factor', { code: totp(secret, 1) })).status, 404);
    });

    test('is asked for after the right password only; each code is good once', async () => {
      const asked = await signIn();
      assert.deepEqual([asked.status, asked.json.code_needed, asked.headers['set-cookie']], [401, true, undefined]);
      const wrongPassword = await new Browser(service).api('POST', '/session', { email: 'two@acme.example', password: 'wrong password', code: totp(secret, 1) });
      assert.deepEqual([wrongPassword.status, wrongPassword.json.code_needed], [401, undefined]);
      const wrong = await signIn({ code: totp(secret, 7) });
      assert.deepEqual([wrong.status, wrong.json.code_needed], [401, true]);
      const next = totp(secret, 1);
      assert.equal((await signIn({ code: next })).status, 200);
      assert.equal((await signIn({ code: next })).status, 401, 'used');
      assert.equal((await signIn({ code: totp(secret) })).status, 401, 'older than the one used');
      assert.equal((await signIn({ code: recovery[3].toUpperCase() })).status, 200);
      assert.equal((await signIn({ code: recovery[3] })).status, 401, 'used');
      await eventually(async () => (await admin.must('GET', '/security-events?kind=second_factor')).data.length > 0, 'the security event');
    });

    test('survives a new password by link, and goes when its owner or an admin takes it away', async () => {
      const link = await admin.must('POST', `/users/${user.id}/link`);
      const answer = await new Browser(service).api('POST', '/account-links/redeem', { token: link.token, password: PASSWORD });
      assert.deepEqual([answer.status, answer.headers['set-cookie']], [204, undefined], 'the link alone signs nobody in');
      assert.equal((await signIn()).json.code_needed, true);
      await browser.signIn('two@acme.example', PASSWORD, { code: recovery[0] });
      assert.equal((await browser.api('POST', '/me/second-factor/remove', { password: 'not mine at all' })).status, 403);
      assert.equal((await browser.api('POST', '/me/second-factor/remove', { password: PASSWORD })).status, 204);
      assert.equal((await signIn()).status, 200);
      secret = (await browser.must('POST', '/me/second-factor', { password: PASSWORD })).secret;
      await browser.must('PUT', '/me/second-factor', { code: totp(secret) });
      assert.equal((await signIn()).status, 401);
      assert.equal((await admin.api('DELETE', `/users/${user.id}/second-factor`)).status, 204);
      assert.equal((await signIn()).status, 200);
      assert.equal((await signIn({ code: recovery[1] })).status, 200, 'a code that is not needed does no harm');
    });
  });

  describe('links', () => {
    const show = (token) => new Browser(service).api('POST', '/account-links/show', { token });
    const redeem = (token, more) => new Browser(service).api('POST', '/account-links/redeem', { token, password: PASSWORD, ...more });

    test('invite: good once, for who has them', async () => {
      const invited = await admin.must('POST', '/users', { email: 'invited@acme.example', role: 'recruiter', invite: true });
      assert.deepEqual([invited.has_password, invited.link.kind], [false, 'invitation']);
      assert.equal(invited.link.url, `${service.url}/welcome#${invited.link.token}`);
      assert.ok(Math.abs(Date.parse(invited.link.expires_at) - Date.now() - 7 * 86400e3) < 60e3);
      const shown = await show(invited.link.token);
      assert.deepEqual([shown.json.email, shown.json.organization, shown.json.kind], ['invited@acme.example', 'Acme Recruiting', 'invitation']);
      assert.equal((await redeem(invited.link.token, { password: 'short' })).status, 400);
      assert.equal((await redeem(invited.link.token, { password: 'Password1234' })).status, 400, 'guessed first');
      const browser = new Browser(service);
      const done = await browser.must('POST', '/account-links/redeem', { token: invited.link.token, password: PASSWORD, name: 'Ivy' });
      assert.deepEqual([done.user.name, done.role], ['Ivy', 'recruiter']);
      assert.equal((await browser.api('GET', '/candidates')).status, 200);
      assert.equal((await redeem(invited.link.token)).status, 404);
      assert.equal((await show(invited.link.token)).status, 404);
      assert.equal((await admin.api('POST', '/users', { email: 'x@acme.example', invite: true, password: PASSWORD })).status, 400);
    });

    test('give a new password: the last one only, not when disabled, not for ever', async () => {
      const user = await admin.must('POST', '/users', { email: 'forgot@acme.example', password: PASSWORD });
      const signedIn = new Browser(service);
      await signedIn.signIn('forgot@acme.example', PASSWORD);
      const [first, second] = [await admin.must('POST', `/users/${user.id}/link`), await admin.must('POST', `/users/${user.id}/link`)];
      assert.equal(second.kind, 'password');
      assert.equal((await show(first.token)).status, 404, 'replaced');
      assert.equal((await show(second.token)).status, 200);
      assert.equal((await show(`${second.token.slice(0, -1)}${second.token.endsWith('a') ? 'b' : 'a'}`)).status, 404);
      assert.equal((await redeem(second.token, { password: 'a password nobody had' })).status, 200);
      assert.equal((await signedIn.api('GET', '/me')).status, 401, 'sessions end');
      const third = await admin.must('POST', `/users/${user.id}/link`);
      await admin.must('DELETE', `/users/${user.id}`);
      assert.equal((await show(third.token)).status, 404);
      assert.equal((await admin.api('POST', `/users/${user.id}/link`)).status, 409);
      await admin.must('PATCH', `/users/${user.id}`, { disabled: false });
      assert.equal((await show(third.token)).status, 200);
      await service.stop();
      service.environment = { INKLING_CLOCK_OFFSET_MS: String(25 * 3600e3) };
      await service.start();
      assert.equal((await redeem(third.token)).status, 404, 'a day old');
      await service.stop();
      service.environment = {};
      await service.start();
    });
  });

  test('the last admin is kept', async () => {
    const me = await admin.must('GET', '/me');
    const { data } = await admin.must('GET', '/users');
    for (const user of data) if (user.role === 'admin' && user.id !== me.user.id) await admin.must('DELETE', `/users/${user.id}`);
    for (const [method, body] of [['DELETE'], ['PATCH', { role: 'recruiter' }], ['PATCH', { disabled: true }]]) {
      const answer = await admin.api(method, `/users/${me.user.id}`, body);
      assert.equal(answer.status, 409, `${method} ${JSON.stringify(body)}: ${answer.body}`);
    }
    assert.equal((await admin.must('GET', '/me')).role, 'admin');
    const invited = await admin.must('POST', '/users', { email: 'second@acme.example', role: 'admin', invite: true });
    assert.equal((await admin.api('DELETE', `/users/${me.user.id}`)).status, 409, 'the other cannot sign in yet');
    const second = new Browser(service);
    await second.must('POST', '/account-links/redeem', { token: invited.link.token, password: PASSWORD });
    assert.equal((await second.api('PATCH', `/users/${me.user.id}`, { role: 'recruiter' })).status, 200);
    assert.equal((await admin.api('GET', '/users')).status, 403, 'the role holds at once');
    await second.must('PATCH', `/users/${me.user.id}`, { role: 'admin' });
  });

  describe('a change by a session', () => {
    const origin = () => service.url;
    test('comes from our own pages, or is refused', async () => {
      const refused = [
        {}, { 'X-Inkling-Request': '1' }, { Origin: origin() }, { 'X-Inkling-Request': '1', Origin: 'https://evil.example' },
        { 'X-Inkling-Request': '1', Origin: 'null' }, { 'X-Inkling-Request': '1', 'Sec-Fetch-Site': 'cross-site' },
        { 'X-Inkling-Request': '1', 'Sec-Fetch-Site': 'same-site', Origin: origin() }, { 'X-Inkling-Request': '1', 'Sec-Fetch-Site': 'none' },
        { 'X-Inkling-Request': '0', Origin: origin() }, { 'X-Inkling-Request': '1', Origin: `${origin()}.evil.example` },
      ];
      const send = (headers) => service.api('PUT', '/settings', { name: 'Acme Recruiting' }, { key: null, headers: { Cookie: admin.cookie(), ...headers } });
      for (const headers of refused) assert.equal((await send(headers)).status, 403, JSON.stringify(headers));
      for (const headers of [{ Origin: origin() }, { 'Sec-Fetch-Site': 'same-origin' }])
        assert.equal((await send({ 'X-Inkling-Request': '1', ...headers })).status, 200, JSON.stringify(headers));
      assert.equal((await service.api('PUT', '/settings', { name: 'Acme Recruiting' })).status, 200, 'a key needs none of it');
      await eventually(async () => (await admin.must('GET', '/security-events?kind=cross_site')).data.length > 0, 'the security event');
    });
  });
}

for (const kind of ['SQLite', 'PostgreSQL']) describe(`accounts on ${kind}`, () => suite(kind));

// Single sign-on at a real OpenID Connect provider: who may come in, as whom, and what is refused.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { IdentityProvider } from './oidc-provider.mjs';
import { Browser, Installation, Postgres, eventually, freePort } from './support.mjs';

const PASSWORD = 'correct horse battery staple';
const everybody = () => ({
  known: { email: 'Known@acme.example', email_verified: true, name: 'Kim Known' },
  new: { email: 'new@acme.example', email_verified: true, name: 'Nia New', groups: ['staff', 'hr'] },
  boss: { email: 'boss@acme.example', email_verified: true, name: 'Bo Boss', groups: ['hr-admins'] },
  unverified: { email: 'known@acme.example', email_verified: false, name: 'Eve' },
  stranger: { email: 'stranger@evil.example', email_verified: true, name: 'Eve' },
  thief: { email: 'known@acme.example', email_verified: true, name: 'Same address, another person' },
  gone: { email: 'gone@acme.example', email_verified: true, name: 'Gone' },
});

function suite(kind) {
  const people = everybody();
  let postgres, service, provider, admin;

  // Starts the service with these options of its own; ports stay, since the provider knows our address.
  async function serve(client, more = []) {
    const secret = client === 'confidential' ? ['--oidc-client-secret', 'a secret: with & signs'] : [];
    service.flags = ['--outgoing-allow-internal', '--public-url', `http://127.0.0.1:${service.fixedPort}`, '--oidc-issuer', provider.issuer, '--oidc-client-id', client, ...secret, ...more];
    await service.stop();
    await service.start();
  }

  before(async () => {
    postgres = kind === 'PostgreSQL' ? new Postgres() : undefined;
    service = new Installation({ postgres });
    service.fixedPort = await freePort();
    provider = await new IdentityProvider({ redirectUri: `http://127.0.0.1:${service.fixedPort}/api/v1/oidc/callback`, people }).start();
    await serve('confidential', ['--oidc-domains', 'acme.example', '--oidc-role-claim', 'groups', '--oidc-roles', 'hr-admins=admin, hr=hiring_manager', '--oidc-title', 'Acme ID']);
    admin = new Browser(service);
    await service.must('POST', '/users', { email: 'ada@acme.example', role: 'admin', password: PASSWORD });
    await admin.signIn('ada@acme.example', PASSWORD);
  });
  after(async () => {
    provider?.stop();
    await service?.remove();
    postgres?.remove();
  });

  const path = (url) => `${url.pathname}${url.search}`;

  // The whole way; gives where the browser ends up.
  async function signIn(browser, name, next) {
    const start = await browser.fetch(`/api/v1/oidc/start${next === undefined ? '' : `?next=${encodeURIComponent(next)}`}`);
    assert.equal(start.status, 303, start.body);
    const back = await provider.visit(start.headers.location, name);
    const answer = await browser.fetch(path(back));
    assert.equal(answer.status, 303, answer.body);
    return answer.headers.location;
  }

  const me = (browser) => browser.must('GET', '/me');

  test('is offered on the page of signing in', async () => {
    assert.deepEqual((await new Browser(service).must('GET', '/session')).single_sign_on, { title: 'Acme ID', url: '/api/v1/oidc/start' });
  });

  test('lets an existing account in by its verified address, and later by the identity alone', async () => {
    const user = await service.must('POST', '/users', { email: 'known@acme.example', role: 'recruiter' });
    const browser = new Browser(service);
    assert.equal(await signIn(browser, 'known', '/candidates?level=hot'), '/candidates?level=hot');
    assert.ok(!browser.cookies.has('__Host-inkling-sso'), 'the attempt is over');
    const account = await me(browser);
    assert.deepEqual([account.user.id, account.role, account.user.has_password], [user.id, 'recruiter', false]);
    assert.equal((await browser.api('DELETE', '/session')).status, 204, 'a session as any other');
    await service.must('PATCH', `/users/${user.id}`, { email: 'renamed@acme.example' });
    assert.equal(await signIn(browser, 'known'), '/');
    assert.equal((await me(browser)).user.id, user.id);
    await service.must('PATCH', `/users/${user.id}`, { email: 'known@acme.example' });
  });

  test('makes an account for who comes from a listed domain, with the role that the provider gives', async () => {
    const browser = new Browser(service);
    await signIn(browser, 'new');
    const account = await me(browser);
    assert.deepEqual([account.role, account.user.email, account.user.name], ['hiring_manager', 'new@acme.example', 'Nia New']);
    people.new.groups = ['hr-admins'];
    assert.equal((await me(browser)).role, 'hiring_manager', 'until the next sign-in');
    await signIn(browser, 'new');
    assert.equal((await me(browser)).role, 'admin');
  });

  test('keeps the last administrator, whatever the provider says', async () => {
    const boss = new Browser(service);
    await signIn(boss, 'boss');
    assert.equal((await me(boss)).role, 'admin');
    const { data } = await service.must('GET', '/users');
    const others = data.filter(({ role, email }) => role === 'admin' && email !== 'boss@acme.example');
    for (const { id } of others) await service.must('DELETE', `/users/${id}`);
    people.boss.groups = ['hr'];
    await signIn(boss, 'boss');
    assert.equal((await me(boss)).role, 'admin');
    for (const { id } of others) await service.must('PATCH', `/users/${id}`, { disabled: false });
  });

  test('refuses everybody else', async () => {
    const gone = await service.must('POST', '/users', { email: 'gone@acme.example' });
    await service.must('DELETE', `/users/${gone.id}`);
    for (const name of ['stranger', 'unverified', 'thief', 'gone']) {
      const browser = new Browser(service);
      assert.equal(await signIn(browser, name), '/sign-in?error=denied', name);
      assert.equal((await browser.api('GET', '/me')).status, 401, name);
    }
    assert.match(service.logs, /single sign-on failed/);
    assert.ok(!service.logs.includes('acme.example'), 'and no address is in the log');
  });

  test('goes on to a path of this site only', async () => {
    for (const next of ['//evil.example', '/\\evil.example', 'https://evil.example', 'javascript:alert(1)', '/a\\b', '/a b', '', 'x', `/${'x'.repeat(600)}`])
      assert.equal(await signIn(new Browser(service), 'known', next), '/', next);
  });

  test('is for the browser that began, once, and for ten minutes', async () => {
    const [browser, other] = [new Browser(service), new Browser(service)];
    const start = await browser.fetch('/api/v1/oidc/start');
    const begun = new Map(browser.cookies);
    const back = await provider.visit(start.headers.location, 'known');
    assert.equal((await other.fetch(path(back))).headers.location, '/sign-in?error=expired', 'another browser');
    const altered = new URL(back);
    altered.searchParams.set('state', 'a'.repeat(52));
    assert.equal((await browser.fetch(path(altered))).headers.location, '/sign-in?error=expired', 'another state');
    assert.equal(browser.cookies.size, 0);
    browser.cookies = new Map(begun);
    assert.equal((await browser.fetch(path(back))).headers.location, '/');
    browser.cookies = new Map(begun);
    assert.match((await browser.fetch(path(back))).headers.location, /^\/sign-in\?error=/, 'the code is used up');
    browser.cookies = new Map([...begun].map(([name, value]) => [name, `${value.slice(0, -2)}AA`]));
    assert.equal((await browser.fetch(path(back))).headers.location, '/sign-in?error=expired', 'an altered cookie');
    browser.cookies = new Map(begun);
    const refused = new URL(back);
    refused.searchParams.delete('code');
    refused.searchParams.set('error', 'access_denied');
    assert.equal((await browser.fetch(path(refused))).headers.location, '/sign-in?error=denied');
    // A code of somebody else's attempt, under one's own state: the verifier and the nonce are not those.
    const [a, b] = [new Browser(service), new Browser(service)];
    const [startA, startB] = [await a.fetch('/api/v1/oidc/start'), await b.fetch('/api/v1/oidc/start')];
    const stolen = await provider.visit(startB.headers.location, 'boss');
    const own = await provider.visit(startA.headers.location, 'known');
    own.searchParams.set('code', stolen.searchParams.get('code'));
    assert.match((await a.fetch(path(own))).headers.location, /^\/sign-in\?error=/);
    assert.equal((await a.api('GET', '/me')).status, 401);
  });

  test('works as a public client with ES256, and without claims in the token', async () => {
    await serve('public');
    assert.equal(await signIn(new Browser(service), 'known'), '/');
    assert.equal(await signIn(new Browser(service), 'stranger'), '/sign-in?error=denied', 'no domain is listed now');
    provider.stop();
    provider = await new IdentityProvider({ redirectUri: provider.redirectUri, people, claimsInToken: false }).start();
    await serve('public', ['--oidc-domains', 'acme.example']);
    people.late = { email: 'late@acme.example', email_verified: true, name: 'Lu Late' };
    const browser = new Browser(service);
    assert.equal(await signIn(browser, 'late'), '/');
    assert.deepEqual([(await me(browser)).user.name, (await me(browser)).role], ['Lu Late', 'recruiter']);
    // The other provider's identities are others, though they have the same name there.
    assert.equal(await signIn(new Browser(service), 'known'), '/sign-in?error=denied');
  });

  test('says so when the provider cannot be reached, and reaches nothing internal unless allowed', async () => {
    provider.stop();
    await serve('public');
    assert.equal((await new Browser(service).fetch('/api/v1/oidc/start')).headers.location, '/sign-in?error=unavailable');
    service.flags = service.flags.filter((flag) => flag !== '--outgoing-allow-internal');
    await service.stop();
    await service.start();
    assert.equal((await new Browser(service).fetch('/api/v1/oidc/start')).headers.location, '/sign-in?error=unavailable');
    await eventually(() => /only https addresses/.test(service.logs), 'the reason in the log');
  });

  test('is not there when it is not configured', async () => {
    service.flags = [];
    await service.stop();
    await service.start();
    assert.equal((await new Browser(service).must('GET', '/session')).single_sign_on, null);
    assert.equal((await new Browser(service).fetch('/api/v1/oidc/start')).status, 404);
  });
}

for (const kind of ['SQLite', 'PostgreSQL']) describe(`single sign-on on ${kind}`, () => suite(kind));

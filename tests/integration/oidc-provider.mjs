// A real OpenID Connect provider on a port of its own, in the process of the test. People sign in with any password; who
// they are is what `people` says.
import crypto from 'node:crypto';
import { once } from 'node:events';
import Provider from 'oidc-provider';
import { freePort } from './support.mjs';

function jwk(type, options, more) {
  const { privateKey } = crypto.generateKeyPairSync(type, options);
  return { ...privateKey.export({ format: 'jwk' }), use: 'sig', ...more };
}

export class IdentityProvider {
  // `people`: name → claims beside `sub`. `claimsInToken`: whether the ID token holds them, or userinfo alone does.
  constructor({ redirectUri, people, claimsInToken = true }) {
    Object.assign(this, { redirectUri, people, claimsInToken });
  }

  async start() {
    const port = await freePort();
    this.issuer = `http://127.0.0.1:${port}`;
    const client = { redirect_uris: [this.redirectUri], grant_types: ['authorization_code'], response_types: ['code'] };
    this.provider = new Provider(this.issuer, {
      clients: [
        { ...client, client_id: 'confidential', client_secret: 'a secret: with & signs', id_token_signed_response_alg: 'RS256' },
        { ...client, client_id: 'public', token_endpoint_auth_method: 'none', id_token_signed_response_alg: 'ES256' },
      ],
      jwks: { keys: [jwk('rsa', { modulusLength: 2048 }, { alg: 'RS256', kid: 'r1' }), jwk('ec', { namedCurve: 'P-256' }, { alg: 'ES256', kid: 'e1' })] },
      cookies: { keys: [crypto.randomBytes(16).toString('hex')] },
      claims: { openid: ['sub', 'groups'], email: ['email', 'email_verified'], profile: ['name'] },
      conformIdTokenClaims: !this.claimsInToken,
      pkce: { methods: ['S256'], required: () => true },
      findAccount: (context, sub) => this.people[sub] && { accountId: sub, claims: () => ({ sub, ...this.people[sub] }) },
      ttl: { AccessToken: 600, AuthorizationCode: 60, IdToken: 600, Interaction: 600, Session: 600, Grant: 600 },
    });
    this.server = this.provider.listen(port, '127.0.0.1');
    await once(this.server, 'listening');
    return this;
  }

  stop() {
    this.server?.closeAllConnections();
    this.server?.close();
  }

  // Does what a person does there: follows the pages from the address that the browser was sent to, signs in as `name`
  // and agrees; gives the address that the browser is sent back to.
  async visit(location, name) {
    const cookies = new Map();
    const fetchPage = async (url, options = {}) => {
      const answer = await fetch(url, { redirect: 'manual', ...options, headers: { ...options.headers, Cookie: [...cookies].map((pair) => pair.join('=')).join('; ') } });
      for (const text of answer.headers.getSetCookie()) {
        const [, key, value] = /^([^=]+)=([^;]*)/.exec(text);
        cookies.set(key, value);
      }
      return answer;
    };
    let url = new URL(location);
    for (let step = 0; step < 20; step++) {
      if (url.href.startsWith(this.redirectUri)) return url;
      let answer = await fetchPage(url);
      if (answer.status === 200) {
        const page = await answer.text();
        const prompt = /name="prompt" value="(\w+)"/.exec(page)?.[1];
        answer = await fetchPage(/action="([^"]+)"/.exec(page)[1], {
          method: 'POST', body: new URLSearchParams(prompt === 'login' ? { prompt, login: name, password: 'x' } : { prompt }),
        });
      }
      const next = answer.headers.get('location');
      if (!next) throw new Error(`the provider answered ${answer.status}: ${await answer.text()}`);
      url = new URL(next, url);
    }
    throw new Error('the provider leads in a circle');
  }
}

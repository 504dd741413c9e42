// What the integration tests share: a service of their own on throwaway data, requests to it, and deliveries signed as
// the providers sign them.
//
//   import {test} from 'node:test';
//   import {startService, sendgridKeys, signSendgrid} from './support.mjs';
//
//   test('…', async (t) => {
//     const service = await startService({t});            // SQLite; {t, database: 'postgres'} for a private PostgreSQL
//     const {organization_id, api} = await service.setup();  // an organization, its admin, and a client with the key
//     const endpoint = await service.endpoint(api, {provider: 'generic', secrets: [secret]});
//     await post(endpoint.url, body, signGeneric(secret, body));
//   });
//
// The program is INKLING_BINARY, or build/inkling. INKLING_TEST_DATABASE=postgres makes PostgreSQL the default. A private
// PostgreSQL is started once a test file; INKLING_TEST_POSTGRES, a connection URI of someone who may create databases,
// is used instead when it is set.
import {after} from 'node:test';
import assert from 'node:assert/strict';
import {execFileSync, spawn} from 'node:child_process';
import crypto from 'node:crypto';
import {once} from 'node:events';
import fs from 'node:fs';
import http from 'node:http';
import os from 'node:os';
import path from 'node:path';
import {setTimeout as sleep} from 'node:timers/promises';
import {fileURLToPath} from 'node:url';

const root = process.env.INKLING_SOURCE ?? path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../..');
export const binary = process.env.INKLING_BINARY ?? path.join(root, 'build/inkling');
const START_LIMIT_MS = 60_000; // generous: sanitizers and busy machines
const STOP_LIMIT_MS = 60_000;

// ---- what has to be gone at the end ----

const children = new Set();
const directories = new Set();

export function temporaryDirectory(prefix = 'inkling-test-') {
  const directory = fs.mkdtempSync(path.join(os.tmpdir(), prefix));
  directories.add(directory);
  return directory;
}

after(async () => {
  await Promise.all([...children].map((child) => endChild(child, 'SIGTERM')));
  await stopPostgres();
  for (const directory of directories) fs.rmSync(directory, {recursive: true, force: true});
});
process.on('exit', () => {
  for (const child of children) child.kill('SIGKILL');
});

// Ends a child that this file started, by its process id.
async function endChild(child, signal) {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, 'exit');
  child.kill(signal);
  const limit = setTimeout(() => child.kill('SIGKILL'), STOP_LIMIT_MS);
  await exited;
  clearTimeout(limit);
}

// ---- waiting for a condition, never for a time ----

// Calls `look` until it returns something true, and returns that.
export async function until(what, look, limitMs = 30_000) {
  const end = Date.now() + limitMs;
  for (;;) {
    const found = await look();
    if (found) return found;
    if (Date.now() > end) throw new Error(`waited ${limitMs} ms in vain: ${what}`);
    await sleep(20);
  }
}

// ---- PostgreSQL ----

let postgres; // {uri(name), directory, child} once it runs
let databaseCount = 0;

export function havePostgres() {
  return process.env.INKLING_TEST_POSTGRES !== undefined || postgresTools() !== null;
}

function postgresTools() {
  const base = '/usr/lib/postgresql';
  if (!fs.existsSync(base)) return null;
  const versions = fs.readdirSync(base).filter((name) => fs.existsSync(path.join(base, name, 'bin/initdb')));
  versions.sort((a, b) => Number(a) - Number(b));
  return versions.length ? path.join(base, versions.at(-1), 'bin') : null;
}

// PostgreSQL refuses to run as root; the Debian package brings a user for it.
function asPostgresUser(command, args) {
  return process.getuid() === 0 ? ['runuser', ['-u', 'postgres', '--', command, ...args]] : [command, args];
}

async function startPostgres() {
  const tools = postgresTools();
  if (!tools) throw new Error('PostgreSQL is not installed');
  const directory = temporaryDirectory('inkling-pg-');
  if (process.getuid() === 0) execFileSync('chown', ['postgres', directory]);
  fs.chmodSync(directory, 0o755); // the socket inside is for us, too
  const data = path.join(directory, 'data');
  const run = (name, args) => execFileSync(...asPostgresUser(path.join(tools, name), args), {stdio: 'pipe', cwd: '/'});
  run('initdb', ['-D', data, '-U', 'inkling', '--auth=trust', '--encoding=UTF8', '--no-sync', '--locale=C']);
  const settings = {
    listen_addresses: "''", unix_socket_directories: `'${directory}'`, max_connections: 200, fsync: 'off',
    full_page_writes: 'off', log_min_messages: 'fatal',
  };
  fs.appendFileSync(path.join(data, 'postgresql.conf'),
    Object.entries(settings).map(([name, value]) => `${name} = ${value}\n`).join(''));
  const child = spawn(...asPostgresUser(path.join(tools, 'postgres'), ['-D', data]), {stdio: 'ignore', cwd: '/'});
  const uri = (name) => `postgresql://inkling@/${name}?host=${encodeURIComponent(directory)}`;
  const sql = (text, name = 'postgres') =>
    execFileSync(path.join(tools, 'psql'), [uri(name), '-qAtX', '-v', 'ON_ERROR_STOP=1', '-c', text],
      {encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe']});
  const state = {directory, data, child, uri, sql};
  await until('PostgreSQL answers', () => {
    if (child.exitCode !== null) throw new Error('PostgreSQL did not start');
    try {
      return sql('SELECT 1');
    } catch {
      return false;
    }
  }, START_LIMIT_MS);
  return state;
}

async function stopPostgres() {
  const state = await postgres?.catch(() => undefined);
  if (!state?.child) return;
  const pid = Number(fs.readFileSync(path.join(state.data, 'postmaster.pid'), 'utf8').split('\n')[0]);
  const exited = once(state.child, 'exit');
  process.kill(pid, 'SIGINT'); // fast shutdown
  await exited;
}

function givenPostgres() {
  const base = process.env.INKLING_TEST_POSTGRES;
  const uri = (name) => base.replace(/^(postgres(?:ql)?:\/\/[^/]*\/)[^?]*/, `$1${name}`);
  const sql = (text, name) => execFileSync('psql', [name ? uri(name) : base, '-qAtX', '-v', 'ON_ERROR_STOP=1', '-c', text],
    {encoding: 'utf8'});
  return {uri, sql};
}

// The URL of an empty PostgreSQL database of one's own.
export async function postgresDatabase() {
  postgres ??= process.env.INKLING_TEST_POSTGRES ? Promise.resolve(givenPostgres()) : startPostgres();
  const server = await postgres;
  const name = `inkling_${process.pid}_${++databaseCount}`;
  server.sql(`CREATE DATABASE ${name}`);
  return {url: server.uri(name), sql: (text) => server.sql(text, name)};
}

// ---- the program ----

// Runs a subcommand to its end. `input` goes to its standard input.
export async function runProgram(args, {env = {}, input = ''} = {}) {
  const child = spawn(binary, args, {env: {...process.env, ...env}, stdio: 'pipe'});
  const out = [], err = [];
  child.stdout.on('data', (chunk) => out.push(chunk));
  child.stderr.on('data', (chunk) => err.push(chunk));
  child.stdin.on('error', () => {}); // it need not read
  child.stdin.end(input);
  const [code, signal] = await once(child, 'close');
  return {code, signal, stdout: Buffer.concat(out).toString(), stderr: Buffer.concat(err).toString()};
}

export class Service {
  constructor({database, directory, args, env}) {
    this.directory = directory;
    this.databaseUrl = database.url;
    this.sql = database.sql; // PostgreSQL only: text of rows
    this.args = args;
    this.env = env;
  }

  // Options that every command of this installation needs.
  get options() {
    return ['--database', this.databaseUrl, '--data-directory', this.directory,
      '--secret-key-file', path.join(this.directory, 'secret.key')];
  }

  // (Re)starts `inkling serve` and waits for /readyz.
  async start(args = []) {
    this.log = '';
    this.child = spawn(binary, ['serve', '--listen', '127.0.0.1:0', ...this.options, ...this.args, ...args],
      {env: {...process.env, ...this.env}, stdio: ['ignore', 'ignore', 'pipe']});
    children.add(this.child);
    this.child.on('exit', () => children.delete(this.child));
    this.child.stderr.on('data', (chunk) => { this.log += chunk; });
    this.url = await until('the service listens', () => {
      if (this.child.exitCode !== null || this.child.signalCode !== null)
        throw new Error(`the service ended with ${this.child.exitCode ?? this.child.signalCode}:\n${this.log}`);
      return this.log.match(/listening .*?\burl"?[=:]"?(https?:\/\/[^\s",]+)/)?.[1];
    }, START_LIMIT_MS);
    await until('/readyz', async () => (await request(`${this.url}/readyz`)).status === 200, START_LIMIT_MS);
    return this;
  }

  get pid() {
    return this.child.pid;
  }

  signal(name) {
    this.child.kill(name);
  }

  // Orderly stop; resolves with the exit code.
  async stop(signal = 'SIGTERM') {
    await endChild(this.child, signal);
    return this.child.exitCode;
  }

  async kill() {
    await endChild(this.child, 'SIGKILL');
  }

  // A subcommand on this installation: {code, stdout, stderr}.
  run(command, ...args) {
    return runProgram([...command.split(' '), ...this.options, ...args], {env: this.env});
  }

  // The same, which must succeed and print JSON.
  async json(command, ...args) {
    const result = await this.run(command, ...args);
    assert.equal(result.code, 0, `inkling ${command}: ${result.stderr}`);
    return JSON.parse(result.stdout);
  }

  // An organization with its admin: {organization_id, user_id, api_key, password, api}.
  async setup({org = 'Example', email = 'admin@example.org', args = []} = {}) {
    const made = await this.json('setup', '--org', org, '--email', email, ...args);
    return {...made, api: this.api(made.api_key)};
  }

  // A client: api.get('/emails?limit=2'), api.post('/emails', {…}), api.csv('/emails'); {status, headers, text, json}.
  api(key) {
    const call = (method, target, body, headers = {}) => request(`${this.url}/api/v1${target}`, {
      method,
      headers: {
        ...(key ? {authorization: `Bearer ${key}`} : {}),
        ...(body === undefined ? {} : {'content-type': 'application/json'}),
        ...headers,
      },
      body: body === undefined || typeof body === 'string' ? body : JSON.stringify(body),
    });
    return {
      key,
      call,
      get: (target, headers) => call('GET', target, undefined, headers),
      post: (target, body = {}, headers) => call('POST', target, body, headers),
      put: (target, body, headers) => call('PUT', target, body, headers),
      patch: (target, body, headers) => call('PATCH', target, body, headers),
      delete: (target, headers) => call('DELETE', target, undefined, headers),
      csv: (target) => call('GET', target, undefined, {accept: 'text/csv'}),
      // All rows of a list, page by page.
      async all(target, limit = 100) {
        const rows = [];
        for (let cursor = null; ;) {
          const separator = target.includes('?') ? '&' : '?';
          const page = await call('GET', `${target}${separator}limit=${limit}${cursor ? `&cursor=${cursor}` : ''}`);
          assert.equal(page.status, 200, page.text);
          rows.push(...page.json.data);
          cursor = page.json.next_cursor;
          if (cursor === null) return rows;
        }
      },
    };
  }

  // Creates an endpoint that must come out well.
  async endpoint(api, settings) {
    const made = await api.post('/endpoints', settings);
    assert.equal(made.status, 201, made.text);
    return made.json;
  }

  // A figure of /metrics.
  async metric(name) {
    const {text} = await request(`${this.url}/metrics`);
    const line = text.split('\n').find((candidate) => candidate.startsWith(`${name} `));
    assert.ok(line, `no metric ${name}`);
    return Number(line.slice(name.length + 1));
  }
}

// options: t (the test: the service stops with it), database 'sqlite' or 'postgres', args (for serve), env.
export async function startService({t, database = process.env.INKLING_TEST_DATABASE ?? 'sqlite', args = [], env = {}} = {}) {
  const directory = temporaryDirectory();
  const made = database === 'postgres' ? await postgresDatabase() : {url: `sqlite:${directory}/inkling.db`};
  const service = new Service({database: made, directory, args, env});
  await service.start();
  t?.after(() => service.stop());
  return service;
}

// ---- HTTP ----

const agent = new http.Agent({keepAlive: true, maxSockets: 128});
after(() => agent.destroy());

// One request: {status, headers, text, json}. `json` is undefined when the answer is none.
export function request(url, {method = 'GET', headers = {}, body, localAddress} = {}) {
  return new Promise((resolve, reject) => {
    const sent = http.request(url, {method, headers, agent: localAddress ? undefined : agent, localAddress}, (answer) => {
      const chunks = [];
      answer.on('data', (chunk) => chunks.push(chunk));
      answer.on('error', reject);
      answer.on('end', () => {
        const bytes = Buffer.concat(chunks), text = bytes.toString();
        let json;
        if (/json/.test(answer.headers['content-type'] ?? '')) json = JSON.parse(text);
        resolve({status: answer.statusCode, headers: answer.headers, bytes, text, json});
      });
    });
    sent.on('error', reject);
    sent.end(body);
  });
}

// A webhook delivery. `localAddress`: where it comes from (127.0.0.2 …).
export function post(url, body, headers = {}, options = {}) {
  return request(url, {method: 'POST', body, headers: {'content-type': 'application/json', ...headers}, ...options});
}

// ---- signed deliveries ----

// Standard Webhooks (the generic provider, Resend): a secret, and the headers that sign a body.
export function genericSecret() {
  return `whsec_${crypto.randomBytes(24).toString('base64')}`;
}

export function signGeneric(secret, body, {id = `msg_${crypto.randomUUID()}`, timestamp = Math.floor(Date.now() / 1000)} = {}) {
  const key = Buffer.from(secret.replace(/^whsec_/, ''), 'base64');
  const signature = crypto.createHmac('sha256', key).update(`${id}.${timestamp}.`).update(body).digest('base64');
  return {'webhook-id': id, 'webhook-timestamp': String(timestamp), 'webhook-signature': `v1,${signature}`};
}

// SendGrid: {publicKey: the secret of an endpoint, privateKey}, and the headers that sign a body.
export function sendgridKeys() {
  const {publicKey, privateKey} = crypto.generateKeyPairSync('ec', {namedCurve: 'P-256'});
  return {publicKey: publicKey.export({type: 'spki', format: 'der'}).toString('base64'), privateKey};
}

export function signSendgrid(keys, body, {timestamp = Math.floor(Date.now() / 1000)} = {}) {
  const signer = crypto.createSign('sha256').update(String(timestamp)).update(body);
  return {
    'x-twilio-email-event-webhook-signature': signer.sign(keys.privateKey, 'base64'),
    'x-twilio-email-event-webhook-timestamp': String(timestamp),
  };
}

// A SendGrid body as SendGrid writes it: events separated by CRLF, CRLF at the end.
export function sendgridBody(events) {
  return `[${events.map((event) => JSON.stringify(event)).join(',\r\n')}]\r\n`;
}

// SNS: a signing key with its certificate, which `inkling serve --sns-certificates-directory` finds in `directory`.
export function snsKeys() {
  const directory = temporaryDirectory('inkling-sns-');
  const name = `SimpleNotificationService-${crypto.randomBytes(8).toString('hex')}.pem`;
  const keyFile = path.join(directory, 'signing.key'), certificateFile = path.join(directory, name);
  execFileSync('openssl', ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '2', '-subj',
    '/CN=sns.amazonaws.com', '-keyout', keyFile, '-out', certificateFile], {stdio: 'pipe'});
  return {
    directory,
    url: `https://sns.eu-central-1.amazonaws.com/${name}`,
    certificate: fs.readFileSync(certificateFile, 'utf8'), // as an endpoint's secret, it is pinned there
    privateKey: fs.readFileSync(keyFile, 'utf8'),
  };
}

export const snsTopic = 'arn:aws:sns:eu-central-1:123456789012:inkling-events';

// {body, headers} of a message. `type`: Notification (message: what SES says, an object) or SubscriptionConfirmation.
export function signSns(keys, message, {type = 'Notification', topic = snsTopic, version = '2', timestamp = new Date()} = {}) {
  const confirmation = type !== 'Notification';
  const fields = {
    Type: type,
    MessageId: crypto.randomUUID(),
    TopicArn: topic,
    Message: typeof message === 'string' ? message : JSON.stringify(message),
    Timestamp: timestamp.toISOString(),
    ...(confirmation ? {
      Token: crypto.randomBytes(64).toString('hex'),
      SubscribeURL: `https://sns.eu-central-1.amazonaws.com/?Action=ConfirmSubscription&TopicArn=${topic}`,
    } : {}),
  };
  const order = confirmation ? ['Message', 'MessageId', 'SubscribeURL', 'Timestamp', 'Token', 'TopicArn', 'Type']
    : ['Message', 'MessageId', 'Timestamp', 'TopicArn', 'Type'];
  const canonical = order.map((name) => `${name}\n${fields[name]}\n`).join('');
  const signature = crypto.createSign(version === '1' ? 'sha1' : 'sha256').update(canonical).sign(keys.privateKey, 'base64');
  const body = JSON.stringify({...fields, SignatureVersion: version, Signature: signature, SigningCertURL: keys.url});
  return {body, headers: {'content-type': 'text/plain; charset=UTF-8', 'x-amz-sns-message-type': type,
    'x-amz-sns-message-id': fields.MessageId, 'x-amz-sns-topic-arn': topic}};
}

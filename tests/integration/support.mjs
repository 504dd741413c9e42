// What the integration tests share: the real program on a free port with a database of its own, PostgreSQL where asked
// for, and deliveries signed as the providers sign them. Everything started here is stopped by its process id.
import { spawn, spawnSync } from 'node:child_process';
import crypto from 'node:crypto';
import { once } from 'node:events';
import fs from 'node:fs';
import http from 'node:http';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';

export const root = path.resolve(new URL('../..', import.meta.url).pathname);
export const binary = path.resolve(root, process.env.INKLING_BINARY ?? 'build/inkling');

// ---- time and waiting ----

// Calls `probe` until it gives something true; fails after `seconds` with what it gave last.
export async function eventually(probe, what, seconds = 20) {
  let last;
  for (const end = Date.now() + seconds * 1000; Date.now() < end; await pause(25)) {
    try {
      last = await probe();
      if (last) return last;
    } catch (error) {
      last = error;
    }
  }
  throw new Error(`${what} did not happen within ${seconds} s; last: ${last?.stack ?? JSON.stringify(last)}`);
}

export async function freePort() {
  const server = net.createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address();
  server.close();
  await once(server, 'close');
  return port;
}

export function temporaryDirectory() {
  return fs.mkdtempSync(path.join(os.tmpdir(), 'inkling-test-'));
}

// ---- PostgreSQL ----

export class Postgres {
  static tools() {
    const base = '/usr/lib/postgresql';
    const versions = fs.existsSync(base) ? fs.readdirSync(base).sort((a, b) => a - b) : [];
    if (versions.length === 0) throw new Error('PostgreSQL is not installed');
    return path.join(base, versions.at(-1), 'bin');
  }

  constructor() {
    this.directory = temporaryDirectory();
    this.asUser = process.getuid() === 0 ? ['runuser', '-u', 'postgres', '--'] : [];
    if (this.asUser.length) run('chown', ['postgres', this.directory]);
    this.#tool('initdb', ['-D', this.#data(), '-A', 'trust', '-U', 'inkling', '--no-sync', '--encoding', 'UTF8', '--locale', 'C']);
    fs.appendFileSync(path.join(this.#data(), 'postgresql.conf'), `listen_addresses = ''\nunix_socket_directories = '${this.directory}'\nfsync = off\n`);
    this.start();
    this.databases = 0;
  }

  #data() {
    return path.join(this.directory, 'data');
  }

  #tool(name, args) {
    const words = [...this.asUser, path.join(Postgres.tools(), name), ...args];
    // The server inherits descriptors: with pipes, waiting for pg_ctl would wait for the server.
    const result = spawnSync(words[0], words.slice(1), { cwd: '/', stdio: ['ignore', 'ignore', 'inherit'] });
    if (result.status !== 0) throw new Error(`${name} failed`);
  }

  start() {
    this.#tool('pg_ctl', ['-D', this.#data(), '-l', path.join(this.directory, 'log'), '-w', 'start']);
  }

  // `mode`: fast, or immediate, as a crash would.
  stop(mode = 'fast') {
    this.#tool('pg_ctl', ['-D', this.#data(), '-m', mode, '-w', 'stop']);
  }

  createDatabase() {
    const name = `test_${++this.databases}`;
    run('psql', ['-h', this.directory, '-U', 'inkling', '-d', 'postgres', '-qc', `CREATE DATABASE ${name}`]);
    return `postgresql://inkling@/${name}?host=${this.directory}`;
  }

  remove() {
    this.stop('immediate');
    fs.rmSync(this.directory, { recursive: true, force: true });
  }
}

// ---- the program ----

function run(command, args, options = {}) {
  const result = spawnSync(command, args, { encoding: 'utf8', maxBuffer: 64 << 20, ...options });
  if (result.error) throw result.error;
  if (result.status !== 0) throw new Error(`${command} ${args.join(' ')} ended with ${result.status}: ${result.stderr}`);
  return result.stdout;
}

// One subcommand to its end: {status, stdout, stderr}.
export function inkling(args, options = {}) {
  const result = spawnSync(binary, args, { encoding: 'utf8', maxBuffer: 64 << 20, env: cleanEnvironment(), ...options });
  if (result.error) throw result.error;
  return { status: result.status, stdout: result.stdout, stderr: result.stderr };
}

function cleanEnvironment(extra = {}) {
  const kept = Object.entries(process.env).filter(([name]) => !name.startsWith('INKLING_'));
  return { ...Object.fromEntries(kept), ...extra };
}

// A database and the service on it. `postgres`: a Postgres to make the database in; SQLite otherwise. `empty`: before
// the set-up.
export class Installation {
  constructor({ postgres, flags = [], environment = {}, empty = false } = {}) {
    this.directory = temporaryDirectory();
    this.database = postgres ? postgres.createDatabase() : `sqlite:${this.directory}/inkling.db`;
    this.isSqlite = !postgres;
    this.flags = flags;
    this.environment = environment;
    this.logs = '';
    if (empty) return;
    const setup = this.setup('Acme Recruiting', 'admin@acme.example');
    this.apiKey = setup.api_key;
    this.organizationId = setup.organization_id;
  }

  // The options that name the database, for any subcommand.
  databaseFlags() {
    return ['--database', this.database, '--data-directory', this.directory];
  }

  // A file beside the database; its path.
  file(name, text) {
    const place = path.join(this.directory, name);
    fs.writeFileSync(place, text);
    return place;
  }

  setup(name, email, ...more) {
    const { status, stdout, stderr } = this.command('setup', '--org', name, '--email', email, ...more);
    if (status !== 0) throw new Error(`setup failed: ${stderr}`);
    return JSON.parse(stdout);
  }

  command(name, ...args) {
    return inkling([name, ...args, ...this.databaseFlags()], { env: cleanEnvironment(this.environment) });
  }

  // Starts the program, which may not listen yet; every start has a port of its own.
  async spawn() {
    this.port = await freePort();
    this.url = `http://127.0.0.1:${this.port}`;
    this.process = spawn(binary, ['serve', ...this.databaseFlags(), '--listen', `127.0.0.1:${this.port}`, ...this.flags], {
      stdio: ['ignore', 'ignore', 'pipe'],
      env: cleanEnvironment(this.environment),
    });
    this.exited = once(this.process, 'exit');
    this.process.stderr.setEncoding('utf8').on('data', (text) => (this.logs += text));
  }

  async start() {
    await this.spawn();
    await eventually(async () => {
      if (this.process.exitCode !== null) throw new Error(`the service ended: ${this.logs}`);
      return (await this.fetch('/readyz')).status === 200;
    }, 'readiness', 60);
    return this;
  }

  // SIGTERM by default; gives the exit status, or the signal that ended it.
  async stop(signal = 'SIGTERM') {
    if (!this.process) return null;
    this.process.kill(signal);
    const [code, by] = await this.exited;
    this.process = null;
    this.agent?.destroy();
    this.agent = null;
    return code ?? by;
  }

  async remove() {
    await this.stop('SIGKILL');
    fs.rmSync(this.directory, { recursive: true, force: true });
  }

  // One HTTP exchange on a keep-alive connection: {status, headers, body, json}.
  fetch(target, { method = 'GET', headers = {}, body } = {}) {
    this.agent ??= new http.Agent({ keepAlive: true, maxSockets: 64 });
    return new Promise((resolve, reject) => {
      const request = http.request(`${this.url}${target}`, { method, headers, agent: this.agent }, (answer) => {
        const parts = [];
        answer.on('data', (part) => parts.push(part));
        answer.on('error', reject);
        answer.on('end', () => {
          const text = Buffer.concat(parts).toString();
          const isJson = /json/.test(answer.headers['content-type'] ?? '');
          resolve({ status: answer.statusCode, headers: answer.headers, body: text, json: isJson && text ? JSON.parse(text) : undefined });
        });
      });
      request.on('error', reject);
      request.end(body);
    });
  }

  // A call of the API under /api/v1, with the installation's key unless told otherwise.
  api(method, target, body, { key = this.apiKey, headers = {} } = {}) {
    const sent = body === undefined ? {} : { 'Content-Type': 'application/json' };
    const authorization = key ? { Authorization: `Bearer ${key}` } : {};
    return this.fetch(`/api/v1${target}`, {
      method,
      headers: { ...authorization, ...sent, ...headers },
      body: body === undefined ? undefined : typeof body === 'string' ? body : JSON.stringify(body),
    });
  }

  // The same where only success will do: the JSON.
  async must(method, target, body, options) {
    const answer = await this.api(method, target, body, options);
    if (answer.status >= 300) throw new Error(`${method} ${target} answered ${answer.status}: ${answer.body}`);
    return answer.json;
  }

  // POST of a signed delivery {headers, body} to an endpoint as POST /endpoints answered it.
  deliver(endpoint, delivery) {
    return this.fetch(new URL(endpoint.url).pathname, { method: 'POST', ...delivery });
  }

  async register(email) {
    return this.must('POST', '/emails', email);
  }

  // `inkling verify`, which must find nothing.
  verify() {
    const { status, stdout, stderr } = this.command('verify');
    if (status !== 0) throw new Error(`verify ended with ${status}: ${stdout}${stderr}`);
    return stdout;
  }

  async metric(name) {
    const { body } = await this.fetch('/metrics');
    const line = body.split('\n').find((text) => text.startsWith(`${name} `));
    return line === undefined ? undefined : Number(line.split(' ')[1]);
  }
}

// What a browser adds to a request of our own pages: cookies, where it comes from, and the header that pages set.
export class Browser {
  constructor(service) {
    this.service = service;
    this.cookies = new Map();
  }

  cookie() {
    return [...this.cookies].map(([name, value]) => `${name}=${value}`).join('; ');
  }

  async fetch(target, { method = 'GET', headers = {}, body } = {}) {
    const change = method === 'GET' ? {} : { 'X-Inkling-Request': '1', Origin: this.service.url };
    const cookie = this.cookies.size > 0 ? { Cookie: this.cookie() } : {};
    const answer = await this.service.fetch(target, { method, body, headers: { ...cookie, ...change, ...headers } });
    for (const text of answer.headers['set-cookie'] ?? []) {
      const [, name, value] = /^([^=]+)=([^;]*)/.exec(text);
      if (/; Max-Age=0/.test(text)) this.cookies.delete(name);
      else this.cookies.set(name, value);
      if (value) this.kept = [name, value];
    }
    return answer;
  }

  api(method, target, body, { headers = {} } = {}) {
    const sent = body === undefined ? {} : { 'Content-Type': 'application/json' };
    return this.fetch(`/api/v1${target}`, { method, headers: { ...sent, ...headers }, body: body === undefined ? undefined : JSON.stringify(body) });
  }

  async must(method, target, body, options) {
    const answer = await this.api(method, target, body, options);
    if (answer.status >= 300) throw new Error(`${method} ${target} answered ${answer.status}: ${answer.body}`);
    return answer.json;
  }

  signIn(email, password, more = {}) {
    return this.must('POST', '/session', { email, password, ...more });
  }
}

// ---- SendGrid ----

export function sendgridKey() {
  const { publicKey, privateKey } = crypto.generateKeyPairSync('ec', { namedCurve: 'prime256v1' });
  return { privateKey, secret: publicKey.export({ type: 'spki', format: 'der' }).toString('base64') };
}

// `body`: text, bytes, or an array of events, which is written as SendGrid writes it.
export function sendgridDelivery(key, body, timestamp = String(Math.floor(Date.now() / 1000))) {
  const bytes = Array.isArray(body) ? Buffer.from(`[${body.map((event) => JSON.stringify(event)).join(',\r\n')}]\r\n`) : Buffer.from(body);
  const signature = crypto.sign('sha256', Buffer.concat([Buffer.from(timestamp), bytes]), key.privateKey).toString('base64');
  return {
    headers: {
      'Content-Type': 'application/json',
      'X-Twilio-Email-Event-Webhook-Signature': signature,
      'X-Twilio-Email-Event-Webhook-Timestamp': timestamp,
    },
    body: bytes,
  };
}

// ---- generic: the specification's payload, signed by Standard Webhooks ----

export function standardWebhooksSecret() {
  return `whsec_${crypto.randomBytes(24).toString('base64')}`;
}

export function genericDelivery(secret, body, { id = `msg_${crypto.randomUUID()}`, timestamp = Math.floor(Date.now() / 1000) } = {}) {
  const text = typeof body === 'string' || Buffer.isBuffer(body) ? body : JSON.stringify(body);
  const key = Buffer.from(secret.replace(/^whsec_/, ''), 'base64');
  const signature = crypto.createHmac('sha256', key).update(`${id}.${timestamp}.`).update(text).digest('base64');
  return {
    headers: {
      'Content-Type': 'application/json',
      'webhook-id': id,
      'webhook-timestamp': String(timestamp),
      'webhook-signature': `v1,${signature}`,
    },
    body: text,
  };
}

// ---- Amazon SES through SNS ----

// A self-made signing certificate with its key, and the url under which it is pinned.
export function snsCertificate(directory) {
  const key = path.join(directory, 'sns-key.pem');
  const certificate = path.join(directory, 'sns-certificate.pem');
  run('openssl', ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-subj', '/CN=sns.amazonaws.com', '-days', '30', '-keyout', key, '-out', certificate], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  return {
    privateKey: fs.readFileSync(key, 'utf8'),
    pem: fs.readFileSync(certificate, 'utf8'),
    url: 'https://sns.eu-central-1.amazonaws.com/SimpleNotificationService-inkling.pem',
  };
}

const SNS_SIGNED = {
  Notification: ['Message', 'MessageId', 'Subject', 'Timestamp', 'TopicArn', 'Type'],
  SubscriptionConfirmation: ['Message', 'MessageId', 'SubscribeURL', 'Timestamp', 'Token', 'TopicArn', 'Type'],
  UnsubscribeConfirmation: ['Message', 'MessageId', 'SubscribeURL', 'Timestamp', 'Token', 'TopicArn', 'Type'],
};

// `message`: an SES event (an object) or text. `more`: envelope fields to add or change before signing.
export function snsDelivery(certificate, topicArn, message, more = {}) {
  const envelope = {
    Type: 'Notification',
    MessageId: crypto.randomUUID(),
    TopicArn: topicArn,
    Message: typeof message === 'string' ? message : JSON.stringify(message),
    Timestamp: new Date().toISOString(),
    SignatureVersion: '2',
    SigningCertURL: certificate.url,
    ...more,
  };
  const signed = SNS_SIGNED[envelope.Type].filter((name) => envelope[name] !== undefined).map((name) => `${name}\n${envelope[name]}\n`).join('');
  const digest = envelope.SignatureVersion === '1' ? 'sha1' : 'sha256';
  envelope.Signature = crypto.sign(digest, Buffer.from(signed), certificate.privateKey).toString('base64');
  return {
    headers: {
      'Content-Type': 'text/plain; charset=UTF-8',
      'x-amz-sns-message-type': envelope.Type,
      'x-amz-sns-message-id': envelope.MessageId,
      'x-amz-sns-topic-arn': topicArn,
    },
    body: JSON.stringify(envelope),
  };
}

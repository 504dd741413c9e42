// A receiver of webhooks as other systems have one: checks the signature of every request over its raw bytes, remembers
// what came, and answers as it is told.
import crypto from 'node:crypto';
import { once } from 'node:events';
import http from 'node:http';

// Does one of the signatures of the header fit the secret (Standard Webhooks)?
export function signatureFits(headers, body, secret) {
  const key = Buffer.from(secret.replace(/^whsec_/, ''), 'base64');
  const content = `${headers['webhook-id']}.${headers['webhook-timestamp']}.${body}`;
  const expected = `v1,${crypto.createHmac('sha256', key).update(content).digest('base64')}`;
  return headers['webhook-signature'].split(' ').includes(expected);
}

export class Receiver {
  // Each request: {id, type, data, timestamp, headers, text, at, fits}.
  constructor() {
    this.requests = [];
    this.secrets = [];
    this.answer = () => 200; // of (request): a status, or {status, headers, body, after: ms}, or 'hang', or a promise of these
    this.open = 0;
    this.openMax = 0;
    this.sockets = new Set();
  }

  async start(port = 0) {
    this.server = http.createServer((request, response) => this.#take(request, response)).listen(port, '127.0.0.1');
    this.server.on('connection', (socket) => {
      this.sockets.add(socket);
      socket.on('close', () => this.sockets.delete(socket));
    });
    await once(this.server, 'listening');
    this.port = this.server.address().port;
    this.url = `http://127.0.0.1:${this.port}/hook`;
    return this;
  }

  async stop() {
    if (!this.server) return;
    for (const socket of this.sockets) socket.destroy();
    this.server.close();
    await once(this.server, 'close');
    this.server = null;
  }

  async #take(request, response) {
    this.openMax = Math.max(this.openMax, ++this.open);
    response.on('close', () => this.open--);
    const parts = [];
    try {
      for await (const part of request) parts.push(part);
    } catch {
      return; // the sender was killed
    }
    const text = Buffer.concat(parts).toString();
    const { type, data, timestamp } = JSON.parse(text);
    const taken = {
      id: request.headers['webhook-id'], type, data, timestamp, text, headers: request.headers, method: request.method, path: request.url, at: Date.now(),
      fits: this.secrets.map((secret) => signatureFits(request.headers, text, secret)),
    };
    this.requests.push(taken);
    const told = await this.answer(taken);
    if (told === 'hang') return;
    const { status, headers = {}, body = '', after = 0 } = typeof told === 'number' ? { status: told } : told;
    setTimeout(() => {
      if (response.destroyed) return;
      response.writeHead(status, headers);
      response.end(body);
    }, after);
  }

  of(type) {
    return this.requests.filter((request) => request.type === type);
  }

  // What came at least once, by webhook-id.
  byId() {
    const ids = new Map();
    for (const request of this.requests) ids.set(request.id, [...(ids.get(request.id) ?? []), request]);
    return ids;
  }
}

#!/usr/bin/env node
// Measures webhook in → toast painted (UC-558 AF-3: within two seconds), while many other streams are open.
//
// node bench/toasts.mjs [--streams 1000] [--toasts 200] [--json FILE]
//
// Four recruiters have the dashboard open, each in a browser context of its own; candidates' opens are delivered as signed
// webhooks, one after the other, to each recruiter fewer than the toasts a minute that the service allows. A sample begins
// before the webhook is sent and ends in the frame after the one in which the toast was put into the page. The other
// streams are held and read by a process of their own. The program: INKLING_BINARY.
import { spawn } from 'node:child_process';
import fs from 'node:fs';
import http from 'node:http';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { setTimeout as pause } from 'node:timers/promises';

const RECRUITERS = 4;
const GAP_MS = 600; // 25 a minute and recruiter
const LIMIT_MS = 10_000;

// ---- the process that holds the streams ----

async function hold(port, key, count) {
  const agent = new http.Agent({ keepAlive: true, maxSockets: count });
  let frames = 0;
  const one = () =>
    new Promise((resolve, reject) => {
      http.get({ port, path: '/api/v1/stream', agent, headers: { Authorization: `Bearer ${key}` } }, (answer) => {
        if (answer.statusCode !== 200) return reject(new Error(`a stream was answered ${answer.statusCode}`));
        answer.setEncoding('utf8').on('data', (text) => (frames += text.split('event: engagement').length - 1));
        resolve();
      }).on('error', reject);
    });
  for (let opened = 0; opened < count; opened += 50) await Promise.all(Array.from({ length: Math.min(50, count - opened) }, one));
  process.stdout.write('open\n');
  process.stdin.on('data', () => {
    process.stdout.write(`${frames}\n`);
    process.exit(0);
  });
}

// ---- the measurement ----

const percentile = (sorted, share) => sorted[Math.min(sorted.length - 1, Math.ceil(sorted.length * share) - 1)];

async function measure({ streams, toasts, json }) {
  const { Installation, genericDelivery, standardWebhooksSecret } = await import('../tests/integration/support.mjs');
  const { go, launch, open, signIn } = await import('../tests/e2e/browser.mjs');
  const password = 'correct horse battery staple';
  const most = String(streams + 200);
  const service = await new Installation({ flags: ['--connections-max', most, '--connections-per-address-max', '0', '--streams-max', most] }).start();
  const browser = await launch();
  const holder = spawn(process.execPath, [fileURLToPath(import.meta.url), 'hold', String(service.port), service.apiKey, String(streams)], { stdio: ['pipe', 'pipe', 'inherit'] });
  const lines = holder.stdout.setEncoding('utf8')[Symbol.asyncIterator]();
  try {
    const secret = standardWebhooksSecret();
    const endpoint = await service.must('POST', '/endpoints', { provider: 'generic', name: 'bench', secrets: [secret] });
    const recruiters = [];
    for (let i = 0; i < RECRUITERS; i++) {
      const email = `recruiter${i}@acme.example`;
      await service.must('POST', '/users', { email, role: 'recruiter', password });
      const session = await open(browser, service.url);
      await signIn(session, email, password);
      recruiters.push({ email, session });
    }
    for (let i = 0; i < toasts; i++)
      await service.register({
        message_id: `t-${i}`, subject: 'Interview Invitation', sent_at: new Date(Date.now() - 7_200_000).toISOString(), sender: { email: recruiters[i % RECRUITERS].email },
        candidate: { id: `c-${i}`, name: `Candidate ${i}`, email: `c${i}@mail.example` }, job: { id: 'job-1', title: 'Engineer' },
      });
    if (((await lines.next()).value ?? '').trim() !== 'open') throw new Error('the streams could not be opened');
    const arrivals = new Map();
    for (const { session } of recruiters) {
      await session.page.exposeFunction('toastPainted', (name, at) => arrivals.set(name, at));
      await session.page.addInitScript(() => {
        const seen = new Set();
        new MutationObserver(() => {
          for (const [name] of document.querySelector('.toasts')?.textContent.matchAll(/Candidate \d+/g) ?? []) {
            if (seen.has(name)) continue;
            seen.add(name);
            requestAnimationFrame(() => requestAnimationFrame(() => window.toastPainted(name, Date.now())));
          }
        }).observe(document, { childList: true, subtree: true, characterData: true });
      });
      await go(session.page, '/');
      await session.page.locator('.top').getByText('Live', { exact: true }).waitFor();
    }
    const samples = [];
    for (let i = 0; i < toasts; i++) {
      const begun = Date.now();
      const answer = await service.deliver(endpoint, genericDelivery(secret, { event_type: 'open', message_id: `t-${i}`, timestamp: new Date(begun - 60_000).toISOString(), recipient: `c${i}@mail.example` }));
      if (answer.status !== 200) throw new Error(`the delivery was answered ${answer.status}`);
      for (const name = `Candidate ${i}`; !arrivals.has(name); await pause(2))
        if (Date.now() - begun > LIMIT_MS) throw new Error(`the toast of ${name} did not come within ${LIMIT_MS / 1000} s`);
      samples.push(arrivals.get(`Candidate ${i}`) - begun);
      await pause(Math.max(0, GAP_MS - (Date.now() - begun)));
    }
    holder.stdin.write('end\n');
    const frames = Number((await lines.next()).value);
    const complaints = recruiters.flatMap(({ session }) => session.complaints);
    if (complaints.length > 0) throw new Error(complaints.join('\n'));
    samples.sort((a, b) => a - b);
    const result = { streams, toasts, p50_ms: percentile(samples, 0.5), p99_ms: percentile(samples, 0.99), max_ms: samples.at(-1), frames_at_the_other_streams: frames };
    console.log(JSON.stringify(result));
    if (json) fs.writeFileSync(json, `${JSON.stringify(result)}\n`);
  } finally {
    holder.kill();
    await browser.close();
    await service.remove();
  }
}

if (process.argv[2] === 'hold') {
  await hold(Number(process.argv[3]), process.argv[4], Number(process.argv[5]));
} else {
  const { values } = parseArgs({ options: { streams: { type: 'string', default: '1000' }, toasts: { type: 'string', default: '200' }, json: { type: 'string' } } });
  await measure({ streams: Number(values.streams), toasts: Number(values.toasts), json: values.json });
}

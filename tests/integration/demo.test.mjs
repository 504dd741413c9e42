// The demo as a person meets it: what it prints works, its figures look true, live traffic raises them, and when it has
// ended nothing of it is left.
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { binary, eventually, inkling, temporaryDirectory } from './support.mjs';

class Demo {
  constructor(...options) {
    this.parent = temporaryDirectory();
    this.output = '';
    this.errors = '';
    this.process = spawn(binary, ['demo', ...options], {
      env: { ...process.env, TMPDIR: this.parent },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.ended = once(this.process, 'close');
    this.process.stdout.setEncoding('utf8').on('data', (text) => (this.output += text));
    this.process.stderr.setEncoding('utf8').on('data', (text) => (this.errors += text));
  }

  // Fails when the demo ends before `probe` gives something true.
  async until(probe, what, seconds) {
    const early = this.ended.then(() => Promise.reject(new Error(`the demo has ended: ${this.errors}\n${this.output}`)));
    early.catch(() => {});
    return Promise.race([eventually(probe, what, seconds), early]);
  }

  async started() {
    await this.until(() => this.output.includes('Ctrl-C ends'), 'the start of the demo', 120);
    this.curls = this.output.match(/^ *curl .*$/gm).map((line) => line.trim());
    this.url = this.output.match(/Open +(http:\/\/\S+?)\/$/m)[1];
    this.key = this.output.match(/API key +(\S+)/)[1];
    return this;
  }

  async get(target) {
    const answer = await fetch(`${this.url}/api/v1${target}`, { headers: { Authorization: `Bearer ${this.key}` } });
    const body = await answer.text();
    assert.equal(answer.status, 200, `${target}: ${body}`);
    return JSON.parse(body);
  }

  get directories() {
    return fs.readdirSync(this.parent);
  }

  // The process id of its child.
  get service() {
    const id = this.process.pid;
    const children = fs.readFileSync(`/proc/${id}/task/${id}/children`, 'utf8').trim().split(' ');
    assert.equal(children.length, 1);
    return Number(children[0]);
  }

  // Gives the exit status.
  async end(signal = 'SIGINT') {
    if (this.process.exitCode === null) this.process.kill(signal);
    const [status] = await this.ended;
    return status;
  }

  async remove() {
    await this.end();
    fs.rmSync(this.parent, { recursive: true, force: true });
  }
}

describe('demo', () => {
  let demo;
  before(async () => {
    demo = await new Demo('--listen', '127.0.0.1:0', '--pace', '20').started();
  });
  after(() => demo?.remove());

  test('prints a sign-in and commands that work', () => {
    assert.match(demo.output, /Sign in +\S+@\S+ +password +\S{12,}/);
    assert.ok(demo.curls.length >= 2, demo.output);
    for (const line of demo.curls) {
      const { stdout } = spawnSync('sh', ['-c', `${line} -w '\\n%{http_code}'`], { encoding: 'utf8' });
      const [, body, status] = stdout.match(/^([^]*)\n(\d+)$/);
      assert.equal(status, '200', `${line}\n${body}`);
      assert.ok(Object.keys(JSON.parse(body)).length > 0, line);
    }
  });

  test('its people sign in, each with the rights of a role', async () => {
    const [, admin, password] = demo.output.match(/Sign in +(\S+@\S+) +password +(\S+)/);
    const [, recruiter, manager] = demo.output.match(/(\S+@\S+) \(recruiter\) and (\S+@\S+) \(hiring manager\)/);
    const rights = {};
    for (const email of [admin, recruiter, manager]) {
      const answer = await fetch(`${demo.url}/api/v1/session`, {
        method: 'POST',
        headers: { 'Content-Type': 'application/json', 'X-Inkling-Request': '1', 'Sec-Fetch-Site': 'same-origin' },
        body: JSON.stringify({ email, password }),
      });
      assert.equal(answer.status, 200, email);
      const Cookie = answer.headers.getSetCookie().map((cookie) => cookie.split(';')[0]).join('; ');
      const read = async (target) => (await fetch(`${demo.url}/api/v1${target}`, { headers: { Cookie } })).json();
      const [me, preferences, summary] = [await read('/me'), await read('/me/notification-preferences'), await read('/engagement/summary')];
      rights[me.role] = { scope: preferences.scope, sent: summary.sent };
    }
    assert.deepEqual(Object.keys(rights).sort(), ['admin', 'hiring_manager', 'recruiter']);
    assert.equal(rights.admin.scope, 'team');
    assert.ok(rights.hiring_manager.sent > 20 && rights.hiring_manager.sent < rights.admin.sent / 2, JSON.stringify(rights));
  });

  test('figures look true', async () => {
    const summary = await demo.get('/engagement/summary');
    const shown = JSON.stringify(summary);
    assert.ok(summary.sent > 300, shown);
    assert.ok(summary.open_rate > 40 && summary.open_rate < 75, shown);
    assert.ok(summary.click_rate > 6 && summary.click_rate < 28, shown);
    assert.ok(summary.click_rate < summary.click_to_open_rate, shown);
    assert.ok(summary.reply_rate > 1 && summary.reply_rate < 15, shown);
    assert.ok(summary.bounce_rate < 5 && summary.unsubscribe_rate < 3, shown);
    assert.ok(summary.previous.sent > 100, shown);

    const templates = (await demo.get('/engagement/templates')).data;
    const rate = (name) => templates.find((template) => template.name === name).open_rate;
    assert.ok(rate('Interview Invitation') > rate('Talent Community News'), JSON.stringify(templates));
    assert.ok(
      templates.every((template) => template.sent < 30 || (template.open_rate > 25 && template.open_rate < 95)),
      JSON.stringify(templates),
    );
  });

  test('a campaign under a privacy level tells numbers but no persons', async () => {
    const from = new Date(Date.now() - 122 * 86_400_000).toISOString().slice(0, 10);
    const campaigns = (await demo.get(`/engagement/campaigns?from=${from}`)).data;
    const executive = campaigns.find((campaign) => campaign.id === 'cmp-executive');
    assert.ok(executive.sent > 20, JSON.stringify(executive));
    assert.equal(executive.open_rate, null);
    const summary = await demo.get(`/engagement/summary?campaign=cmp-executive&from=${from}`);
    assert.ok(summary.anonymous_opens > 0, JSON.stringify(summary));
  });

  test('live traffic of the providers raises the counters', async () => {
    const start = await demo.get('/engagement/summary');
    const risen = (now) => now.sent > start.sent + 3 && now.delivered > start.delivered && now.opened > start.opened;
    await demo.until(async () => risen(await demo.get('/engagement/summary')), 'rising counters', 30);
    for (const provider of ['SendGrid', 'SES'])
      await demo.until(() => new RegExp(`^[0-9:]{8}  ${provider} .*(delivered to|opened by)`, 'm').test(demo.output), provider, 30);
    assert.doesNotMatch(demo.output, /-> answered/);
  });

  test('its deliveries leave no failed ones behind', async () => {
    assert.deepEqual((await demo.get('/failed-deliveries?kind=failed')).data, []);
  });

  test('all figures equal a recount', () => {
    const database = `sqlite:${path.join(demo.parent, demo.directories[0], 'inkling.db')}`;
    const { status, stdout, stderr } = inkling(['verify', '--config', '/dev/null', '--database', database]);
    assert.equal(status, 0, stdout + stderr);
  });

  test('a second demo at the same port takes another one', async () => {
    const second = new Demo('--listen', new URL(demo.url).host, '--quiet');
    try {
      await second.started();
      assert.notEqual(second.url, demo.url);
      assert.match(second.output, /is taken/);
      assert.equal(await second.end('SIGTERM'), 0);
    } finally {
      await second.remove();
    }
  });

  test('Ctrl-C ends it, and nothing is left', async () => {
    const service = demo.service;
    assert.ok(fs.existsSync(`/proc/${service}`));
    assert.equal(demo.directories.length, 1);
    assert.equal(await demo.end('SIGINT'), 0, demo.errors);
    assert.deepEqual(demo.directories, []);
    assert.ok(!fs.existsSync(`/proc/${service}`));
  });
});

test('the demo ends with a clear message when its service dies', async () => {
  const demo = new Demo('--listen', '127.0.0.1:0', '--quiet');
  try {
    await demo.started();
    process.kill(demo.service, 'SIGKILL');
    const [status] = await demo.ended;
    assert.equal(status, 1);
    assert.match(demo.errors, /the service was ended by signal 9/);
    assert.deepEqual(demo.directories, []);
  } finally {
    await demo.remove();
  }
});

test('--keep leaves the data', async () => {
  const demo = new Demo('--listen', '127.0.0.1:0', '--quiet', '--keep');
  try {
    await demo.started();
    assert.equal(await demo.end(), 0);
    assert.equal(demo.directories.length, 1);
    assert.ok(fs.existsSync(path.join(demo.parent, demo.directories[0], 'inkling.db')));
  } finally {
    await demo.remove();
  }
});

test('a demo whose output nobody reads any more ends', async () => {
  const demo = new Demo('--listen', '127.0.0.1:0', '--pace', '100');
  try {
    await demo.started();
    demo.process.stdout.destroy();
    assert.equal((await demo.ended)[0], 0);
    assert.deepEqual(demo.directories, []);
  } finally {
    await demo.remove();
  }
});

test('wrong options are refused', async () => {
  for (const options of [['--pace', '0'], ['--pace', 'fast'], ['--listen', 'nowhere'], ['--listen'], ['--colour']]) {
    const demo = new Demo(...options);
    try {
      assert.equal((await demo.ended)[0], 2, options.join(' '));
      assert.match(demo.errors, /^inkling: .*\n$/);
      assert.deepEqual(demo.directories, []);
    } finally {
      await demo.remove();
    }
  }
  assert.match(inkling(['demo', '--help']).stdout, /--pace/);
});

// The demo as a person meets it: what it prints works, its figures look true, live traffic raises them, and when it has
// ended nothing of it is left.
import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { promisify } from 'node:util';

const run = promisify(execFile);
const binary = process.env.INKLING_BINARY ?? join(import.meta.dirname ?? '.', '../../build/inkling');

class Demo {
    constructor(...options) {
        this.parent = mkdtempSync(join(tmpdir(), 'inkling-demo-test-'));
        this.output = '';
        this.errors = '';
        this.process = spawn(binary, ['demo', ...options], {
            env: { ...process.env, TMPDIR: this.parent },
            stdio: ['ignore', 'pipe', 'pipe'],
        });
        this.ended = once(this.process, 'exit');
        this.process.stdout.on('data', (text) => (this.output += text));
        this.process.stderr.on('data', (text) => (this.errors += text));
    }

    // Resolves with what `find` makes of the output as soon as that is something.
    async until(find, milliseconds, what) {
        const end = Date.now() + milliseconds;
        for (;;) {
            const found = await find();
            if (found) return found;
            assert.ok(this.process.exitCode === null, `the demo has ended: ${this.errors}\n${this.output}`);
            assert.ok(Date.now() < end, `waited in vain for ${what}:\n${this.output}\n${this.errors}`);
            await new Promise((resolve) => setTimeout(resolve, 100));
        }
    }

    async started() {
        await this.until(() => this.output.includes('Ctrl-C ends'), 90_000, 'the demo to start');
        this.curls = this.output.match(/^ *curl .*$/gm).map((line) => line.trim());
        this.url = this.output.match(/Open +(http:\/\/\S+?)\/$/m)[1];
        this.key = this.output.match(/API key +(\S+)/)[1];
        return this;
    }

    async get(path) {
        const answer = await fetch(`${this.url}/api/v1${path}`, { headers: { Authorization: `Bearer ${this.key}` } });
        assert.equal(answer.status, 200, `${path}: ${answer.status}`);
        return answer.json();
    }

    get directories() {
        return readdirSync(this.parent);
    }

    // Process ids of its children, the service.
    get children() {
        const id = this.process.pid;
        return readFileSync(`/proc/${id}/task/${id}/children`, 'utf8').trim().split(' ').filter(Boolean).map(Number);
    }

    async interrupt(signal = 'SIGINT') {
        if (this.process.exitCode === null) this.process.kill(signal);
        const [status] = await this.ended;
        return status;
    }

    async close() {
        await this.interrupt();
        rmSync(this.parent, { recursive: true, force: true });
    }
}

describe('demo', () => {
    let demo;
    before(async () => {
        demo = await new Demo('--listen', '127.0.0.1:0', '--pace', '20').started();
    });
    after(() => demo.close());

    test('prints a sign-in and commands that work', async () => {
        assert.match(demo.output, /Sign in +\S+@\S+ +password +\S{12,}/);
        assert.ok(demo.curls.length >= 2, demo.output);
        for (const line of demo.curls) {
            const { stdout } = await run('sh', ['-c', line.replace('curl ', "curl --fail-with-body -w '\\n%{http_code}' ")]);
            const [, body, status] = stdout.match(/^([^]*)\n(\d+)$/);
            assert.equal(status, '200', `${line}\n${body}`);
            assert.ok(Object.keys(JSON.parse(body)).length > 0, line);
        }
    });

    test('figures look true', async () => {
        const summary = await demo.get('/engagement/summary');
        assert.ok(summary.sent > 300, JSON.stringify(summary));
        assert.ok(summary.open_rate > 40 && summary.open_rate < 75, JSON.stringify(summary));
        assert.ok(summary.click_rate > 6 && summary.click_rate < 28, JSON.stringify(summary));
        assert.ok(summary.click_rate < summary.click_to_open_rate, JSON.stringify(summary));
        assert.ok(summary.reply_rate > 1 && summary.reply_rate < 15, JSON.stringify(summary));
        assert.ok(summary.bounce_rate < 5 && summary.unsubscribe_rate < 3, JSON.stringify(summary));
        assert.ok(summary.previous.sent > 100, JSON.stringify(summary));

        const templates = (await demo.get('/engagement/templates')).data;
        const rate = (name) => templates.find((template) => template.name === name).open_rate;
        assert.ok(rate('Interview Invitation') > rate('Talent Community News'), JSON.stringify(templates));
        assert.ok(templates.every((template) => template.open_rate > 25 && template.open_rate < 95));
    });

    test('a campaign under a privacy level tells numbers but no persons', async () => {
        const from = new Date(Date.now() - 122 * 86_400_000).toISOString().slice(0, 10);
        const campaigns = (await demo.get(`/engagement/campaigns?from=${from}`)).data;
        const executive = campaigns.find((campaign) => campaign.id === 'cmp-executive');
        assert.ok(executive.sent > 20, JSON.stringify(executive));
        assert.equal(executive.open_rate, null);
        assert.ok(executive.anonymous_opens > 0, JSON.stringify(executive));
    });

    test('live traffic of every provider raises the counters', async () => {
        const before = await demo.get('/engagement/summary');
        await demo.until(
            async () => {
                const now = await demo.get('/engagement/summary');
                return now.sent > before.sent + 3 && now.delivered > before.delivered && now.opened > before.opened;
            },
            30_000, 'rising counters');
        for (const provider of ['SendGrid', 'SES'])
            await demo.until(() => new RegExp(`^[0-9:]{8}  ${provider} +(?!.*answered [345])`, 'm').test(demo.output),
                30_000, provider);
        assert.doesNotMatch(demo.output, /answered [45]\d\d/);
    });

    test('counters of all of it equal a recount', async () => {
        const database = `sqlite:${join(demo.parent, demo.directories[0], 'inkling.db')}`;
        const { stdout } = await run(binary, ['verify', '--config', '/dev/null', '--database', database]);
        assert.ok(stdout.length > 0);
    });

    test('a second demo on the same port takes another one', async () => {
        const second = new Demo('--listen', new URL(demo.url).host, '--quiet');
        try {
            await second.started();
            assert.notEqual(second.url, demo.url);
            assert.match(second.output, /is taken/);
            assert.equal(await second.interrupt('SIGTERM'), 0);
        } finally {
            await second.close();
        }
    });

    test('Ctrl-C ends it, and nothing is left', async () => {
        const [service] = demo.children;
        assert.ok(existsSync(`/proc/${service}`));
        assert.equal(demo.directories.length, 1);
        assert.equal(await demo.interrupt('SIGINT'), 0, demo.errors);
        assert.deepEqual(demo.directories, []);
        assert.ok(!existsSync(`/proc/${service}`));
    });
});

test('the demo ends with a clear message when its service dies', async () => {
    const demo = await new Demo('--listen', '127.0.0.1:0', '--quiet').started();
    try {
        process.kill(demo.children[0], 'SIGKILL');
        const [status] = await demo.ended;
        assert.equal(status, 1);
        assert.match(demo.errors, /the service was ended by signal 9/);
        assert.deepEqual(demo.directories, []);
    } finally {
        await demo.close();
    }
});

test('--keep leaves the data', async () => {
    const demo = await new Demo('--listen', '127.0.0.1:0', '--quiet', '--keep').started();
    try {
        assert.equal(await demo.interrupt(), 0);
        assert.equal(demo.directories.length, 1);
        assert.ok(existsSync(join(demo.parent, demo.directories[0], 'inkling.db')));
    } finally {
        await demo.close();
    }
});

test('wrong options are refused', async () => {
    for (const options of [['--pace', '0'], ['--pace', 'fast'], ['--listen', 'nowhere'], ['--colour']]) {
        const demo = new Demo(...options);
        const [status] = await demo.ended;
        assert.equal(status, 2, options.join(' '));
        assert.match(demo.errors, /^inkling: .*\n$/);
        assert.deepEqual(demo.directories, []);
        await demo.close();
    }
    const { stdout } = await run(binary, ['demo', '--help']);
    assert.match(stdout, /--pace/);
});

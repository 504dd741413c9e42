// How the pages are served (ui.md 13: scenario 37), and that they are light and quick (scenario 36).
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { spawnSync } from 'node:child_process';
import { after, before, describe, test } from 'node:test';
import zlib from 'node:zlib';
import http from 'node:http';
import { inkling, Installation, root } from '../integration/support.mjs';
import { go, launch, open, settled, signIn } from './browser.mjs';
import { ADMIN, loadSpecification, PASSWORD } from './data.mjs';
import { startService } from './service.mjs';

const KB = 1024;

describe('delivery', () => {
  let service, browser, assets;

  const raw = (target, { method = 'GET', headers = {} } = {}) =>
    new Promise((resolve, reject) => {
      const request = http.request(`${service.url}${target}`, { method, headers }, (answer) => {
        const parts = [];
        answer.on('data', (part) => parts.push(part));
        answer.on('end', () => resolve({ status: answer.statusCode, headers: answer.headers, bytes: Buffer.concat(parts) }));
      });
      request.on('error', reject);
      request.end();
    });

  before(async () => {
    service = await startService();
    const { bytes } = await raw('/dashboard');
    assets = [...new Set([...bytes.toString().matchAll(/\/assets\/[\w.-]+/g)].map(([name]) => name))];
    browser = await launch();
  });
  after(async () => {
    await browser?.close();
    await service?.remove();
  });

  test('assets come in three codings, are kept for ever, and are known by their tags', async () => {
    assert.equal(assets.length, 3, `icon, style and one script: ${assets.join()}`);
    for (const name of assets) {
      const plain = await raw(name);
      assert.equal(plain.status, 200);
      assert.equal(plain.headers['cache-control'], 'public, max-age=31536000, immutable');
      assert.equal(plain.headers.vary, 'Accept-Encoding');
      assert.equal(plain.headers['x-content-type-options'], 'nosniff');
      assert.equal(plain.headers['content-encoding'], undefined);
      const tags = new Set([plain.headers.etag]);
      if (plain.bytes.length > 1000)
        for (const [accepted, coding, decode] of [['br', 'br', zlib.brotliDecompressSync], ['gzip, deflate', 'gzip', zlib.gunzipSync], ['gzip;q=1, br;q=0', 'gzip', zlib.gunzipSync], ['*', 'br', zlib.brotliDecompressSync]]) {
          const coded = await raw(name, { headers: { 'Accept-Encoding': accepted } });
          assert.equal(coded.headers['content-encoding'], coding, `${name} ${accepted}`);
          assert.deepEqual(decode(coded.bytes), plain.bytes);
          tags.add(coded.headers.etag);
          const again = await raw(name, { headers: { 'Accept-Encoding': accepted, 'If-None-Match': `W/"x", ${coded.headers.etag}` } });
          assert.equal(again.status, 304);
          assert.equal(again.bytes.length, 0);
          const head = await raw(name, { method: 'HEAD', headers: { 'Accept-Encoding': accepted } });
          assert.deepEqual([head.status, Number(head.headers['content-length']), head.bytes.length, head.headers.etag], [200, coded.bytes.length, 0, coded.headers.etag]);
        }
      if (plain.bytes.length > 1000) assert.equal(tags.size, 3, 'a tag for each coding');
      assert.equal((await raw(name, { headers: { 'Accept-Encoding': 'gzip;q=0, identity' } })).headers['content-encoding'], undefined);
      assert.equal((await raw(name, { headers: { 'If-None-Match': '"other"' } })).status, 200);
    }
  });

  test('only names of the table are served', async () => {
    for (const target of ['/assets/', '/assets/nothing.js', '/assets/..%2f..%2fetc%2fpasswd', '/assets/%2e%2e/index.html', '/assets/main.js', `${assets[0]}.map`, '/assets/a/b', '/nothing', '/index.html'])
      assert.equal((await raw(target)).status, 404, target);
    assert.equal((await raw(assets[0], { method: 'POST' })).status, 405);
    assert.equal((await raw('/dashboard', { method: 'DELETE' })).status, 405);
  });

  test('the page is never kept unasked, and lets nothing run but its own files', async () => {
    for (const target of ['/', '/dashboard', '/candidates/x%20y', '/emails/1', '/campaigns/a%2Fb', '/sign-in', '/admin', '/admin/users', '/account']) {
      const page = await raw(target);
      assert.equal(page.status, 200, target);
      assert.equal(page.headers['content-type'], 'text/html; charset=utf-8');
      assert.equal(page.headers['cache-control'], 'no-cache');
      const policy = page.headers['content-security-policy'];
      for (const part of ["default-src 'none'", "script-src 'self'", "style-src 'self'", "connect-src 'self'", "base-uri 'none'", "frame-ancestors 'none'", "form-action 'self'", "object-src 'none'", "require-trusted-types-for 'script'", "trusted-types 'none'"])
        assert.ok(policy.split(/;\s*/).includes(part), `${part} in ${policy}`);
      assert.ok(!/unsafe|\*|https?:/.test(policy), policy);
      assert.equal(page.headers['referrer-policy'], 'no-referrer');
      assert.equal(page.headers['x-content-type-options'], 'nosniff');
      assert.equal(page.headers['cross-origin-opener-policy'], 'same-origin');
      assert.equal(page.headers['strict-transport-security'], undefined, 'plain HTTP');
      const html = page.bytes.toString();
      assert.ok(!/<script(?! type="module" src="\/assets\/)|<style|style=|\son\w+=/.test(html), html);
      const again = await raw(target, { headers: { 'If-None-Match': page.headers.etag } });
      assert.equal(again.status, 304, target);
    }
    const dark = await raw('/', { headers: { Cookie: 'a=b; theme=dark; __Host-inkling=x' } });
    assert.match(dark.bytes.toString(), /<html lang="en" data-theme="dark" data-session="yes">/);
    assert.notEqual(dark.headers.etag, (await raw('/')).headers.etag);
    const odd = await raw('/', { headers: { Cookie: 'theme="><script>' } });
    assert.match(odd.bytes.toString(), /<html lang="en" data-session="no">/);
    assert.match((await raw('/candidates/%22%3E%3Cb%3E%26x', { headers: { Cookie: 'inkling=x' } })).bytes.toString(), /href="\/api\/v1\/candidates\/%22%3E%3Cb%3E%26x"/);
  });

  test('browsers are told to stay on HTTPS where it is the address', async () => {
    const secure = await startService({ flags: ['--public-url', 'https://mail.acme.example'] });
    try {
      const { headers } = await secure.fetch('/');
      assert.equal(headers['strict-transport-security'], 'max-age=31536000; includeSubDomains');
    } finally {
      await secure.remove();
    }
  });

  test('a directory is served instead, for working on the pages', async () => {
    const built = path.join(service.directory, 'web');
    const result = spawnSync('node', [path.join(root, 'web/build.mjs'), '--no-check', '--dir', built], { encoding: 'utf8' });
    assert.equal(result.status, 0, result.stderr);
    const other = await new Installation({ flags: ['--web-root', built] }).start();
    try {
      const page = (await other.fetch('/dashboard')).body;
      const [name] = page.match(/\/assets\/main-[\w.-]+/);
      const script = await other.fetch(name);
      assert.equal(script.status, 200);
      assert.equal(script.headers['cache-control'], 'no-store');
      fs.writeFileSync(path.join(built, 'assets', path.basename(name)), '// changed');
      assert.equal((await other.fetch(name)).body, '// changed');
      fs.symlinkSync('/etc/passwd', path.join(built, 'assets', 'link.js'));
      for (const target of ['/assets/link.js', '/assets/..%2findex.html', '/assets/.hidden', '/assets/%00'])
        assert.ok([400, 404].includes((await other.fetch(target)).status), target);
      fs.writeFileSync(path.join(built, 'index.html'), 'no shell');
      assert.equal((await other.fetch('/dashboard')).status, 503);
    } finally {
      await other.remove();
    }
    const refused = inkling(['serve', '--web-root', '/nowhere', '--listen', '127.0.0.1:0', ...service.databaseFlags()]);
    assert.equal(refused.status, 1);
    assert.match(refused.stderr, /web_root: \/nowhere has no index\.html/);
  });

  test('the pages are as light as promised', async () => {
    let scripts = 0, style = 0;
    const gzip = async (name) => (await raw(name, { headers: { 'Accept-Encoding': 'gzip' } })).bytes.length;
    for (const name of assets) {
      if (name.endsWith('.js')) scripts += await gzip(name);
      if (name.endsWith('.css')) style += await gzip(name);
    }
    const shell = (await raw('/dashboard')).bytes.length;
    const code = (await Promise.all(assets.filter((name) => name.endsWith('.js')).map(async (name) => (await raw(name)).bytes.toString()))).join('');
    const later = [...new Set([...code.matchAll(/"\.\/([\w-]+\.js)"/g)].map(([, name]) => `/assets/${name}`))].filter((name) => !assets.includes(name));
    assert.ok(later.length > 0, 'other screens come later');
    let all = scripts;
    for (const name of later) all += await gzip(name);
    console.log(`# JS before ready ${scripts} B, all ${all} B, CSS ${style} B (gzip); shell ${shell} B`);
    assert.ok(scripts <= 25 * KB, `${scripts} bytes of JS before ready`);
    assert.ok(all <= 60 * KB, `${all} bytes of JS`);
    assert.ok(style <= 6 * KB, `${style} bytes of CSS`);
    assert.ok(shell <= 2 * KB, `${shell} bytes of HTML`);
    const lock = JSON.parse(fs.readFileSync(path.join(root, 'web/package-lock.json'), 'utf8'));
    const packages = Object.entries(lock.packages).filter(([name, one]) => name && !one.optional);
    assert.ok(packages.filter(([, one]) => !one.dev).length <= 3, 'packages at run time');
    assert.ok(packages.length <= 12, 'packages');
    assert.ok(Object.values(lock.packages).every((one) => one.resolved === undefined), 'no registry is named');
    assert.ok(Object.entries(lock.packages).every(([name, one]) => name === '' || /^sha512-/.test(one.integrity)), 'every package is pinned by its hash');
    assert.equal(createHash('sha256').update((await raw(assets[0])).bytes).digest('hex').slice(0, 20), (await raw(assets[0])).headers.etag.slice(1, 21));
  });

  test('the dashboard is ready soon and stands still', async () => {
    await loadSpecification(service);
    const session = await open(browser, service.url);
    await signIn(session, ADMIN, PASSWORD);
    const times = [];
    let shift = 0, changed = 0;
    for (let run = 0; run < 4; run++) {
      await session.page.goto('about:blank');
      await session.page.goto('/dashboard');
      await settled(session.page);
      await session.page.locator('.rank li').first().waitFor();
      const figures = await session.page.evaluate(
        () =>
          new Promise((done) => {
            let sum = 0;
            new PerformanceObserver((list) => list.getEntries().forEach((entry) => (sum += entry.hadRecentInput ? 0 : entry.value))).observe({ type: 'layout-shift', buffered: true });
            setTimeout(() => done({ now: performance.now() - 100, sum }), 100);
          }),
      );
      times.push(figures.now);
      shift = Math.max(shift, figures.sum);
    }
    const began = Date.now();
    await session.page.getByLabel('Date range').selectOption('90d');
    await session.page.waitForFunction(() => document.querySelector('.head .sub').innerText.includes('compared') && !document.querySelector('[aria-busy=true]'));
    changed = Date.now() - began;
    const best = Math.min(...times);
    console.log(`# ready after ${times.map(Math.round).join(', ')} ms, layout shift ${shift.toFixed(4)}, a filter painted after ${changed} ms`);
    assert.ok(best < 2000, `ready after ${best} ms`);
    assert.ok(shift <= 0.02, `layout shift ${shift}`);
    assert.ok(changed < 2000, `a filter took ${changed} ms`);
    assert.deepEqual(session.complaints, []);
    await go(session.page, '/dashboard');
    await session.context.close();
  });
});

// From the first start to a colleague who signs in with a second factor (ui.md 13: scenario 1).
import assert from 'node:assert/strict';
import crypto from 'node:crypto';
import { after, afterEach, before, describe, test } from 'node:test';
import { eventually, Installation } from '../integration/support.mjs';
import { axe, go, launch, open } from './browser.mjs';
import { PASSWORD } from './data.mjs';

// RFC 6238 with SHA-1, 6 digits, 30 seconds.
function totp(secret, at = Date.now()) {
  const bits = [...secret.replace(/[=\s]/g, '')].map((letter) => 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'.indexOf(letter).toString(2).padStart(5, '0')).join('');
  const key = Buffer.from(bits.match(/.{8}/g).map((byte) => Number.parseInt(byte, 2)));
  const counter = Buffer.alloc(8);
  counter.writeBigUInt64BE(BigInt(Math.floor(at / 30_000)));
  const mac = crypto.createHmac('sha1', key).update(counter).digest();
  return String((mac.readUInt32BE(mac.at(-1) & 15) & 0x7fffffff) % 1_000_000).padStart(6, '0');
}

describe('accounts', () => {
  let service, browser, admin, colleague;

  before(async () => {
    service = await new Installation({ empty: true }).start();
    browser = await launch();
    admin = await open(browser, service.url, { bypassCSP: true, allowed: [/status of (401|403|404)/] });
    colleague = await open(browser, service.url, { allowed: [/status of (401|404)/] });
  });
  after(async () => {
    await browser?.close();
    await service?.remove();
  });
  afterEach(() => assert.deepEqual([...admin.complaints.splice(0), ...colleague.complaints.splice(0)], []));

  test('the first start makes an organization and its administrator, once', async () => {
    const { page } = admin;
    const token = await eventually(() => /token=(\w{20,})/.exec(service.logs)?.[1], 'the token in the log');
    await page.goto('/');
    await page.getByRole('heading', { name: 'Set up inkling' }).waitFor();
    assert.deepEqual(await axe(page), []);
    await page.getByLabel('Token').fill('wrong-token');
    await page.getByLabel('Name of the organization').fill('Acme Recruiting');
    await page.getByLabel('Time zone of its reports').selectOption('Asia/Tokyo');
    await page.getByLabel('Your name').fill('Ada Admin');
    await page.getByLabel('E-mail address').fill('ada@acme.example');
    await page.getByLabel('Password').fill(PASSWORD);
    await page.getByRole('button', { name: 'Begin' }).click();
    await page.locator('.notice.bad').waitFor();
    await page.getByLabel('Token').fill(token);
    await page.getByRole('button', { name: 'Begin' }).click();
    await page.getByRole('heading', { name: 'Endpoints' }).waitFor();
    await go(page, '/dashboard');
    await page.getByText('Days in Asia/Tokyo').waitFor();
    await colleague.page.goto('/');
    await colleague.page.getByRole('heading', { name: 'Sign in to inkling' }).waitFor();
  });

  test('an invited colleague sets a password by the link, which then is used up', async () => {
    const { page } = admin;
    await go(page, '/admin/users');
    await page.getByRole('button', { name: 'New user' }).click();
    await page.getByLabel('E-mail address').fill('rita@acme.example');
    await page.getByRole('button', { name: 'Add the user' }).click();
    const link = await page.getByLabel('Link', { exact: true }).inputValue();
    assert.deepEqual(await axe(page), []);
    await page.getByRole('button', { name: 'I have it' }).click();
    const other = colleague.page;
    await other.goto(link);
    await other.getByText('For rita@acme.example at Acme Recruiting.').waitFor();
    assert.equal(new URL(other.url()).hash, '', 'the token is out of the address');
    await other.getByLabel('Your name').fill('Rita Recruiter');
    await other.getByLabel('Password').fill('a few unrelated words');
    await other.getByRole('button', { name: 'Set the password' }).click();
    await other.getByRole('heading', { name: 'Email Engagement Dashboard' }).waitFor();
    assert.equal(await other.getByRole('link', { name: 'Admin', exact: true }).count(), 0);
    await go(other, '/admin/users');
    await other.getByText('These pages are for administrators.').waitFor();
    await other.goto('about:blank');
    await other.goto(link);
    await other.getByText('This link was used').waitFor();
  });

  test('a second factor is set up, asked for, and taken away', async () => {
    const { page, context } = colleague;
    await go(page, '/account');
    await page.getByRole('button', { name: 'Set it up' }).click();
    await page.getByLabel('Your password').fill('a few unrelated words');
    await page.getByRole('button', { name: 'Go on' }).click();
    const secret = await page.getByLabel('Secret', { exact: true }).inputValue();
    await page.getByLabel('The code that it shows now').fill(totp(secret));
    await page.getByRole('button', { name: 'Put it into force' }).click();
    const [recovery] = (await page.locator('pre').innerText()).split('\n');
    await page.getByRole('button', { name: 'I have them' }).click();
    await page.getByText('In force').waitFor();
    await context.clearCookies();
    await page.goto('/sign-in');
    await page.getByLabel('E-mail address').fill('rita@acme.example');
    await page.getByLabel('Password', { exact: true }).fill('a few unrelated words');
    await page.getByRole('button', { name: 'Sign in' }).click();
    await page.getByLabel('Code of your authenticator').fill(recovery);
    await page.getByRole('button', { name: 'Sign in' }).click();
    await page.getByRole('heading', { name: 'Email Engagement Dashboard' }).waitFor();
    await go(page, '/account');
    await page.getByRole('button', { name: 'Take it away' }).click();
    await page.getByLabel('Your password').fill('a few unrelated words');
    await page.getByRole('dialog').getByRole('button', { name: 'Take it away' }).click();
    await page.getByText('Off', { exact: true }).waitFor();
  });
});

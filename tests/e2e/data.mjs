// Data for the end-to-end tests: the specification's example as emails and events, loaded through the API.
import { genericDelivery, standardWebhooksSecret } from '../integration/support.mjs';

export const DAY = 86_400_000;
const AGENT = 'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/124.0.0.0 Safari/537.36';

export const PASSWORD = 'correct horse battery staple';
export const ADMIN = 'admin@acme.example';

// An address of a reader, another for each number.
const address = (number) => `203.0.${113 + (number >> 8) % 100}.${1 + (number & 127)}`;

export class Loader {
  constructor(service) {
    this.service = service;
    this.secret = standardWebhooksSecret();
    this.emails = [];
    this.events = [];
    this.number = 0;
  }

  // Plans an email and what happens to it; gives the email.
  add(email, { opened = false, clicked = false, replied = false, bounced = false, after = 2 * 3_600_000, url = 'https://jobs.acme.example/apply', position = 0, more = [] } = {}) {
    const number = this.number++;
    const message_id = `<m${number}@acme.example>`;
    const planned = { message_id, subject: 'Hello', candidate: { id: `cand-${number % 300}`, name: `Candidate ${number % 300}`, email: `c${number % 300}@example.org` }, ...email };
    this.emails.push(planned);
    const sent = Date.parse(planned.sent_at);
    const event = (event_type, at, rest = {}) =>
      this.events.push({ event_type, message_id, timestamp: new Date(at).toISOString(), recipient: planned.candidate.email, ip_address: address(number), user_agent: AGENT, ...rest });
    if (!bounced) event('delivered', sent + 4000);
    else event('bounce', sent + 5000, { bounce_type: 'hard' });
    if (opened) event('open', sent + after);
    if (clicked) event('click', sent + after + 60_000, { url, link_position: position });
    if (replied) event('reply', sent + after + 600_000);
    for (const [type, delay, rest] of more) event(type, sent + delay, rest);
    return planned;
  }

  async load() {
    this.endpoint ??= await this.service.must('POST', '/endpoints', { provider: 'generic', name: 'Mail service', secrets: [this.secret] });
    for (let at = 0; at < this.emails.length; at += 1000) await this.service.must('POST', '/emails', this.emails.slice(at, at + 1000));
    for (let at = 0; at < this.events.length; at += 4000) {
      const answer = await this.service.deliver(this.endpoint, genericDelivery(this.secret, this.events.slice(at, at + 4000)));
      if (answer.status !== 200) throw new Error(`the delivery was answered ${answer.status}: ${answer.body}`);
    }
    this.emails = [];
    this.events = [];
  }
}

const at = (days, minute) => new Date(Math.floor(Date.now() / DAY) * DAY - days * DAY + (7 * 60 + (minute % 480)) * 60_000).toISOString();

// The dashboard of UC-558: 42.5 / 12.8 / 30.1 with +3.2 +1.1 -0.5, and its template table. Three templates of the example
// have 946 emails and 534 opens between them, so there is a fourth with the rest. The period before has 85 emails sent
// with click tracking only: so its click rate is 11.7 % while 30.6 % of the opened emails were clicked.
export async function loadSpecification(service) {
  const loader = new Loader(service);
  const jobs = [{ id: 'job-1', title: 'Software Engineer' }, { id: 'job-2', title: 'Product Designer' }];
  const templates = [
    ['Interview Invite', 245, 167, 59],
    ['Application Confirm', 512, 282, 41],
    ['Follow-up Nurture', 189, 85, 28],
    ['Weekly Newsletter', 525, 91, 60],
  ];
  templates.forEach(([name, sent, opened, clicked], index) => {
    for (let i = 0; i < sent; i++)
      loader.add(
        { subject: `${name} ${i}`, sent_at: at(2 + (i % 26), i), job: jobs[i % 2], template: { id: `tpl-${index}`, name }, sender: { id: 'sender-1', name: 'Rita Recruiter', email: 'rita@acme.example' }, ...(index === 3 ? { campaign: { id: 'camp/1', name: 'Autumn' } } : {}) },
        { opened: i < opened, clicked: i < clicked, replied: i < 20 && index === 0, bounced: i >= sent - 2, position: i % 2, url: `https://jobs.acme.example/${i % 2 ? 'calendar' : 'apply'}` },
      );
  });
  for (let i = 0; i < 3085; i++)
    loader.add({ sent_at: at(33 + (i % 25), i), job: jobs[i % 2], template: { id: 'tpl-0', name: 'Interview Invite' }, ...(i >= 3000 ? { tracking: 'clicks' } : {}) }, { opened: i < 1179, clicked: i < 361, bounced: i >= 2950 && i < 3000 });
  await loader.load();
  return loader;
}

// John Smith of UC-558: four emails, three opened, two clicked, the last two hours ago.
export async function loadJohn(service, loader = new Loader(service)) {
  const candidate = { id: 'john', name: 'John Smith', email: 'john@example.org', title: 'Software Engineer' };
  const hours = (count) => new Date(Date.now() - count * 3_600_000).toISOString();
  const email = (subject, sent_at) => ({ subject, sent_at, candidate, template: { id: 'tpl-john', name: subject } });
  loader.add(email('Newsletter', hours(24 * 12)));
  loader.add(email('Job Opportunity Alert', hours(24 * 9)), { opened: true, clicked: true });
  loader.add(email('Application Received', hours(24 * 3 + 2)), { opened: true });
  loader.add(email('Interview Invitation', hours(4)), {
    opened: true, clicked: true, url: 'https://calendar.acme.example/john',
    more: [['open', 30_000, { machine: true, user_agent: 'Mozilla/5.0' }], ['click', 2.2 * 3_600_000, { url: 'https://calendar.acme.example/john', link_position: 0 }]],
  });
  await loader.load();
  return loader;
}

// A Postfix of its own: configuration, queue and mailboxes in a folder, one free port, stopped by its process id. It
// delivers mail for the users of mail.example to maildirs of their names. Root alone can start one.
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import { eventually, freePort, temporaryDirectory } from './support.mjs';

export const canRunPostfix = process.getuid() === 0 && fs.existsSync('/usr/sbin/postfix');

const MASTER = (port) => `127.0.0.1:${port} inet n - n - - smtpd
pickup unix n - n 60 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
tlsmgr unix - - n 1000? 1 tlsmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
verify unix - - n - 1 verify
flush unix n - n 1000? 0 flush
proxymap unix - - n - - proxymap
smtp unix - - n - - smtp
showq unix n - n - - showq
error unix - - n - - error
retry unix - - n - - error
discard unix - - n - - discard
virtual unix - n n - - virtual
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
postlog unix-dgram n - n - 1 postlogd
`;

export class Postfix {
  // `milter`: "inet:HOST:PORT" or "unix:/PATH"; `users`: who has a mailbox at mail.example.
  constructor(milter, users) {
    this.users = users;
    this.directory = temporaryDirectory();
    fs.chmodSync(this.directory, 0o755);
    this.configuration = path.join(this.directory, 'etc');
    this.queue = path.join(this.directory, 'queue');
    this.boxes = path.join(this.directory, 'boxes');
    this.milter = milter;
    for (const folder of [this.configuration, this.queue, this.boxes, path.join(this.directory, 'data')]) fs.mkdirSync(folder);
    const postfix = Number(spawnSync('id', ['-u', 'postfix'], { encoding: 'utf8' }).stdout);
    fs.chownSync(path.join(this.directory, 'data'), postfix, 0);
    fs.chownSync(this.boxes, 65534, 65534);
  }

  async start() {
    this.port = await freePort();
    fs.writeFileSync(path.join(this.configuration, 'master.cf'), MASTER(this.port));
    fs.writeFileSync(path.join(this.configuration, 'main.cf'), `compatibility_level = 3.6
queue_directory = ${this.queue}
data_directory = ${this.directory}/data
maillog_file = ${this.directory}/mail.log
maillog_file_prefixes = ${this.directory}
myhostname = mx.test.example
mydestination =
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
mynetworks = 127.0.0.0/8
alias_maps =
alias_database =
smtputf8_enable = no
virtual_mailbox_domains = mail.example
virtual_mailbox_base = ${this.boxes}
virtual_mailbox_maps = texthash:${this.configuration}/boxes
virtual_uid_maps = static:65534
virtual_gid_maps = static:65534
virtual_minimum_uid = 100
smtpd_milters = ${this.milter}
milter_default_action = accept
milter_connect_timeout = 2s
milter_command_timeout = 5s
milter_content_timeout = 10s
default_process_limit = 10
smtpd_recipient_restrictions = permit_mynetworks, reject
`);
    fs.writeFileSync(path.join(this.configuration, 'boxes'), this.users.map((user) => `${user}@mail.example ${user}/\n`).join(''));
    const { status, stderr } = spawnSync('/usr/sbin/postfix', ['-c', this.configuration, 'start'], { encoding: 'utf8', stdio: ['ignore', 'ignore', 'pipe'], timeout: 60000 });
    if (status !== 0) throw new Error(`postfix did not start: ${stderr}${this.log()}`);
    this.pid = await eventually(() => Number(fs.readFileSync(path.join(this.queue, 'pid/master.pid'), 'utf8')), 'the start of Postfix');
    return this;
  }

  log() {
    const file = path.join(this.directory, 'mail.log');
    return fs.existsSync(file) ? fs.readFileSync(file, 'utf8') : '';
  }

  async remove() {
    if (this.pid) {
      process.kill(this.pid, 'SIGTERM');
      await eventually(() => !fs.existsSync(`/proc/${this.pid}`), 'the end of Postfix');
    }
    fs.rmSync(this.directory, { recursive: true, force: true });
  }

  // Sends over SMTP, pausing where `before` has a function for the step ("rcpt", "data", "end").
  async send(from, recipients, message, before = {}) {
    const socket = net.connect(this.port, '127.0.0.1').setEncoding('latin1');
    let received = '';
    socket.on('data', (text) => (received += text));
    const answer = async (code) => {
      const line = await eventually(() => received.match(/^\d{3}(?: .*|)\r\n/m), `an answer ${code}`, 30);
      received = '';
      if (!line[0].startsWith(code)) throw new Error(`expected ${code}: ${line[0]}`);
    };
    const say = async (text, code) => {
      socket.write(text, 'latin1');
      await answer(code);
    };
    await answer('220');
    await say('HELO client.example\r\n', '250');
    await say(`MAIL FROM:<${from}>\r\n`, '250');
    for (const recipient of recipients) await say(`RCPT TO:<${recipient}>\r\n`, '250');
    await before.data?.();
    await say('DATA\r\n', '354');
    socket.write(message.toString('latin1').replace(/\r?\n/g, '\r\n').replace(/^\./gm, '..').replace(/\r\n$/, ''), 'latin1');
    await before.end?.();
    await say('\r\n.\r\n', '250');
    socket.end('QUIT\r\n');
  }

  // The emails that a user has got, once there are `count`.
  async received(user, count = 1) {
    const folder = path.join(this.boxes, user, 'new');
    const files = await eventually(() => {
      const found = fs.existsSync(folder) ? fs.readdirSync(folder) : [];
      return found.length >= count && found;
    }, `mail for ${user}; log: ${this.log().slice(-1500)}`, 15);
    return files.sort().map((file) => fs.readFileSync(path.join(folder, file)));
  }
}

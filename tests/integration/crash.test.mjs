// What a crash may not do: kill -9 of the service, a crash of PostgreSQL, an orderly stop and a database that does not
// move, all under load. Nothing acknowledged is lost, nothing is there twice, and the service goes on by itself.
// INKLING_KILLS_SQLITE and INKLING_KILLS_POSTGRES: how often the service is killed.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import fs from 'node:fs';
import http from 'node:http';
import { after, before, describe, it } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { Load, chance, upTo } from './load.mjs';
import { Installation, Postgres, eventually } from './support.mjs';

const KILLS = { sqlite: Number(process.env.INKLING_KILLS_SQLITE ?? 35), postgres: Number(process.env.INKLING_KILLS_POSTGRES ?? 15) };
const FLAGS = ['--webhook-rate-limit', '0'];

async function loaded(postgres, { flags = [], environment, ...options } = {}) {
  const at = await new Installation({ postgres, flags: [...FLAGS, ...flags], environment }).start();
  return { at, load: await new Load(at, options).prepare() };
}

// ---- moments to kill at ----

const moments = {
  async load(load) {
    const goal = load.acknowledged + 1 + upTo(20);
    await load.until(() => load.acknowledged >= goal, 'load');
    await pause(upTo(30));
  },
  async registration(load) {
    if (load.lateLeft === 0 && load.unregistered.length === 0) return moments.load(load);
    const before = load.registrations;
    await load.until(() => load.registering > 0 || load.registrations > before, 'a registration');
    await pause(upTo(6));
  },
  // Totals are folded when nothing has come for a moment.
  async folding(load) {
    const goal = load.acknowledged + 3;
    await load.until(() => load.acknowledged >= goal, 'load');
    await load.hold();
    await pause(90 + upTo(40));
  },
};

async function kill(at) {
  assert.equal(await at.stop('SIGKILL'), 'SIGKILL', `the service ended by itself: ${at.logs.slice(-5000)}`);
}

async function killAgainAndAgain(at, load, count) {
  const done = { load: 0, registration: 0, folding: 0, start: 0 };
  let startMs = 50;
  for (let kills = 0; kills < count; ) {
    const moment = ['load', 'load', 'registration', 'folding'][kills % 4];
    await moments[moment](load);
    await kill(at);
    done[moment]++;
    kills++;
    load.release();
    for (; kills < count && chance(0.25); kills++, done.start++) {
      await at.spawn();
      await pause(Math.random() * 1.2 * startMs);
      await kill(at);
    }
    const started = Date.now();
    await at.start();
    startMs = Date.now() - started;
  }
  return done;
}

// ---- a database that does not move ----

// Another program that holds the lock for writing until `release`.
class WriteLock {
  static async take(at) {
    const lock = new WriteLock();
    const [command, args, begin] = at.isSqlite
      ? ['sqlite3', ['-batch', at.database.replace(/^sqlite:/, '')], ".timeout 60000\nBEGIN IMMEDIATE;\nSELECT 'locked';\n"]
      : ['psql', ['-XqtA', at.database], "BEGIN;\nLOCK TABLE email_stats IN EXCLUSIVE MODE;\nSELECT 'locked';\n"];
    lock.process = spawn(command, args, { stdio: ['pipe', 'pipe', 'inherit'] });
    lock.ended = new Promise((resolve) => lock.process.on('exit', resolve));
    let output = '';
    lock.process.stdout.setEncoding('utf8').on('data', (text) => (output += text));
    lock.process.stdin.write(begin);
    await eventually(() => output.includes('locked'), 'the lock', 60);
    return lock;
  }

  async release() {
    this.process.stdin.end('COMMIT;\n');
    await this.ended;
  }
}

function residentKilobytes(at) {
  return Number(/^VmRSS:\s+(\d+) kB/m.exec(fs.readFileSync(`/proc/${at.process.pid}/status`, 'utf8'))[1]);
}

for (const database of ['sqlite', 'postgres']) {
  describe(`crashes on ${database}`, () => {
    let postgres, at;

    before(() => {
      postgres = database === 'postgres' ? new Postgres() : undefined;
    });
    after(async () => {
      await at?.remove();
      postgres?.remove();
    });

    it(`kill -9 ${KILLS[database]} times under load loses nothing that was acknowledged and doubles nothing`, async (t) => {
      let load;
      ({ at, load } = await loaded(postgres));
      load.run();
      const done = await killAgainAndAgain(at, load, KILLS[database]);
      await load.finish();
      await load.check();
      t.diagnostic(`${load.summary()}; killed ${JSON.stringify(done)}`);
      await at.remove();
    });

    it('SIGTERM under load: every request is answered or its connection closed, status 0, nothing lost', async (t) => {
      let load;
      ({ at, load } = await loaded(postgres, { registered: 60, late: 20 }));
      load.run();
      for (let round = 0; round < 3; round++) {
        const goal = load.acknowledged + 12;
        await load.until(() => load.acknowledged >= goal && load.inFlight > 0, 'load');
        assert.equal(await at.stop('SIGTERM'), 0, at.logs.slice(-5000));
        await load.hold();
        await at.start();
        load.release();
      }
      await load.finish();
      await load.check();
      t.diagnostic(load.summary());
      await at.remove();
    });

    it('a full queue answers 503 with Retry-After, holds no more memory, and empties when the database moves again', async (t) => {
      const clients = 60, size = 200, refusals = 1000;
      let load;
      // The address sanitizer keeps what was freed for a while, which is not the program's memory.
      const environment = { ASAN_OPTIONS: `${process.env.ASAN_OPTIONS ?? ''}:quarantine_size_mb=4` };
      ({ at, load } = await loaded(postgres, { flags: ['--queue-events-max', '5000', '--writer-threads', '1'], environment, registered: 60 }));
      const batches = Array.from({ length: clients }, () => load.newBatch(size));
      const lock = await WriteLock.take(at);
      let refused = 0, early = 0, released = false;
      const sending = Promise.all(batches.map(async (batch) => {
        const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
        for (let status; status !== 200; ) {
          const answer = await load.send(agent, batch);
          ({ status } = answer);
          assert.notEqual(status, 'closed');
          if (status === 503) {
            refused++;
            assert.match(answer.headers['retry-after'], /^[1-9][0-9]*$/);
          }
          if (status === 200 && !released) early++;
          await pause(status === 200 ? 0 : 5);
        }
        load.acknowledge(batch);
        agent.destroy();
      }));
      sending.catch((error) => (load.failure = error));
      await load.until(() => refused >= 200, 'refusals');
      const before = residentKilobytes(at);
      assert.ok((await at.metric('inkling_ingest_queue_events')) <= 5000);
      assert.equal((await at.fetch('/healthz')).status, 200);
      assert.equal((await at.api('GET', '/emails?limit=1')).status, 200);
      await load.until(() => refused >= refusals, 'refusals');
      const grown = residentKilobytes(at) - before;
      assert.equal(early, 0, 'nothing can be durable while another holds the lock');
      released = true;
      await lock.release();
      await sending;
      assert.ok(grown < 24 << 10, `${grown} KiB more after ${refusals} refusals`);
      await load.check();
      t.diagnostic(`${load.summary()}; memory grew by ${grown} KiB from ${before} KiB`);
      await at.remove();
    });

    if (database === 'postgres') {
      it('a crash of PostgreSQL under load: 5xx meanwhile, then the service goes on by itself and nothing is lost', async (t) => {
        let load;
        ({ at, load } = await loaded(postgres, { registered: 60, late: 40 }));
        load.run();
        for (let round = 0; round < 3; round++) {
          const goal = load.acknowledged + 12;
          await load.until(() => load.acknowledged >= goal, 'load');
          postgres.stop('immediate');
          const failed = load.answered(500, 503) + 2 * load.clientCount, closed = load.answered('closed');
          await load.until(() => load.answered(500, 503) >= failed, 'answers of failure');
          assert.ok((await at.api('GET', '/emails')).status >= 500);
          assert.equal((await at.fetch('/readyz')).status, 503);
          assert.equal((await at.fetch('/healthz')).status, 200);
          // Who is not ready may get no requests: the service has to notice without any that its database is back.
          if (round > 0) await load.hold();
          postgres.start();
          await eventually(async () => (await at.fetch('/readyz')).status === 200, 'readiness', 60);
          await eventually(async () => (await at.api('GET', '/emails?limit=1')).status === 200, 'an answer', 60);
          const again = await Promise.all(Array.from({ length: 20 }, () => at.api('GET', '/emails?limit=1')));
          assert.deepEqual(again.map((answer) => answer.status), again.map(() => 200));
          assert.equal(load.answered('closed'), closed);
          load.release();
        }
        const goal = load.acknowledged + 12;
        await load.until(() => load.acknowledged >= goal, 'load');
        await load.finish();
        await load.check();
        t.diagnostic(load.summary());
        await at.remove();
      });

      it('a restart of PostgreSQL while nothing happens goes unnoticed', async () => {
        at = await new Installation({ postgres }).start();
        const register = (id) => at.api('POST', '/emails', { message_id: id, sent_at: new Date().toISOString(), candidate: { id: 'c' } });
        for (let round = 0; round < 3; round++) {
          for (let i = 0; i < 8; i++) assert.equal((await register(`before-${round}-${i}`)).status, 201); // every writer has been at work
          postgres.stop();
          postgres.start();
          const answer = await register(`after-${round}`);
          assert.equal(answer.status, 201, JSON.stringify(answer));
        }
        await at.remove();
      });
    }
  });
}

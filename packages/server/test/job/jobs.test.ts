// The queue on both databases: webhooks and mail arrive, failures are tried again later, a worker in another process takes over.

import assert from 'node:assert/strict';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createServer as createMailServer } from 'node:net';
import { after, before, describe, it } from 'node:test';
import { signWebhook } from '../../src/job/webhook.js';
import { startWorker } from '../../src/start-worker.js';
import { type Cluster, startCluster } from '../support/cluster.js';
import { KINDS } from '../support/test-database.js';
import { type Organisation, startTestServer, TestMachine, type TestServer } from '../support/test-server.js';

let cluster: Cluster;
before(async () => {
  cluster = await startCluster();
});
after(() => cluster.stop());

for (const kind of KINDS) {
  describe(`jobs, ${kind}`, () => {
    let server: TestServer;
    let own: Organisation;
    const received: { headers: IncomingMessage['headers']; body: string }[] = [];
    const mails: string[] = [];
    let failures = 1;
    let hookServer: Server;
    let mailServer: ReturnType<typeof createMailServer>;
    let hook = { id: '', secret: '' };

    before(async () => {
      hookServer = createServer((request, answer) => {
        let body = '';
        request.on('data', (chunk) => {
          body += chunk;
        });
        request.on('end', () => {
          failures -= 1;
          if (failures < 0) received.push({ headers: request.headers, body });
          answer.writeHead(failures < 0 ? 204 : 500).end();
        });
      });
      mailServer = createSmtpServer((mail) => mails.push(mail));
      for (const each of [hookServer, mailServer])
        await new Promise<void>((resolve) => each.listen(0, '127.0.0.1', () => resolve()));
      const mailPort = (mailServer.address() as AddressInfo).port;
      const mail = { server: `smtp://127.0.0.1:${mailPort}?ignoreTLS=true`, from: 'resplice@example.org' };
      server = await startTestServer(kind, cluster, { mail, worker: kind === 'embedded' });
      own = await server.makeOrganisation('own');
      const as = own.sessions.admin;
      const url = `http://127.0.0.1:${(hookServer.address() as AddressInfo).port}/hook`;
      const made = await server.ask<{ id: string; secret: string }>('POST', '/api/v1/webhooks', {
        as,
        body: { url, events: ['machine.health-bad', 'machine.registered'] },
      });
      hook = made.body;
      await server.ask('PATCH', '/api/v1/organisation', {
        as,
        body: { mailRecipients: ['admin@example.org'] },
      });
    });
    after(async () => {
      await server.close();
      hookServer.close();
      mailServer.close();
    });

    it('deliver a webhook that failed first, signed, and a mail', async () => {
      const machine = new TestMachine(server);
      await machine.register(own.key);
      machine.report = { ...machine.report, health: { state: 'bad', complaints: ['BUG: soft lockup'] } };
      await machine.checkIn();
      // With PostgreSQL the server leaves the work to a worker, which comes only now.
      const worker =
        kind === 'postgresql'
          ? await startWorker({
              databaseUrl: server.options.databaseUrl,
              mail: server.options.mail,
              pollSeconds: 1,
              log: () => {},
            })
          : undefined;
      await until(() => received.length === 2 && mails.length === 1, 60_000);
      await worker?.close();
      const bad = received.find(({ headers }) => headers['resplice-event'] === 'machine.health-bad');
      assert.equal(JSON.parse(bad?.body ?? '').items[0].machine, machine.id);
      const seconds = Number(/^t=(\d+)/.exec(String(bad?.headers['resplice-signature']))?.[1]);
      assert.equal(bad?.headers['resplice-signature'], signWebhook(hook.secret, seconds, bad?.body ?? ''));
      assert.match(mails[0] ?? '', /admin@example\.org[\s\S]*soft lockup/);
      const { webhooks } = (
        await server.ask<{ webhooks: { lastStatus: string }[] }>('GET', '/api/v1/webhooks', {
          as: own.sessions.admin,
        })
      ).body;
      assert.equal(webhooks[0]?.lastStatus, '204');
    });

    it('are counted in the figures for Prometheus, with machines and check-ins', async () => {
      const { body, status } = await server.ask<string>('GET', '/metrics', { as: own.sessions.viewer });
      assert.equal(status, 200);
      assert.match(body, /^resplice_machines\{state="active"\} 1$/m);
      assert.match(body, /^resplice_machines_health_bad 1$/m);
      assert.match(body, /^resplice_check_ins_total\{outcome="recorded"\} 1$/m);
      assert.match(body, /^resplice_jobs_waiting\{job="webhook"\} 0$/m);
      assert.match(
        body,
        /^resplice_http_request_seconds_bucket\{route="\/api\/v1\/check-in",le="\+Inf"\} 1$/m,
      );
      // Each line is a comment or NAME{LABELS} VALUE.
      for (const line of body.trimEnd().split('\n'))
        assert.match(line, /^(?:# (?:HELP|TYPE) \S+ .+|[a-z_]+(?:\{[^}]*\})? -?[\d.e+-]+)$/);
    });
  });
}

async function until(test: () => boolean, patience: number): Promise<void> {
  const end = Date.now() + patience;
  while (!test()) {
    if (Date.now() > end) throw new Error('it did not happen');
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/** As much of SMTP (RFC 5321) as takes a mail. */
function createSmtpServer(take: (mail: string) => void) {
  return createMailServer((socket) => {
    let text = '';
    let inData = false;
    socket.on('error', () => {});
    socket.write('220 test\r\n');
    socket.on('data', (chunk) => {
      text += chunk.toString();
      for (;;) {
        const end = text.indexOf(inData ? '\r\n.\r\n' : '\r\n');
        if (end < 0) return;
        const line = text.slice(0, end);
        text = text.slice(end + (inData ? 5 : 2));
        if (inData) {
          take(line);
          inData = false;
          socket.write('250 ok\r\n');
        } else if (/^DATA/i.test(line)) {
          inData = true;
          socket.write('354 go on\r\n');
        } else if (/^QUIT/i.test(line)) socket.end('221 bye\r\n');
        else socket.write('250 ok\r\n');
      }
    });
  });
}

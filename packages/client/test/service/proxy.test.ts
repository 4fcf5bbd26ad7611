import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import { type AddressInfo, connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { chooseProxy } from '../../src/service/proxy.js';

const none = { proxy: undefined, noProxy: undefined };

test('the configuration wins over the environment, and "none" over both', () => {
  const environment = { http_proxy: 'http://a:1', https_proxy: 'http://b:2', no_proxy: 'local' };
  assert.deepEqual(chooseProxy(none, environment), {
    http: 'http://a:1',
    https: 'http://b:2',
    except: 'local',
  });
  assert.deepEqual(chooseProxy({ proxy: 'http://c:3', noProxy: 'x' }, environment), {
    ...{ http: 'http://c:3', https: 'http://c:3', except: 'x' },
  });
  assert.equal(chooseProxy({ proxy: 'none', noProxy: undefined }, environment), undefined);
  assert.equal(chooseProxy(none, {}), undefined);
});

test('HTTP_PROXY in capitals, which a web server may have set from a request, is not believed', () => {
  assert.equal(chooseProxy(none, { HTTP_PROXY: 'http://evil:1' }), undefined);
  assert.equal(chooseProxy(none, { HTTPS_PROXY: 'http://b:2' })?.https, 'http://b:2');
});

test('what is fetched goes through the proxy, and what is excepted does not', async () => {
  const origin = createServer((_request, response) => response.end('here'));
  const port = await listen(origin);
  const tunnels: string[] = [];
  // Both ways of a proxy: a whole address, and a tunnel.
  const proxy = createServer((request, response) => {
    tunnels.push(request.url ?? '');
    response.end('by the proxy');
  });
  proxy.on('connect', (request, client) => {
    tunnels.push(request.url ?? '');
    const there = connect(port, '127.0.0.1', () => {
      client.write('HTTP/1.1 200 Connection established\r\n\r\n');
      there.pipe(client).pipe(there);
    });
    there.on('error', () => client.destroy());
    client.on('error', () => there.destroy());
  });
  const address = `http://127.0.0.1:${await listen(proxy)}`;
  const url = `http://127.0.0.1:${port}/`;
  await fetchIn({ http_proxy: address }, url);
  assert.equal(tunnels.length, 1);
  assert.match(tunnels[0] ?? '', new RegExp(`127\\.0\\.0\\.1:${port}`));
  assert.equal(await fetchIn({ http_proxy: address, no_proxy: '127.0.0.1' }, url), 'here');
  assert.equal(tunnels.length, 1);
  for (const each of [origin, proxy]) {
    each.closeAllConnections();
    each.close();
  }
});

test('a server with a certificate of an own authority is reached with ca-file, and not without', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'resplice-ca-'));
  const [key, certificate] = [join(folder, 'key.pem'), join(folder, 'certificate.pem')];
  const made = spawnSync('openssl', [
    ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2'],
    ...[
      '-subj',
      '/CN=localhost',
      '-addext',
      'subjectAltName=IP:127.0.0.1',
      '-keyout',
      key,
      '-out',
      certificate,
    ],
  ]);
  assert.equal(made.status, 0, made.stderr.toString());
  const origin = createSecureServer(
    { key: readFileSync(key), cert: readFileSync(certificate) },
    (_request, response) => response.end('here'),
  );
  const url = `https://127.0.0.1:${await listen(origin)}/`;
  assert.equal(await fetchIn({}, url, certificate), 'here');
  await assert.rejects(fetchIn({}, url), /exit status/);
  origin.closeAllConnections();
  origin.close();
  rmSync(folder, { recursive: true });
});

/** In a process of its own, for the choice holds for the whole process. */
function fetchIn(
  environment: Readonly<Record<string, string>>,
  url: string,
  caFile?: string,
): Promise<string> {
  const module = fileURLToPath(new URL('../../src/service/proxy.js', import.meta.url));
  const program = `
    import { chooseProxy, useProxy } from ${JSON.stringify(module)};
    await useProxy(chooseProxy({}, process.env), ${JSON.stringify(caFile)});
    process.stdout.write(await (await fetch(${JSON.stringify(url)})).text());`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', program], {
    env: { PATH: process.env.PATH, ...environment },
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  let text = '';
  child.stdout.on('data', (piece) => {
    text += piece;
  });
  return new Promise((resolve, reject) => {
    child.on('close', (status) =>
      status === 0 ? resolve(text) : reject(new Error(`exit status ${status}`)),
    );
  });
}

async function listen(server: Pick<Server, 'listen' | 'address'>): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return (server.address() as AddressInfo).port;
}

// The transport: a server on loopback that does what a hostile one would.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { openDirectorySource, openHttpSource } from '../../src/repository/index.js';

const QUICK = { pause: 300, rate: 10_000 };
const LIMIT = { bytes: 1000 };

async function serving<T>(listener: RequestListener, work: (address: string) => Promise<T>): Promise<T> {
  const server = createServer(listener);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  try {
    return await work(`http://127.0.0.1:${port}/`);
  } finally {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
}

test('reads metadata and targets below the address, with encoded names', async () => {
  const seen: string[] = [];
  const listener: RequestListener = (request, response) => {
    seen.push(request.url ?? '');
    response.end('content');
  };
  await serving(listener, async (address) => {
    const source = openHttpSource(`${address}repo//`);
    assert.equal(String(await source.readMetadata('1.%3F.json', LIMIT)), 'content');
    assert.equal(String(await source.readTarget('a/b.splice', LIMIT)), 'content');
  });
  assert.deepEqual(seen, ['/repo/metadata/1.%3F.json', '/repo/targets/a/b.splice']);
});

test('endless data: a server that does not stop is cut off at the limit', async () => {
  let sent = 0;
  const listener: RequestListener = (_request, response) => {
    const more = (): void => {
      sent += 1000;
      if (!response.destroyed) response.write(Buffer.alloc(1000), () => setImmediate(more));
    };
    more();
  };
  await serving(listener, async (address) => {
    const reading = openHttpSource(address, QUICK).readMetadata('timestamp.json', LIMIT);
    await assert.rejects(reading, { code: 'repository-data-endless', exitStatus: 4 });
  });
  assert.ok(sent < 10_000_000, `${sent} bytes were taken`);
});

test('slow data: a server that never answers, stops in the middle, or drips is cut off', async () => {
  const drip: RequestListener = (_request, response) => {
    const timer = setInterval(() => response.write('x'), 50);
    response.on('close', () => clearInterval(timer));
  };
  const stall: RequestListener = (_request, response) => {
    response.write('x');
  };
  for (const listener of [() => {}, stall, drip]) {
    await serving(listener, async (address) => {
      const start = performance.now();
      const reading = openHttpSource(address, QUICK).readMetadata('timestamp.json', LIMIT);
      await assert.rejects(reading, { code: 'repository-too-slow', exitStatus: 6 });
      assert.ok(performance.now() - start < 10_000);
    });
  }
});

test('a compressed answer is not unpacked beyond the limit', async () => {
  const listener: RequestListener = (_request, response) => {
    const bomb = execFileSync('sh', ['-c', 'head -c 10000000 /dev/zero | gzip']);
    response.writeHead(200, { 'content-encoding': 'gzip' }).end(bomb);
  };
  await serving(listener, async (address) => {
    const reading = openHttpSource(address, { pause: 5000, rate: 10_000 }).readMetadata('x', LIMIT);
    await assert.rejects(reading, { code: 'repository-data-endless' });
  });
});

test('what is not there is undefined, and a server in trouble is told from it', async () => {
  for (const [status, expected] of [
    [404, undefined],
    [403, undefined],
    [500, 'repository-unreachable'],
    [503, 'repository-unreachable'],
  ] as const) {
    await serving(
      (_request, response) => response.writeHead(status).end(),
      async (address) => {
        const reading = openHttpSource(address, QUICK).readMetadata('x', LIMIT);
        if (expected === undefined) assert.equal(await reading, undefined);
        else await assert.rejects(reading, { code: expected, exitStatus: 6 });
      },
    );
  }
});

test('a server that is not there says how it failed', async () => {
  const address = await serving(
    () => {},
    async (each) => each,
  );
  const reading = openHttpSource(address, QUICK).readMetadata('x', LIMIT);
  await assert.rejects(reading, { code: 'repository-unreachable', message: /ECONNREFUSED/ });
});

test('an interruption ends a download with its own reason', async () => {
  const controller = new AbortController();
  const reason = new Error('stop');
  await serving(
    () => controller.abort(reason),
    async (address) => {
      const limit = { ...LIMIT, signal: controller.signal };
      await assert.rejects(openHttpSource(address, QUICK).readMetadata('x', limit), reason);
    },
  );
});

test('a folder is read within the limit, and only its regular files', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'resplice-source-'));
  try {
    mkdirSync(join(folder, 'metadata/folder'), { recursive: true });
    mkdirSync(join(folder, 'targets/a'), { recursive: true });
    writeFileSync(join(folder, 'metadata/long'), Buffer.alloc(1001));
    writeFileSync(join(folder, 'targets/a/?'), 'content');
    execFileSync('mkfifo', [join(folder, 'metadata/fifo')]);
    const source = openDirectorySource(folder);
    assert.equal(String(await source.readTarget('a/%3F', LIMIT)), 'content');
    assert.equal(await source.readMetadata('absent', LIMIT), undefined);
    await assert.rejects(source.readMetadata('long', LIMIT), { code: 'repository-data-endless' });
    await assert.rejects(source.readMetadata('fifo', LIMIT), { code: 'repository-unreachable' });
    await assert.rejects(source.readMetadata('folder', LIMIT), { code: 'repository-unreachable' });
  } finally {
    rmSync(folder, { recursive: true });
  }
});

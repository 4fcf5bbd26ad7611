// A plain static server: one small file, read from the disk for each request as a web server without a cache would.

import { mkdtempSync, writeFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const file = join(mkdtempSync(join(tmpdir(), 'resplice-static-')), 'timestamp.json');
writeFileSync(file, JSON.stringify({ signatures: [], signed: 'x'.repeat(600) }));
const server = createServer(async (_request, answer) => {
  const bytes = await readFile(file);
  answer.writeHead(200, { 'content-type': 'application/json', 'content-length': bytes.length }).end(bytes);
});
process.on('message', () => {
  const { user, system } = process.cpuUsage();
  const { rss, heapUsed, external, arrayBuffers } = process.memoryUsage();
  process.send({ memory: { rss, heapUsed, external, arrayBuffers }, cpuMs: (user + system) / 1000 });
});
process.once('SIGTERM', () => process.exit(0));
server.listen(0, '127.0.0.1', () => process.send(`http://127.0.0.1:${server.address().port}`));

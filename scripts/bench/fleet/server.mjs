// The server that is measured, in a process of its own.

import { startServer } from '../../../packages/server/dist/src/index.js';

const [folder, url, repository] = process.argv.slice(2);
const server = await startServer({
  folder,
  databaseUrl: url === '' ? undefined : url,
  host: '127.0.0.1',
  port: 0,
  repository,
  worker: true,
  passwordCost: { exponent: 10 },
  log: (line) => process.stderr.write(line),
});
process.on('message', () => {
  const { user, system } = process.cpuUsage();
  const { rss, heapUsed, external, arrayBuffers } = process.memoryUsage();
  process.send({ memory: { rss, heapUsed, external, arrayBuffers }, cpuMs: (user + system) / 1000 });
});
process.once('SIGTERM', async () => {
  await server.close();
  process.exit(0);
});
process.send(server.address);

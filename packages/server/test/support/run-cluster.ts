// A PostgreSQL of the test's own in a process of its own, for tests of other packages: says the address of an empty database, and crashes it when
// it is told to.

import { startCluster } from './cluster.js';

const cluster = await startCluster({ durable: true });
process.send?.({ url: await cluster.makeDatabase() });
process.on('message', async (message) => {
  if (message === 'crash') await cluster.crash();
  else await cluster.stop();
  process.send?.('done');
  if (message !== 'crash') process.disconnect();
});

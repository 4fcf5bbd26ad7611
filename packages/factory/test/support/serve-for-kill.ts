// A server in a process of its own, to be killed: folder, address of the database and port come as arguments.

import { startServer } from '@resplice/server';

const [folder = '', databaseUrl = '', port = '0'] = process.argv.slice(2);
const server = await startServer({
  ...{ folder, databaseUrl, host: '127.0.0.1', port: Number(port) },
  worker: false,
  passwordCost: { exponent: 10 },
  log: () => {},
});
process.send?.({ address: server.address, administrator: server.firstAdministrator });

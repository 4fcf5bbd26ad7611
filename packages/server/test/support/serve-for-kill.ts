// A server in a process of its own, to be killed: folder, address of the database ('' for the embedded one) and repository come as arguments.

import { startServer } from '../../src/start-server.js';
import { CHEAP } from './test-server.js';

const [folder = '', databaseUrl = '', repository = '', port = '0'] = process.argv.slice(2);
const server = await startServer({
  folder,
  databaseUrl: databaseUrl === '' ? undefined : databaseUrl,
  host: '127.0.0.1',
  port: Number(port),
  repository,
  worker: false,
  passwordCost: CHEAP,
  log: () => {},
});
process.send?.(server.address);

import { InvalidArgumentError } from '@commander-js/extra-typings';
import { collect, parsePositive } from '../command.js';
import { FACTORY_OPTIONS, startFactoryWorker } from '../factory-command.js';
import { done } from '../outcome.js';
import { loadServer, newServerCommand, readEnvironment, untilAborted } from '../server-command.js';
import { runSession, writeError } from '../session.js';

const ENVIRONMENT = `
Environment:
  DATABASE_URL         a PostgreSQL, as postgresql://USER:PASSWORD@HOST/DATABASE; without it the database is embedded
  RESPLICE_ARTEFACTS   an object store, as s3://ACCESS:SECRET@HOST/BUCKET?region=REGION; without it artefacts lie under --data
  RESPLICE_MAIL        a mail server, as smtps://USER:PASSWORD@HOST; without it no mail is sent
  RESPLICE_MAIL_FROM   the address that mail comes from`;

export function serveCommand() {
  return newServerCommand('serve', 'run the server of a fleet', [
    'resplice serve --data ./server --repository ./site/public',
    'DATABASE_URL=postgresql://resplice@/resplice resplice serve --listen 0.0.0.0:8440 --public-url https://updates.example.org',
  ])
    .addHelpText('after', ENVIRONMENT)
    .option('--listen <address>', 'where to listen', parseListen, { host: '127.0.0.1', port: 8440 })
    .option('--repository <folder>', 'the public folder of a repository, to be served and watched')
    .option(
      '--public-url <url>',
      'address under which machines reach this server, when a proxy stands before it',
    )
    .option('--behind-proxy', 'believe the addresses that a proxy sends along (X-Forwarded-For)')
    .option('--no-worker', 'leave the work of the queue to "resplice worker"')
    .option(...FACTORY_OPTIONS.factory)
    .option(...FACTORY_OPTIONS.slots, parsePositive)
    .option(...FACTORY_OPTIONS.site)
    .option(...FACTORY_OPTIONS.keys, collect)
    .option(...FACTORY_OPTIONS.passphrase)
    .action((options) =>
      runSession(options, async ({ signal }) => {
        const { findSite, PASSWORD_COST, startServer } = await loadServer();
        const site = findSite();
        if (site === undefined)
          writeError(
            'the dashboard is not built, so only the API is served; "npm run build" in the checkout builds it\n',
          );
        writeError('opening the database; the first start makes it, which takes some seconds\n');
        const late = (): void => writeError('stopping as soon as the database is open\n');
        signal.addEventListener('abort', late, { once: true });
        const server = await startServer({
          ...readEnvironment(),
          ...options.listen,
          folder: options.data,
          repository: options.repository,
          site,
          publicUrl: options.publicUrl,
          behindProxy: options.behindProxy === true,
          worker: options.worker,
          passwordCost: PASSWORD_COST,
          log: writeError,
        });
        signal.removeEventListener('abort', late);
        const { firstAdministrator: first, address } = server;
        if (first !== undefined)
          writeError(
            `This is the first start. Log in as ${first.name} with the password ${first.password}\nIt is shown this once; change it, or set another with "resplice admin set-password ${first.name}".\n`,
          );
        writeError(
          `resplice serves on ${address}${site === undefined ? '' : '; open it in a browser for the dashboard'}\n`,
        );
        const { database, artefacts } = server.service;
        const factory =
          options.factory === true
            ? await startFactoryWorker({ orm: database.orm, artefacts }, options)
            : undefined;
        await untilAborted(signal);
        await factory?.close();
        await server.close();
        return done({ address }, ['stopped']);
      }),
    );
}

function parseListen(text: string): { host: string; port: number } {
  const found = /^(?:\[([0-9a-f:]+)\]|([^:]+)):(\d{1,5})$/i.exec(text);
  const host = found?.[1] ?? found?.[2];
  const port = Number(found?.[3]);
  if (host === undefined || !(port <= 65_535)) throw new InvalidArgumentError('Expected HOST:PORT.');
  return { host, port };
}

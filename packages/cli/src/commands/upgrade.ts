import { createInterface } from 'node:readline/promises';
import {
  askService,
  type Client,
  type ClientUpgrade,
  checkSwitchedOff,
  chooseAutomatic,
  findOpening,
  findRepository,
  openRegistration,
  refreshKnown,
  type ServiceWord,
  upgradeClient,
  withClientLock,
} from '@resplice/client';
import type { UpgradeResult } from '@resplice/host';
import { EnvironmentError } from '@resplice/report';
import { collect, newCommand, parsePositive } from '../command.js';
import { DONE, done, type Outcome, REFUSED, refused } from '../outcome.js';
import { alignColumns, count, printable } from '../printed-text.js';
import { renderReasons } from '../reason-text.js';
import { CONFIGURED_ROOT, openRepository, STATE_FOLDER } from '../repository-client.js';
import { applyOn, openServiceClient, undoOn } from '../service-client.js';
import { runSession, type Session, writeError } from '../session.js';
import { renderRemoved } from './remove.js';

export function upgradeCommand() {
  return newCommand('upgrade', 'apply the updates that a repository has for the running kernel', [
    'sudo resplice upgrade',
    'sudo resplice upgrade --from https://updates.example.org --root root.json',
    'sudo resplice upgrade --from /media/updates --id fix_1',
    'resplice upgrade -n --from https://updates.example.org',
  ])
    .option(
      '--from <address>',
      'address of a repository, or a folder with a copy of it; default: that of the server',
    )
    .option('--root <file>', `the root to believe; default: ${CONFIGURED_ROOT}`)
    .option('-n, --dry-run', 'say what would be applied, and change nothing')
    .option('-y, --yes', 'do not ask; without a terminal nobody is asked anyway')
    .option('--id <id>', 'only this update and those that it requires; repeatable', collect)
    .option(
      '--auto',
      'as the timer does it: when the server wants to hear, and what it and the configuration say',
    )
    .option(
      '--timeout <seconds>',
      'take an update back when it is not complete after this time',
      parsePositive,
    )
    .option('--state <folder>', 'where it is remembered what was seen and is wanted', STATE_FOLDER)
    .action((options) =>
      runSession(options, async (session) => {
        const client = await openServiceClient(session, options);
        if (client.machine.uid !== 0 && options.dryRun !== true) {
          return refused([{ code: 'not-root', subject: {}, found: `runs as user ${client.machine.uid}` }]);
        }
        const run = { client, session, options };
        if (options.dryRun === true) return upgrade(run);
        return withClientLock(client, 'upgrade', () => upgrade(run));
      }),
    );
}

/** Throws EnvironmentError `no-repository`. */
export function assertRepository(from: string | undefined): string {
  if (from !== undefined) return from;
  const message =
    'there is no repository to ask; name one with --from or in the configuration, or run "resplice register"';
  throw new EnvironmentError('no-repository-known', message);
}

interface Run {
  readonly client: Client;
  readonly session: Session;
  readonly options: {
    readonly from?: string | undefined;
    readonly dryRun?: true | undefined;
    readonly yes?: true | undefined;
    readonly auto?: true | undefined;
    readonly json?: true | undefined;
    readonly id?: readonly string[] | undefined;
    readonly timeout?: number | undefined;
  };
}

const NO_SERVICE: ServiceWord = { registration: undefined, problem: undefined, asked: false };

async function upgrade(run: Run): Promise<Outcome> {
  const { client, options } = run;
  const auto = options.auto === true;
  const off = checkSwitchedOff(client);
  const foreign = options.from !== undefined;
  const word = foreign || options.dryRun === true ? NO_SERVICE : await askService(client, auto);
  if (off !== undefined && options.dryRun !== true) {
    // The server has heard of it above; what is off by the administrator's will is no failure of the timer.
    return auto
      ? done({ updates: [], switchedOff: off.found }, [`nothing is applied: ${off.found}`])
      : refused([off]);
  }
  const registration = word.registration ?? (foreign ? undefined : openRegistration(client.places).read());
  if (registration !== undefined && registration.state !== 'active') {
    const text = `the server's administrator has not let this machine take part (${registration.state})`;
    return withProblem(
      { exitStatus: auto ? DONE : REFUSED, json: { updates: [] }, lines: [`nothing is applied: ${text}`] },
      word,
    );
  }
  const mode = auto ? chooseAutomatic(client.configuration.auto, registration?.desired?.mode) : 'install';
  const known = options.from ?? findRepository(client, registration);
  if (auto && (mode === 'off' || known === undefined)) {
    const why = mode === 'off' ? 'automatic updates are off' : 'there is no server and no repository to ask';
    return withProblem(done({ updates: [] }, [`nothing to do: ${why}`]), word);
  }
  const { root, state } = client.places;
  const from = assertRepository(known);
  const trusted = await openRepository({
    from,
    root,
    state,
    dryRun: options.dryRun,
    signal: run.session.signal,
  });
  if (mode === 'notify') {
    const found = await refreshKnown(client, trusted);
    return withProblem(
      await tellServer(
        run,
        done({ updates: [], available: found }, [
          `the repository has ${count(found, 'update')} for this kernel; none is applied by itself`,
        ]),
        word,
      ),
      word,
    );
  }
  const plan = {
    apply: applyOn(client, run.session, options.timeout),
    undo: undoOn(client, run.session),
    ids: options.id ?? [],
    desired: registration?.desired ?? undefined,
    automatic: auto,
  };
  if (await isDeclined(run, () => upgradeClient(client, trusted, { ...plan, dryRun: true }))) {
    return done({ updates: [] }, ['nothing was applied']);
  }
  const result = await upgradeClient(client, trusted, { ...plan, dryRun: options.dryRun === true });
  const opens = auto ? findOpening(plan.desired, client.machine.now()) : undefined;
  const outcome = opens === undefined ? renderUpgrade(result) : waitForWindow(renderUpgrade(result), opens);
  return withProblem(await tellServer(run, outcome, word), word);
}

/** What is to be taken back was; the rest has time. */
function waitForWindow(outcome: Outcome, opens: string | null): Outcome {
  const when =
    opens === null
      ? 'the server has named no maintenance window for now'
      : `the next maintenance window opens at ${opens}`;
  return {
    ...outcome,
    json: { ...outcome.json, window: opens },
    lines: [
      ...outcome.lines,
      `nothing is applied by itself: ${when}; "resplice upgrade" by hand does it now`,
    ],
  };
}

/** The result of the work is reported at once, not at the next turn of the timer. */
async function tellServer({ client, options }: Run, outcome: Outcome, word: ServiceWord): Promise<Outcome> {
  if (options.dryRun === true || word.registration === undefined || !word.asked || word.problem !== undefined)
    return outcome;
  const { problem } = await askService(client, false);
  return problem === undefined ? outcome : withProblem(outcome, { ...word, problem });
}

/** The work was done as far as possible; that the server was not reached must be seen nevertheless. */
function withProblem(outcome: Outcome, { problem }: ServiceWord): Outcome {
  if (problem === undefined) return outcome;
  const { code, message, exitStatus } = problem;
  return {
    exitStatus: outcome.exitStatus === DONE ? exitStatus : outcome.exitStatus,
    json: { ...outcome.json, service: { code, message } },
    lines: [...outcome.lines, `the server did not take part: ${message} [${code}]`],
  };
}

/** Asks a person who sits at a terminal. */
async function isDeclined({ options }: Run, plan: () => Promise<ClientUpgrade>): Promise<boolean> {
  if (options.dryRun || options.yes || options.auto || options.json) return false;
  if (!process.stdin.isTTY || !process.stderr.isTTY) return false;
  const planned = await plan();
  if (!planned.updates.some(({ state }) => state === 'available')) return false;
  writeError(`${printable(renderUpgrade(planned).lines.join('\n'))}\n`);
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  try {
    const answer = await terminal.question('Apply them? [Y/n] ');
    return !/^(y|yes|)$/i.test(answer.trim());
  } finally {
    terminal.close();
  }
}

export function renderUpgrade(result: UpgradeResult & Partial<Pick<ClientUpgrade, 'removed'>>): Outcome {
  const { kernel, updates, unpublished, removed = [] } = result;
  const failed = updates.some(({ state }) => state === 'refused' || state === 'waits');
  const rows = updates.map(({ id, state, cves, description }) => [id, state, cves.join(' '), description]);
  const reasons = updates.flatMap(({ id, reasons = [] }) =>
    reasons.length === 0 ? [] : ['', `${id} was refused:`, ...renderReasons(reasons)],
  );
  const pending = updates.flatMap(({ id, result }) =>
    (result?.pending ?? []).map((name) => `${id}: ${name} is not loaded; it will be updated when it is`),
  );
  const gone = unpublished.map(
    (id) => `${id} is applied and not in the repository; to take it back: resplice undo ${id}`,
  );
  const back = renderRemoved(removed);
  const table =
    rows.length === 0
      ? [`the repository has no update for ${kernel.release}, build id ${kernel.buildId}`]
      : alignColumns([['ID', 'STATE', 'FIXES', 'DESCRIPTION'], ...rows]);
  return {
    exitStatus: failed ? REFUSED : back.exitStatus,
    json: { kernel, updates, unpublished, removed },
    lines: [...(removed.length === 0 ? [] : back.lines), ...table, ...pending, ...gone, ...reasons],
  };
}

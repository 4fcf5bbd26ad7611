// `npm run soak -- --cycles N`: N cycles of applying and undoing updates with each engine, in guests that are busy with other things, while
// commands are killed. Default 1000. Each guest does a few cycles (`--batch`), and `--guests` run side by side; what is done is written down after
// each, so that a soak that was broken off goes on where it was (`--restart` begins anew).

import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { parseArgs } from 'node:util';
import { cacheRoot } from '@resplice/build';
import { findLeaks, makeSet, runSoak } from '../e2e/dist/src/soak/run-soak.js';
import { Workshop } from '../e2e/dist/src/workshop.js';

const { values } = parseArgs({
  options: {
    cycles: { type: 'string', default: '1000' },
    batch: { type: 'string', default: '25' },
    guests: { type: 'string', default: '1' },
    engine: { type: 'string', multiple: true, default: ['livepatch', 'trampoline'] },
    state: { type: 'string', default: join(cacheRoot(), 'soak.json') },
    restart: { type: 'boolean', default: false },
  },
});
const cycles = readCount('cycles');
const batch = readCount('batch');
const guestsAtOnce = readCount('guests');

function readCount(name) {
  const count = Number(values[name]);
  if (Number.isInteger(count) && count > 0) return count;
  console.error(`--${name} is "${values[name]}"; give it a number above 0`);
  process.exit(2);
}

function readState(key) {
  const begin = { key, cycles: 0, commands: 0, kills: 0, busy: 0, guests: 0, growth: [] };
  if (values.restart) return begin;
  try {
    const state = JSON.parse(readFileSync(values.state, 'utf8'));
    return state.key === key ? state : begin;
  } catch (error) {
    if (error.code === 'ENOENT') return begin;
    throw error;
  }
}

function writeState(state) {
  mkdirSync(dirname(values.state), { recursive: true });
  writeFileSync(`${values.state}.new`, `${JSON.stringify(state)}\n`);
  renameSync(`${values.state}.new`, values.state);
}

const workshop = await Workshop.open();
try {
  const sets = {};
  for (const engine of values.engine) sets[engine] = await makeSet(workshop, engine);
  const ids = Object.values(sets).flatMap((set) => set.map(({ id }) => id));
  let state = readState(`${workshop.kernel} ${values.engine.join(' ')} ${ids.join(' ')}`);
  console.log(
    `${workshop.kernel}: ${state.cycles} of ${cycles} cycles done with ${values.engine.join(' and ')}`,
  );
  // Given to guests, of which some have not come to their end.
  let given = state.cycles;
  let started = state.guests;
  const keepBusy = async () => {
    while (given < cycles) {
      const [seed, count] = [given + 1, Math.min(batch, cycles - given)];
      given += count;
      started += 1;
      const number = started;
      const onCycle = (text) => console.log(`  guest ${number}: ${text}`);
      const done = await runSoak(workshop, { sets, cycles: count, seed, onCycle });
      const leaks = findLeaks(done);
      if (leaks.length > 0) throw new Error(`the guest's kernel leaks: ${leaks.join(', ')}`);
      state = {
        ...state,
        cycles: state.cycles + done.cycles,
        commands: state.commands + done.commands,
        kills: state.kills + done.kills,
        busy: state.busy + done.busy,
        guests: state.guests + 1,
        growth: [...state.growth, done.growth],
      };
      writeState(state);
      console.log(`${state.cycles} of ${cycles} cycles, ${state.kills} kills`);
    }
  };
  // When one fails, no other begins, and those that run come to their end.
  const ends = await Promise.allSettled(
    Array.from({ length: guestsAtOnce }, () =>
      keepBusy().catch((error) => {
        given = cycles;
        throw error;
      }),
    ),
  );
  const failed = ends.find(({ status }) => status === 'rejected');
  if (failed !== undefined) throw failed.reason;
  const { commands, kills, busy, guests } = state;
  console.log(
    `${state.cycles} cycles with each engine in ${guests} guests: ${commands} commands, ${kills} killed, ${busy} given again because a task was in the way; 0 warnings, 0 leaks`,
  );
  for (const what of ['slab', 'vmalloc', 'percpu']) {
    const grown = state.growth.map((each) => each[what] / 1024);
    console.log(`${what} grew by ${Math.min(...grown)} to ${Math.max(...grown)} KiB in a guest`);
  }
} finally {
  await workshop.close();
}

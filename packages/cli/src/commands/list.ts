import { listUpdates, openMachine, type UpdateStatus } from '@resplice/host';
import { newCommand } from '../command.js';
import { done, type Outcome } from '../outcome.js';
import { alignColumns } from '../printed-text.js';
import { runSession } from '../session.js';

export function listCommand() {
  return newCommand('list', 'list the updates in the running kernel, oldest first', ['resplice list']).action(
    (options) => runSession(options, async () => renderList(listUpdates(openMachine()))),
  );
}

export function renderList(updates: readonly UpdateStatus[]): Outcome {
  if (updates.length === 0) return done({ updates }, ['no update is applied']);
  const rows = updates.map(({ id, state, engine, since, cves, description }) => [
    id,
    state,
    engine,
    since ?? '',
    cves.join(' '),
    description ?? '',
  ]);
  // What is not simply applied needs its sentence: the next command depends on it.
  const remarks = updates
    .filter((each) => each.state !== 'applied' || each.waiting.length + each.overridden.length > 0)
    .map(({ id, detail }) => `${id}: ${detail}`);
  const conditions = updates.flatMap(({ id, requiresUnloaded }) =>
    requiresUnloaded.map((module) => `${id}: undone only while ${module} is not loaded`),
  );
  const table = alignColumns([['ID', 'STATE', 'ENGINE', 'SINCE', 'FIXES', 'DESCRIPTION'], ...rows]);
  return done({ updates }, [...table, ...withGap([...remarks, ...conditions])]);
}

function withGap(lines: readonly string[]): readonly string[] {
  return lines.length === 0 ? [] : ['', ...lines];
}

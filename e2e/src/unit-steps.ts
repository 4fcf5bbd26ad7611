// What a guest does with one real fix: load its modules, apply, look in the kernel's own list whether the functions are redirected, use the
// updated code, undo. And afterwards what must have come of it.

import assert from 'node:assert/strict';
import type { GuestScript } from './guest-script.js';
import type { MadeUpdate } from './workshop.js';

/** When the modules are loaded that the update changes. */
export type Loading =
  /** Before it is applied. */
  | 'before'
  /** Afterwards. */
  | 'later'
  /** Before, and unloaded while it is applied: the new exit code runs. */
  | 'unloaded';

export interface UnitSteps {
  /** First word of the steps' names. */
  readonly name: string;
  readonly update: MadeUpdate;
  readonly loading: Loading;
  readonly modules: readonly string[];
  readonly probe?: { readonly program: string; readonly user: 'nobody' | 'root' } | undefined;
  /** Commands that use the updated code, and what they must print. */
  readonly use?: { readonly script: string; readonly prints: RegExp } | undefined;
}

const REDIRECTED = '/sys/kernel/tracing/enabled_functions';

export function planUnit(guest: GuestScript, steps: UnitSteps): void {
  const { name, update, loading, modules, probe, use } = steps;
  const load = () => guest.shell(`${name}: load`, modules.map((each) => `modprobe ${each}`).join(' && '));
  const ask = (when: string) => {
    if (probe !== undefined) guest.probe(`${name}: probe ${when}`, probe.program, probe.user);
  };
  for (const each of modules) guest.module(each);
  if (modules.length > 0 && loading !== 'later') load();
  ask('before');
  guest.resplice(`${name}: apply`, ['apply', guest.update(update)]);
  if (loading === 'later') load();
  if (update.manifest.engine === 'livepatch') guest.shell(`${name}: missing`, listMissing(steps));
  else guest.resplice(`${name}: show`, ['show', update.id]);
  ask('applied');
  if (use !== undefined) guest.shell(`${name}: use`, use.script);
  if (loading === 'unloaded') guest.shell(`${name}: unload`, `rmmod ${modules.join(' ')}`);
  guest.resplice(`${name}: undo`, ['undo', ...(keepsAddress(update) ? ['--force'] : []), update.id]);
  ask('undone');
  guest.shell(`${name}: left`, `grep -E '\\([0-9]+\\)( R|  ) I' ${REDIRECTED} || true`);
}

export function assertUnit(
  guest: GuestScript,
  { name, update, probe, use, loading, modules }: UnitSteps,
): void {
  const ran = (step: string) => guest.printed(`${name}: ${step}`);
  const done = (step: string) => {
    const answer = guest.answer(`${name}: ${step}`);
    assert.ok(answer.ok && answer.status === 0, answer.text);
    return answer;
  };
  const asked = (when: string, expected: 'exposed' | 'safe') => {
    if (probe === undefined) return;
    const { exitCode, stdout, stderr } = guest.ran(`${name}: probe ${when}`);
    assert.equal(exitCode, expected === 'safe' ? 0 : 1, `${when}: ${stdout}${stderr}`);
  };
  if (modules.length > 0) ran('load');
  asked('before', 'exposed');
  done('apply');
  if (update.manifest.engine === 'livepatch') assert.equal(ran('missing'), '');
  else assert.match(done('show').text, /"state": *"applied"/);
  asked('applied', 'safe');
  if (use !== undefined) assert.match(ran('use'), use.prints);
  if (loading === 'unloaded') ran('unload');
  done('undo');
  asked('undone', 'exposed');
  assert.equal(ran('left'), '');
}

/** Prints the functions of loaded objects that the kernel does not list as redirected by a live patch (the flag I). */
function listMissing({ update, modules }: UnitSteps): string {
  const functions = update.manifest.objects
    .filter(({ name }) => name === 'vmlinux' || modules.includes(name))
    .flatMap((object) => object.functions.map(({ name }) => name));
  return functions
    .map((name) => {
      const line = `^${name.replaceAll('.', '\\.')}( \\[[a-z0-9_]+\\])? \\([0-9]+\\)( R|  ) I`;
      return `grep -qE '${line}' ${REDIRECTED} || echo ${name}`;
    })
    .join('\n');
}

/** Something may still point at the new code after an undo, which is then only done by force. */
function keepsAddress({ manifest }: MadeUpdate): boolean {
  return manifest.objects.some(({ added }) => added.some(({ addressTaken }) => addressTaken));
}

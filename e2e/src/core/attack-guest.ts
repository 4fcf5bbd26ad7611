// The program that attacks the core of the trampoline engine, in a guest: sends every request of the table, and random changes of a right one, and
// prints for each what the core answered and whether anything in the kernel has changed by it.

import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { ATTACKS, type Attack, type Facts, type Phase } from './attacks.js';
import {
  type Answer,
  ask,
  findSites,
  findSymbol,
  loadModule,
  readMemory,
  readReferences,
  readSymbols,
  readTextAddress,
} from './guest-kernel.js';
import { encodeRaw, type RawRequest } from './raw-request.js';
import { CORE_FILE, SPEC, type Spec, UPDATE_FILE } from './spec.js';
import { WRONG_CALLS } from './wrong-callers.js';

export interface AttackResult {
  readonly title: string;
  /** A code of the core, or the errno of open or write. */
  readonly got: string;
  /** What differs of the kernel afterwards; empty when nothing does. */
  readonly changed: readonly string[];
  /** With BUSY: who, and where. */
  readonly busy?: string;
}

const MUTATIONS = 2000;
/** Where idle threads of workqueues sleep. */
const SLEPT = 'worker_thread';
const PROBES = '/sys/kernel/tracing/kprobe_events';

const spec = JSON.parse(readFileSync(SPEC, 'utf8')) as Spec;
loadModule(CORE_FILE, spec.trampoline.core.imports);
loadModule(UPDATE_FILE, spec.trampoline.imports);
const facts = findFacts();
const results: AttackResult[] = [];
/** Of the last answer. */
let busy: string | undefined;

for (const { title, run } of WRONG_CALLS) judge(title, run);
for (const phase of ['loaded', 'prepared', 'applied', 'undone'] as const) {
  enter(phase);
  for (const attack of ATTACKS) if (attack.phase === phase) judge(attack.title, () => perform(attack));
  if (phase === 'loaded') judge('random changes', mutate);
}
proper({ type: 'FORGET', name: spec.module });
console.log(JSON.stringify(results));

function findFacts(): Facts {
  const symbols = readSymbols();
  const text = readTextAddress(spec.module);
  const [site, secondSite] = findSites(spec);
  if (site === undefined || secondSite === undefined)
    throw new Error('the update replaces too few functions');
  const constant = findSymbol(symbols, { object: 'vmlinux', name: 'linux_banner', position: 0 });
  const [start, next] = addressesAround(symbols, SLEPT);
  const slept = {
    ...site,
    old_start: start,
    old_size: Number(next - start),
    memory: readMemory(start, Number(next - start)),
  };
  return {
    slept: { ...slept, jump_offset: 5 },
    module: spec.module,
    otherModule: spec.otherModule,
    site,
    secondSite,
    text,
    coreText: readTextAddress('resplice_core'),
    writable: findSymbol(symbols, { object: 'vmlinux', name: 'init_task', position: 0 }),
    constant: { address: constant, bytes: readMemory(constant, 16) },
  };
}

/** The symbol's address and the next one behind it. */
function addressesAround(
  symbols: ReadonlyMap<string, readonly bigint[]>,
  name: string,
): readonly [bigint, bigint] {
  const address = findSymbol(symbols, { object: 'vmlinux', name, position: 0 });
  let next = address + 0x10000n;
  for (const others of symbols.values())
    for (const other of others) if (other > address && other < next) next = other;
  return [address, next];
}

/** A kprobe on the first byte of the jump, disabled as it is made. */
function setProbe(): void {
  if (!existsSync(PROBES)) execFileSync('mount', ['-t', 'tracefs', 'tracefs', '/sys/kernel/tracing']);
  const address = facts.site.old_start + BigInt(facts.site.jump_offset);
  writeFileSync(PROBES, `p:attack 0x${address.toString(16)}\n`);
}

function enter(phase: Phase): void {
  if (phase === 'prepared')
    proper({ type: 'PREPARE', name: spec.module, sites: [facts.site, facts.secondSite] });
  if (phase === 'applied') proper({ type: 'APPLY', name: spec.module });
  if (phase === 'undone') proper({ type: 'UNDO', name: spec.module });
}

function proper(request: RawRequest): void {
  const answer = describe(ask(encodeRaw(request)));
  if (answer !== 'OK') throw new Error(`${request.type} was answered ${answer}`);
}

function perform(attack: Attack): string {
  const requests = attack.make(facts);
  let last = '';
  if (attack.probed) setProbe();
  for (const [index, request] of requests.entries()) {
    last = describe(ask(request instanceof Uint8Array ? request : encodeRaw(request)));
    if (index < requests.length - 1 && last !== 'OK') return `${last} to request ${index + 1}`;
  }
  // Opened for being written anew, the file loses all probes.
  if (attack.probed) writeFileSync(PROBES, '');
  const found = busy;
  if (requests.length > 1) proper({ type: 'FORGET', name: spec.module });
  busy = found;
  return last;
}

/** Random bytes of a right PREPARE become others. What the core takes is let go again; none of it may be felt. */
function mutate(): string {
  const right = encodeRaw({
    type: 'PREPARE',
    name: spec.module,
    sites: [facts.site, facts.secondSite],
    data: [{ address: facts.constant.address, size: 4, content: 0n, from: 0, object: 0, flags: 0 }],
    hooks: [{ function: facts.text, kind: 1, object: 0 }],
    names: [facts.otherModule],
    objects: [{ name: facts.otherModule, user: 0 }],
    symbols: [{ object: 0, name: 'dummy_xmit', position: 0, reserved: 0 }],
    fixups: [{ place: facts.text, addend: -4n, symbol: 0, type: 2 }],
    bytes: facts.constant.bytes.slice(0, 8),
  });
  const random = seeded(20261125);
  for (let count = 0; count < MUTATIONS; count++) {
    const request = right.slice();
    for (let changes = 1 + random(3); changes > 0; changes--)
      request[random(request.length)] = random(4) === 0 ? 0xff : random(256);
    const answer = describe(ask(request.subarray(0, random(10) === 0 ? random(request.length) : undefined)));
    if (answer === 'OK') describe(ask(encodeRaw({ type: 'FORGET', name: spec.module })));
  }
  return `${MUTATIONS} answered`;
}

/** A linear congruential generator (Numerical Recipes): the same in each run. */
function seeded(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

function describe(answer: Answer): string {
  busy = undefined;
  if ('reply' in answer && answer.reply.code === 'BUSY') {
    const { command, pid, address, frame, guessed } = answer.reply.busy;
    const { old_start, old_size } = facts.slept;
    const isInside = address > old_start && address < old_start + BigInt(old_size);
    busy = `${command}, pid ${pid > 0 ? 'above 0' : pid}, ${guessed ? 'word' : 'frame'} ${frame}, ${isInside ? 'inside' : 'outside'}`;
  }
  return 'errno' in answer ? answer.errno : (answer.reply.code ?? 'unknown code');
}

function judge(title: string, act: () => string): void {
  const before = snapshot();
  const got = act();
  const after = snapshot();
  const changed = [...before].filter(([what, value]) => after.get(what) !== value).map(([what]) => what);
  results.push({ title, got, changed, ...(busy === undefined ? {} : { busy }) });
}

/** What an attack could have changed: code and data that requests speak of, references, the core's own list. */
function snapshot(): ReadonlyMap<string, string> {
  const hash = (address: bigint, length: number) =>
    createHash('sha256').update(readMemory(address, length)).digest('hex');
  const status = ask(encodeRaw({ type: 'STATUS' }));
  return new Map([
    ['first function', hash(facts.site.old_start, facts.site.old_size)],
    ['second function', hash(facts.secondSite.old_start, facts.secondSite.old_size)],
    ['code of the update', hash(facts.text, 4096)],
    ['code of the core', hash(facts.coreText, 4096)],
    ['read-only data', hash(facts.constant.address, 4096)],
    ['module references', readReferences()],
    ['updates', JSON.stringify('reply' in status ? status.reply.updates : status)],
  ]);
}

// The code in memory is not the code that the update was made for: a probe sits on it or in it, or it is other code.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { disassemble } from '@resplice/engine';
import {
  encodeUpdate,
  type Manifest,
  type ReplacedFunction,
  readUpdate,
  type Update,
} from '@resplice/update';
import type { GuestCase } from '../../src/guest-case.js';
import { NOTHING_LEFT } from '../../src/guest-script.js';
import { makeLeadingFix } from '../../src/leading-fix.js';
import { assertRefused } from '../expectation.js';

const EVENTS = '/sys/kernel/tracing';
const names = { symbol: '', second: '' };
let inside = '';

export const alteredCode: GuestCase = {
  title: 'code in memory that is not as expected',

  async plan(workshop, guest) {
    const { update, symbol, second } = await makeLeadingFix(workshop);
    Object.assign(names, { symbol, second });
    const file = guest.update(update);
    inside = `${second}+0x${findQuietOffset(findFunction(update.manifest, second)).toString(16)}`;
    const set = [
      'set -e',
      `echo 'p:e2e/entry ${symbol}' >>${EVENTS}/kprobe_events`,
      `echo 'p:e2e/inside ${inside}' >>${EVENTS}/kprobe_events`,
      `echo 1 >${EVENTS}/events/e2e/enable`,
      'cat /sys/kernel/debug/kprobes/list',
    ];
    guest.shell('code: set probes', set.join('\n'));
    guest.resplice('code: apply under probes', ['apply', file]);
    guest.shell(
      'code: remove probes',
      `echo 0 >${EVENTS}/events/e2e/enable && echo >${EVENTS}/kprobe_events`,
    );
    const doctored = encodeUpdate(alterCode(await readUpdate(update.file), symbol));
    guest.resplice('code: apply for other code', ['apply', guest.file('/updates/doctored.splice', doctored)]);
    guest.inspectKernel('code: kernel after');
  },

  tests(guest) {
    test('a kprobe at the entry and one inside of a function are refused together, each named', () => {
      assert.equal(guest.ran('code: set probes').exitCode, 0, guest.ran('code: set probes').stderr);
      const reasons = assertRefused(
        guest.answer('code: apply under probes'),
        'kprobe-on-function',
        'kprobe-on-function',
      );
      const found = new Map(reasons.map((reason) => [reason.subject.symbol, reason.found]));
      // With IBT the kernel sets it behind ENDBR.
      assert.match(found.get(names.symbol) ?? '', new RegExp(`${names.symbol}\\+0x[04]\\b`));
      assert.ok(found.get(names.second)?.includes(inside), found.get(names.second));
    });

    test('an update whose recorded code is not what runs is refused, with both disassembled', () => {
      const [reason] = assertRefused(guest.answer('code: apply for other code'), 'function-altered');
      assert.equal(reason?.subject.symbol, names.symbol);
      const evidence = reason?.evidence ?? [];
      const at = evidence.indexOf('found in memory:');
      assert.equal(evidence[0], 'expected:');
      assert.ok(at > 1, evidence.join('\n'));
      // The instruction that differs is marked, and in memory it is `nop`s or code, never the int3 that was recorded.
      const marked = evidence.filter((line) => /^ {2}> \+0x/.test(line));
      assert.equal(marked.length, 2, evidence.join('\n'));
      assert.match(marked[0] ?? '', /int3/);
      assert.doesNotMatch(marked[1] ?? '', /int3/);
    });

    test('nothing was loaded', () => {
      assert.deepEqual(guest.kernelState('code: kernel after'), NOTHING_LEFT);
    });
  },
};

function findFunction(manifest: Manifest, name: string): ReplacedFunction {
  const found = manifest.objects.flatMap(({ functions }) => functions).find((each) => each.name === name);
  if (found === undefined) throw new Error(`the update does not replace ${name}`);
  return found;
}

/** Offset of the second instruction that the kernel never rewrites by itself. */
function findQuietOffset({ code, sites }: ReplacedFunction): number {
  const bytes = new Uint8Array(Buffer.from(code, 'base64'));
  const quiet = disassemble(bytes, 0n).filter(
    ({ offset, length }) =>
      offset > 0 && !sites.some((site) => site.at < offset + length && offset < site.at + site.length),
  );
  const second = quiet[1];
  if (second === undefined) throw new Error('the function has no two instructions that stay as they are');
  return second.offset;
}

/** The same update for a kernel whose function has an int3 at one place; the archive itself is sound. */
function alterCode(update: Update, name: string): Update {
  const change = (each: ReplacedFunction): ReplacedFunction => {
    if (each.name !== name) return each;
    const bytes = Buffer.from(each.code, 'base64');
    bytes[findQuietOffset(each)] = 0xcc;
    return { ...each, code: bytes.toString('base64') };
  };
  const objects = update.manifest.objects.map((object) => ({
    ...object,
    functions: object.functions.map(change),
  }));
  return { ...update, manifest: { ...update.manifest, objects } };
}

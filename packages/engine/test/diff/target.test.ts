// Where the references of copied code lead: to the copy, to the running kernel, or out of the object.

import assert from 'node:assert/strict';
import { before, describe, it } from 'node:test';
import { branchOperands } from '../../src/diff/branch-operand.js';
import type { Definition, Reference } from '../../src/diff/definition.js';
import { diffObjects, type ObjectDiff } from '../../src/diff/object-diff.js';
import { type Resolution, resolveTarget } from '../../src/diff/resolve.js';
import { compileObject, forAll } from '../elf/compiler.js';
import { diffFixture } from './fixture.js';
import { LAYOUTS } from './layouts.js';

const NAMES = [
  'static-local-renumbered.ok',
  'function-pointer.ok',
  'ops-table.ok',
  'cold-parent.ok',
  'constant-merged.ok',
  'shared-section-call.ok',
  'debug-kept.ok',
  'weak-undefined.ok',
] as const;

interface Use {
  readonly reference: Reference;
  readonly resolution: Resolution;
}

describe('a table of functions that new code stores', () => {
  it('is named as something that the kernel may keep beyond an undo', async () => {
    const { selection } = await diffFixture('ops-table-new.ok');
    const kept = selection.added.filter((definition) => selection.addressTaken.has(definition));
    assert.deepEqual(kept.map(({ name }) => name).sort(), ['flush', 'ops']);
  });
});

describe('references of replaced functions', () => {
  const diffs = new Map<string, ObjectDiff>();
  before(async () => {
    await forAll(NAMES, async (name) => diffs.set(name, await diffFixture(name)));
  });

  const diffOf = (name: (typeof NAMES)[number]): ObjectDiff => {
    const diff = diffs.get(name);
    assert.ok(diff);
    return diff;
  };

  it('follow a static local through its renumbering', () => {
    const diff = diffOf('static-local-renumbered.ok');
    const uses = usesOf(diff, 'counted').filter(({ resolution }) => resolution.kind === 'running');
    assert.ok(uses.length > 0);
    for (const { resolution } of uses) {
      assert.ok(resolution.kind === 'running');
      // The one that starts at 7 is the one of `counted`.
      assert.equal(diff.pre.object.bytesOf(resolution.definition)[0], 7);
    }
  });

  it('call the copy of a replaced function, and take the address of the original', () => {
    const diff = diffOf('function-pointer.ok');
    const [pointer, call] = usesOf(diff, 'install').filter(
      ({ reference }) => nameOf(reference) === 'handler',
    );
    assert.ok(pointer !== undefined && call !== undefined);
    assert.deepEqual(pointer.resolution, {
      kind: 'running',
      definition: definitionOf(diff, 'pre', 'handler'),
    });
    assert.deepEqual(call.resolution, { kind: 'copy', definition: definitionOf(diff, 'post', 'handler') });
  });

  it('do not bring along data that did not change', () => {
    const { selection } = diffOf('ops-table.ok');
    assert.deepEqual(
      selection.included.map(({ name }) => name),
      ['open'],
    );
  });

  it('bring the cold part along', () => {
    const diff = diffOf('cold-parent.ok');
    const cold = usesOf(diff, 'parse').filter(({ reference }) => nameOf(reference) === 'parse.cold');
    assert.ok(cold.length > 0);
    for (const { resolution } of cold) assert.equal(resolution.kind, 'copy');
  });

  it('bring constants without a name along, as no kernel symbol leads to them', () => {
    const diff = diffOf('constant-merged.ok');
    const constants = usesOf(diff, 'changed').filter(
      ({ reference: { target } }) =>
        'definition' in target && target.definition.section.name === '.rodata.cst8',
    );
    assert.equal(constants.length, 3);
    for (const { resolution } of constants) assert.equal(resolution.kind, 'copy');
  });

  it('leave a shared section by a branch that has no relocation', () => {
    const diff = diffOf('shared-section-call.ok');
    const [call] = usesOf(diff, 'wait').filter(({ reference }) => nameOf(reference) === 'sleep');
    assert.equal(call?.resolution.kind, 'running');
    assert.equal(call?.reference.bias, -4);
  });

  it('use the call site of pr_debug() in the kernel, and a copy of that of a module', async () => {
    const isCallSite = ({ reference }: Use) => nameOf(reference).startsWith('__UNIQUE_ID_ddebug');
    const inKernel = usesOf(diffOf('debug-kept.ok'), 'run').filter(isCallSite);
    assert.deepEqual([...new Set(inKernel.map(({ resolution }) => resolution.kind))], ['running']);
    const inModule = usesOf(await diffFixture('debug-kept.ok', { isModule: true }), 'run').filter(isCallSite);
    assert.deepEqual([...new Set(inModule.map(({ resolution }) => resolution.kind))], ['copy']);
  });

  it('keep a weak symbol weak', () => {
    const uses = usesOf(diffOf('weak-undefined.ok'), 'ask').filter(
      ({ reference }) => nameOf(reference) === 'optional',
    );
    assert.ok(uses.length >= 2);
    for (const { resolution } of uses) {
      assert.deepEqual(resolution, { kind: 'external', symbol: 'optional', weak: true });
    }
  });
});

describe('an object compiled without sections of its own for each function', () => {
  const source = (n: number) => `#include "kernel.h"
static int table[] = {1, 2, 3};
static noinline int inner(int n) { return think(table[n]) + ${n}; }
int outer(int n) { printk("outer"); return inner(n) + 1; }
int last(int n) { return think(n) * 3; }`;

  it('is compared with the same verdict', async () => {
    const [pre, post] = await Promise.all([1, 2].map((n) => compileObject(source(n), [])));
    assert.ok(pre && post);
    const diff = diffObjects('x.o', pre, post, LAYOUTS);
    assert.deepEqual(
      diff.replaced.map(({ after }) => after.name),
      ['inner'],
    );
    assert.deepEqual(diff.reasons, []);
  });

  it('refuses a branch that is too short to leave the section', async () => {
    const text = (
      n: number,
    ) => `asm(".text\\n.type near,@function\\nnear: call __fentry__\\nret\\n.size near, .-near\\n"
".type hop,@function\\nhop: call __fentry__\\nmov $${n}, %eax\\njmp near\\n.size hop, .-hop\\n");`;
    const [pre, post] = await Promise.all([1, 2].map((n) => compileObject(text(n), [])));
    assert.ok(pre && post);
    const { reasons } = diffObjects('x.o', pre, post, LAYOUTS);
    assert.deepEqual(
      reasons.map(({ code, subject }) => [code, subject.symbol, subject.offset]),
      [['short-branch', 'hop', 11]],
    );
  });
});

function nameOf({ target }: Reference): string {
  return 'symbol' in target ? target.symbol : target.definition.name;
}

function definitionOf(diff: ObjectDiff, side: 'pre' | 'post', name: string): Definition {
  const found = diff[side].object.definitions.find((definition) => definition.name === name);
  assert.ok(found, name);
  return found;
}

/** All references of a replaced function with where they lead, in order. */
function usesOf(diff: ObjectDiff, name: string): readonly Use[] {
  const user = definitionOf(diff, 'post', name);
  assert.ok(diff.selection.included.includes(user), name);
  const included = new Set(diff.selection.included);
  const branches = branchOperands(diff.post, user);
  return diff.post.object.referencesOf(user).map((reference) => {
    const use = branches.has(reference.offset) ? 'branch' : 'address';
    return { reference, resolution: resolveTarget(diff.correlation, included, reference.target, use) };
  });
}

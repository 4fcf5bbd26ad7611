// A patch that is made for one engine and then for the other one, as workers do with what jumps cannot carry: names are followed and
// sources compiled once.

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import type { ProgressEvent } from '@resplice/report';
import { createUpdate, openWorkshop, parsePatches } from '../../src/index.js';
import { kernels } from './kernels.js';

/** Two sources of the kernel include it, and each uses its one function. */
const HEADER = 'net/core/sock_destructor.h';
const BEFORE = '\treturn skb->destructor == sock_wfree ||\n';
const AFTER = '\treturn !skb->destructor ? skb->len == 4711 : skb->destructor == sock_wfree ||\n';

for (const kernel of kernels) {
  test(`the second engine asks nothing twice: ${kernel}`, async () => {
    const workshop = await openWorkshop({ kernel }, {});
    const lines = (await readFile(join(workshop.tree.directory, HEADER), 'utf8')).split(/(?<=\n)/);
    const at = lines.indexOf(BEFORE);
    assert.notEqual(at, -1);
    const hunk = [`@@ -${at + 1} +${at + 1} @@\n`, `-${BEFORE}`, `+${AFTER}`];
    const text = [`--- a/${HEADER}\n`, `+++ b/${HEADER}\n`, ...hunk].join('');
    const make = async (engine: 'trampoline' | 'livepatch') => {
      const events: ProgressEvent[] = [];
      const verdict = await createUpdate(
        {
          ...{ kernel, cves: [], description: undefined, on: [], engine },
          patches: parsePatches(Buffer.from(text), 'header.patch'),
        },
        { workshop, progress: (event) => events.push(event) },
      );
      assert.ok(verdict.ok, JSON.stringify(verdict));
      const { manifest } = verdict.value.update;
      const functions = manifest.objects.flatMap((object) => object.functions.map(({ name }) => name));
      return { functions: functions.sort(), stages: new Set(events.map(({ stage }) => stage)) };
    };
    const first = await make('trampoline');
    const second = await make('livepatch');
    assert.ok(first.stages.has('follow-names'), [...first.stages].join());
    assert.ok(!second.stages.has('follow-names') && !second.stages.has('preprocess'));
    assert.deepEqual(second.functions, first.functions);
  });
}

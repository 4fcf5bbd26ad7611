// The layouts against kmod/core-abi.h, as gcc reads it, and what is written with them.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { ByteReader, ByteWriter } from '../../src/bytes/index.js';
import * as abi from '../../src/trampoline/core-abi.layout.js';
import { encodeCoreRequest, parseCoreReply } from '../../src/trampoline/core-message.js';
import { assertSameAsGcc, measureWithGcc } from '../bytes/gcc-measure.js';

const HEADER = join(dirname(fileURLToPath(import.meta.url)), '../../../../../kmod/core-abi.h');

describe('the layouts of the core', () => {
  it('are those of kmod/core-abi.h', () => {
    const { CORE_REQUEST, CORE_SITE, CORE_DATA, CORE_HOOK, CORE_NAME, CORE_BUSY, CORE_REPLY, CORE_UPDATE } =
      abi;
    const layouts = [
      CORE_REQUEST,
      CORE_SITE,
      CORE_DATA,
      CORE_HOOK,
      CORE_NAME,
      CORE_BUSY,
      CORE_REPLY,
      CORE_UPDATE,
    ];
    assertSameAsGcc(HEADER, layouts, { prefix: 'struct ' });
  });

  it('come with all numbers of the header', () => {
    const ours = new Map<string, number>([
      ['MAGIC', abi.CORE_MAGIC],
      ['ABI', abi.CORE_ABI],
      ['NAME_SIZE', abi.NAME_SIZE],
      ['NO_ITEM', abi.NO_ITEM],
      ...Object.entries({ ...abi.CORE_TYPE, ...abi.CORE_CODE, ...abi.CORE_STATE, ...abi.CORE_FLAG }),
      ...Object.entries(abi.CORE_LIMIT).map(([key, value]): [string, number] => [`LIMIT_${key}`, value]),
    ]);
    const questions = [...ours.keys()].map((key): [string, string] => [key, `RESPLICE_CORE_${key}`]);
    assert.deepEqual(measureWithGcc(HEADER, questions), ours);
    const header = readFileSync(HEADER, 'utf8');
    const codes = header.slice(
      header.indexOf('enum resplice_core_code'),
      header.indexOf('RESPLICE_CORE_NO_ITEM'),
    );
    const names = [...codes.matchAll(/\tRESPLICE_CORE_(\w+) =/g)].map(([, name]) => name);
    assert.deepEqual(names, Object.keys(abi.CORE_CODE));
  });
});

describe('a request', () => {
  it('holds what it counts, and its own size', () => {
    const request = encodeCoreRequest({
      type: 'PREPARE',
      module: 'resplice_one',
      sites: [
        {
          oldStart: 0xffffffff81000000n,
          oldSize: 40,
          jumpOffset: 5,
          oldBytes: Uint8Array.of(1, 2, 3, 4, 5),
          target: 0xffffffffc0000004n,
          newStart: 0xffffffffc0000000n,
          newSize: 60,
        },
      ],
      hooks: [{ address: 0xffffffffc0000100n, kind: 'pre-apply' }],
      uses: ['dummy'],
    });
    const reader = new ByteReader(request, { file: 'request' });
    const head = abi.CORE_REQUEST.read(reader);
    assert.deepEqual([head.size, head.sites, head.hooks, head.names], [request.length, 1, 1, 1]);
    assert.equal(abi.CORE_SITE.read(reader).new_size, 60);
    assert.equal(abi.CORE_HOOK.read(reader).kind, 1);
    assert.equal(Buffer.from(abi.CORE_NAME.read(reader).name).toString().replace(/\0+$/, ''), 'dummy');
    assert.equal(reader.remaining, 0);
  });
});

describe('a reply', () => {
  const reply = (change: Partial<abi.CoreReplyFields>): Uint8Array => {
    const writer = new ByteWriter();
    abi.CORE_REPLY.write(writer, {
      ...{ magic: abi.CORE_MAGIC, abi: abi.CORE_ABI, type: 6, size: 0, code: 0, item: abi.NO_ITEM, error: 0 },
      ...{ attempts: 0, updates: 0, pause_ns: 0n, stop_ns: 0n, switched_ns: 0n, prepare_ns: 0n },
      ...{ judged: 0, judged_again: 0, busy: new Uint8Array(abi.CORE_BUSY.size), name: new Uint8Array(64) },
      ...change,
    });
    return writer.finish();
  };

  it('tells the code by its name, and undefined for one of a later core', () => {
    assert.equal(parseCoreReply(reply({ code: 24 })).code, 'BUSY');
    assert.equal(parseCoreReply(reply({ code: 999 })).code, undefined);
  });

  it('is refused from a core of another interface, and cut off', () => {
    assert.throws(() => parseCoreReply(reply({ abi: 2 })), { code: 'not-a-core-reply' });
    assert.throws(() => parseCoreReply(reply({ updates: 3 })), { code: 'truncated' });
    assert.throws(() => parseCoreReply(new Uint8Array(10)), { code: 'truncated' });
  });
});

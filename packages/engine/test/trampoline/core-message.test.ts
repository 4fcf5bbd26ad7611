// The layouts against kmod/core-abi.h, as gcc reads it, and what is written with them.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { ByteReader, ByteWriter } from '../../src/bytes/index.js';
import * as abi from '../../src/trampoline/core-abi.layout.js';
import {
  type CorePlace,
  type CoreSite,
  encodeCoreRequest,
  parseCoreReply,
} from '../../src/trampoline/core-message.js';
import { assertSameAsGcc, measureWithGcc } from '../bytes/gcc-measure.js';

const HEADER = join(dirname(fileURLToPath(import.meta.url)), '../../../../../kmod/core-abi.h');

describe('the layouts of the core', () => {
  it('are those of kmod/core-abi.h', () => {
    const layouts = [
      ...[abi.CORE_REQUEST, abi.CORE_SITE, abi.CORE_DATA, abi.CORE_HOOK, abi.CORE_NAME, abi.CORE_OBJECT],
      ...[abi.CORE_SYMBOL, abi.CORE_FIXUP, abi.CORE_BUSY, abi.CORE_REPLY, abi.CORE_UPDATE],
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

const site = (old: CorePlace, size: number): CoreSite => ({
  old,
  code: new Uint8Array(size).fill(0xc3),
  mask: new Uint8Array(size).fill(0xff),
  jumpOffset: 5,
  target: 0xffffffffc0000004n,
  newStart: 0xffffffffc0000000n,
  newSize: 60,
  coexists: false,
});

const text = (field: Uint8Array): string => Buffer.from(field).toString().replace(/\0.*$/s, '');

describe('a request', () => {
  it('holds what it counts, and its own size', () => {
    const request = encodeCoreRequest({
      type: 'PREPARE',
      module: 'resplice_one',
      sites: [site({ address: 0xffffffff81000000n }, 40), site({ symbol: 1 }, 20)],
      data: [
        {
          place: { address: 0xffffffff82000000n },
          before: Uint8Array.of(1, 2, 3, 4),
          after: Uint8Array.of(5, 6, 7, 8),
        },
      ],
      hooks: [
        { address: 0xffffffffc0000100n, kind: 'pre-apply', object: undefined },
        { address: 0xffffffffc0000120n, kind: 'apply', object: 0 },
      ],
      uses: ['resplice_below'],
      objects: [
        { name: 'dummy', user: 0, buildId: Uint8Array.of(1, 2, 3) },
        { name: 'helper', user: 0, buildId: undefined },
      ],
      symbols: [
        { object: 1, name: 'helper_call', position: 0 },
        { object: 0, name: 'dummy_xmit', position: 2 },
      ],
      fixups: [{ place: 0xffffffffc0000010n, addend: -4n, symbol: 0, type: 2 }],
    });
    const reader = new ByteReader(request, { file: 'request' });
    const head = abi.CORE_REQUEST.read(reader);
    const { size, sites, data, hooks, names, objects, symbols, fixups } = head;
    assert.deepEqual(
      [size, sites, data, hooks, names, objects, symbols, fixups],
      [request.length, 2, 1, 2, 1, 2, 2, 1],
    );
    const [first, second] = [abi.CORE_SITE.read(reader), abi.CORE_SITE.read(reader)];
    assert.deepEqual([first.old_start, first.object, first.old_size], [0xffffffff81000000n, 0, 40]);
    assert.deepEqual([second.old_start, second.object, second.old_size], [1n, 1, 20]);
    const changed = abi.CORE_DATA.read(reader);
    assert.deepEqual([changed.size, changed.object], [4, 0]);
    assert.deepEqual(
      [abi.CORE_HOOK.read(reader), abi.CORE_HOOK.read(reader)].map((hook) => [hook.kind, hook.object]),
      [
        [1, 0],
        [2, 1],
      ],
    );
    assert.equal(text(abi.CORE_NAME.read(reader).name), 'resplice_below');
    const modules = [abi.CORE_OBJECT.read(reader), abi.CORE_OBJECT.read(reader)];
    assert.deepEqual(
      modules.map(({ name, user, build_id_size, build_id }) => [
        text(name),
        user,
        build_id_size,
        build_id[2],
      ]),
      [
        ['dummy', 0, 3, 3],
        ['helper', 0, 0, 0],
      ],
    );
    const known = [abi.CORE_SYMBOL.read(reader), abi.CORE_SYMBOL.read(reader)];
    const fixup = { place: 0xffffffffc0000010n, addend: -4n, symbol: 0, type: 2 };
    assert.deepEqual(abi.CORE_FIXUP.read(reader), fixup);
    const bytes = request.subarray(request.length - reader.remaining);
    assert.equal(bytes.length, head.bytes);
    assert.deepEqual(
      known.map(({ object, name, position }) => [object, text(bytes.subarray(name)), position]),
      [
        [1, 'helper_call', 0],
        [0, 'dummy_xmit', 2],
      ],
    );
    assert.deepEqual([...bytes.subarray(first.code + 39, first.code + 41)], [0xc3, 0xff]);
    assert.deepEqual(
      [...bytes.subarray(Number(changed.content), Number(changed.content) + 8)],
      [1, 2, 3, 4, 5, 6, 7, 8],
    );
  });
});

describe('data whose bytes the module of the update has', () => {
  it('is told by a symbol, an offset and an address', () => {
    const request = encodeCoreRequest({
      ...{ type: 'PREPARE', module: 'resplice_x', sites: [], hooks: [], uses: [], fixups: [] },
      data: [{ place: { symbol: 0 }, from: 16, size: 8, content: 0xffffffffc0001000n }],
      objects: [{ name: 'nvme', user: 0, buildId: undefined }],
      symbols: [{ object: 0, name: 'nvme_driver', position: 0 }],
    });
    const reader = new ByteReader(request, { file: 'request' });
    reader.skip(abi.CORE_REQUEST.size);
    assert.deepEqual(abi.CORE_DATA.read(reader), {
      ...{ address: 0n, content: 0xffffffffc0001000n, size: 8, from: 16, object: 1, flags: 1 },
    });
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
    assert.throws(() => parseCoreReply(reply({ abi: 1 })), { code: 'not-a-core-reply' });
    assert.throws(() => parseCoreReply(reply({ updates: 3 })), { code: 'truncated' });
    assert.throws(() => parseCoreReply(new Uint8Array(10)), { code: 'truncated' });
  });
});

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { InputError } from '@resplice/report';
import fc from 'fast-check';
import { parseSymvers } from '../../src/kernel/symvers.js';

const TEXT = [
  '0x4c9d28b0\tphys_base\tvmlinux\tEXPORT_SYMBOL\t',
  '0xffffffff\tdma_buf_fd\tvmlinux\tEXPORT_SYMBOL_GPL\tDMA_BUF',
  '0x00000001\tnf_conntrack_find\tnet/netfilter/nf_conntrack\tEXPORT_SYMBOL',
  '',
].join('\n');

describe('parseSymvers', () => {
  it('gives checksum, module, licence and namespace of each symbol', () => {
    const symbols = parseSymvers(TEXT);
    assert.deepEqual(
      [...symbols.values()],
      [
        { name: 'phys_base', crc: 0x4c9d28b0, module: 'vmlinux', gplOnly: false, namespace: '' },
        { name: 'dma_buf_fd', crc: 0xffffffff, module: 'vmlinux', gplOnly: true, namespace: 'DMA_BUF' },
        {
          name: 'nf_conntrack_find',
          crc: 1,
          module: 'net/netfilter/nf_conntrack',
          gplOnly: false,
          namespace: '',
        },
      ],
    );
  });

  it('names the line that is malformed or stands twice', () => {
    for (const line of [
      'phys_base',
      '0x1\ta\tb\tEXPORT_SYMBOL\t',
      '0x00000001\ta\tb\tEXPORT_UNUSED\t',
      '0x00000001\t\tb\tEXPORT_SYMBOL\t',
    ]) {
      assert.throws(() => parseSymvers(`${TEXT}${line}\n`), {
        code: 'symvers-malformed',
        message: /^Module\.symvers:4: /,
      });
    }
    assert.throws(() => parseSymvers(TEXT + TEXT), { code: 'symvers-duplicate' });
  });

  it('ends with a named error or symbols on any text made of its parts', () => {
    const part = fc.constantFrom(
      '0x4c9d28b0',
      '\t',
      '\n',
      'EXPORT_SYMBOL',
      'EXPORT_SYMBOL_GPL',
      'vmlinux',
      'name',
      '__proto__',
    );
    fc.assert(
      fc.property(fc.array(part, { maxLength: 30 }), (parts) => {
        try {
          for (const [name, symbol] of parseSymvers(parts.join(''))) assert.equal(symbol.name, name);
        } catch (error) {
          assert.ok(error instanceof InputError, String(error));
        }
      }),
      { seed: 7, numRuns: 2000 },
    );
  });
});

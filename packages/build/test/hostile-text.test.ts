// Every parser of text that comes from elsewhere, under seeded damage: a value or one of our errors, and soon.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { InputError } from '@resplice/report';
import fc from 'fast-check';
import { parseChangelog } from '../src/debian/changelog.js';
import { parsePackageRecords } from '../src/debian/control-record.js';
import { parsePatch } from '../src/patch/diff-parser.js';
import { isSameRule } from '../src/tree/build-rule.js';
import { scanIncludes } from '../src/tree/include-scan.js';
import { parseKernelConfig } from '../src/tree/kernel-config.js';
import { parseRecipe } from '../src/tree/recipe.js';
import { parseShellStatement } from '../src/tree/shell-words.js';

const CHANGELOG = `linux (6.1.176-1) bookworm; urgency=medium

  * New upstream stable update:
    - tcp: restrict SO_ATTACH_FILTER to priv users (CVE-2026-53236)
  [ A. Name ]

 -- A. Name <name@example.org>  Fri, 19 Jun 2026 11:37:33 +0200
`;
const RECORDS = `Package: linux-image-6.1.0-47-amd64-unsigned
Version: 6.1.170-3
Architecture: amd64
Size: 69000000
SHA256: ${'0123456789abcdef'.repeat(4)}

Package: other
Version: 1
`;
const PATCH = `Subject: [PATCH] one
--- a/net/core/sock.c
+++ b/net/core/sock.c
@@ -1,3 +1,4 @@
 a
+b
 c
 d
--- /dev/null
+++ b/net/new.c
@@ -0,0 +1,1 @@
+x
\\ No newline at end of file
`;
const RECIPE =
  "set -e;  echo '  CC      net/core/sock.o';   trap 'rm -f net/core/sock.o; trap - HUP; kill -s HUP $$' HUP; gcc-12 -Wp,-MMD,net/core/.sock.o.d -O2 -DX='\"x y\"' -c -o net/core/sock.o net/core/sock.c ; ./tools/objtool/objtool --orc net/core/sock.o; printf x";
const MAKEFILE = 'obj-y := a.o \\\n b.o\nifdef CONFIG_X\nobj-$(CONFIG_Y) += c.o # d\nendif\n';
const KCONFIG = 'config X\n\tbool "x"\n\thelp\n\t  text\n\t  more\n\nconfig Y\n\ttristate\n';
const SOURCE = '#include <linux/a.h>\n#  include "b.h"\n#define TRACE_SYSTEM x\n.incbin "c"\n';

const PARSERS: readonly (readonly [name: string, sample: string, parse: (text: string) => unknown])[] = [
  ['the changelog', CHANGELOG, parseChangelog],
  ['control records', RECORDS, parsePackageRecords],
  ['patches', PATCH, (text) => parsePatch(Buffer.from(text, 'latin1'), 'x.patch')],
  ['recipes of make', RECIPE, (text) => parseRecipe(text, 'gcc-12')],
  ['words of the shell', RECIPE, (text) => parseShellStatement(text, 0)],
  ['a configuration', 'CONFIG_A=y\n# CONFIG_B is not set\nCONFIG_C="x"\n', parseKernelConfig],
  ['Makefiles', MAKEFILE, (text) => isSameRule('net/Makefile', MAKEFILE, text, new Map([['CONFIG_Y', 'y']]))],
  ['option files', KCONFIG, (text) => isSameRule('net/Kconfig', KCONFIG, text, new Map())],
  ['includes of a source', SOURCE, (text) => scanIncludes(text, true, new Map([['CONFIG_A', 'y']]))],
];

const damage = fc.record({
  place: fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
  remove: fc.nat(40),
  insert: fc.oneof(
    fc.constantFrom('\n', '\0', '\\', "'", '"', '(', ' ', '-', '9'.repeat(30), '\t', '@@ -1 +1 @@\n', '\xff'),
    fc.string({ maxLength: 12 }),
  ),
});

describe('damaged text', () => {
  for (const [name, sample, parse] of PARSERS) {
    it(`gives a value or an error of ours: ${name}`, () => {
      parse(sample);
      fc.assert(
        fc.property(fc.array(damage, { minLength: 1, maxLength: 8 }), (damages) => {
          let text = sample;
          for (const { place, remove, insert } of damages) {
            const at = Math.floor(place * text.length);
            text = text.slice(0, at) + insert + text.slice(at + remove);
          }
          try {
            parse(text);
          } catch (error) {
            if (!(error instanceof InputError)) throw error;
          }
        }),
        { seed: 31, numRuns: 800 },
      );
    });

    it(`is read in time that grows with its length alone: ${name}`, () => {
      for (const piece of [sample, ' ', '(', 'CVE-2026-', '\\\n', "'", '#include "']) {
        const start = process.cpuUsage();
        try {
          parse(sample + piece.repeat(Math.ceil(100_000 / piece.length)));
        } catch (error) {
          if (!(error instanceof InputError)) throw error;
        }
        const { user, system } = process.cpuUsage(start);
        assert.ok(user + system < 2_000_000, `${JSON.stringify(piece.slice(0, 20))}: ${user + system} µs`);
      }
    });
  }
});

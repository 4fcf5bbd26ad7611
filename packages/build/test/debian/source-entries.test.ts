import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { readListEntries, readPolicyAddresses, readStanzaEntries } from '../../src/debian/source-entries.js';

const debian = new Set(['http://deb.debian.org/debian']);

test('one-line entries keep their options and become deb-src', () => {
  const text =
    '# deb http://deb.debian.org/debian old main\ndeb [arch=amd64 signed-by=/k.gpg] http://deb.debian.org/debian/ bookworm main # x\ndeb https://other.example/apt stable main\n';
  assert.deepEqual(readListEntries(text, debian).lines, [
    'deb-src [arch=amd64 signed-by=/k.gpg] http://deb.debian.org/debian/ bookworm main',
  ]);
});

test('stanzas keep their fields and become deb-src; disabled and other ones are left out', () => {
  const stanza =
    'Types: deb\n# why\nURIs: http://deb.debian.org/debian\nSuites: bookworm bookworm-updates\nComponents: main\nSigned-By: /k.gpg';
  const text = `${stanza}\n\n${stanza}\nEnabled: no\n\nTypes: deb-src\nURIs: http://deb.debian.org/debian\n\nTypes: deb\nURIs: https://other.example/apt\n`;
  const { stanzas } = readStanzaEntries(text, debian);
  assert.equal(stanzas.length, 1);
  assert.match(
    stanzas[0] ?? '',
    /^Types: deb-src\nURIs: \S+\nSuites: bookworm bookworm-updates\nComponents: main\nSigned-By: \/k\.gpg$/,
  );
});

test('the addresses that offer a package are read from apt-cache policy', () => {
  const text =
    'linux-source-6.1:\n  Installed: (none)\n  Version table:\n     6.1.170-3 500\n        500 http://deb.debian.org/debian bookworm/main amd64 Packages\n        100 /var/lib/dpkg/status\n';
  assert.deepEqual([...readPolicyAddresses(text)], ['http://deb.debian.org/debian']);
});

test('any text is read without an error', () => {
  const part = fc.constantFrom(
    'deb ',
    '[',
    ']',
    'Types: deb',
    'URIs: ',
    'http://deb.debian.org/debian',
    '\n',
    '\n\n',
    ' ',
    '#',
  );
  fc.assert(
    fc.property(fc.array(fc.oneof(part, fc.string())), (parts) => {
      const text = parts.join('');
      const found = [...readListEntries(text, debian).lines, ...readStanzaEntries(text, debian).stanzas];
      return found.every((entry) => entry.includes('deb-src'));
    }),
    { seed: 11, numRuns: 1000 },
  );
});

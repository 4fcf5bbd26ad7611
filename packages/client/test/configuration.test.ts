import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { RespliceError } from '@resplice/report';
import fc from 'fast-check';
import { DEFAULTS, parseConfiguration } from '../src/configuration.js';

const parse = (text: string) => parseConfiguration(text, 'resplice.conf');

test('reads values, comments and blank lines', () => {
  const text =
    '# all of it\n\nserver = https://updates.example.org # ours\nauto=install\nsend-hostname = yes\n';
  assert.deepEqual(parse(text), {
    ...DEFAULTS,
    server: 'https://updates.example.org',
    auto: 'install',
    sendHostname: true,
  });
});

test('the file of the package says what the defaults are, and changes nothing', () => {
  const file = new URL('../../../../packaging/resplice.conf', import.meta.url);
  const text = readFileSync(file, 'utf8');
  assert.deepEqual(parse(text), DEFAULTS);
  // With each of its examples switched on, it is still a configuration.
  assert.equal(parse(text.replace(/^#(?=[a-z-]+ = )/gm, '')).auto, 'notify');
});

test('a mistake is named with its line and with what would be right', () => {
  const mistakes: readonly (readonly [string, RegExp])[] = [
    [
      '\nauto = intsall\n',
      /^resplice\.conf:2: "intsall" cannot be the value of auto; expected off, notify or install$/,
    ],
    ['automatic = yes', /there is no key "automatic"; known are server, /],
    ['just words', /is not "key = value"/],
    ['auto = off\nauto = install', /:2: "auto" is set a second time/],
    ['server = updates.example.org', /expected https:\/\/HOST/],
    ['timeout = 0', /whole number from 1 to 3600/],
    ['repository = relative/folder', /absolute path/],
    ['proxy = proxy:3128', /expected http:\/\/HOST:PORT/],
  ];
  for (const [text, pattern] of mistakes) {
    assert.throws(
      () => parse(text),
      (error) => {
        assert.ok(error instanceof RespliceError && error.code === 'configuration-malformed');
        assert.match(error.message, pattern);
        return true;
      },
    );
  }
});

test('whatever the text, the answer is a configuration or our error', () => {
  const line = fc.oneof(fc.string(), fc.constantFrom('auto', '=', 'server = http://h', 'timeout = 7', '#'));
  fc.assert(
    fc.property(fc.array(line), (lines) => {
      try {
        return typeof parse(lines.join('\n')).timeoutSeconds === 'number';
      } catch (error) {
        return error instanceof RespliceError;
      }
    }),
  );
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isIdleTool, isSameRule } from '../../src/tree/build-rule.js';

const OPTIONS = new Map([['CONFIG_SET', 'y']]);
const MAKEFILE = '# SPDX\nobj-$(CONFIG_SET) += core.o\ncore-y := a.o \\\n\tb.o\n';
const isSame = (path: string, before: string, after: string) => isSameRule(path, before, after, OPTIONS);

test('comments, line breaks and objects of options that are not set change no rule', () => {
  assert.ok(isSame('drivers/x/Makefile', MAKEFILE, MAKEFILE.replace('SPDX', 'other')));
  assert.ok(isSame('drivers/x/Makefile', MAKEFILE, MAKEFILE.replace('\\\n\tb.o', 'b.o')));
  assert.ok(isSame('drivers/x/Makefile', MAKEFILE, `${MAKEFILE}obj-$(CONFIG_OTHER) += new.o\n`));
  assert.ok(isSame('drivers/x/Kbuild', `${MAKEFILE}obj-$(CONFIG_OTHER) += old.o\n`, MAKEFILE));
});

test('an object, a flag or a part of a module changes the rule', () => {
  for (const line of [
    'obj-$(CONFIG_SET) += new.o',
    'core-$(CONFIG_OTHER) += c.o',
    'ccflags-y += -DX',
    'obj-y += z.o',
  ]) {
    assert.ok(!isSame('drivers/x/Makefile', MAKEFILE, `${MAKEFILE}${line}\n`), line);
  }
  assert.ok(!isSame('drivers/x/Makefile', MAKEFILE, MAKEFILE.replace(' \\\n\tb.o', '')));
});

test('the version counts for nothing in the top Makefile only', () => {
  assert.ok(isSame('Makefile', 'SUBLEVEL = 1\nall:\n', 'SUBLEVEL = 2\nall:\n'));
  assert.ok(!isSame('drivers/x/Makefile', 'SUBLEVEL = 1\n', 'SUBLEVEL = 2\n'));
});

test('help and comments of Kconfig count for nothing, all else does', () => {
  const option =
    'config FOO\n\tbool "foo"\n\tdepends on BAR\n\thelp\n\t  Says this.\n\n\t    And that.\nconfig NEXT\n\tbool\n';
  assert.ok(isSame('lib/Kconfig.debug', option, option.replace('this', 'more\n\t  of it')));
  assert.ok(!isSame('lib/Kconfig', option, option.replace('on BAR', 'on BAZ')));
  assert.ok(!isSame('lib/Kconfig', option, option.replace('config NEXT\n\tbool', 'config NEXT\n\ttristate')));
  assert.ok(!isSame('lib/Kconfig', option, `${option}config THIRD\n\tdef_bool y\n`));
});

test('scripts and other files of the build are the same only when they are equal', () => {
  assert.ok(!isSame('scripts/link.sh', '# a\n', '# b\n'));
});

test('a tool that only an option runs is idle without it', () => {
  assert.ok(isIdleTool('scripts/dtc/dtc-lexer.l', OPTIONS));
  assert.ok(!isIdleTool('scripts/dtc/dtc-lexer.l', new Map([['CONFIG_DTC', 'y']])));
  assert.ok(!isIdleTool('scripts/mod/modpost.c', OPTIONS));
});

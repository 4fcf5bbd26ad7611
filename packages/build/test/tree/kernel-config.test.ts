import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EnvironmentError, InputError } from '@resplice/report';
import { findCompiler, findCompilerText } from '../../src/tree/compiler.js';
import { assertSameConfig, compareConfigs } from '../../src/tree/kernel-config.js';

const SHIPPED = 'CONFIG_A=y\nCONFIG_GCC_VERSION=120200\n# CONFIG_B is not set\nCONFIG_MODULE_SIG_KEY=""\n';

test('an option that is not set equals one that is absent', () => {
  assert.deepEqual(compareConfigs('# CONFIG_B is not set\n', ''), []);
  assert.deepEqual(compareConfigs('CONFIG_B=m\n', '# CONFIG_B is not set\n'), [
    { option: 'CONFIG_B', shipped: 'm', prepared: undefined },
  ]);
});

test('what only Debian sets while building may differ', () => {
  assertSameConfig(SHIPPED, `${SHIPPED}CONFIG_BUILD_SALT=""\nCONFIG_MODULE_SIG_ALL=y\n`, false);
});

test('any other difference is an error that shows the option', () => {
  assert.throws(
    () => assertSameConfig(SHIPPED, SHIPPED.replace('120200', '140200'), false),
    (error) => {
      assert.ok(error instanceof EnvironmentError);
      assert.equal(error.code, 'config-differs');
      assert.match(error.message, /CONFIG_GCC_VERSION: shipped 120200, here 140200/);
      return true;
    },
  );
});

test('with a forced compiler, what describes the compiler may differ and nothing else', () => {
  assertSameConfig(SHIPPED, SHIPPED.replace('120200', '140200'), true);
  assert.throws(
    () => assertSameConfig(SHIPPED, SHIPPED.replace('CONFIG_A=y', ''), true),
    /CONFIG_A: shipped y, here not set/,
  );
});

const NAMED = 'CONFIG_CC_VERSION_TEXT="no-such-gcc-99 (Debian 99.1) 99.1.0"\n';

test('a missing compiler: the error names version and package', async () => {
  assert.equal(findCompilerText(NAMED), 'no-such-gcc-99 (Debian 99.1) 99.1.0');
  await assert.rejects(findCompiler(NAMED, undefined), (error) => {
    assert.ok(error instanceof EnvironmentError);
    assert.equal(error.code, 'compiler-missing');
    assert.match(error.message, /apt-get install gcc-99/);
    return true;
  });
});

test('another version of the compiler: the error shows both', async () => {
  // `cat --version` answers like a compiler does.
  await assert.rejects(
    findCompiler('CONFIG_CC_VERSION_TEXT="cat (Debian 99.1) 99.1.0"\n', undefined),
    (error) => {
      assert.ok(error instanceof EnvironmentError);
      assert.equal(error.code, 'compiler-differs');
      assert.match(
        error.message,
        /built with cat \(Debian 99\.1\) 99\.1\.0, but cat here is cat \(GNU coreutils\)/,
      );
      return true;
    },
  );
});

test('a forced compiler is taken, and what it replaces is recorded', async () => {
  const compiler = await findCompiler(NAMED, 'cat');
  assert.equal(compiler.command, 'cat');
  assert.equal(compiler.replaces, 'no-such-gcc-99 (Debian 99.1) 99.1.0');
  await assert.rejects(findCompiler(NAMED, 'cat; reboot'), InputError);
});

test('a configuration that names no compiler is refused', async () => {
  await assert.rejects(findCompiler('CONFIG_A=y\n', undefined), InputError);
});

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { InputError } from '@resplice/report';
import { CompileDatabase, type DatabaseFile, normalizePath } from '../../src/tree/compile-database.js';
import { fixture, readLog } from './fixture.js';

const log61 = readFileSync(fixture('make-n-6.1.log'), 'latin1');
const log612 = readFileSync(fixture('make-n-6.12.log'), 'latin1');
const stored = readLog(log61, 'gcc-12');
const database = new CompileDatabase(JSON.parse(JSON.stringify(stored)) as DatabaseFile);
const newer = new CompileDatabase(readLog(log612, 'x86_64-linux-gnu-gcc-12'));

test('records a built-in object with its exact flags and its objtool call', () => {
  const command = database.find('net/core/sock.o');
  assert.equal(command?.source, 'net/core/sock.c');
  assert.equal(command?.place, 'vmlinux');
  assert.deepEqual(command?.modules, []);
  assert.equal(command?.kind, 'c');
  assert.equal(command?.arguments[0], 'gcc-12');
  assert.ok(command?.arguments.includes('-mcmodel=kernel'));
  assert.deepEqual(command?.arguments.slice(-4), [
    '-DKBUILD_MODFILE="net/core/sock"',
    '-DKBUILD_BASENAME="sock"',
    '-DKBUILD_MODNAME="sock"',
    '-D__KBUILD_MODNAME=kmod_sock',
  ]);
  const words = command?.arguments ?? [];
  assert.ok(!words.some((word) => word.startsWith('-Wp,-MMD') || word === '-c' || word === '-o'));
  assert.deepEqual(command?.objtool?.slice(0, 2), ['./tools/objtool/objtool', '--hacks=jump_label']);
  assert.ok(!command?.objtool?.includes('net/core/sock.o'));
});

test('tells objects of lib.a, assembler sources and objects that are not kernel code', () => {
  assert.equal(database.find('arch/x86/lib/clear_page_64.o')?.place, 'library');
  assert.equal(database.find('arch/x86/lib/clear_page_64.o')?.kind, 'asm');
  assert.equal(database.find('lib/crc32.o')?.place, 'vmlinux');
  assert.equal(database.find('arch/x86/entry/vdso/vgetcpu.o')?.place, 'aside');
});

test('names modules as the kernel does, also composite ones', () => {
  assert.deepEqual(database.find('drivers/net/tun.o')?.modules, ['tun']);
  assert.equal(database.find('drivers/net/tun.o')?.place, 'module');
  const uncore = database.modules.get('intel_uncore');
  assert.equal(uncore?.path, 'arch/x86/events/intel/intel-uncore');
  assert.deepEqual(uncore?.objects, ['arch/x86/events/intel/uncore.o', 'arch/x86/events/intel/uncore_snb.o']);
});

test('an object that two modules share names both', () => {
  const command = database.find('drivers/net/ethernet/cavium/liquidio/lio_core.o');
  assert.deepEqual(command?.modules, ['liquidio', 'liquidio_vf']);
});

test('objects and sources are known without .. while the command keeps its spelling', () => {
  const object = 'drivers/gpu/drm/amd/display/modules/hdcp/hdcp2_transition.o';
  const command = database.find(object);
  assert.equal(command?.source, 'drivers/gpu/drm/amd/display/modules/hdcp/hdcp2_transition.c');
  assert.match(command?.sourceArgument ?? '', /amdgpu\/\.\.\/display/);
  assert.deepEqual(command?.modules, ['amdgpu']);
  assert.deepEqual(
    database.bySource(command?.source ?? '').map((each) => each.object),
    [object],
  );
});

test('a quoted flag with spaces stays one word', () => {
  const words = database.find('drivers/net/wireguard/main.o')?.arguments ?? [];
  assert.ok(words.includes('-Dpr_fmt(fmt)=KBUILD_MODNAME ": " fmt'));
});

test('host programs are generators, not kernel objects', () => {
  assert.equal(database.find('lib/gen_crc32table.o'), undefined);
  const targets = database.generated.flatMap((each) => each.targets);
  for (const target of [
    'lib/gen_crc32table',
    'lib/crc32table.h',
    'crypto/rsapubkey.asn1.c',
    'crypto/rsapubkey.asn1.h',
    'arch/x86/kvm/kvm-asm-offsets.s',
    'arch/x86/kvm/kvm-asm-offsets.h',
    'net/wireless/shipped-certs.c',
  ]) {
    assert.ok(targets.includes(target), target);
  }
  const certificates = database.generated.find((each) =>
    each.targets.includes('net/wireless/shipped-certs.c'),
  );
  assert.match(
    certificates?.command ?? '',
    /^\(echo '#include "reg\.h"'; \\\n[\s\S]*> net\/wireless\/shipped-certs\.c$/,
  );
});

test('objtool on finished modules comes from the modules of the log', () => {
  assert.deepEqual(database.moduleObjtool.slice(-1), ['--module']);
  assert.ok(newer.moduleObjtool.includes('--ibt'));
  assert.deepEqual(newer.moduleObjtool.slice(-2), ['--link', '--module']);
});

test('on 6.12 objtool does not run on an object of vmlinux', () => {
  assert.equal(newer.find('net/core/sock.o')?.objtool, null);
  assert.equal(newer.find('arch/x86/events/intel/uncore.o')?.objtool, null);
  assert.equal(newer.find('drivers/net/tun.o')?.place, 'module');
});

test('the pieces in which the log arrives do not matter', () => {
  assert.deepEqual(readLog(log61, 'gcc-12', 7), stored);
  assert.deepEqual(readLog(log61, 'gcc-12', 1 << 20), stored);
});

test('a log without a kernel build, or with a command of unknown form, is refused', () => {
  assert.throws(() => readLog('', 'gcc-12'), InputError);
  assert.throws(() => readLog('make: *** No rule to make target\n', 'gcc-12'), InputError);
  assert.throws(() => readLog(log61.replaceAll('vmlinux.a', 'other.a'), 'gcc-12'), InputError);
  const strange = log61.replaceAll('-c -o net/core/sock.o net/core/sock.c', '-c net/core/sock.c');
  assert.throws(() => readLog(strange, 'gcc-12'), /net\/core\/sock\.o: a compile command must end in/);
});

test('a log cut off at any place is refused or gives fewer objects, and never fails otherwise', () => {
  for (let at = 0; at < log61.length; at += 997) {
    try {
      const file = readLog(log61.slice(0, at), 'gcc-12');
      assert.ok(file.objects.length <= stored.objects.length);
    } catch (error) {
      assert.ok(error instanceof InputError, String(error));
    }
  }
});

test('normalizes paths', () => {
  assert.equal(normalizePath('./a/./b/../c.o'), 'a/c.o');
  assert.equal(normalizePath('../a/../../b'), '../../b');
  assert.equal(normalizePath('a/b.o'), 'a/b.o');
});

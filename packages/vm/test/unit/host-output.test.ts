// What the host's programs print, as read by us.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ConsoleLog } from '../../src/console-log.js';
import { parseShowDepends } from '../../src/module-tree.js';
import { encodeQemuArguments } from '../../src/qemu.js';
import { parseLddOutput } from '../../src/shared-library.js';

test('ldd: libraries and loader are taken, the vDSO is not a file', () => {
  const output = [
    '\tlinux-vdso.so.1 (0x00007f60cf2ad000)',
    '\tlibc.so.6 => /lib/x86_64-linux-gnu/libc.so.6 (0x00007f60ced3e000)',
    '\t/lib64/ld-linux-x86-64.so.2 (0x00007f60cf2af000)',
    'something else',
  ].join('\n');
  assert.deepEqual(parseLddOutput(output, 'p'), [
    '/lib/x86_64-linux-gnu/libc.so.6',
    '/lib64/ld-linux-x86-64.so.2',
  ]);
});

test('ldd: a library the host lacks is named', () => {
  assert.throws(() => parseLddOutput('\tlibgone.so.3 => not found\n', '/opt/p'), {
    code: 'library-missing',
    message: /\/opt\/p needs libgone\.so\.3/,
  });
});

test('modprobe: paths are taken without options, built-in modules need none', () => {
  const output =
    'insmod /i/lib/a.ko \ninsmod /i/lib/dummy.ko.xz numdummies=0 \nbuiltin unix\n\nmodprobe: hm\n';
  assert.deepEqual(parseShowDepends(output), ['/i/lib/a.ko', '/i/lib/dummy.ko.xz']);
});

test('the console is cut into lines, also inside a character', () => {
  const lines: string[] = [];
  const console = new ConsoleLog((line) => lines.push(line));
  const bytes = Buffer.from('[ 1.0] é\r\n[ 2.0] Kernel panic - not syncing: sysrq\r\npartial');
  for (const byte of bytes) console.push(Uint8Array.of(byte));
  assert.deepEqual(lines, ['[ 1.0] é', '[ 2.0] Kernel panic - not syncing: sysrq']);
  assert.equal(console.findPanic(), 'kernel panic: sysrq');
  assert.match(console.text(), /\npartial\n$/);
});

test('QEMU gets the kernel parameters as one argument, and KVM only when it is chosen', () => {
  const machine = {
    vmlinuz: '/k',
    initramfs: 9,
    commandLine: 'a=1 b',
    memoryMb: 512,
    cpus: 1,
    instructionClock: false,
  };
  const tcg = encodeQemuArguments({ ...machine, accelerator: 'tcg' });
  assert.ok(tcg.includes('a=1 b'));
  assert.ok(!tcg.includes('kvm'));
  assert.ok(encodeQemuArguments({ ...machine, accelerator: 'kvm' }).includes('kvm'));
});

test('a clock that counts instructions is asked of the emulator', () => {
  const machine = { vmlinuz: '/k', initramfs: 9, commandLine: '', memoryMb: 512, cpus: 1 };
  const args = encodeQemuArguments({ ...machine, accelerator: 'tcg', instructionClock: true });
  assert.equal(args[args.indexOf('-icount') + 1], 'shift=0,sleep=off');
  assert.ok(
    !encodeQemuArguments({ ...machine, accelerator: 'tcg', instructionClock: false }).includes('-icount'),
  );
});

test('Secure Boot comes with code and variables in flash, written in system management mode only', () => {
  const machine = { vmlinuz: '/k', initramfs: 9, commandLine: '', memoryMb: 512, cpus: 1 };
  const firmware = { code: '/code', variables: '/a,b' };
  const args = encodeQemuArguments({ ...machine, accelerator: 'tcg', instructionClock: false, firmware });
  assert.ok(args.includes('q35,smm=on'));
  assert.ok(args.includes('file=/code,format=raw,if=pflash,unit=0,readonly=on'));
  assert.ok(args.includes('file=/a,,b,format=raw,if=pflash,unit=1'));
});

test('a disk and a network card are there only when they are asked for, and a comma in a path is no end of it', () => {
  const machine = { vmlinuz: '/k', initramfs: 9, commandLine: '', memoryMb: 512, cpus: 1 };
  const spec = { ...machine, accelerator: 'tcg' as const, instructionClock: false };
  const bare = encodeQemuArguments(spec).join(' ');
  assert.ok(!bare.includes('-drive') && !bare.includes('-netdev'));
  const args = encodeQemuArguments({ ...spec, disk: '/tmp/a,b.img', network: true });
  assert.ok(args.includes('file=/tmp/a,,b.img,format=raw,if=virtio'));
  assert.ok(args.includes('user,id=net'));
});

// The units of 6.1.170-3 → 6.1.176-1 that the factory's tests send through it: quick to make, in the kernel itself and in modules, one that
// needs code which a person writes, and one that no amd64 kernel builds.

import { join } from 'node:path';
import { ROOT } from '../resplice-command.js';

export const FROM = '6.1.170-3';
export const TO = '6.1.176-1';
export const RELEASE = '6.1.0-47-amd64';
export const KERNEL = `${RELEASE}=${FROM}`;

export const NEEDS_CODE = 'input-keyboard-atkbd-b4ff43';
export const CODE = join(ROOT, 'e2e/test/factory/atkbd-quirks.patch');
export const NOT_BUILT = 'arch-arm64-mm-mmu-116101';

/**
 * Four patches of our own: one that cannot be one update with a unit of the release, two of which the second needs the first, and one whose effect a
 * script can see.
 */
export const SERIES = [
  '0001-ipc-own-bound',
  '0002-ipc-helper',
  '0003-ipc-refuse-long-messages',
  '0004-proc-hide-the-command-line',
].map((name) => join(ROOT, `e2e/test/factory/series/${name}.patch`));

/** For the unit of the last one: 0 when it is applied, else 1. */
export const PROBE = 'grep -q hidden /proc/cmdline\n';

/** Changes one function of the kernel itself, and fixes a CVE. */
export const FUNCTION = 'ipc-util-9b6854';

/** Changes init code and a live table of a module, and so applies while that is not loaded, by the livepatch engine. */
export const STANDS_ALONE = 'net-netfilter-xt-mac-f4b6bc';

/** A few, for the test command. */
export const SHORT = ['crypto-pcrypt-578e16', FUNCTION, NEEDS_CODE, NOT_BUILT, STANDS_ALONE];

export const ALL = [
  ...SHORT,
  'lib-mpi-mpicoder-722f75',
  'net-sched-sch-red-7cc3d5',
  'fs-nilfs2-dat-636779',
  'net-rxrpc-key-7c331d',
  'net-netfilter-nft-set-pipapo-avx2-7c95c1',
  'fs-notify-inotify-inotify-user-527671',
  'hid-hid-alps-62b0ec',
  'misc-ibmasm-lowlevel-a57c6a',
  'net-usb-rtl8150-525bbe',
  'net-ipv4-ip-options-97e45e',
  'fs-udf-misc-17e8cd',
  'fs-smb-server-transport-tcp-512808',
  'net-bluetooth-bnep-core-836cd8',
  'fs-ocfs2-resize-7aed67',
  'net-strparser-strparser-8f7671',
  'net-6lowpan-iphc-575041',
  'fs-erofs-dir-48f4a1',
  'net-ipv6-exthdrs-53f147',
  'net-rds-ib-send-97ee98',
  'kernel-cgroup-rdma-4bef3e',
];

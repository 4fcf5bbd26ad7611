// A Debian that systemd boots: its root on a disk, the stock kernel, and an initial RAM file system that does nothing but find the disk. What
// happens in it is done by one unit, late and with the network up, which writes what it sees to the second serial port.
//
// Not by packages/vm: its guests have an init of their own, and here the init is what is tested.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { cp, mkdir, mkdtemp, readFile, symlink, writeFile } from 'node:fs/promises';
import { basename, join, relative } from 'node:path';
import type { FetchedKernel } from '@resplice/build';
import { probeAccelerator } from '@resplice/vm';
import { encodeArchive } from './cpio-archive.js';
import { asRoot, makeFreshDebian, must } from './fresh-debian.js';

const PACKAGES = ['systemd-sysv', 'udev', 'kmod', 'libstdc++6', 'init-system-helpers'];
/** To find the root, and for the network. */
const ROOT_MODULES = ['virtio_pci', 'virtio_blk', 'ext4', 'crc32c_generic'];
const MODULES = [...ROOT_MODULES, 'virtio_net'];
const DISK_BYTES = 1536 * 1024 * 1024;
const BOOT_SECONDS = 1200;

const NETWORK = '[Match]\nName=en* eth*\n[Network]\nDHCP=ipv4\n';
const WITNESS = `[Unit]
Wants=network-online.target
After=network-online.target resplice-boot.service
[Service]
Type=oneshot
ExecStart=/bin/sh /etc/witness
StandardOutput=tty
StandardError=inherit
TTYPath=/dev/ttyS1
ExecStopPost=/bin/sh -c 'systemctl --no-block poweroff 2>/dev/null'
[Install]
WantedBy=multi-user.target
`;
const INIT = `#!/bin/sh
/busybox mkdir -p /proc /dev /root
/busybox mount -t proc proc /proc
/busybox mount -t devtmpfs dev /dev
for module in /modules/*; do /busybox insmod $module; done
until [ -b /dev/vda ]; do /busybox sleep 0.1; done
/busybox mount -t ext4 /dev/vda /root
/busybox umount /proc
/busybox mount --move /dev /root/dev
exec /busybox switch_root /root /sbin/init
`;

export interface DebianMachineOptions {
  readonly directory: string;
  readonly kernel: FetchedKernel;
  /** Of the package for machines. */
  readonly deb: string;
  /** More files, by their path in it. */
  readonly files: ReadonlyMap<string, string>;
  /** What the unit does: a shell script that may ask which boot it is, by `$boot` (1, 2, …). */
  readonly script: string;
}

export class DebianMachine {
  #boots = 0;

  private constructor(
    private readonly directory: string,
    private readonly kernel: FetchedKernel,
  ) {}

  static async make({ directory, kernel, deb, files, script }: DebianMachineOptions): Promise<DebianMachine> {
    const root = join(directory, 'debian');
    await mkdir(root);
    const archive = await makeFreshDebian('debian-systemd-root', PACKAGES);
    await asRoot('tar', '-C', root, '-xf', archive, '--exclude=./dev/*');
    await asRoot('cp', deb, join(root, 'resplice.deb'));
    await asRoot('chroot', root, 'dpkg', '-i', '/resplice.deb');
    await asRoot('rm', join(root, 'resplice.deb'));
    const staging = join(directory, 'staging');
    const texts: ReadonlyMap<string, string> = new Map([
      ['etc/fstab', '/dev/vda / ext4 defaults 0 0\n'],
      ['etc/hostname', 'machine\n'],
      ['etc/systemd/network/20-wired.network', NETWORK],
      ['etc/systemd/system/witness.service', WITNESS],
      ['etc/witness', `echo x >>/var/lib/boots; boot=$(wc -l </var/lib/boots)\n${script}\necho "=== end"\n`],
    ]);
    for (const [path, text] of texts) await writeInto(join(staging, path), text);
    for (const [path, source] of files) {
      await mkdir(join(staging, path, '..'), { recursive: true });
      await cp(source, join(staging, path));
    }
    const modules = await stageModules(directory, kernel, join(staging, 'usr/lib/modules'));
    await asRoot('cp', '-r', '--no-preserve=ownership', `${staging}/.`, root);
    await asRoot('depmod', '-b', root, kernel.identity.release);
    await asRoot('chroot', root, 'systemctl', 'enable', 'systemd-networkd', 'witness');
    const machine = new DebianMachine(directory, kernel);
    await machine.#writeDisk(root);
    await machine.#writeInitramfs(modules);
    await asRoot('rm', '-rf', root);
    return machine;
  }

  /** From power on until it has switched itself off; what the script printed. */
  async boot(): Promise<BootOfDebian> {
    this.#boots += 1;
    const file = (name: string): string => join(this.directory, `${name}-${this.#boots}.log`);
    const accelerator = await probeAccelerator(this.kernel.vmlinuz);
    const args = [
      ...['-no-user-config', '-nodefaults', '-display', 'none', '-no-reboot', '-machine', 'q35'],
      ...(accelerator === 'kvm' ? ['-accel', 'kvm', '-cpu', 'host'] : ['-accel', 'tcg', '-cpu', 'max']),
      ...['-m', '1024', '-kernel', this.kernel.vmlinuz, '-initrd', this.#initramfs],
      ...['-append', 'console=ttyS0 root=/dev/vda rw panic=-1'],
      ...['-serial', `file:${file('console')}`, '-serial', `file:${file('witness')}`],
      ...['-drive', `file=${this.#disk},format=raw,if=virtio`],
      ...['-netdev', 'user,id=net', '-device', 'virtio-net-pci,netdev=net,romfile='],
    ];
    // QEMU ends with this process, whatever becomes of it.
    const child = spawn('setpriv', ['--pdeathsig', 'KILL', '--', 'qemu-system-x86_64', ...args], {
      stdio: ['ignore', 'ignore', 'inherit'],
    });
    const timer = setTimeout(() => child.kill('SIGKILL'), BOOT_SECONDS * 1000);
    await once(child, 'close');
    clearTimeout(timer);
    const [console, witness] = await Promise.all(
      ['console', 'witness'].map((name) => readFile(file(name), 'utf8').catch(() => '')),
    );
    return new BootOfDebian(console ?? '', (witness ?? '').replaceAll('\r', ''));
  }

  get #disk(): string {
    return join(this.directory, 'debian.img');
  }

  get #initramfs(): string {
    return join(this.directory, 'debian.cpio');
  }

  async #writeDisk(root: string): Promise<void> {
    await asRoot('/usr/sbin/mkfs.ext4', '-q', '-d', root, this.#disk, `${DISK_BYTES / 1024}k`);
    await asRoot('chmod', '666', this.#disk);
  }

  async #writeInitramfs(modules: readonly string[]): Promise<void> {
    const entries = [
      { path: 'init', mode: 0o100_755, content: Buffer.from(INIT) },
      { path: 'bin', mode: 0o040_755 },
      { path: 'modules', mode: 0o040_755 },
      { path: 'busybox', mode: 0o100_755, content: await readFile('/usr/bin/busybox') },
      { path: 'bin/sh', mode: 0o120_777, content: Buffer.from('/busybox') },
    ];
    for (const [at, module] of modules.entries()) {
      const path = `modules/${`${at}`.padStart(3, '0')}-${basename(module)}`;
      entries.push({ path, mode: 0o100_644, content: await readFile(module) });
    }
    await writeFile(this.#initramfs, encodeArchive(entries));
  }
}

/** What one boot left behind. */
export class BootOfDebian {
  constructor(
    readonly console: string,
    readonly witness: string,
  ) {}

  /** What the script printed behind `echo "=== NAME"`. */
  section(name: string): string {
    const lines = this.witness.split('\n');
    const start = lines.indexOf(`=== ${name}`);
    const after = lines.slice(start + 1);
    const end = after.findIndex((line) => line.startsWith('=== '));
    if (start >= 0) return after.slice(0, end < 0 ? undefined : end).join('\n');
    throw new Error(`the boot did not come to "${name}": ${this.witness}\n${this.console.slice(-4000)}`);
  }
}

/** Copies the modules with what they need; gives back those that the root needs, in the order of loading. */
async function stageModules(
  directory: string,
  kernel: FetchedKernel,
  target: string,
): Promise<readonly string[]> {
  const { release } = kernel.identity;
  const index = await mkdtemp(join(directory, 'modules-'));
  const below = join(index, 'lib/modules', release);
  await mkdir(below, { recursive: true });
  await symlink(join(kernel.modules, 'kernel'), join(below, 'kernel'));
  for (const name of ['modules.order', 'modules.builtin', 'modules.builtin.modinfo'])
    await cp(join(kernel.modules, name), join(below, name));
  await must('/usr/sbin/depmod', '-b', index, release);
  const list = async (name: string): Promise<readonly string[]> => {
    const args = ['-C', '/dev/null', '-d', index, '-S', release, '--show-depends', '--', name];
    const printed = await must('/usr/sbin/modprobe', ...args);
    return printed.split('\n').flatMap((line) => /^insmod (\S+)/.exec(line)?.[1] ?? []);
  };
  const files = new Map<string, string>();
  for (const name of MODULES) for (const path of await list(name)) files.set(path, relative(below, path));
  for (const [path, name] of files) await cp(path, join(target, release, name), { dereference: true });
  for (const name of ['modules.order', 'modules.builtin', 'modules.builtin.modinfo'])
    await cp(join(kernel.modules, name), join(target, release, name));
  const needed = new Set<string>();
  for (const name of ROOT_MODULES) for (const path of await list(name)) needed.add(path);
  return [...needed];
}

async function writeInto(path: string, text: string): Promise<void> {
  await mkdir(join(path, '..'), { recursive: true });
  await writeFile(path, text);
}

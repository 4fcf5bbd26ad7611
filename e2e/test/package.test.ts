// The package for machines: made, judged by lintian, and installed, upgraded, removed and purged in a fresh Debian that has nothing else.

import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { asRoot, makeFreshDebian, must } from '../src/fleet/fresh-debian.js';
import { ROOT, run } from '../src/resplice-command.js';

const ROOT_PACKAGES = ['kmod', 'libstdc++6', 'init-system-helpers'];
const UNITS = [
  'sysinit.target.wants/resplice-boot.service',
  'timers.target.wants/resplice-upgrade.timer',
  'multi-user.target.wants/resplice-health.path',
];
const CONFIGURATION = '/etc/resplice/resplice.conf';

let folder = '';
let debian = '';
let file = '';

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'resplice-package-'));
  file = (await must(process.execPath, join(ROOT, 'scripts/package.mjs'))).trim().split('\n').at(-1) ?? '';
  debian = join(folder, 'debian');
  await mkdir(debian);
  await asRoot(
    'tar',
    '-C',
    debian,
    '-xf',
    await makeFreshDebian('debian-root', ROOT_PACKAGES),
    '--exclude=./dev/*',
  );
  await asRoot('cp', file, join(debian, 'old.deb'));
  // The same as a later version, uncompressed, which takes a second.
  const tree = join(folder, 'tree');
  await asRoot('dpkg-deb', '-R', file, tree);
  await asRoot('sed', '-i', 's/^Version: .*/Version: 99.0/', join(tree, 'DEBIAN/control'));
  await asRoot('dpkg-deb', '-Znone', '-b', tree, join(debian, 'new.deb'));
});

after(async () => {
  await asRoot('rm', '-rf', debian, join(folder, 'tree'));
  await rm(folder, { recursive: true, force: true });
});

/** A shell script inside of the fresh Debian. */
function inside(script: string): Promise<string> {
  return asRoot('chroot', debian, '/bin/bash', '-euc', script);
}

const there = (path: string): boolean => existsSync(join(debian, path));

test('lintian has neither errors nor warnings', async () => {
  await must('lintian', '--allow-root', '--fail-on', 'error,warning', file);
});

test('installed, it runs without any other Node.js, its units are enabled, and it brings its papers', async () => {
  await inside('dpkg -i /old.deb');
  assert.match(await inside('resplice --version'), /^\d+\.\d+\.\d+\n$/);
  const help = await inside('resplice --help');
  assert.match(help, /\n {2}upgrade /);
  assert.doesNotMatch(help, /\n {2}create /, 'what needs a checkout is not offered');
  const links = await inside(UNITS.map((unit) => `readlink -e /etc/systemd/system/${unit}`).join('; '));
  assert.equal(links.trim().split('\n').length, UNITS.length);
  const papers = [
    'man/man8/resplice.8.gz',
    'man/man5/resplice.conf.5.gz',
    'doc/resplice/third-party-licenses.gz',
  ];
  await inside(papers.map((paper) => `gzip -t /usr/share/${paper}`).join('; '));
  const words = await inside(
    'source /usr/share/bash-completion/completions/resplice; COMP_WORDS=(resplice re) COMP_CWORD=1; _resplice; declare -p COMPREPLY',
  );
  assert.match(words, /=\(\[0\]="register" \[1\]="refresh" \[2\]="remove"\)/);
});

test('every command is in the manual page', async () => {
  const page = await inside('gzip -dc /usr/share/man/man8/resplice.8.gz');
  for (const name of ['upgrade', 'register', 'boot', 'health', 'check', 'uname', 'remove', 'apply']) {
    assert.match(page, new RegExp(`^\\.SS resplice ${name} `, 'm'));
  }
});

test('systemd understands the units', async () => {
  const units = (await inside('ls /usr/lib/systemd/system/resplice-*')).trim().split('\n');
  const { stdout, stderr } = await run('systemd-analyze', [
    ...['verify', '--man=no', '--recursive-errors=no'],
    ...units.map((unit) => join(debian, unit)),
  ]);
  const complaints = `${stdout}${stderr}`
    .split('\n')
    // The program is in the fresh Debian and not on this machine.
    .filter((line) => line.includes('resplice-') && !/\/usr\/bin\/resplice is not executable/.test(line));
  assert.deepEqual(complaints, []);
});

test('an upgrade keeps what the administrator changed, and what the machine wants', async () => {
  await inside(
    [
      `sed -i 's/^#auto = notify/auto = install/' ${CONFIGURATION}`,
      'echo {} >/etc/resplice/root.json',
      'mkdir -p /var/lib/resplice/kernels/abcd && echo x >/var/lib/resplice/kernels/abcd/wanted.json',
      // As "systemctl disable" does.
      `rm /etc/systemd/system/${UNITS[1]}`,
      'dpkg -i /new.deb',
    ].join('\n'),
  );
  assert.match(await inside(`grep ^auto ${CONFIGURATION}`), /^auto = install$/m);
  assert.match(await inside('dpkg-query -W resplice'), /^resplice\s+99\.0$/m);
  assert.ok(there('var/lib/resplice/kernels/abcd/wanted.json'));
  assert.ok(!there(`etc/systemd/system/${UNITS[1]}`), 'a timer that was disabled stays so');
  assert.ok(
    there(`etc/systemd/system/${UNITS[0]}`) ||
      (await inside(`test -L /etc/systemd/system/${UNITS[0]}`)) === '',
  );
});

test('removed, the program is gone, and configuration and state wait for its return', async () => {
  await inside('dpkg -r resplice');
  assert.ok(!there('usr/bin/resplice'));
  assert.ok(there(CONFIGURATION));
  assert.ok(there('var/lib/resplice/kernels/abcd/wanted.json'));
});

test('purged, nothing is left but what the administrator put there', async () => {
  await inside('dpkg -P resplice');
  const left = await inside(
    "find / -xdev \\( -name '*resplice*' -o -path '*/resplice/*' \\) -not -path '/proc/*' -not -path '/tmp/*' 2>/dev/null || true",
  );
  assert.deepEqual(left.trim().split('\n').sort(), ['/etc/resplice', '/etc/resplice/root.json']);
});

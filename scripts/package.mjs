// `npm run package`: dist/resplice_VERSION_amd64.deb, for machines that are updated. One executable (node with the command inside), units, manual
// pages and shell completion made of the commands themselves, the configuration as a conffile.
//
// Put together by dpkg-deb from a folder and not by debhelper: there is nothing to compile, and each file's way into the package can be seen here.

import { execFileSync } from 'node:child_process';
import { chmodSync, cpSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { renderCompletion } from './package/completion.mjs';
import { buildExecutable } from './package/executable.mjs';
import { collectLicenses } from './package/licenses.mjs';
import { renderConfigurationPage, renderManual } from './package/manual.mjs';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const packaging = join(root, 'packaging');
const output = join(root, 'dist');
const SCRIPTS = ['postinst', 'prerm', 'postrm'];

export async function makePackage(version) {
  const tree = join(output, 'package');
  rmSync(tree, { recursive: true, force: true });
  const put = (path, content, mode = 0o644) => {
    const file = join(tree, path);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, content, { mode });
    chmodSync(file, mode);
  };
  const { executable, metafile } = await buildExecutable(root, output);
  mkdirSync(join(tree, 'usr/bin'), { recursive: true });
  cpSync(executable, join(tree, 'usr/bin/resplice'));
  chmodSync(join(tree, 'usr/bin/resplice'), 0o755);
  for (const unit of readdirSync(join(packaging, 'systemd'))) {
    put(`usr/lib/systemd/system/${unit}`, readFileSync(join(packaging, 'systemd', unit)));
  }
  put('etc/resplice/resplice.conf', readFileSync(join(packaging, 'resplice.conf')));

  const described = JSON.parse(
    execFileSync(process.execPath, [join(root, 'scripts/package/describe.mjs')]).toString(),
  );
  const compress = (text) => gzipSync(text, { level: 9 });
  put('usr/share/man/man8/resplice.8.gz', compress(renderManual(described)));
  put(
    'usr/share/man/man5/resplice.conf.5.gz',
    compress(renderConfigurationPage(readFileSync(join(packaging, 'resplice.conf'), 'utf8'))),
  );
  put('usr/share/bash-completion/completions/resplice', renderCompletion(described));
  const documents = 'usr/share/doc/resplice';
  put(`${documents}/copyright`, readFileSync(join(packaging, 'debian/copyright')));
  put(`${documents}/third-party-licenses.gz`, compress(collectLicenses(root, metafile)));
  put(`${documents}/changelog.gz`, compress(renderChangelog(version)));
  put('usr/share/lintian/overrides/resplice', readFileSync(join(packaging, 'debian/lintian-overrides')));

  const size = Math.ceil(Number(execFileSync('du', ['-sk', tree]).toString().split('\t')[0]));
  const control = readFileSync(join(packaging, 'debian/control'), 'utf8');
  put('DEBIAN/control', control.replace('@VERSION@', version).replace('@SIZE@', String(size)));
  put('DEBIAN/conffiles', readFileSync(join(packaging, 'debian/conffiles')));
  for (const script of SCRIPTS)
    put(`DEBIAN/${script}`, readFileSync(join(packaging, 'debian', script)), 0o755);
  put('DEBIAN/md5sums', sumFiles(tree));
  execFileSync('find', [tree, '-type', 'd', '-exec', 'chmod', '755', '{}', '+']);

  const file = join(output, `resplice_${version}_amd64.deb`);
  // Level 1 takes a third of the time of the default and makes the package a tenth larger.
  execFileSync('dpkg-deb', ['--root-owner-group', '-Zxz', '-z1', '--build', tree, file], {
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  rmSync(tree, { recursive: true, force: true });
  return file;
}

function sumFiles(tree) {
  const script = "find . -type f -not -path './DEBIAN/*' -printf '%P\\0' | sort -z | xargs -0 md5sum";
  return execFileSync('sh', ['-c', script], { cwd: tree });
}

/** What Debian wants; what changed is in the project's own changelog. */
function renderChangelog(version) {
  const stamp = 'Sun, 01 Nov 2026 00:00:00 +0000';
  return `resplice (${version}) unstable; urgency=medium\n\n  * See CHANGELOG.md of the project for what changed.\n\n -- Resplice maintainers <maintainers@resplice.example.org>  ${stamp}\n`;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  console.log(await makePackage(version));
}

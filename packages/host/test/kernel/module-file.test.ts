// Which file a module would be loaded from, and of what build it is.

import assert from 'node:assert';
import { test } from 'node:test';
import { parseModuleDependencies, readModuleFiles } from '../../src/kernel/module-file.js';
import { encodeModuleFile } from '../fake/module-image.js';
import { makeMachine } from '../fake/situation.js';

const RELEASE = '6.1.0-47-amd64';
const ID = '0123456789abcdef0123456789abcdef01234567';

test('modules.dep names the file of each module, however its name is spelt and its file is packed', () => {
  const text = [
    'kernel/sound/pci/hda/snd-hda-intel.ko.xz: kernel/sound/core/snd.ko.xz',
    'updates/dkms/dummy.ko:',
    '/opt/drivers/odd.ko.zst: kernel/a.ko',
    'no module at all',
    '',
  ].join('\n');
  assert.deepEqual(
    [...parseModuleDependencies(text)],
    [
      ['snd_hda_intel', 'kernel/sound/pci/hda/snd-hda-intel.ko.xz'],
      ['dummy', 'updates/dkms/dummy.ko'],
      ['odd', '/opt/drivers/odd.ko.zst'],
    ],
  );
});

test('the build id of a file is that of its note', () => {
  const machine = makeMachine();
  machine.files.set(`/lib/modules/${RELEASE}/modules.dep`, 'updates/dkms/dummy.ko:\n/opt/odd.ko:\n');
  machine.files.set(`/lib/modules/${RELEASE}/updates/dkms/dummy.ko`, encodeModuleFile(ID));
  machine.files.set('/opt/odd.ko', 'no object');
  const files = readModuleFiles(machine, RELEASE, ['dummy', 'odd', 'absent']);
  assert.deepEqual([...files.keys()], ['dummy', 'odd']);
  assert.equal(files.get('dummy')?.buildId, ID);
  assert.equal(files.get('odd')?.buildId, undefined);
  assert.match(files.get('odd')?.problem ?? '', /\/opt\/odd\.ko/);
});

test('a machine without modules.dep has no file', () => {
  assert.equal(readModuleFiles(makeMachine(), RELEASE, ['dummy']).size, 0);
});

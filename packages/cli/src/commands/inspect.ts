import { readUpdate, type Update } from '@resplice/update';
import { newCommand } from '../command.js';
import { renderManifest } from '../manifest-text.js';
import { done, type Outcome } from '../outcome.js';
import { runSession } from '../session.js';

export function inspectCommand() {
  return newCommand('inspect', 'show what an update is for, what it changes and why', [
    'resplice inspect fix.splice',
  ])
    .argument('<file>', 'an update made by "resplice create"')
    .action((file, options) => runSession(options, async () => renderUpdate(await readUpdate(file))));
}

export function renderUpdate({ manifest, files }: Update): Outcome {
  const sizes = Object.fromEntries([...files].map(([path, content]) => [path, content.length]));
  return done({ manifest, files: sizes }, renderManifest(manifest, files.get(manifest.module.file)?.length));
}

import type { ApplicableUpdate } from '@resplice/host';
import { encodeUpdate, type Update } from '@resplice/update';

/** The parts of an update that the host package needs. */
export function hostUpdate(update: Update): ApplicableUpdate {
  const module = update.files.get(update.manifest.module.file) ?? new Uint8Array();
  const core = update.manifest.trampoline?.core.file;
  return {
    manifest: update.manifest,
    module,
    core: core === undefined ? undefined : update.files.get(core),
    archive: encodeUpdate(update),
  };
}

// Each module that the update changes must be the one it was made for: those that are loaded, by what the kernel says of them, and the others by
// the file they would be loaded from. The kernel's build id, which is checked first, says nothing of files: a package of the same release but
// another build may have been installed since the boot, and DKMS or an administrator may have put other files before the package's.
// This is the early word. What is loaded in the end is looked at in the kernel (kmod/module-build.h), which does not let in another build.

import type { Reason } from '@resplice/report';
import type { Manifest } from '@resplice/update';
import { listModuleBuilds } from '../applicable-update.js';
import type { ApplyFacts } from './facts.js';

export interface BuildFindings {
  readonly reasons: readonly Reason[];
  readonly notes: readonly string[];
}

export function checkModuleBuilds(
  manifest: Manifest,
  { moduleBuildIds, moduleFiles }: Pick<ApplyFacts, 'moduleBuildIds' | 'moduleFiles'>,
): BuildFindings {
  const reasons: Reason[] = [];
  const notes: string[] = [];
  for (const [object, expected] of listModuleBuilds(manifest)) {
    const file = moduleFiles.get(object);
    if (moduleBuildIds.has(object)) {
      const found = moduleBuildIds.get(object) ?? 'unknown';
      if (found !== expected)
        reasons.push({
          code: 'other-module-build',
          subject: { object },
          found: `the loaded module has build id ${found}; expected ${expected}`,
        });
    } else if (file?.buildId === undefined) {
      if (file !== undefined)
        notes.push(
          `${file.path} cannot be compared with the update now (${file.problem}); the kernel does it when ${object} is loaded`,
        );
    } else if (file.buildId !== expected) {
      reasons.push({
        code: 'other-module-file',
        subject: { object },
        found: `it would be loaded from ${file.path}, whose build id is ${file.buildId}; expected ${expected}`,
      });
    }
  }
  return { reasons, notes };
}

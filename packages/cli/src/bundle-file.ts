// The command in one file, to be copied into guests: this very file when it is the bundle that runs, else the bundle that
// the build put beside the compiled sources.

import { accessSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { InternalError } from '@resplice/report';

const NAME = 'resplice.cjs';

export function findBundle(): string {
  const here = fileURLToPath(import.meta.url);
  const path = here.endsWith(`/${NAME}`) ? here : join(dirname(dirname(here)), NAME);
  try {
    accessSync(path);
    return path;
  } catch (cause) {
    throw new InternalError('bundle-missing', `${path} is missing; run "npm run build" in the checkout`, {
      cause,
    });
  }
}

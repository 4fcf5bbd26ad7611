// Where the client's files are. One value, so that tests and a folder of another machine use the same code.

import { join } from 'node:path';

export interface Places {
  readonly configuration: string;
  /** While this file exists, nothing is applied, at boot or later. */
  readonly disable: string;
  /** The root of the repository that this machine believes. */
  readonly root: string;
  /** Survives reboots. */
  readonly state: string;
  /** Does not. */
  readonly running: string;
}

/** On a machine, or below a folder in its place. */
export function placesBelow(folder = '/'): Places {
  return {
    configuration: join(folder, 'etc/resplice/resplice.conf'),
    disable: join(folder, 'etc/resplice/disable'),
    root: join(folder, 'etc/resplice/root.json'),
    state: join(folder, 'var/lib/resplice'),
    running: join(folder, 'run/resplice'),
  };
}

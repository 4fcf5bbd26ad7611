// What the test tells its program in the guest: the parts of an update's manifest that matter there, as JSON in the file SPEC.

import type { Manifest } from '@resplice/update';

export const SPEC = '/core/spec.json';
export const CORE_FILE = '/core/core.ko';
export const UPDATE_FILE = '/core/update.ko';

export type Trampoline = NonNullable<Manifest['trampoline']>;

export interface Spec {
  readonly module: string;
  /** A loaded module that is no update. */
  readonly otherModule: string;
  readonly functions: readonly Manifest['objects'][number]['functions'][number][];
  readonly trampoline: Trampoline;
}

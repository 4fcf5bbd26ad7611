// One case of several that share a boot: first it adds its steps, then, when the guest has run, its tests look at the results.

import type { GuestScript } from './guest-script.js';
import type { Workshop } from './workshop.js';

export interface GuestCase {
  readonly title: string;
  readonly plan: (workshop: Workshop, guest: GuestScript) => Promise<void>;
  /** Registers tests; they run when the guest is done. */
  readonly tests: (guest: GuestScript) => void;
}

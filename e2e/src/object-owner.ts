// A process of the guest that has objects of the kernel from before an update, and programs that make new ones; object-owner.c says which.

import { join } from 'node:path';
import { type GuestScript, NOBODY } from './guest-script.js';
import { ROOT } from './resplice-command.js';
import type { Workshop } from './workshop.js';

const SOURCE = join(ROOT, 'e2e/src/object-owner.c');
const PIDS = '/tmp/object-owner.pids';

/** Where the program is in the guest; its last part is the task's name. */
export const OWNER = '/object-owner';

/** Shell: the pids of the process that keeps objects, and of its children. */
export const READ_PIDS = `read -r owner dead secret_dead alive secret_alive <${PIDS}`;

/** Starts the process, as a user who may do nothing special, and waits until it has its objects; it stays to the end. */
export async function startObjectOwner(workshop: Workshop, guest: GuestScript): Promise<void> {
  guest.file(OWNER, await workshop.compile(SOURCE), 0o755);
  guest.step({
    name: 'object owner',
    argv: [OWNER, 'keep', PIDS],
    uid: NOBODY,
    background: 'until-end',
    timeoutSeconds: 1800,
  });
  guest.shell(
    'object owner is ready',
    `i=0; until [ -s ${PIDS} ]; do i=$((i + 1)); [ $i -lt 500 ] || exit 2; sleep 0.02; done`,
  );
}

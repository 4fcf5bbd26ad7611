// What a machine says about itself, at registration and with every check-in. All of it can be seen on the machine
// (`resplice status --report`); there is no field for addresses, and the host name is sent only when the administrator asks for it.
//
// Lengths are limited here, so that neither side has to think about a list without an end.

import { REASONS, type ReasonCode } from '@resplice/report';
import { z } from 'zod';

const Text = z.string().max(200);
const Count = z.number().int().nonnegative().max(Number.MAX_SAFE_INTEGER);
const Cves = z.number().int().nonnegative().max(1_000_000);
const Moment = z.iso.datetime({ offset: true });

/** As in the manifest of an update. */
export const UpdateId = z.string().regex(/^[a-z0-9][a-z0-9_]{3,39}$/);

/**
 * `applied`: active in the kernel. `available`: the repository has it for this kernel, and it is not applied.
 * `refused`: a check said no, see `reasons`. `failed`: applying or undoing it ended with an error.
 * `withdrawn`: applied, and gone from the repository.
 */
export const UpdateState = z.enum(['applied', 'available', 'refused', 'failed', 'withdrawn']);
export type UpdateState = z.infer<typeof UpdateState>;

const REASON_CODES = Object.keys(REASONS) as [ReasonCode, ...ReasonCode[]];

export const ReportedUpdate = z.object({
  id: UpdateId,
  name: Text.optional(),
  engine: z.enum(['livepatch', 'trampoline']),
  state: UpdateState,
  /** Of the closed list in docs/refusals.md; a code that a newer client knows and this version does not is no error. */
  reasons: z
    .array(z.object({ code: z.union([z.enum(REASON_CODES), z.string().max(60)]), subject: Text }))
    .max(50)
    .optional(),
  since: Moment.optional(),
});
export type ReportedUpdate = z.infer<typeof ReportedUpdate>;

export const MachineReport = z.object({
  /** Version of the client. */
  client: Text,
  kernel: z.object({
    /** uname -r */
    release: Text.min(1),
    /** Version of the distribution's package. */
    version: Text,
    buildId: z.string().regex(/^[0-9a-f]{16,64}$/),
    architecture: Text,
    /** `amd64`, `cloud-amd64`, `rt-amd64`, … */
    flavour: Text,
  }),
  /** /proc/sys/kernel/random/boot_id */
  bootId: z.uuid(),
  uptimeSeconds: Count,
  effective: z.object({
    /** The release whose security fixes this kernel has. */
    release: Text.min(1),
    cvesFixed: Cves,
    /** Null when the machine does not know. */
    cvesOpen: Cves.nullable(),
  }),
  updates: z.array(ReportedUpdate).max(1000),
  health: z.object({
    /** `watching`: within the minutes after an update was applied. */
    state: z.enum(['good', 'watching', 'bad']),
    /** Lines of the kernel log that are why. */
    complaints: z.array(z.string().max(1000)).max(100),
  }),
  /** Why nothing is applied on this machine by itself. */
  disabled: z.enum(['file', 'command-line', 'crash-loop']).nullable(),
  /** When the machine last started. */
  lastReboot: Moment,
  /** Only with `send-hostname = yes`. */
  hostname: z.string().max(253).optional(),
});
export type MachineReport = z.infer<typeof MachineReport>;

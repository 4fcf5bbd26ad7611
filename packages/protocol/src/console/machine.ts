// Machines as administrators see and change them.

import { z } from 'zod';
import { DesiredState } from '../check-in.js';
import { MachineState } from '../machine.js';
import { MachineReport, UpdateState } from '../report.js';
import { MaintenanceWindows } from './maintenance-window.js';
import { RolloutState } from './rollout/rollout.js';
import { Moment, Name } from './value.js';

const Flag = z.stringbool();

/** As Ksplice said it. `unsupported`: no update was ever published for this kernel, and none is applied. */
export const MachineStatus = z.enum(['uptodate', 'outofdate', 'unsupported']);
export type MachineStatus = z.infer<typeof MachineStatus>;

export const MachineHealth = z.enum(['good', 'watching', 'bad']);
export type MachineHealth = z.infer<typeof MachineHealth>;

export const MachineSummary = z.object({
  machine: z.uuid(),
  hostname: z.string().nullable(),
  state: MachineState,
  status: MachineStatus,
  hidden: z.boolean(),
  group: z.string().nullable(),
  ring: z.number(),
  tags: z.array(z.string()),
  kernel: z.object({ release: z.string(), version: z.string(), buildId: z.string() }),
  effective: z.string(),
  applied: z.number(),
  missing: z.number(),
  health: MachineHealth,
  disabled: z.string().nullable(),
  conflict: z.string().nullable(),
  silent: z.boolean(),
  client: z.string(),
  registeredAt: Moment,
  lastSeenAt: Moment,
});
export type MachineSummary = z.infer<typeof MachineSummary>;

/** When it may install, and where it is in roll-outs that are under way and concern its kernel. */
export const MachinePlace = z.object({
  /** Empty: at any time. */
  windows: MaintenanceWindows,
  windowsOf: z.enum(['group', 'organisation']).nullable(),
  /** The window that is open or comes next. */
  opens: z.object({ from: Moment, to: Moment }).nullable(),
  rollouts: z.array(
    z.object({
      id: z.uuid(),
      name: z.string(),
      state: RolloutState,
      ring: z.number().nullable(),
      ringName: z.string().nullable(),
      /** It may have the updates now. */
      isOpen: z.boolean(),
    }),
  ),
});
export type MachinePlace = z.infer<typeof MachinePlace>;

export const MachineDetail = MachineSummary.extend({
  conflictAt: Moment.nullable(),
  accessKey: z.string().nullable(),
  checkIns: z.number(),
  reportAt: Moment,
  report: MachineReport,
  desired: DesiredState,
  place: MachinePlace,
  missingUpdates: z.array(z.object({ id: z.string(), description: z.string(), cves: z.array(z.string()) })),
  events: z.array(z.object({ at: Moment, kind: z.string(), detail: z.record(z.string(), z.unknown()) })),
});
export type MachineDetail = z.infer<typeof MachineDetail>;

export const MachineFilter = z.object({
  status: MachineStatus.optional(),
  state: MachineState.optional(),
  group: z.string().max(100).optional().describe('empty: machines without a group'),
  tag: z.string().max(100).optional(),
  health: MachineHealth.optional(),
  hidden: z.enum(['yes', 'no', 'all']).optional(),
  conflict: Flag.optional(),
  silent: Flag.optional(),
  kernel: z.string().max(100).optional().describe('beginning of uname -r'),
  search: z.string().max(100).optional().describe('part of the host name, or beginning of the uuid'),
  update: z.string().max(40).optional(),
  updateState: UpdateState.optional(),
  cve: z.string().max(40).optional(),
  cveState: z.enum(['open', 'fixed']).optional(),
});
export type MachineFilter = z.infer<typeof MachineFilter>;

/** `state`: the worst first, as pages show it. Without one, in no order that means something. */
export const MachineSort = z.enum(['name', 'state', 'kernel', 'effective', 'seen']);
export type MachineSort = z.infer<typeof MachineSort>;

export const MachinePage = z.object({
  machines: z.array(MachineSummary),
  total: z.number(),
  /** For `after`, with the same filter and order. */
  next: z.string().nullable(),
});
export type MachinePage = z.infer<typeof MachinePage>;

export const MachineChange = z
  .object({
    state: MachineState,
    group: Name.nullable().describe('null: no group; one that does not exist is made'),
    tags: z.array(Name).max(50),
    hidden: z.boolean(),
  })
  .partial()
  .refine((change) => Object.keys(change).length > 0, 'nothing is to be changed');
export type MachineChange = z.infer<typeof MachineChange>;

import { z } from 'zod';
import { InstallMode } from '../check-in.js';
import { MaintenanceWindows } from './maintenance-window.js';
import { Ring } from './value.js';

export const Group = z.object({
  id: z.uuid(),
  name: z.string(),
  mode: InstallMode.nullable().describe('null: as each machine is configured'),
  ring: Ring.describe('0 gets updates first'),
  windows: MaintenanceWindows.nullable().describe(
    "when its machines may install; null: as the organisation's",
  ),
  machines: z.number(),
});
export type Group = z.infer<typeof Group>;

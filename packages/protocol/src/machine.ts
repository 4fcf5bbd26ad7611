import { z } from 'zod';

/** Whether the administrator lets the machine take part. A pending machine may report and is given nothing to do. */
export const MachineState = z.enum(['pending', 'active', 'denied']);
export type MachineState = z.infer<typeof MachineState>;

/** Lets machines register; made and revoked by an administrator. */
export const AccessKey = z.string().regex(/^rsk_[A-Za-z0-9_-]{20,80}$/);

/** Proves which machine speaks. Only its hash is on the server. */
export const MachineToken = z.string().regex(/^rsm_[A-Za-z0-9_-]{20,100}$/);

const Sha256 = z.string().regex(/^[0-9a-f]{64}$/);

/** Tells copies of a machine apart, without saying what machine it is. */
export const MachineIdentity = z.object({
  /** Of /etc/machine-id with a salt of ours: the same in every copy of one disk. */
  machineId: Sha256,
  /** Of the DMI product uuid and the first MAC address: another one in every copy, and after hardware was exchanged. */
  fingerprint: Sha256,
});
export type MachineIdentity = z.infer<typeof MachineIdentity>;

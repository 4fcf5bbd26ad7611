import { probeAccelerator } from './accelerator.js';
import type { GuestResult, GuestSpec } from './guest.js';
import { runGuestOn } from './guest-run.js';

/**
 * Boots a kernel, runs the steps one after the other and reports what happened. Never throws for what the guest does. Throws
 * EnvironmentError when this machine lacks something (the text names the Debian package), UsageError when the spec makes no
 * sense, and the signal's reason when it was aborted.
 */
export async function runGuest(spec: GuestSpec): Promise<GuestResult> {
  if (spec.instructionClock) return runGuestOn('tcg', spec);
  const onProbe = () => spec.onEvent?.({ type: 'probing' });
  const accelerator = await probeAccelerator(spec.vmlinuz, {
    onProbe,
    ...(spec.signal && { signal: spec.signal }),
  });
  return runGuestOn(accelerator, spec);
}

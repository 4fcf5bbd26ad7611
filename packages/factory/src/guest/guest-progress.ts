// The events of a guest as progress stages: booting, then each step.

import type { ProgressSink } from '@resplice/report';
import type { GuestEvent, StepResult } from '@resplice/vm';

export function reportGuestEvents(progress: ProgressSink, kernel: string): (event: GuestEvent) => void {
  let waiting = false;
  return (event) => {
    switch (event.type) {
      case 'waiting':
        waiting = true;
        return progress({ stage: 'wait-for-guest', state: 'start', detail: 'other guests are running' });
      case 'probing':
        return progress({ stage: 'boot-guest', state: 'start', detail: 'trying whether KVM works here' });
      case 'started': {
        if (waiting) progress({ stage: 'wait-for-guest', state: 'done' });
        const how = event.accelerator === 'kvm' ? 'KVM' : 'software emulation';
        return progress({ stage: 'boot-guest', state: 'start', detail: `${kernel}, ${how}` });
      }
      case 'booted':
        return progress({ stage: 'boot-guest', state: 'done' });
      case 'step-started':
        return progress({ stage: 'guest', state: 'start', detail: event.step.name });
      case 'step-finished':
        return progress({
          stage: 'guest',
          state: 'done',
          detail: describeStep(event.result),
        });
      case 'console':
        return;
    }
  };
}

/** What stays until the end of the guest is told to end then. */
function describeStep({ name, exitCode, signal }: StepResult): string {
  if (exitCode === 0 || signal === 'SIGTERM') return name;
  return `${name}: ${exitCode === null ? 'did not end' : `exit status ${exitCode}`}`;
}

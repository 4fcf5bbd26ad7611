// When a machine may install, and where it is in the roll-outs that are under way for its kernel.

import type { MachinePlace, MaintenanceWindow } from '@resplice/protocol/console';
import { exactText, sinceText } from '../ui/moment.js';
import { Section } from '../ui/page.js';
import { Pill } from '../ui/pill.js';
import { STATE } from './rollout/rollouts.js';

export function MachinePlaces({ place }: { readonly place: MachinePlace }) {
  const { windows, windowsOf, opens, rollouts } = place;
  return (
    <Section title="When updates come">
      <dl class="facts panel-body">
        <dt>Maintenance windows</dt>
        <dd>
          {windows.length === 0 ? (
            'none: updates are applied at any time'
          ) : (
            <>
              {windows.map((window) => (
                <span key={windowText(window)} class="cell-line">
                  {windowText(window)}
                </span>
              ))}
              <span class="muted">of the {windowsOf}</span>
            </>
          )}
        </dd>
        {windows.length > 0 && (
          <>
            <dt>{opens !== null && new Date(opens.from) <= new Date() ? 'Open until' : 'Opens'}</dt>
            <dd>{opens === null ? 'not within two weeks' : <Opening opens={opens} />}</dd>
          </>
        )}
        <dt>Roll-outs</dt>
        <dd>
          {rollouts.length === 0
            ? 'none is under way for its kernel'
            : rollouts.map(({ id, name, state, ringName, isOpen }) => (
                <span key={id} class="cell-line">
                  <a href={`/rollouts/${id}`}>{name}</a> <Pill tone={STATE[state][1]}>{STATE[state][0]}</Pill>{' '}
                  <span class="muted">
                    {ringName === null
                      ? 'in no ring of it'
                      : `ring “${ringName}”, ${isOpen ? 'open' : 'not open yet'}`}
                  </span>
                </span>
              ))}
        </dd>
      </dl>
    </Section>
  );
}

function Opening({
  opens: { from, to },
}: {
  readonly opens: { readonly from: string; readonly to: string };
}) {
  const isOpen = new Date(from) <= new Date();
  const at = isOpen ? to : from;
  return (
    <time dateTime={at}>
      {exactText(at)} <span class="muted">{sinceText(at)}</span>
    </time>
  );
}

/** `sat, sun 22:00 to 04:00, Europe/Berlin` */
function windowText({ days, from, to, timeZone }: MaintenanceWindow): string {
  return `${days.join(', ')} ${from} to ${to}, ${timeZone}`;
}

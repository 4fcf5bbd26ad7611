import type { MaintenanceWindow, OrganisationSettings } from '@resplice/protocol/console';
import { useState } from 'preact/hooks';
import { ask } from '../api/client.js';
import { useAction } from '../api/use-action.js';
import { useQuery } from '../api/use-query.js';
import { useSession } from '../session.js';
import { Form, SelectField, TextField } from '../ui/form.js';
import { Loaded } from '../ui/loaded.js';
import { namesOf } from '../ui/names.js';
import { Page, Section } from '../ui/page.js';
import { WindowsField } from './windows-field.js';

export function SettingsPage() {
  const query = useQuery<OrganisationSettings>('/organisation');
  const session = useSession();
  return (
    <Page
      title="Settings"
      lead={
        session.can('settings')
          ? 'How the organisation works.'
          : 'How the organisation works. Administrators can change it.'
      }
    >
      <Loaded query={query}>
        {(settings) => <SettingsForm key={JSON.stringify(settings)} settings={settings} />}
      </Loaded>
    </Page>
  );
}

function SettingsForm({ settings }: { readonly settings: OrganisationSettings }) {
  const session = useSession();
  const [newMachines, setNewMachines] = useState<string>(settings.newMachines);
  const [rollout, setRollout] = useState<string>(settings.rollout);
  const [minutes, setMinutes] = useState(String(settings.checkInSeconds / 60));
  const [repositoryUrl, setRepositoryUrl] = useState(settings.repositoryUrl ?? '');
  const [mail, setMail] = useState(settings.mailRecipients.join(', '));
  const [windows, setWindows] = useState<readonly MaintenanceWindow[]>(settings.windows ?? []);
  const [publicExposure, setPublicExposure] = useState(settings.publicExposure);
  const [approvals, setApprovals] = useState(String(settings.approvals));
  const action = useAction();
  const save = () =>
    action.run(
      () =>
        ask('PATCH', '/organisation', {
          newMachines,
          rollout,
          checkInSeconds: Math.round(Number(minutes) * 60),
          repositoryUrl: repositoryUrl.trim() === '' ? null : repositoryUrl.trim(),
          windows: windows.length === 0 ? null : windows,
          publicExposure,
          approvals: Number(approvals),
          mailRecipients: namesOf(mail),
        }),
      'Saved',
    );
  return (
    <Section title={settings.name}>
      <div class="panel-body narrow">
        <Form action={action} submit="Save" disabled={!session.can('settings')} onSubmit={() => void save()}>
          <SelectField
            label="A machine that registers"
            value={newMachines}
            onValue={setNewMachines}
            options={[
              ['active', 'takes part at once'],
              ['pending', 'waits for somebody to authorise it'],
            ]}
          />
          <SelectField
            label="An update that is published"
            value={rollout}
            onValue={setRollout}
            options={[
              ['all', 'goes to every ring at once'],
              ['manual', 'goes nowhere before somebody releases it'],
              ['plan', 'goes by the automatic plan, ring after ring'],
            ]}
          />
          <TextField
            label="Minutes between check-ins"
            hint="A machine that misses three is silent."
            type="number"
            min={1}
            max={10_080}
            value={minutes}
            onValue={setMinutes}
            required
          />
          <TextField
            label="Address of the repository"
            hint="Empty: the one that this server itself hands out."
            type="url"
            value={repositoryUrl}
            onValue={setRepositoryUrl}
          />
          <SelectField
            label="A unit of the factory"
            value={approvals}
            onValue={setApprovals}
            options={[
              ['1', 'needs one person to approve it'],
              ['2', 'needs two people to approve it'],
            ]}
          />
          <WindowsField
            legend="Maintenance windows"
            hint="When machines may install; none: at any time. Updates are taken back at any time."
            windows={windows}
            onWindows={setWindows}
          />
          <label class="choice">
            <input
              type="checkbox"
              checked={publicExposure}
              onChange={(event) => setPublicExposure(event.currentTarget.checked)}
            />
            <span>
              Anybody may ask, without a login, <a href="/exposure">which CVEs a stock kernel has</a>
            </span>
          </label>
          <TextField
            label="Mail goes to"
            hint="Addresses with commas between them"
            value={mail}
            onValue={setMail}
          />
        </Form>
      </div>
    </Section>
  );
}

import type { RolloutPlan, UpdateStanding } from '@resplice/protocol/console';
import { useState } from 'preact/hooks';
import { ask } from '../../api/client.js';
import { useQuery } from '../../api/use-query.js';
import { navigate } from '../../router.js';
import { Checks } from '../../ui/checks.js';
import { CreateDialog } from '../../ui/create-dialog.js';
import { SelectField, TextField } from '../../ui/form.js';

export function StartRollout({ plans }: { readonly plans: readonly RolloutPlan[] }) {
  const [name, setName] = useState('');
  const [plan, setPlan] = useState('');
  const [startsAt, setStartsAt] = useState('');
  const [updates, setUpdates] = useState<readonly string[]>([]);
  const published = useQuery<{ updates: readonly UpdateStanding[] }>('/updates');
  const offered = published.data?.updates.filter(
    ({ withdrawnAt, kernels }) => withdrawnAt === null && kernels.some(({ goneAt }) => goneAt === null),
  );
  const chosen = plan === '' ? (plans[0]?.name ?? '') : plan;
  return (
    <CreateDialog
      title="Begin a roll-out"
      submit="Begin"
      done={`${name} begins`}
      onKey
      work={async () => {
        const { id } = await ask<{ id: string }>('POST', '/rollouts', {
          name,
          plan: chosen,
          updates,
          ...(startsAt === '' ? {} : { startsAt: new Date(startsAt).toISOString() }),
        });
        navigate(`/rollouts/${id}`);
        return undefined;
      }}
    >
      <TextField label="Name" placeholder="linux 6.1.176-1" value={name} onValue={setName} required focus />
      {plans.length === 0 ? (
        <p class="callout warn">There is no plan yet: make one first.</p>
      ) : (
        <SelectField
          label="Plan"
          value={chosen}
          onValue={setPlan}
          options={plans.map((each) => [
            each.name,
            `${each.name}: ${each.rings.map((ring) => ring.name).join(', ')}`,
          ])}
        />
      )}
      <TextField
        label="Not before"
        hint="In the time of this computer; empty: at once"
        type="datetime-local"
        value={startsAt}
        onValue={setStartsAt}
      />
      <Checks
        legend="Updates"
        options={(offered ?? []).map(({ id, description }) => [id, `${id}: ${description}`])}
        chosen={updates}
        onChosen={setUpdates}
      />
    </CreateDialog>
  );
}

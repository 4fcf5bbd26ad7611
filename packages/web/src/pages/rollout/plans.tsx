// Plans: which rings there are, how long each waits, and how much may go wrong.

import type { RolloutPlan } from '@resplice/protocol/console';
import { useState } from 'preact/hooks';
import { ask } from '../../api/client.js';
import { CreateDialog } from '../../ui/create-dialog.js';
import { ActionButton } from '../../ui/dialog.js';
import { TextField } from '../../ui/form.js';
import { Since } from '../../ui/moment.js';
import { namesOf } from '../../ui/names.js';
import { Pill } from '../../ui/pill.js';
import { type Column, Table } from '../../ui/table.js';
import { whoText } from './ring-picture.js';

interface RingDraft {
  readonly name: string;
  readonly groups: string;
  readonly percent: string;
  readonly waitHours: string;
  readonly minMachines: string;
}

const FIRST: readonly RingDraft[] = [
  { name: 'canary', groups: '', percent: '1', waitHours: '24', minMachines: '1' },
  { name: 'tenth', groups: '', percent: '10', waitHours: '24', minMachines: '5' },
  { name: 'everybody', groups: '', percent: '100', waitHours: '0', minMachines: '0' },
];

function draftsOf(plan: RolloutPlan | undefined): readonly RingDraft[] {
  if (plan === undefined) return FIRST;
  return plan.rings.map((ring) => ({
    name: ring.name,
    groups: ring.groups.join(', '),
    percent: String(ring.percent),
    waitHours: String(ring.waitHours),
    minMachines: String(ring.minMachines),
  }));
}

function PlanDialog({ plan, title }: { readonly plan?: RolloutPlan; readonly title: string }) {
  const [name, setName] = useState(plan?.name ?? '');
  const [rings, setRings] = useState(() => draftsOf(plan));
  const [tolerate, setTolerate] = useState(String(plan?.gates.tolerate ?? 0));
  const [percent, setPercent] = useState(String(plan?.gates.toleratePercent ?? 0));
  const [lostIsBad, setLostIsBad] = useState(plan?.gates.lostIsBad ?? false);
  const [automatic, setAutomatic] = useState(plan?.automatic ?? false);
  const change = (index: number, part: Partial<RingDraft>): void =>
    setRings(rings.map((ring, at) => (at === index ? { ...ring, ...part } : ring)));
  const save = async (): Promise<undefined> => {
    await ask('PUT', `/rollout-plans/${encodeURIComponent(name.trim())}`, {
      rings: rings.map((ring) => ({
        name: ring.name,
        groups: namesOf(ring.groups),
        percent: Number(ring.percent),
        waitHours: Number(ring.waitHours),
        minMachines: Number(ring.minMachines),
      })),
      gates: { tolerate: Number(tolerate), toleratePercent: Number(percent), lostIsBad },
      automatic,
    });
    return undefined;
  };
  return (
    <CreateDialog title={title} submit="Save" done={`${name}: saved`} wide small work={save}>
      {plan === undefined && (
        <TextField label="Name of the plan" value={name} onValue={setName} required focus />
      )}
      <fieldset>
        <legend>Rings, the first machines first</legend>
        <div class="ring-drafts">
          {rings.map((ring, index) => (
            <div key={index} class="ring-draft">
              <TextField
                label="Ring"
                value={ring.name}
                onValue={(value) => change(index, { name: value })}
                required
              />
              <TextField label="Groups" value={ring.groups} onValue={(groups) => change(index, { groups })} />
              <TextField
                label="% of all"
                type="number"
                min={0}
                max={100}
                value={ring.percent}
                onValue={(value) => change(index, { percent: value })}
                required
              />
              <TextField
                label="Wait, hours"
                type="number"
                min={0}
                max={2160}
                value={ring.waitHours}
                onValue={(waitHours) => change(index, { waitHours })}
                required
              />
              <TextField
                label="Good at least"
                type="number"
                min={0}
                value={ring.minMachines}
                onValue={(minMachines) => change(index, { minMachines })}
                required
              />
              <button
                type="button"
                class="small"
                disabled={rings.length === 1}
                aria-label={`Remove ring ${ring.name}`}
                onClick={() => setRings(rings.filter((_, at) => at !== index))}
              >
                ×
              </button>
            </div>
          ))}
        </div>
        <button
          type="button"
          class="small"
          onClick={() =>
            setRings([
              ...rings.slice(0, -1),
              { name: `ring ${rings.length}`, groups: '', percent: '50', waitHours: '24', minMachines: '1' },
              ...rings.slice(-1),
            ])
          }
        >
          Add a ring before the last
        </button>
      </fieldset>
      <TextField
        label="Machines that may go bad"
        type="number"
        min={0}
        value={tolerate}
        onValue={setTolerate}
        required
      />
      <TextField
        label="… or per cent of those in open rings"
        hint="One machine more than the larger of both halts the roll-out."
        type="number"
        min={0}
        max={100}
        value={percent}
        onValue={setPercent}
        required
      />
      <label class="choice">
        <input
          type="checkbox"
          checked={lostIsBad}
          onChange={(event) => setLostIsBad(event.currentTarget.checked)}
        />
        <span>A machine that is never heard of again counts as bad</span>
      </label>
      <label class="choice">
        <input
          type="checkbox"
          checked={automatic}
          onChange={(event) => setAutomatic(event.currentTarget.checked)}
        />
        <span>
          Published updates take this plan by themselves, when the settings say “by the automatic plan”
        </span>
      </label>
    </CreateDialog>
  );
}

export function MakePlan() {
  return <PlanDialog title="Make a plan" />;
}

export function PlanList({ plans, may }: { readonly plans: readonly RolloutPlan[]; readonly may: boolean }) {
  const columns: readonly Column<RolloutPlan>[] = [
    {
      title: 'Plan',
      cell: ({ name, automatic }) => (
        <span class="row-of">
          {name} {automatic && <Pill tone="info">automatic</Pill>}
        </span>
      ),
    },
    {
      title: 'Rings',
      cell: ({ rings }) =>
        rings.map(({ name, groups, percent, waitHours, minMachines }) => (
          <span key={name} class="cell-line">
            <strong>{name}</strong>: {whoText(groups, percent)}
            <span class="muted">
              , {waitHours} h, {minMachines} good
            </span>
          </span>
        )),
    },
    {
      title: 'Changed',
      minor: true,
      cell: ({ changedAt, changedBy }) => (
        <>
          <Since at={changedAt} /> by {changedBy}
        </>
      ),
    },
    ...(may
      ? [
          {
            title: 'Actions',
            cell: (plan: RolloutPlan) => (
              <span class="row-of">
                <PlanDialog plan={plan} title="Change" />
                <ActionButton
                  label="Remove"
                  tone="danger"
                  small
                  question={{
                    title: `Remove ${plan.name}?`,
                    text: <p>Roll-outs that are under way keep their rings.</p>,
                    yes: 'Remove',
                  }}
                  done={`${plan.name} is removed`}
                  work={() => ask('DELETE', `/rollout-plans/${encodeURIComponent(plan.name)}`)}
                />
              </span>
            ),
          },
        ]
      : []),
  ];
  return <Table caption="Plans" columns={columns} rows={plans} rowKey={({ name }) => name} />;
}

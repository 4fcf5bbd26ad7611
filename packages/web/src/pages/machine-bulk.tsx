// What is done to many machines at once. All that match a filter are found page by page and changed in portions, as the server takes them.

import type { MachineChange, MachinePage } from '@resplice/protocol/console';
import { useState } from 'preact/hooks';
import { ask, queryOf } from '../api/client.js';
import { useAction } from '../api/use-action.js';
import { CreateDialog } from '../ui/create-dialog.js';
import { ActionButton, Dialog } from '../ui/dialog.js';
import { Form, TextField } from '../ui/form.js';
import { Problem } from '../ui/loaded.js';
import { countText } from '../ui/meter.js';
import { namesOf } from '../ui/names.js';

const PORTION = 5000;
const PAGE = 500;

export interface BulkActionsProps {
  readonly selected: ReadonlySet<string>;
  /** Machines that match the filter. */
  readonly total: number;
  readonly filter: Readonly<Record<string, string | undefined>>;
  readonly groups: readonly string[];
  readonly onSelect: (ids: readonly string[]) => void;
}

export async function changeMachines(ids: readonly string[], change: MachineChange): Promise<void> {
  for (let from = 0; from < ids.length; from += PORTION)
    await ask('POST', '/machines/change', { machines: ids.slice(from, from + PORTION), change });
}

export function BulkActions({ selected, total, filter, groups, onSelect }: BulkActionsProps) {
  const ids = [...selected];
  const [found, setFound] = useState<number | undefined>(undefined);
  const select = useAction();
  const count = `${countText(ids.length)} ${ids.length === 1 ? 'machine' : 'machines'}`;
  const selectAll = async (): Promise<void> => {
    const all: string[] = [];
    let after: string | null = null;
    do {
      const page: MachinePage = await ask('GET', `/machines${queryOf({ ...filter, after, limit: PAGE })}`);
      all.push(...page.machines.map(({ machine }) => machine));
      after = page.next;
      setFound(all.length);
    } while (after !== null);
    setFound(undefined);
    onSelect(all);
  };
  const state = (value: 'active' | 'denied', label: string, yes: string, text: string) => (
    <ActionButton
      label={label}
      small
      tone={value === 'denied' ? 'danger' : 'plain'}
      question={{ title: `${label} ${count}?`, text: <p>{text}</p>, yes }}
      done={`${count}: done`}
      work={() => changeMachines(ids, { state: value })}
    />
  );
  return (
    <div class="bulk" role="toolbar" aria-label="Selected machines">
      <strong aria-live="polite">
        {found === undefined ? `${count} selected` : `${countText(found)} found…`}
      </strong>
      {ids.length < total && (
        <button
          type="button"
          class="small"
          disabled={select.pending}
          onClick={() => void select.run(selectAll)}
        >
          Select all {countText(total)}
        </button>
      )}
      {state(
        'active',
        'Authorise',
        'Authorise',
        'They take part and get updates from their next check-in on.',
      )}
      {state(
        'denied',
        'Deny',
        'Deny',
        'They may report, and are given nothing to do. What is applied stays applied.',
      )}
      <MoveButton ids={ids} groups={groups} count={count} />
      <TagButton ids={ids} count={count} />
      <ActionButton
        label="Hide"
        small
        tone="plain"
        done={`${count} hidden`}
        work={() => changeMachines(ids, { hidden: true })}
      />
      <ActionButton
        label="Unhide"
        small
        tone="plain"
        done={`${count} shown again`}
        work={() => changeMachines(ids, { hidden: false })}
      />
      <button type="button" class="small plain" onClick={() => onSelect([])}>
        Clear
      </button>
      {select.error !== undefined && <Problem error={select.error} />}
    </div>
  );
}

interface MoveProps {
  readonly ids: readonly string[];
  readonly groups: readonly string[];
  readonly count: string;
}

function MoveButton({ ids, groups, count }: MoveProps) {
  const [open, setOpen] = useState(false);
  const [group, setGroup] = useState('');
  const action = useAction();
  const move = async (): Promise<void> => {
    const name = group.trim();
    const done = await action.run(
      () => changeMachines(ids, { group: name === '' ? null : name }),
      name === '' ? `${count} are in no group` : `${count} moved to ${name}`,
    );
    if (done) setOpen(false);
  };
  return (
    <>
      <button type="button" class="small plain" onClick={() => setOpen(true)}>
        Move to group
      </button>
      {open && (
        <Dialog title={`Move ${count}`} onClose={() => setOpen(false)}>
          <Form action={action} submit="Move" onSubmit={() => void move()}>
            <TextField
              label="Group"
              hint={`Empty: no group. A name that does not exist makes a group.${groups.length > 0 ? ` There are: ${groups.join(', ')}.` : ''}`}
              value={group}
              onValue={setGroup}
              focus
            />
          </Form>
        </Dialog>
      )}
    </>
  );
}

function TagButton({ ids, count }: Omit<MoveProps, 'groups'>) {
  const [tags, setTags] = useState('');
  return (
    <CreateDialog
      title="Set tags"
      submit="Set"
      done={`${count}: tags set`}
      small
      work={async () => {
        await changeMachines(ids, { tags: namesOf(tags) });
        return undefined;
      }}
    >
      <p>Of {count}, in place of the tags that they have.</p>
      <TextField
        label="Tags"
        hint="With commas between them; empty: none"
        value={tags}
        onValue={setTags}
        focus
      />
    </CreateDialog>
  );
}

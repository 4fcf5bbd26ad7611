import type { Group, MachineDetail } from '@resplice/protocol/console';
import { useState } from 'preact/hooks';
import { ask } from '../api/client.js';
import { useAction } from '../api/use-action.js';
import { useQuery } from '../api/use-query.js';
import { useShortcut } from '../keyboard.js';
import { Dialog } from '../ui/dialog.js';
import { Form, TextField } from '../ui/form.js';
import { namesOf } from '../ui/names.js';
import { nameOf } from './machine-words.js';

export function EditMachine({ machine }: { readonly machine: MachineDetail }) {
  const [open, setOpen] = useState(false);
  useShortcut('e', 'change group and tags of this machine', () => setOpen(true));
  return (
    <>
      <button type="button" onClick={() => setOpen(true)}>
        Group and tags
      </button>
      {open && <EditDialog machine={machine} onClose={() => setOpen(false)} />}
    </>
  );
}

function EditDialog({ machine, onClose }: { readonly machine: MachineDetail; readonly onClose: () => void }) {
  const [group, setGroup] = useState(machine.group ?? '');
  const [tags, setTags] = useState(machine.tags.join(', '));
  const groups = useQuery<{ groups: readonly Group[] }>('/groups');
  const action = useAction();
  const names = groups.data?.groups.map(({ name }) => name).join(', ') ?? '';
  const save = async (): Promise<void> => {
    const change = {
      group: group.trim() === '' ? null : group.trim(),
      tags: namesOf(tags),
    };
    const done = await action.run(() => ask('PATCH', `/machines/${machine.machine}`, change), 'Saved');
    if (done) onClose();
  };
  return (
    <Dialog title={nameOf(machine)} onClose={onClose}>
      <Form action={action} submit="Save" onSubmit={() => void save()}>
        <TextField
          label="Group"
          hint={`Empty: no group. A name that does not exist makes a group.${names === '' ? '' : ` There are: ${names}.`}`}
          value={group}
          onValue={setGroup}
          focus
        />
        <TextField label="Tags" hint="With commas between them" value={tags} onValue={setTags} />
      </Form>
    </Dialog>
  );
}

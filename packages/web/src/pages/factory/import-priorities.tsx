import type { PriorityImported } from '@resplice/protocol/factory';
import { useState } from 'preact/hooks';
import { ask } from '../../api/client.js';
import { CreateDialog } from '../../ui/create-dialog.js';
import { Field } from '../../ui/form.js';
import { countText } from '../../ui/meter.js';
import { say } from '../../ui/notice.js';

export function ImportPriorities() {
  const [file, setFile] = useState<File | undefined>(undefined);
  return (
    <CreateDialog
      title="Import priorities"
      submit="Import"
      work={async () => {
        const text = (await file?.text()) ?? '';
        const { imported, moved } = await ask<PriorityImported>('POST', '/factory/priorities', { text });
        say(`${countText(imported)} CVEs imported, ${countText(moved)} candidates moved in the queue`);
        return undefined;
      }}
    >
      <p>CVEs that are exploited or severe are worked on first. The file says which those are.</p>
      <Field
        label="File"
        hint="CSV with the columns cve, severity, exploited; CISA's KEV catalogue; JSON of NVD's API 2.0"
      >
        {(id, describedBy) => (
          <input
            id={id}
            type="file"
            required
            accept=".csv,.json"
            aria-describedby={describedBy}
            onChange={(event) => setFile(event.currentTarget.files?.[0])}
          />
        )}
      </Field>
    </CreateDialog>
  );
}

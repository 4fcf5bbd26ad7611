// Code that a person writes for a unit, or the script that shows its hole. What is typed is kept in this browser until it is sent, so that a
// closed window or an ended session loses nothing.

import { useId, useState } from 'preact/hooks';
import { useAction } from '../../api/use-action.js';
import { Problem } from '../../ui/loaded.js';

export interface CodeEditorProps {
  readonly label: string;
  readonly hint: string;
  /** Under which what is typed is kept. */
  readonly keptAs: string;
  readonly value: string | null;
  /** Offered while there is nothing. */
  readonly skeleton?: string | null;
  readonly readOnly: boolean;
  readonly submit: string;
  readonly done: string;
  readonly work: (text: string | null) => Promise<unknown>;
}

function readDraft(key: string): string | null {
  try {
    return localStorage.getItem(key);
  } catch {
    // A browser that keeps nothing; then a draft lives as long as its page.
    return null;
  }
}

function keepDraft(key: string, text: string | null): void {
  try {
    if (text === null) localStorage.removeItem(key);
    else localStorage.setItem(key, text);
  } catch {
    // As above.
  }
}

export function CodeEditor(props: CodeEditorProps) {
  const { label, hint, value, skeleton = null, readOnly, submit, done, work } = props;
  const id = useId();
  const key = `resplice-draft ${props.keptAs}`;
  const saved = value ?? '';
  const [text, setText] = useState(() => readDraft(key) ?? saved);
  const action = useAction();
  const changed = text !== saved;
  /** Kept at once and not after the next drawing: the window may be closed between. */
  const write = (next: string): void => {
    setText(next);
    keepDraft(key, next === saved ? null : next);
  };
  const send = async (next: string | null): Promise<void> => {
    if (!(await action.run(() => work(next), done))) return;
    keepDraft(key, null);
    setText(next ?? '');
  };
  const rows = Math.min(40, Math.max(10, text.split('\n').length + 1));
  return (
    <div class="editor">
      <label for={id} class="hidden">
        {label}
      </label>
      <textarea
        id={id}
        class="mono"
        rows={rows}
        wrap="off"
        spellcheck={false}
        readOnly={readOnly}
        aria-describedby={`${id}-hint`}
        value={text}
        onInput={(event) => write(event.currentTarget.value)}
        onKeyDown={(event) => {
          if (event.key === 'Enter' && (event.ctrlKey || event.metaKey) && changed && text.trim() !== '')
            void send(text);
        }}
      />
      <p id={`${id}-hint`} class="hint">
        {hint}
        {!readOnly && changed && ' Not sent yet; kept in this browser.'}
      </p>
      {action.error !== undefined && <Problem error={action.error} />}
      {!readOnly && (
        <div class="form-end">
          {skeleton !== null && text.trim() === '' && (
            <button type="button" onClick={() => write(skeleton)}>
              Begin with the skeleton
            </button>
          )}
          {changed && (
            <button type="button" onClick={() => write(saved)}>
              Discard changes
            </button>
          )}
          {value !== null && (
            <button type="button" class="danger" disabled={action.pending} onClick={() => void send(null)}>
              Take it away
            </button>
          )}
          <button
            type="button"
            class="primary"
            disabled={!changed || text.trim() === '' || action.pending}
            onClick={() => void send(text)}
          >
            {submit}
          </button>
        </div>
      )}
    </div>
  );
}

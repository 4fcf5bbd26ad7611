import type { ComponentChildren } from 'preact';
import { useState } from 'preact/hooks';
import { useAction } from '../api/use-action.js';
import { useShortcut } from '../keyboard.js';
import { CopyText } from './copy.js';
import { Dialog } from './dialog.js';
import { Form } from './form.js';

export interface CreateDialogProps {
  /** Of the button and the dialog. */
  readonly title: string;
  readonly submit: string;
  readonly done?: string;
  readonly wide?: boolean;
  readonly small?: boolean;
  /** The key `n` opens it. */
  readonly onKey?: boolean;
  /** Resolves to a text that is shown this once, if there is one. */
  readonly work: () => Promise<string | undefined>;
  readonly secretLabel?: string;
  readonly secretNote?: string;
  readonly children: ComponentChildren;
}

/** A button that opens a form which makes or changes something. */
export function CreateDialog(props: CreateDialogProps) {
  const { title, submit, done, wide = false, small = false, onKey = false, work, children } = props;
  const [open, setOpen] = useState(false);
  const [secret, setSecret] = useState<string | undefined>(undefined);
  const action = useAction();
  const close = (): void => {
    setOpen(false);
    setSecret(undefined);
    action.forget();
  };
  const run = async (): Promise<void> => {
    let shown: string | undefined;
    const worked = await action.run(async () => {
      shown = await work();
    }, done);
    if (!worked) return;
    if (shown === undefined) close();
    else setSecret(shown);
  };
  return (
    <>
      {onKey && <NewKey title={title} run={() => setOpen(true)} />}
      <button
        type="button"
        class={`${onKey ? 'primary' : ''} ${small ? 'small' : ''}`.trim() || undefined}
        onClick={() => setOpen(true)}
      >
        {title}
      </button>
      {open && (
        <Dialog title={title} onClose={close} wide={wide}>
          {secret === undefined ? (
            <Form action={action} submit={submit} onSubmit={() => void run()}>
              {children}
            </Form>
          ) : (
            <div class="question">
              <p>
                {props.secretNote ?? 'Shown this once. Keep it where only those who need it can read it.'}
              </p>
              <CopyText label={props.secretLabel ?? title} text={secret} />
              <div class="form-end">
                <button type="button" class="primary" onClick={close}>
                  I have it
                </button>
              </div>
            </div>
          )}
        </Dialog>
      )}
    </>
  );
}

function NewKey({ title, run }: { readonly title: string; readonly run: () => void }) {
  useShortcut('n', title.toLowerCase(), run);
  return null;
}

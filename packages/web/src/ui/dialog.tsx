// The browser's own modal dialog: it keeps the focus inside, closes on Escape, and gives the focus back.

import type { ComponentChildren } from 'preact';
import { useEffect, useId, useRef, useState } from 'preact/hooks';
import { useAction } from '../api/use-action.js';
import { Form } from './form.js';

export interface DialogProps {
  readonly title: string;
  readonly onClose: () => void;
  readonly wide?: boolean;
  readonly children: ComponentChildren;
}

export function Dialog({ title, onClose, wide = false, children }: DialogProps) {
  const ref = useRef<HTMLDialogElement>(null);
  const titleId = useId();
  useEffect(() => {
    const before = document.activeElement;
    ref.current?.showModal();
    return () => {
      if (before instanceof HTMLElement) before.focus();
    };
  }, []);
  return (
    <dialog ref={ref} class={wide ? 'wide' : undefined} aria-labelledby={titleId} onClose={onClose}>
      <header class="dialog-head">
        <h2 id={titleId}>{title}</h2>
        <button type="button" class="plain" aria-label="Close" onClick={() => ref.current?.close()}>
          ×
        </button>
      </header>
      {children}
    </dialog>
  );
}

export interface ActionButtonProps {
  readonly label: string;
  /** Asked before; without it the button does it at once. */
  readonly question?: { readonly title: string; readonly text: ComponentChildren; readonly yes: string };
  readonly done?: string;
  readonly work: () => Promise<unknown>;
  readonly tone?: 'primary' | 'danger' | 'plain';
  readonly small?: boolean;
  readonly onDone?: () => void;
}

export function ActionButton(props: ActionButtonProps) {
  const { label, question, done, work, tone, small = false, onDone } = props;
  const [open, setOpen] = useState(false);
  const action = useAction();
  const run = async (): Promise<void> => {
    const worked = await action.run(work, done);
    // What was refused is said in the dialog, also when nothing was asked before.
    setOpen(!worked);
    if (worked) onDone?.();
  };
  return (
    <>
      <button
        type="button"
        class={`${tone ?? ''} ${small ? 'small' : ''}`.trim() || undefined}
        disabled={action.pending}
        onClick={() => (question === undefined ? void run() : setOpen(true))}
      >
        {label}
      </button>
      {open && (
        <Dialog
          title={question?.title ?? label}
          onClose={() => {
            setOpen(false);
            action.forget();
          }}
        >
          <Form
            action={action}
            submit={question?.yes ?? 'Try again'}
            danger={tone === 'danger'}
            onSubmit={() => void run()}
          >
            {question !== undefined && <div class="question">{question.text}</div>}
          </Form>
        </Dialog>
      )}
    </>
  );
}

// Fields with their labels, and forms that send once.

import type { ComponentChildren } from 'preact';
import { useId } from 'preact/hooks';
import type { Action } from '../api/use-action.js';
import { Problem } from './loaded.js';

export interface FieldProps {
  readonly label: string;
  readonly hint?: ComponentChildren;
  readonly children: (id: string, describedBy: string | undefined) => ComponentChildren;
}

export function Field({ label, hint, children }: FieldProps) {
  const id = useId();
  const hintId = `${id}-hint`;
  return (
    <div class="field">
      <label for={id}>{label}</label>
      {children(id, hint === undefined ? undefined : hintId)}
      {hint !== undefined && (
        <p id={hintId} class="hint">
          {hint}
        </p>
      )}
    </div>
  );
}

export interface TextFieldProps {
  readonly label: string;
  readonly hint?: ComponentChildren;
  readonly value: string;
  readonly onValue: (value: string) => void;
  readonly type?: 'text' | 'password' | 'url' | 'number' | 'search' | 'email' | 'time' | 'datetime-local';
  readonly autocomplete?: string;
  readonly required?: boolean;
  readonly focus?: boolean;
  readonly minLength?: number;
  readonly pattern?: string;
  readonly numericKeys?: boolean;
  readonly placeholder?: string;
  readonly min?: number;
  readonly max?: number;
}

export function TextField(props: TextFieldProps) {
  const { label, hint, value, onValue, type = 'text', required = false, focus = false } = props;
  return (
    <Field label={label} hint={hint}>
      {(id, describedBy) => (
        <input
          id={id}
          // Preact's types tie roles to each type of input; of those named here all are text boxes.
          {...({ type } as { type: 'text' })}
          value={value}
          required={required}
          minLength={props.minLength}
          min={props.min}
          max={props.max}
          pattern={props.pattern}
          placeholder={props.placeholder}
          inputMode={props.numericKeys === true ? 'numeric' : undefined}
          autocomplete={props.autocomplete ?? 'off'}
          aria-describedby={describedBy}
          ref={focus ? focusOnce : null}
          onInput={(event) => onValue(event.currentTarget.value)}
        />
      )}
    </Field>
  );
}

function focusOnce(input: HTMLInputElement | null): void {
  if (input === null || input.dataset.focused !== undefined) return;
  input.dataset.focused = '';
  input.focus();
}

export interface SelectFieldProps {
  readonly label: string;
  readonly hint?: ComponentChildren;
  readonly value: string;
  readonly options: readonly (readonly [value: string, title: string])[];
  readonly onValue: (value: string) => void;
}

export function SelectField({ label, hint, value, options, onValue }: SelectFieldProps) {
  return (
    <Field label={label} hint={hint}>
      {(id, describedBy) => (
        <select
          id={id}
          value={value}
          aria-describedby={describedBy}
          onChange={(event) => onValue(event.currentTarget.value)}
        >
          {options.map(([key, title]) => (
            <option key={key} value={key}>
              {title}
            </option>
          ))}
        </select>
      )}
    </Field>
  );
}

export interface FormProps {
  readonly action: Action;
  readonly submit: string;
  readonly danger?: boolean;
  readonly disabled?: boolean;
  readonly onSubmit: () => void;
  readonly children: ComponentChildren;
  readonly extra?: ComponentChildren;
}

export function Form({
  action,
  submit,
  danger = false,
  disabled = false,
  onSubmit,
  children,
  extra,
}: FormProps) {
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        if (!action.pending) onSubmit();
      }}
    >
      {children}
      {action.error !== undefined && <Problem error={action.error} />}
      <div class="form-end">
        {extra}
        <button type="submit" class={danger ? 'danger' : 'primary'} disabled={disabled || action.pending}>
          {action.pending ? 'One moment…' : submit}
        </button>
      </div>
    </form>
  );
}

// Form controls with their labels.
import type { ComponentChildren, JSX, TargetedEvent } from 'preact';
import { useEffect, useId, useRef } from 'preact/hooks';
import { Small } from './Small';

interface SelectProps {
  label: string;
  value: string;
  options: [string, string][];
  onChange: (value: string) => void;
  hideLabel?: boolean;
}

export function Select({ label, value, options, onChange, hideLabel = false }: SelectProps): JSX.Element {
  const id = useId();
  return (
    <div class="field">
      <label for={id} class={hideLabel ? 'hidden-text' : ''}>{label}</label>
      <select id={id} value={value} onChange={(event) => onChange(event.currentTarget.value)}>
        {options.map(([key, words]) => <option key={key} value={key} selected={key === value}>{words}</option>)}
      </select>
    </div>
  );
}

interface InputProps {
  label: string;
  value: string;
  onInput?: (event: TargetedEvent<HTMLInputElement>) => void;
  onChange?: (event: TargetedEvent<HTMLInputElement>) => void;
  type?: 'text' | 'email' | 'password' | 'date' | 'number' | 'time';
  name?: string;
  autocomplete?: string;
  inputMode?: 'numeric';
  placeholder?: string;
  required?: boolean;
  autofocus?: boolean;
  readOnly?: boolean;
  minLength?: number;
  maxLength?: number;
  min?: number;
  max?: number | string;
  hint?: ComponentChildren;
  error?: string | undefined;
}

export function Input({ label, hint, error, autofocus = false, ...rest }: InputProps): JSX.Element {
  const id = useId();
  const ref = useRef<HTMLInputElement>(null);
  useEffect(() => {
    if (autofocus) ref.current!.focus();
  }, []);
  return (
    <div class="field">
      <label for={id}>{label}</label>
      <input id={id} ref={ref} aria-invalid={error ? 'true' : undefined} aria-describedby={error || hint ? `${id}-more` : undefined} {...(rest as object)} />
      {(error || hint) && <span id={`${id}-more`} class={error ? 'error' : 'hint'}>{error || hint}</span>}
    </div>
  );
}

interface AreaProps {
  label: string;
  value: string;
  onInput: (event: TargetedEvent<HTMLTextAreaElement>) => void;
  placeholder?: string;
  hint?: ComponentChildren;
}

export function Area({ label, hint, ...rest }: AreaProps): JSX.Element {
  const id = useId();
  return (
    <div class="field">
      <label for={id}>{label}</label>
      <textarea id={id} aria-describedby={hint ? `${id}-more` : undefined} spellcheck={false} {...rest} />
      {hint && <span id={`${id}-more`} class="hint">{hint}</span>}
    </div>
  );
}

export function Check({ label, checked, onChange }: { label: string; checked: boolean; onChange: (event: TargetedEvent<HTMLInputElement>) => void }): JSX.Element {
  return (
    <label class="check">
      <input type="checkbox" checked={checked} onChange={onChange} />
      <span>{label}</span>
    </label>
  );
}

export function Toggles({ label, value, options, onChange }: { label: string; value: string; options: [string, string][]; onChange: (value: string) => void }): JSX.Element {
  return (
    <div class="group" role="group" aria-label={label}>
      {options.map(([key, words]) => (
        <Small key={key} aria-pressed={key === value} onClick={() => onChange(key)}>{words}</Small>
      ))}
    </div>
  );
}

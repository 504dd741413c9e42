// Form controls with their labels.
import type { ComponentChildren, JSX } from 'preact';
import { useId } from 'preact/hooks';

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

interface InputProps extends Omit<JSX.InputHTMLAttributes<HTMLInputElement>, 'label'> {
  label: string;
  hint?: ComponentChildren;
  error?: string | undefined;
}

export function Input({ label, hint, error, ...rest }: InputProps): JSX.Element {
  const id = useId();
  return (
    <div class="field">
      <label for={id}>{label}</label>
      <input id={id} aria-invalid={error ? 'true' : undefined} aria-describedby={error || hint ? `${id}-more` : undefined} {...rest} />
      {(error || hint) && <span id={`${id}-more`} class={error ? 'error' : 'hint'}>{error || hint}</span>}
    </div>
  );
}

export function Area({ label, hint, ...rest }: { label: string; hint?: ComponentChildren } & JSX.TextareaHTMLAttributes<HTMLTextAreaElement>): JSX.Element {
  const id = useId();
  return (
    <div class="field">
      <label for={id}>{label}</label>
      <textarea id={id} aria-describedby={hint ? `${id}-more` : undefined} spellcheck={false} {...rest} />
      {hint && <span id={`${id}-more`} class="hint">{hint}</span>}
    </div>
  );
}

export function Check({ label, ...rest }: { label: string } & JSX.InputHTMLAttributes<HTMLInputElement>): JSX.Element {
  return (
    <label class="check">
      <input type="checkbox" {...rest} />
      <span>{label}</span>
    </label>
  );
}

export function Toggles({ label, value, options, onChange }: { label: string; value: string; options: [string, string][]; onChange: (value: string) => void }): JSX.Element {
  return (
    <div class="group" role="group" aria-label={label}>
      {options.map(([key, words]) => (
        <button key={key} type="button" class="button small" aria-pressed={key === value} onClick={() => onChange(key)}>{words}</button>
      ))}
    </div>
  );
}

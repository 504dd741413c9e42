// How dialogs end: with one button, or as forms do, with what was refused and the ways out and on.
import type { JSX } from 'preact';
import type { Problem } from '../api';
import { Refusal } from './Dialog';

export const Done = ({ label, onClose }: { label: string; onClose: () => void }): JSX.Element => (
  <footer><button type="button" class={`button ${label === 'Close' ? '' : 'primary'}`} onClick={onClose}>{label}</button></footer>
);

interface FormEndProps {
  busy: boolean;
  problem: Problem | null;
  label: string; // of the button that submits
  danger?: boolean;
  disabled?: boolean;
  onClose: () => void;
}

export const FormEnd = ({ busy, problem, label, danger = false, disabled = false, onClose }: FormEndProps): JSX.Element => (
  <>
    <Refusal problem={problem} />
    <footer>
      <button type="button" class="button" onClick={onClose}>Cancel</button>
      <button type="submit" class={`button ${danger ? 'danger' : 'primary'}`} disabled={busy || disabled}>{label}</button>
    </footer>
  </>
);

// A modal dialog: the browser keeps the focus inside, closes it on Esc and gives the focus back.
import type { ComponentChildren, JSX } from 'preact';
import { useId, useLayoutEffect, useRef, useState } from 'preact/hooks';
import { Problem } from '../api';

export function Dialog({ title, onClose, children }: { title: string; onClose: () => void; children: ComponentChildren }): JSX.Element {
  const ref = useRef<HTMLDialogElement>(null);
  const id = useId();
  // Laid out, not painted: an effect's clean-up may run a frame late, when the dialog and the focus in it are gone.
  useLayoutEffect(() => {
    const dialog = ref.current!;
    const before = document.activeElement as HTMLElement | null;
    if (!dialog.open) dialog.showModal();
    return () => {
      dialog.close();
      before?.focus?.();
    };
  }, []);
  return (
    <dialog ref={ref} aria-labelledby={id} onCancel={(event) => { event.preventDefault(); onClose(); }} onClick={(event) => event.target === ref.current && onClose()}>
      <div class="inside">
        <h2 id={id}>{title}</h2>
        {children}
      </div>
    </dialog>
  );
}

// A form whose submission is a call: one at a time, and its refusal is told where it is read.
export function useSubmit(action: () => Promise<void>): { busy: boolean; problem: Problem | null; submit: (event?: globalThis.Event) => void } {
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<Problem | null>(null);
  const submit = (event?: globalThis.Event): void => {
    event?.preventDefault();
    if (busy) return;
    setBusy(true);
    setProblem(null);
    action()
      .catch((failure: unknown) => setProblem(failure instanceof Problem ? failure : new Problem(0, 'That did not work', String(failure))))
      .finally(() => setBusy(false));
  };
  return { busy, problem, submit };
}

export const Refusal = ({ problem }: { problem: Problem | null }): JSX.Element => (
  <div role="alert">{problem && <p class="notice bad">{problem.detail}</p>}</div>
);

export function Confirm({ title, children, action, label, onClose }: { title: string; children: ComponentChildren; action: () => Promise<void>; label: string; onClose: () => void }): JSX.Element {
  const { busy, problem, submit } = useSubmit(async () => {
    await action();
    onClose();
  });
  return (
    <Dialog title={title} onClose={onClose}>
      <div>{children}</div>
      <Refusal problem={problem} />
      <footer>
        <button type="button" class="button" onClick={onClose}>Cancel</button>
        <button type="button" class="button danger" disabled={busy} onClick={() => submit()}>{label}</button>
      </footer>
    </Dialog>
  );
}

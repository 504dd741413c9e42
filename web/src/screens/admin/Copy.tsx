import type { JSX } from 'preact';
import { useState } from 'preact/hooks';

// Text to take along. The clipboard may be refused: then it can still be marked by hand.
export function Copy({ text, label }: { text: string; label: string }): JSX.Element {
  const [done, setDone] = useState('');
  const copy = (): void => {
    const failed = () => setDone('Mark and copy it by hand');
    if (!navigator.clipboard) return failed();
    void navigator.clipboard.writeText(text).then(() => setDone('Copied'), failed);
  };
  return (
    <div class="row" style={{ flexWrap: 'nowrap' }}>
      <div class="field grow" style={{ minWidth: 0 }}>
        <input class="mono" readOnly value={text} aria-label={label} onFocus={(event) => event.currentTarget.select()} />
      </div>
      <button type="button" class="button" onClick={copy}>Copy<span class="hidden-text"> {label}</span></button>
      <span class="small muted" role="status">{done}</span>
    </div>
  );
}

import type { ComponentChildren, JSX } from 'preact';
import { useEffect } from 'preact/hooks';

// The heading of a screen, which gets the focus on arrival, and the title of the window.
export function Title({ children, of }: { children: ComponentChildren; of: string }): JSX.Element {
  useEffect(() => {
    document.title = `${of} · inkling`;
  }, [of]);
  return <h1 tabIndex={-1}>{children}</h1>;
}

import type { ComponentChildren, JSX } from 'preact';
import { useEffect, useRef } from 'preact/hooks';
import { arrivals } from '../router';

// The heading of a screen, which gets the focus on arrival, and the title of the window.
export function Title({ children, of }: { children: ComponentChildren; of: string }): JSX.Element {
  useEffect(() => {
    document.title = `${of} · inkling`;
  }, [of]);
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => {
    if (arrivals.value > 0) heading.current!.focus({ preventScroll: true });
  }, []);
  return <h1 ref={heading} tabIndex={-1}>{children}</h1>;
}

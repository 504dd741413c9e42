// What is known of a thing, by name. A fact that is `false` is left out.
import type { ComponentChildren, JSX } from 'preact';

export type Fact = [name: string, value: ComponentChildren] | false;

export const Facts = ({ of, small }: { of: Fact[]; small?: boolean }): JSX.Element => (
  <dl class={small ? 'facts small' : 'facts'}>{of.map((fact) => fact && <div key={fact[0]}><dt>{fact[0]}</dt><dd>{fact[1]}</dd></div>)}</dl>
);

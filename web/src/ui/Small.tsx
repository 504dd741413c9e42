// A small button. `of` is what it acts on, for those who hear the page; others see where it stands.
import type { ComponentProps, JSX } from 'preact';

type SmallProps = ComponentProps<'button'> & {
  of?: string | undefined;
  tone?: 'primary' | 'danger' | 'quiet';
};

export const Small = ({ of, tone, children, ...others }: SmallProps): JSX.Element => (
  <button type="button" class={tone ? `button small ${tone}` : 'button small'} {...others}>{children}{of && <span class="hidden-text"> {of}</span>}</button>
);

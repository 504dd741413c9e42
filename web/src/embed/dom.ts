// Elements made by hand: text stays text, and nothing needs the host page to allow inline styles or HTML from strings.
export type Child = Node | string | number | null | undefined | false;

export function make(tag: string, attributes: Record<string, string | number | boolean | null | undefined> = {}, ...children: Child[]): HTMLElement {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) if (value != null && value !== false) element.setAttribute(name, value === true ? '' : String(value));
  for (const child of children) if (child != null && child !== false) element.append(typeof child === 'number' ? String(child) : child);
  return element;
}

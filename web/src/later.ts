// The second bundle: everything beside the dashboard (screens/more.ts).
import { signal } from '@preact/signals';

export type More = typeof import('./screens/more');

// Once it is there. What the first screen shows of it waits for it rather than asking: it is fetched when the page is idle.
export const fetched = signal<More | null>(null);

// Fetches it before it is wanted; when that fails, who wants it is told. With it begins what is live.
export const ahead = (): void => void import('./screens/more').then((screens) => (fetched.value = screens), () => undefined);

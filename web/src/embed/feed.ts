// What the components show, fetched once for all that show the same, and kept fresh: asked for again while the page is
// seen, less and less often as long as nothing changes. Polling, because a browser's EventSource cannot send a token,
// and a page full of open streams would use up the connections of its host (docs/decisions/0017-embedding.md).
export interface Problem {
  status: number; // 0: no answer, or one that this page may not read
  detail: string;
}

export interface State {
  data?: unknown;
  problem?: Problem;
}
type Listener = (state: State) => void;

export const LEAST_SECONDS = 5;
export const USUAL_SECONDS = 30;
const MOST_SECONDS = 300;
const TIMEOUT_MS = 20_000;

class Feed {
  readonly listeners = new Set<Listener>();
  state: State = {};
  #text = '';
  #wait: number; // seconds until the next request
  #due = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #running: AbortController | undefined;

  constructor(readonly url: string, readonly token: string, readonly every: number) {
    this.#wait = every;
  }

  // Tells the listeners only of what is new, so that nothing is drawn anew for nothing.
  #set(state: State, isNew: boolean): void {
    this.state = state;
    if (isNew) for (const listener of [...this.listeners]) listener(state);
  }

  async load(): Promise<void> {
    this.pause();
    const running = (this.#running = new AbortController());
    const limit = setTimeout(() => running.abort(), TIMEOUT_MS);
    let text = '';
    let problem: Problem | undefined;
    try {
      const answer = await fetch(this.url, { headers: { Authorization: `Bearer ${this.token}` }, credentials: 'omit', cache: 'no-store', referrerPolicy: 'no-referrer', redirect: 'error', signal: running.signal });
      text = await answer.text();
      if (!answer.ok) problem = { status: answer.status, detail: detailOf(text) };
    } catch {
      problem = { status: 0, detail: '' };
    }
    clearTimeout(limit);
    if (this.#running !== running) return; // given up, or begun anew
    this.#running = undefined;
    this.#take(text, problem);
    this.schedule();
  }

  #take(text: string, problem: Problem | undefined): void {
    let data: unknown;
    try {
      if (!problem) data = JSON.parse(text);
    } catch {
      problem = { status: 0, detail: '' };
    }
    const former = this.state;
    if (problem) {
      this.#wait = former.problem ? Math.min(2 * this.#wait, MOST_SECONDS) : LEAST_SECONDS;
      this.#set({ data: problem.status === 404 ? undefined : former.data, problem }, former.problem?.status !== problem.status || former.problem.detail !== problem.detail);
      return;
    }
    const same = text === this.#text && !former.problem;
    this.#wait = same ? Math.min(2 * this.#wait, Math.max(MOST_SECONDS, this.every)) : this.every;
    this.#text = text;
    this.#set({ data }, !same);
  }

  // A tenth more or less, so that the pages of an office do not ask all at once.
  schedule(): void {
    clearTimeout(this.#timer);
    const over = this.state.problem?.status === 401; // nothing but another token helps
    if (over || this.listeners.size === 0 || (this.every === 0 && !this.state.problem)) return;
    const delay = this.#wait * 1000 * (0.9 + 0.2 * Math.random());
    this.#due = Date.now() + delay;
    if (!document.hidden) this.#timer = setTimeout(() => void this.load(), delay);
  }

  pause(): void {
    clearTimeout(this.#timer);
    const running = this.#running;
    this.#running = undefined;
    running?.abort();
  }

  // The page is looked at again, or no longer.
  seen(): void {
    if (document.hidden) clearTimeout(this.#timer);
    else if (this.#due > 0 && !this.#running && (this.every > 0 || this.state.problem) && this.state.problem?.status !== 401) {
      this.#wait = this.every || LEAST_SECONDS;
      if (Date.now() >= this.#due) void this.load();
      else this.schedule();
    }
  }
}

const feeds = new Map<string, Feed>();
document.addEventListener('visibilitychange', () => feeds.forEach((feed) => feed.seen()));

function detailOf(text: string): string {
  try {
    const { detail } = JSON.parse(text) as { detail?: unknown };
    return typeof detail === 'string' ? detail : '';
  } catch {
    return '';
  }
}

export interface Subscription {
  retry: () => void;
  end: () => void;
}

// Calls `listener` at once with what is there already, and with everything new until the subscription ends.
export function subscribe(url: string, token: string, every: number, listener: Listener): Subscription {
  const key = `${every} ${token} ${url}`;
  let feed = feeds.get(key);
  const isNew = !feed;
  if (!feed) feeds.set(key, (feed = new Feed(url, token, every)));
  const joined = feed;
  joined.listeners.add(listener);
  if (isNew) void joined.load();
  else if (joined.state.data !== undefined || joined.state.problem) listener(joined.state);
  return {
    retry: () => void joined.load(),
    end: () => {
      joined.listeners.delete(listener);
      if (joined.listeners.size > 0) return;
      joined.pause();
      if (feeds.get(key) === joined) feeds.delete(key);
    },
  };
}

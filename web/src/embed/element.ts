// What the components have in common: attributes, the way to the data, the states, and the words.
import css from './embed.css';
import { make, type Child } from './dom';
import { LEAST_SECONDS, subscribe, USUAL_SECONDS, type Problem, type State, type Subscription } from './feed';
import { english, type Vocabulary, type Words } from './words';

// Where the script came from; loaded as a module, which does not know itself, it is found by its name.
const script = (document.currentScript ?? document.querySelector('script[src*="/embed/inkling.js"]')) as HTMLScriptElement | null;
const home = script?.src ? new URL('..', script.src).href : document.baseURI;

const sheet = new CSSStyleSheet();
sheet.replaceSync(css);

const properties = ['token', 'words'] as const;
const EXPIRED_EVERY_MS = 10_000; // a page whose new tokens are no good either is not made to ask without end

// What a token opens (GET /api/v1/embed).
interface Grant {
  candidates: string[];
  emails: number[];
}

export interface Subject {
  candidate?: string;
  email?: string;
}

export abstract class InklingElement extends HTMLElement {
  static observedAttributes = ['token', 'candidate', 'email', 'src', 'lang', 'limit', 'label', 'refresh'];

  readonly #shadow = this.attachShadow({ mode: 'open' });
  #token: string | null = null;
  #words: Vocabulary = english;
  #ownWords = false;
  #grant: Subscription | undefined; // of what the token opens
  #data: Subscription | undefined;
  #url = '';
  #restarting = false;
  #ready = false;
  #state: State = {};
  #expiredAt = -EXPIRED_EVERY_MS;
  #expiring: ReturnType<typeof setTimeout> | undefined;

  constructor() {
    super();
    this.#shadow.adoptedStyleSheets = [sheet];
  }

  // The API's path of what is shown; null when neither attributes nor token say it.
  protected abstract path(subject: Subject): string | null;
  // What is shown of the data; may throw when the data is not what it should be.
  protected abstract draw(data: unknown): Child[];
  protected abstract label(data: unknown): string;
  protected abstract missing(): string;

  // ---- what the page sets ----

  get token(): string {
    return this.#token ?? this.getAttribute('token') ?? '';
  }
  // Not shown in the attribute: tools that copy pages would take it along.
  set token(token: string | null) {
    this.#token = token || null;
    this.#restart();
  }

  protected get vocabulary(): Vocabulary {
    return this.#words;
  }
  set words(words: Words) {
    this.#words = { ...english, ...(words as Partial<Vocabulary>) };
    this.#ownWords = true;
    this.#draw();
  }

  // Asks again at once.
  refresh(): void {
    (this.#data ?? this.#grant)?.retry();
  }

  // ---- life ----

  connectedCallback(): void {
    // What was set before the script was there hides the accessors.
    for (const name of properties) {
      if (!Object.hasOwn(this, name)) continue;
      const value = (this as Record<string, unknown>)[name];
      delete (this as Record<string, unknown>)[name];
      (this as Record<string, unknown>)[name] = value;
    }
    this.#start();
  }

  disconnectedCallback(): void {
    this.#stop();
  }

  attributeChangedCallback(name: string, former: string | null, value: string | null): void {
    if (former === value) return;
    if (name === 'token') this.#token = null;
    this.#restart();
  }

  // Several changes at once are one.
  #restart(): void {
    if (this.#restarting) return;
    this.#restarting = true;
    queueMicrotask(() => {
      this.#restarting = false;
      if (this.isConnected) this.#start();
    });
  }

  #stop(): void {
    clearTimeout(this.#expiring);
    this.#data?.end();
    this.#grant?.end();
    this.#data = this.#grant = undefined;
  }

  #start(): void {
    clearTimeout(this.#expiring);
    const former = [this.#data, this.#grant];
    this.#data = this.#grant = undefined;
    const subject = this.#subject();
    if (!this.token) this.#take({});
    else if (subject.candidate || subject.email) this.#follow(subject);
    else this.#grant = this.#watch('/embed', 0, (state) => this.#takeGrant(state));
    for (const subscription of former) subscription?.end(); // at last, so that what goes on is not fetched anew
  }

  #subject(): Subject {
    return { candidate: this.getAttribute('candidate') ?? undefined, email: this.getAttribute('email') ?? undefined };
  }

  // A token that names one candidate, or one email, says whom the component is about.
  #takeGrant(state: State): void {
    if (state.problem) return this.#take(state);
    const { candidates, emails } = state.data as Grant;
    this.#follow({ candidate: candidates.length === 1 ? candidates[0] : undefined, email: emails.length === 1 ? String(emails[0]) : undefined });
  }

  #follow(subject: Subject): void {
    const path = this.path(subject);
    const url = path === null ? '' : this.#api(path);
    // Never what belongs to another; with another token for the same, what is there stays until the answer.
    if (url !== this.#url) {
      this.#url = url;
      this.#ready = false;
      this.#state = {};
    } else this.#state = { data: this.#state.data };
    this.#draw();
    this.#data?.end();
    this.#data = undefined;
    if (path !== null) this.#data = this.#watch(path, this.#every(), (state) => this.#take(state));
    else this.#take({ problem: { status: 400, detail: this.#words.choose } });
  }

  #every(): number {
    const seconds = Number(this.getAttribute('refresh') ?? USUAL_SECONDS);
    return seconds > 0 ? Math.max(seconds, LEAST_SECONDS) : seconds === 0 ? 0 : USUAL_SECONDS;
  }

  #api(path: string): string {
    let base = home;
    try {
      base = new URL(this.getAttribute('src') || home, document.baseURI).href;
    } catch {
      // What is no address names no other service.
    }
    return `${base.replace(/\/*$/, '')}/api/v1${path}`;
  }

  #watch(path: string, every: number, take: (state: State) => void): Subscription {
    const token = this.token;
    return subscribe(this.#api(path), token, every, (state) => this.token === token && take(state));
  }

  // ---- states ----

  #take(state: State): void {
    this.#state = state;
    this.#draw();
    const { data, problem } = state;
    if (data !== undefined && !problem && !this.#ready) {
      this.#ready = true;
      this.#tell('inkling-ready', {});
    }
    if (problem?.status === 401) this.#expire();
    else if (problem && problem.status !== 404) this.#tell('inkling-error', { ...problem });
  }

  #expire(): void {
    const tell = (): void => {
      this.#expiredAt = performance.now();
      this.#tell('inkling-token-expired', {});
    };
    const wait = this.#expiredAt + EXPIRED_EVERY_MS - performance.now();
    if (wait <= 0) tell();
    else this.#expiring = setTimeout(tell, wait);
  }

  #tell(type: string, detail: object): void {
    this.dispatchEvent(new CustomEvent(type, { bubbles: true, composed: true, detail }));
  }

  #explain({ status, detail }: Problem): string {
    if (status === 401) return this.#words.expired;
    if (status === 404) return this.missing();
    return status === 0 ? this.#words.unreachable : detail || this.#words.failed;
  }

  protected button(text: string, part: string, press: () => void): HTMLElement {
    const button = make('button', { type: 'button', part: `button ${part}`, 'data-key': part }, text);
    button.addEventListener('click', press);
    return button;
  }

  #note(problem: Problem, old: boolean): HTMLElement {
    const text = old && problem.status !== 401 ? this.#words.stale : this.#explain(problem);
    const again = ![400, 401, 404].includes(problem.status) && this.button(this.#words.retry, 'retry', () => this.refresh());
    return make('div', { part: 'message', role: 'status' }, make('span', {}, text), again);
  }

  #content(): [state: string, label: string, children: Child[]] {
    const { data, problem } = this.#state;
    const children: Child[] = [];
    let label = '';
    if (data === undefined && !problem) return ['loading', this.#words.loading, [make('div', { part: 'message', role: 'status' }, this.#words.loading)]];
    if (data !== undefined) {
      try {
        label = this.label(data);
        children.push(...this.draw(data));
      } catch {
        return ['error', '', [this.#note({ status: 500, detail: '' }, false)]];
      }
    }
    if (problem) children.push(this.#note(problem, data !== undefined));
    const state = !problem ? 'ready' : problem.status === 401 ? 'expired' : problem.status === 404 ? 'empty' : data !== undefined ? 'stale' : 'error';
    return [state, label, children];
  }

  protected redraw(): void {
    this.#draw();
  }

  #draw(): void {
    const focused = (this.#shadow.activeElement as HTMLElement | null)?.dataset.key;
    const [state, label, children] = this.#content();
    const group = make('div', { part: `base ${state}`, class: 'base', role: label && 'group', 'aria-label': label || null, 'aria-busy': state === 'loading' && 'true', 'data-state': state, lang: this.#ownWords ? null : 'en' }, ...children);
    if (!label) group.removeAttribute('role');
    this.#shadow.replaceChildren(group);
    if (focused) this.#shadow.querySelector<HTMLElement>(`[data-key="${focused}"]`)?.focus();
  }

  // ---- moments ----

  #format(options: Intl.DateTimeFormatOptions): Intl.DateTimeFormat {
    const language = this.getAttribute('lang') ?? (this.closest('[lang]') as HTMLElement | null)?.lang;
    try {
      return new Intl.DateTimeFormat(language || undefined, options);
    } catch {
      return new Intl.DateTimeFormat(undefined, options);
    }
  }

  protected day(moment: string): string {
    return this.#format({ weekday: 'short', day: 'numeric', month: 'short', year: 'numeric' }).format(new Date(moment));
  }

  protected clock(moment: string): HTMLElement {
    return make('time', { part: 'time', datetime: moment }, this.#format({ hour: '2-digit', minute: '2-digit' }).format(new Date(moment)));
  }

  protected moment(moment: string): string {
    return this.#format({ day: 'numeric', month: 'short', year: 'numeric', hour: '2-digit', minute: '2-digit' }).format(new Date(moment));
  }
}

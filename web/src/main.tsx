// The frame of the application: header, the screen of the address, and what lies over it.
import { render, type JSX } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import { retryFailed, sessionEnded } from './api';
import { onDashboard } from './dashboard';
import { helpOpen, paletteOpen, startKeys } from './keys';
import { ahead, fetched, type More } from './later';
import { arrivals, path, scrollToRestore, startRouter } from './router';
import { administers, boot, booted, bootProblem, early, liveState, me, unread } from './state';
import { AccountMenu } from './screens/Account';
import { Dashboard } from './screens/Dashboard';
import { Icon } from './ui/Icon';
import { ProblemState, Skeleton } from './ui/Panel';
import { showCurrent } from './ui/scroll';
import { Title } from './ui/Title';

type Screen = (props: { id: string }) => JSX.Element;

// Screens that come in a second file. After an update of the service an open page may ask for a file that is gone: then the
// page has to be loaded again.
function more(choose: (screens: More) => Screen): Screen {
  return function Later({ id }) {
    const [Loaded, setLoaded] = useState<Screen | null>(null);
    const [failed, setFailed] = useState(false);
    useEffect(() => {
      import('./screens/more').then((screens) => setLoaded(() => choose(screens)), () => setFailed(true));
    }, []);
    if (failed)
      return (
        <div class="card state" role="alert">
          <Title of="New version">A new version is there</Title>
          <p>The service was updated since this page was loaded.</p>
          <button type="button" class="button primary" onClick={() => window.location.reload()}>Load the page again</button>
        </div>
      );
    return Loaded ? <Loaded id={id} /> : <Skeleton height={600} />;
  };
}

const group = (kind: 'campaigns' | 'templates' | 'jobs'): Screen => more(({ Group }) => ({ id }) => <Group kind={kind} id={id} />);

const routes: [RegExp, Screen][] = [
  [/^\/(?:dashboard|sign-in)?$/, Dashboard],
  [/^\/activity$/, more(({ Activity }) => Activity)],
  [/^\/notifications$/, more(({ Notifications }) => Notifications)],
  [/^\/notifications\/preferences$/, more(({ Preferences }) => Preferences)],
  [/^\/candidates$/, more(({ Candidates }) => Candidates)],
  [/^\/candidates\/([^/]+)$/, more(({ Candidate }) => Candidate)],
  [/^\/emails$/, more(({ Emails }) => Emails)],
  [/^\/emails\/([^/]+)$/, more(({ Email }) => Email)],
  [/^\/campaigns$/, more(({ Campaigns }) => Campaigns)],
  [/^\/campaigns\/([^/]+)$/, group('campaigns')],
  [/^\/templates$/, more(({ Templates }) => Templates)],
  [/^\/templates\/([^/]+)$/, group('templates')],
  [/^\/jobs$/, more(({ Jobs }) => Jobs)],
  [/^\/jobs\/([^/]+)$/, group('jobs')],
  [/^\/(?:admin|account)(?:\/([^/]+))?$/, more(({ Admin }) => ({ id }) => <Admin page={path.value.startsWith('/account') ? 'account' : id} />)],
];

const SignIn = more((screens) => screens.SignIn);
const SignInAgain = more((screens) => screens.SignInAgain);
const Welcome = more((screens) => screens.Welcome);
const KeyHelp = more((screens) => screens.KeyHelp);
const Palette = more((screens) => screens.Palette);

function NotFound(): JSX.Element {
  return (
    <div class="card state">
      <Title of="Not found">There is no such page</Title>
      <p>The address may be mistyped, or what it named has gone.</p>
      <a href="/dashboard">Back to the dashboard</a>
    </div>
  );
}

const links: [string, string][] = [
  ['/dashboard', 'Dashboard'],
  ['/candidates', 'Candidates'],
  ['/activity', 'Activity'],
  ['/emails', 'Emails'],
  ['/campaigns', 'Campaigns'],
  ['/templates', 'Templates'],
  ['/jobs', 'Jobs'],
];

function Header(): JSX.Element {
  const here = path.value === '/' ? '/dashboard' : path.value;
  const all: [string, string][] = administers.value ? [...links, [administers.value, 'Admin']] : links;
  const nav = useRef<HTMLElement>(null);
  useEffect(() => showCurrent(nav.current), [here]);
  return (
    <header class="top">
      <div class="top-in">
        <a class="brand" href="/dashboard">
          <svg aria-hidden="true" width="24" height="24" viewBox="0 0 32 32"><rect width="32" height="32" rx="8" fill="var(--accent)" /><path d="M6 12.500 16 19l10-6.500V23a2 2 0 0 1-2 2H8a2 2 0 0 1-2-2z" fill="var(--on-accent)" /><circle cx="23" cy="9" r="4" fill="#ff9a6b" /></svg>
          inkling
        </a>
        <nav class="nav" aria-label="Main" ref={nav}>
          {all.map(([to, words]) => <a key={to} href={to} aria-current={here === to ? 'page' : here.startsWith(`${to}/`) ? 'true' : undefined}>{words}</a>)}
        </nav>
        <span class={`small muted ${liveState.value === 'Live' ? 'wide' : ''}`}>{liveState}</span>
        <a class="button small quiet bell" href="/notifications" aria-label={`Notifications, ${unread.value} unread`} aria-current={here.startsWith('/notifications') ? 'page' : undefined}><Icon name="bell" />{unread.value > 0 && <b>{unread.value > 99 ? '99+' : unread.value}</b>}</a>
        {me.value && <AccountMenu />}
      </div>
    </header>
  );
}

// Gives scroll positions back; what they belong to may still be on its way.
function useScroll(): void {
  const here = path.value + arrivals.value;
  useEffect(() => {
    const wanted = scrollToRestore();
    if (wanted === null) return;
    const end = Date.now() + 1500;
    const attempt = (): void => {
      window.scrollTo(0, wanted);
      if (Math.abs(window.scrollY - wanted) > 2 && Date.now() < end) requestAnimationFrame(attempt);
    };
    attempt();
  }, [here]);
}

function Frame(): JSX.Element {
  const main = useRef<HTMLElement>(null);
  useScroll();
  const Live = fetched.value?.Live;
  const found = routes.find(([pattern]) => pattern.test(path.value));
  const [pattern, Screen] = found ?? [null, NotFound as Screen];
  let id = '';
  try {
    id = decodeURIComponent(pattern?.exec(path.value)?.[1] ?? '');
  } catch {
    // A malformed escape names nothing.
  }
  return (
    <>
      <a class="skip" href="#main" onClick={(event) => { event.preventDefault(); main.current?.querySelector<HTMLElement>('h1')?.focus(); }}>Skip to content</a>
      <Header />
      <main id="main" ref={main}><Screen key={path.value} id={id} /></main>
      <div class="toasts" role="status" aria-live="polite" aria-atomic="false" aria-label="New notifications">{Live && me.value && <Live />}</div>
      {helpOpen.value && <KeyHelp id="" />}
      {paletteOpen.value && <Palette id="" />}
      {sessionEnded.value && <SignInAgain id="" />}
    </>
  );
}

function App(): JSX.Element {
  if (!booted.value) return early.value ? <Frame /> : <div />;
  if (bootProblem.value)
    return (
      <main class="plain">
        <h1><Icon name="bounce" /> inkling</h1>
        <div class="card"><ProblemState problem={bootProblem.value} retry={() => void boot()} /></div>
      </main>
    );
  if (path.value === '/welcome') return <Welcome id="" />;
  return me.value === null ? <SignIn id="" /> : <Frame />;
}

startRouter();
startKeys();
window.addEventListener('online', retryFailed);
if (!onDashboard()) ahead();
void boot();
render(<App />, document.getElementById('app')!);
window.addEventListener('load', () => setTimeout(ahead, 1000));

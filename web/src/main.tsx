// The frame of the application: header, the screen of the address, and what lies over it.
import { render, type ComponentType, type JSX } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import { sessionEnded } from './api';
import { helpOpen, startKeys } from './keys';
import { arrivals, path, scrollToRestore, startRouter } from './router';
import { boot, booted, bootProblem, isAdmin, me } from './state';
import { AccountMenu, KeyHelp, SignInAgain } from './screens/Account';
import { Campaigns, Jobs, Templates } from './screens/Groups';
import { Candidate } from './screens/Candidate';
import { Candidates } from './screens/Candidates';
import { Dashboard } from './screens/Dashboard';
import { Email } from './screens/Email';
import { Emails } from './screens/Emails';
import { Group } from './screens/Group';
import { SignIn } from './screens/SignIn';
import { Icon } from './ui/Icon';
import { ProblemState, Skeleton } from './ui/Panel';

type Screen = (props: { id: string }) => JSX.Element;

const routes: [RegExp, string, Screen][] = [
  [/^\/(?:dashboard)?$/, 'Dashboard', Dashboard],
  [/^\/candidates$/, 'Candidates', Candidates],
  [/^\/candidates\/([^/]+)$/, 'Candidate', Candidate],
  [/^\/emails$/, 'Emails', Emails],
  [/^\/emails\/([^/]+)$/, 'Email', Email],
  [/^\/campaigns$/, 'Campaigns', Campaigns],
  [/^\/campaigns\/([^/]+)$/, 'Campaign', ({ id }) => <Group kind="campaigns" id={id} />],
  [/^\/templates$/, 'Templates', Templates],
  [/^\/templates\/([^/]+)$/, 'Template', ({ id }) => <Group kind="templates" id={id} />],
  [/^\/jobs$/, 'Jobs', Jobs],
  [/^\/jobs\/([^/]+)$/, 'Job', ({ id }) => <Group kind="jobs" id={id} />],
  [/^\/(?:admin|account)(?:\/([^/]+))?$/, 'Administration', Later],
];

// Screens that few need come in a file of their own. After an update of the service an open page may ask for a file that is
// gone: then the page has to be loaded again.
function Later({ id }: { id: string }): JSX.Element {
  const [Loaded, setLoaded] = useState<ComponentType<{ page: string }> | null>(null);
  const [failed, setFailed] = useState(false);
  useEffect(() => {
    import('./screens/admin/Admin').then(({ Admin }) => setLoaded(() => Admin)).catch(() => setFailed(true));
  }, []);
  if (failed)
    return (
      <div class="card state" role="alert">
        <h1>A new version is there</h1>
        <p>The service was updated since this page was loaded.</p>
        <button type="button" class="button primary" onClick={() => window.location.reload()}>Load the page again</button>
      </div>
    );
  return Loaded ? <Loaded page={path.value.startsWith('/account') ? 'account' : id} /> : <Skeleton height={400} />;
}

function NotFound(): JSX.Element {
  return (
    <div class="card state">
      <h1>There is no such page</h1>
      <p>The address may be mistyped, or what it named has gone.</p>
      <a href="/dashboard">Back to the dashboard</a>
    </div>
  );
}

const links: [string, string][] = [
  ['/dashboard', 'Dashboard'],
  ['/candidates', 'Candidates'],
  ['/emails', 'Emails'],
  ['/campaigns', 'Campaigns'],
  ['/templates', 'Templates'],
  ['/jobs', 'Jobs'],
];

function Header(): JSX.Element {
  const here = path.value === '/' ? '/dashboard' : path.value;
  const all: [string, string][] = isAdmin.value ? [...links, ['/admin', 'Admin']] : links;
  return (
    <header class="top">
      <div class="top-in">
        <a class="brand" href="/dashboard">
          <svg aria-hidden="true" width="24" height="24" viewBox="0 0 32 32"><rect width="32" height="32" rx="8" fill="var(--accent)" /><path d="M6 12.500 16 19l10-6.500V23a2 2 0 0 1-2 2H8a2 2 0 0 1-2-2z" fill="var(--on-accent)" /><circle cx="23" cy="9" r="4" fill="#ff9a6b" /></svg>
          inkling
        </a>
        <nav class="nav" aria-label="Main">
          {all.map(([to, words]) => <a key={to} href={to} aria-current={here === to ? 'page' : here.startsWith(`${to}/`) ? 'true' : undefined}>{words}</a>)}
        </nav>
        <AccountMenu />
      </div>
    </header>
  );
}

// Gives the focus to the heading of a screen that was gone to, and scroll positions back.
function useArrival(): { current: HTMLElement | null } {
  const main = useRef<HTMLElement>(null);
  const arrival = arrivals.value;
  useEffect(() => {
    if (arrival > 0) main.current?.querySelector('h1')?.focus({ preventScroll: true });
    const wanted = scrollToRestore();
    if (wanted === null) return;
    const end = Date.now() + 1500;
    const attempt = (): void => {
      window.scrollTo(0, wanted);
      if (Math.abs(window.scrollY - wanted) > 2 && Date.now() < end) requestAnimationFrame(attempt);
    };
    attempt();
  }, [arrival, path.value]);
  return main;
}

function Frame(): JSX.Element {
  const main = useArrival();
  const found = routes.find(([pattern]) => pattern.test(path.value));
  const [pattern, , Screen] = found ?? [null, '', NotFound as Screen];
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
      <div class="toasts" role="status" aria-live="polite" aria-label="Notifications" />
      {helpOpen.value && <KeyHelp onClose={() => (helpOpen.value = false)} />}
      {sessionEnded.value && <SignInAgain />}
    </>
  );
}

function App(): JSX.Element {
  if (!booted.value) return <div />;
  if (bootProblem.value)
    return (
      <main class="plain">
        <h1><Icon name="bounce" /> inkling</h1>
        <div class="card"><ProblemState problem={bootProblem.value} retry={() => void boot()} /></div>
      </main>
    );
  return me.value === null ? <SignIn /> : <Frame />;
}

startRouter();
startKeys();
void boot();
render(<App />, document.getElementById('app')!);

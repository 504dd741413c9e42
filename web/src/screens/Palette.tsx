// Search over the page: candidates, emails, campaigns, templates, jobs and screens, by keyboard (WAI-ARIA combobox).
import type { JSX } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import { get, Problem, query } from '../api';
import { dayOf, dayText, nameOf } from '../format';
import { paletteOpen } from '../keys';
import { thing } from '../links';
import { navigate } from '../router';
import { isAdmin } from '../state';
import type { Found } from '../types';
import { Dialog } from '../ui/Dialog';

const WAIT_MS = 150;
const TEXT_MAX = 100;

interface Choice {
  to: string;
  words: string;
  more?: string | null | undefined;
}

const screens: [string, string][] = [
  ['/dashboard', 'Dashboard'], ['/candidates', 'Candidates'], ['/candidates?level=hot&replied=no', 'Follow up now'], ['/emails', 'Emails'], ['/campaigns', 'Campaigns'], ['/templates', 'Templates'], ['/jobs', 'Jobs'], ['/account', 'Your account'],
];
const administration: [string, string][] = [
  ['/admin/endpoints', 'Endpoints'], ['/admin/orphan-events', 'Orphan events'], ['/admin/failed-deliveries', 'Failed deliveries'], ['/admin/security-events', 'Security events'], ['/admin/users', 'Users'], ['/admin/api-keys', 'API keys'], ['/admin/settings', 'Settings'],
];

function groupsOf(text: string, found: Found | null): [string, Choice[]][] {
  const wanted = text.trim().toLocaleLowerCase('en');
  const places = [...screens, ...(isAdmin.value ? administration : [])].filter(([, words]) => words.toLocaleLowerCase('en').includes(wanted));
  const things = (kind: 'campaigns' | 'templates' | 'jobs'): Choice[] => (found?.[kind] ?? []).map((row) => ({ to: thing(kind, row.id), words: nameOf(row) }));
  const all: [string, Choice[]][] = [
    ['Candidates', (found?.candidates ?? []).map((row) => ({ to: thing('candidates', row.id), words: nameOf({ ...row, title: null }), more: row.title }))],
    ['Emails', (found?.emails ?? []).map((row) => ({ to: `/emails/${row.id}`, words: row.subject || 'No subject', more: `${row.candidate_name ?? 'Erased'}, ${dayText(dayOf(row.sent_at))}` }))],
    ['Campaigns', things('campaigns')],
    ['Templates', things('templates')],
    ['Jobs', things('jobs')],
    ['Screens', places.map(([to, words]) => ({ to, words }))],
  ];
  return all.filter(([, choices]) => choices.length > 0);
}

// What the service finds, a moment after the last key. Answers that come late, for what was typed before, are left.
function useFound(text: string): { found: Found | null; problem: Problem | null; waiting: boolean } {
  const [answer, setAnswer] = useState<{ text: string; found: Found | null; problem: Problem | null }>({ text: '', found: null, problem: null });
  const wanted = text.trim();
  useEffect(() => {
    if (wanted === '') return;
    let current = true;
    const timer = setTimeout(() => {
      get<Found>(`/search${query({ q: wanted })}`).then(
        (found) => current && setAnswer({ text: wanted, found, problem: null }),
        (problem: Problem) => current && setAnswer({ text: wanted, found: null, problem }),
      );
    }, WAIT_MS);
    return () => {
      current = false;
      clearTimeout(timer);
    };
  }, [wanted]);
  if (wanted === '') return { found: null, problem: null, waiting: false };
  return { ...answer, waiting: answer.text !== wanted };
}

export function Palette(): JSX.Element {
  const [text, setText] = useState('');
  const [at, setAt] = useState(0);
  const list = useRef<HTMLDivElement>(null);
  const { found, problem, waiting } = useFound(text);
  const groups = groupsOf(text, found);
  const all = groups.flatMap(([, choices]) => choices);
  const active = Math.min(at, all.length - 1);
  const close = (): void => void (paletteOpen.value = false);
  const open = (choice: Choice | undefined): void => {
    if (!choice) return;
    close();
    navigate(choice.to);
  };
  useEffect(() => list.current?.querySelector('[aria-selected="true"]')?.scrollIntoView({ block: 'nearest' }), [active, text]);
  const onKey = (event: KeyboardEvent): void => {
    const steps: Record<string, number> = { ArrowDown: active + 1, ArrowUp: active - 1 };
    if (event.key in steps && all.length > 0) setAt((steps[event.key]! + all.length) % all.length);
    else if (event.key === 'Enter') open(all[active]);
    else return;
    event.preventDefault();
  };
  return (
    <Dialog title="Search" onClose={close}>
      <input class="search" type="text" role="combobox" aria-label="Search" aria-expanded={all.length > 0} aria-controls="found" aria-autocomplete="list" aria-activedescendant={all.length > 0 ? `found-${active}` : undefined}
        autocomplete="off" spellcheck={false} maxLength={TEXT_MAX} placeholder="Name, subject, campaign, job …" value={text} onKeyDown={onKey} onInput={(event) => { setText(event.currentTarget.value); setAt(0); }} />
      <p class="hidden-text" role="status">{waiting ? '' : text.trim() === '' ? '' : `${all.length} found`}</p>
      {problem && <p class="notice bad" role="alert">{problem.detail}</p>}
      {all.length === 0 && !problem && <p class="muted small">{waiting ? 'Searching …' : 'Nothing is named so. Candidates are found by the beginning of a name or address.'}</p>}
      <div id="found" class={`found ${waiting ? 'dim' : ''}`} role="listbox" aria-label="Found" ref={list}>
        {groups.map(([label, choices]) => (
          <div key={label} role="group" aria-label={label}>
            <div class="small muted" aria-hidden="true">{label}</div>
            {choices.map((choice) => {
              const index = all.indexOf(choice);
              return (
                <div key={choice.to} id={`found-${index}`} role="option" aria-selected={index === active} onPointerMove={() => setAt(index)} onClick={() => open(choice)}>
                  {choice.words} {choice.more && <span class="small muted">{choice.more}</span>}
                </div>
              );
            })}
          </div>
        ))}
      </div>
    </Dialog>
  );
}

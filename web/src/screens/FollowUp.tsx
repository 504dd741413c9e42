// What is to be done now: candidates who are hot and have not replied, and campaigns that want to be looked at.
import type { JSX } from 'preact';
import { query, type Resource } from '../api';
import { partOf } from '../dashboard';
import { nameOf } from '../format';
import { thing, type Scope } from '../links';
import type { Dashboard } from '../types';
import { Badge } from '../ui/Badge';
import { Empty, Panel } from '../ui/Panel';
import { Time } from '../ui/Time';

export function FollowUp({ whole, scope }: { whole: Resource<Dashboard>; scope: Scope }): JSX.Element {
  const scored = whole.data?.follow_up !== null;
  return (
    <div class={scored ? 'two even' : 'stack'} style={{ alignItems: 'stretch' }}>
      {scored && (
        <section class="card" aria-labelledby="follow-up">
          <header>
            <h2 id="follow-up">Follow up now</h2>
            <a href={`/candidates${query({ level: 'hot', replied: 'no', job: scope.job, scope: scope.sender ? 'mine' : undefined })}`}>View all →</a>
          </header>
          <Panel of={partOf(whole, 'follow_up')} height={240}>
            {({ data }) =>
              data.length === 0 ? (
                <Empty title="Nobody is waiting"><p>Candidates appear here who are hot and have not replied.</p></Empty>
              ) : (
                <ol class="rank people">
                  {data.map((row) => (
                    <li key={row.id}>
                      <span class="two-lines"><a href={thing('candidates', row.id)}>{nameOf(row)}</a><span class="small muted">{row.jobs?.[0] ? nameOf(row.jobs[0]) : row.title}</span></span>
                      <Badge candidate={row} />
                      <span class="small muted"><Time at={row.last_engaged_at} /></span>
                    </li>
                  ))}
                </ol>
              )
            }
          </Panel>
        </section>
      )}
      <section class="card" aria-labelledby="attention">
        <header>
          <h2 id="attention">Campaigns that need attention</h2>
        </header>
        <Panel of={partOf(whole, 'attention')} height={120}>
          {({ data }) =>
            data.length === 0 ? (
              <Empty title="None"><p>Campaigns of these days with many bounces, complaints or unsubscribes appear here.</p></Empty>
            ) : (
              <ul class="stack" style={{ gap: '8px' }}>
                {data.map((row) => (
                  <li key={row.id} class="two-lines">
                    <a href={thing('campaigns', row.id)}>{nameOf(row)}</a>
                    <span class="row">{row.attention.map(({ code, text }) => <span key={code} class="chip warn">{text}</span>)}</span>
                  </li>
                ))}
              </ul>
            )
          }
        </Panel>
      </section>
    </div>
  );
}

// What one was told of.
import type { JSX } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { change, refresh } from '../api';
import { count, nameOf } from '../format';
import { onFrames, readUnread } from '../live';
import { place, who } from '../news';
import { usePages } from '../pages';
import { choice, readQuery, setQuery } from '../router';
import { me, unread } from '../state';
import type { Notification } from '../types';
import { Refusal, useSubmit } from '../ui/Dialog';
import { Toggles } from '../ui/Field';
import { Icon } from '../ui/Icon';
import { More } from '../ui/More';
import { Empty, Panel } from '../ui/Panel';
import { Small } from '../ui/Small';
import { Time } from '../ui/Time';
import { markRead } from '../ui/Toasts';
import { Title } from '../ui/Title';
import { did, eventSign } from '../vocabulary';

const parameters = { show: choice('', 'unread') };

function Row({ one, onMark }: { one: Notification; onMark: (one: Notification) => void }): JSX.Element {
  const whose = one.sender_id === me.value!.user.id ? 'your' : 'the';
  return (
    <li data-row class={one.read_at ? '' : 'new'}>
      <span class="dot"><Icon name={eventSign(one.event_type)} /></span>
      <div class="what">
        <span>
          {!one.read_at && <span class="hidden-text">Unread: </span>}
          <a href={place(one)} onClick={() => !one.read_at && markRead([one.id])}>{who(one)}</a> {did(one.event_type, whose, one.count)}
        </span>
        <span class="small muted">{[one.email.subject, one.job && nameOf(one.job)].filter(Boolean).join(' · ')}</span>
      </div>
      <span class="row">
        <Time at={one.last_at} />
        <Small tone="quiet" aria-label={`Mark as ${one.read_at ? 'unread' : 'read'}: ${who(one)}`} onClick={() => onMark(one)}>Mark as {one.read_at ? 'unread' : 'read'}</Small>
      </span>
    </li>
  );
}

export function Notifications(): JSX.Element {
  const { show } = readQuery(parameters);
  const pages = usePages<Notification>(`/notifications${show ? '?unread=true' : ''}`);
  const [fresh, setFresh] = useState<ReadonlySet<number>>(new Set());
  useEffect(
    () =>
      onFrames((frames) => {
        const ids = frames.flatMap(({ kind, data }) => (kind === 'notification' ? [data.id] : []));
        if (ids.length > 0) setFresh((before) => new Set([...before, ...ids]));
        if (frames.some(({ kind }) => kind === 'notification_withdrawn')) refresh('/notifications');
      }),
    [],
  );
  const again = (): void => {
    setFresh(new Set());
    refresh('/notifications');
    void readUnread();
  };
  const mark = useSubmit(async () => {
    await change('POST', '/notifications/read', pages.data?.[0] ? { up_to_id: Math.max(...pages.data.map(({ id }) => id)) } : {});
    again();
  });
  const markOne = (one: Notification): void => void change('PATCH', `/notifications/${one.id}`, { read: !one.read_at }).then(again, again);
  return (
    <>
      <div class="head">
        <div>
          <Title of="Notifications">Notifications</Title>
          <p class="sub small">Kept for 90 days. <a href="/notifications/preferences">Choose what you are told of</a></p>
        </div>
        <Small disabled={mark.busy || unread.value === 0} onClick={() => mark.submit()}>Mark all as read</Small>
      </div>
      <Refusal problem={mark.problem} />
      <p class="row fresh">
        <Toggles label="Show" value={show} options={[['', 'All'], ['unread', 'Unread']]} onChange={(value) => setQuery({ show: value })} />
        <span role="status">{fresh.size > 0 && <Small tone="primary" onClick={again}>{count(fresh.size)} new – show</Small>}</span>
      </p>
      <section class="card" aria-label="Notifications">
        <Panel of={pages} height={480}>
          {(rows) =>
            rows.length === 0 ? (
              <Empty title={show ? 'Nothing unread' : 'Nothing yet'}>{!show && <p>When a candidate opens one of your emails, clicks, replies, or an email bounces, you are told here.</p>}</Empty>
            ) : (
              <>
                <ol class="timeline">{rows.map((one) => <Row key={one.id} one={one} onMark={markOne} />)}</ol>
                {pages.hasMore && <More pages={pages} shown={`${count(rows.length)} shown`} />}
              </>
            )
          }
        </Panel>
      </section>
    </>
  );
}

// Opens and clicks over time. Drawn as SVG and themed by CSS; read by mouse, touch, keyboard and as a table.
import type { JSX } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import { count, dayText, percent, spanText, today } from '../format';
import type { Interval } from '../types';
import { countTop, gridLines, labelled, linePath, rateTop } from './scale';

const HEIGHT = 248;
const FEW = 5; // emails below which a value is drawn hollow: it says little
const LEFT = 44, RIGHT = 12, TOP = 10, BOTTOM = 28;

export type ChartView = 'rates' | 'counts';

interface LineChartProps {
  rows: Interval[];
  previous?: Interval[] | undefined;
  view: ChartView;
  onOpen: (row: Interval) => void; // the emails behind an interval
}

const series = [
  { key: 'opens', label: 'Opens', rate: (row: Interval) => row.open_rate, number: (row: Interval) => row.opened, base: (row: Interval) => row.open_base },
  { key: 'clicks', label: 'Clicks', rate: (row: Interval) => row.click_rate, number: (row: Interval) => row.clicked, base: (row: Interval) => row.click_base },
] as const;

function useWidth(): [{ current: HTMLDivElement | null }, number] {
  const ref = useRef<HTMLDivElement>(null);
  const [width, setWidth] = useState(0);
  useEffect(() => {
    const measure = () => ref.current && setWidth(ref.current.clientWidth);
    measure();
    const observer = new ResizeObserver(() => requestAnimationFrame(measure));
    observer.observe(ref.current!);
    return () => observer.disconnect();
  }, []);
  return [ref, width];
}

const Sample = ({ name }: { name: string }): JSX.Element => (
  <svg aria-hidden="true" viewBox="0 0 28 10">
    <path class={name} d="M1 5h26" />
    {name === 'opens' && <circle class="dot-opens" cx="14" cy="5" r="3.500" />}
    {name === 'clicks' && <rect class="dot-clicks" x="11" y="2" width="6" height="6" />}
  </svg>
);

export const intervalName = (row: Interval): string => (row.from === row.to ? dayText(row.from, { weekday: true }) : spanText(row.from, row.to));

function spoken(row: Interval, before: Interval | undefined, view: ChartView): string {
  const parts = series.map(({ label, rate, number, base }) =>
    view === 'rates' ? `${label} ${percent(rate(row))}, ${count(number(row))} of ${count(base(row))}${before ? `, before ${percent(rate(before))}` : ''}` : `${label} ${count(number(row))}${before ? `, before ${count(number(before))}` : ''}`,
  );
  return `${intervalName(row)}${row.to >= today() ? ', so far' : ''}: ${parts.join('; ')}`;
}

export function LineChart({ rows, previous, view, onOpen }: LineChartProps): JSX.Element {
  const [ref, width] = useWidth();
  const [at, setAt] = useState<number | null>(null);
  const [shown, setShown] = useState<Record<string, boolean>>({ opens: true, clicks: true });
  useEffect(() => setAt(null), [rows]);

  // Days without emails are no 0 %.
  const value = (row: Interval, which: (typeof series)[number]): number | null => (view === 'rates' ? which.rate(row) : which.number(row));
  const lines = series.filter(({ key }) => shown[key]);
  const all = lines.flatMap((which) => [...rows, ...(previous ?? [])].map((row) => value(row, which)));
  const top = view === 'rates' ? rateTop(all) : countTop(all);
  const inner = Math.max(1, width - LEFT - RIGHT);
  const x = (index: number) => LEFT + (rows.length < 2 ? inner / 2 : (index * inner) / (rows.length - 1));
  const y = (amount: number) => TOP + (1 - amount / top) * (HEIGHT - TOP - BOTTOM);
  const last = rows.length - 1;
  const running = last > 0 && rows[last]!.to >= today();
  const nearest = (clientX: number) => {
    const box = ref.current!.getBoundingClientRect();
    return Math.min(last, Math.max(0, Math.round(((clientX - box.left - LEFT) / inner) * last)));
  };
  const move = (to: number) => setAt(Math.min(last, Math.max(0, to)));
  const onKey = (event: KeyboardEvent): void => {
    const here = at ?? last;
    const steps: Record<string, number> = { ArrowLeft: here - 1, ArrowRight: at === null ? last : here + 1, Home: 0, End: last, PageUp: here - 7, PageDown: here + 7 };
    if (event.key in steps) {
      event.preventDefault();
      move(steps[event.key]!);
    } else if (event.key === 'Enter' && at !== null) {
      onOpen(rows[at]!);
    } else if (event.key === 'Escape' && at !== null) {
      event.stopPropagation();
      setAt(null);
    }
  };
  const row = at === null ? undefined : rows[at];

  return (
    <div>
      <div class="legend small" role="group" aria-label="Lines">
        {series.map(({ key, label }) => (
          <button key={key} type="button" aria-pressed={shown[key] === true} onClick={() => setShown({ ...shown, [key]: !shown[key] })}>
            <Sample name={key} /> {label}
          </button>
        ))}
        {view === 'rates' && rows.some((row) => row.sent > 0 && row.sent < FEW) && <span class="muted" style={{ alignSelf: 'center' }}>hollow: fewer than {FEW} emails</span>}
        {previous && <span class="row muted"><svg aria-hidden="true" viewBox="0 0 28 10" class="chart"><path class="previous" d="M1 5h26" /></svg> Period before</span>}
      </div>
      <div class="chart" ref={ref} onPointerLeave={(event) => event.pointerType === 'mouse' && setAt(null)}>
        <svg
          height={HEIGHT}
          viewBox={`0 0 ${Math.max(width, 1)} ${HEIGHT}`}
          tabIndex={0}
          role="application"
          aria-roledescription="line chart"
          aria-label="Opens and clicks over time. Arrow keys read the values, Enter shows the emails."
          onKeyDown={onKey}
          onBlur={() => setAt(null)}
          onPointerMove={(event) => event.pointerType === 'mouse' && setAt(nearest(event.clientX))}
          onPointerDown={(event) => event.pointerType !== 'mouse' && setAt(nearest(event.clientX))}
          onClick={(event) => {
            const index = nearest(event.clientX);
            if ((event as unknown as PointerEvent).pointerType === 'mouse') onOpen(rows[index]!);
          }}
        >
          {width > 0 && (
            <>
              {gridLines(top).map((amount) => (
                <g key={amount} aria-hidden="true">
                  <line class="grid" x1={LEFT} x2={width - RIGHT} y1={y(amount)} y2={y(amount)} />
                  <text x={LEFT - 8} y={y(amount) + 4} text-anchor="end">{view === 'rates' ? `${amount}%` : count(amount)}</text>
                </g>
              ))}
              {labelled(rows.length, inner, 90).map((index) => (
                <text key={index} aria-hidden="true" x={x(index)} y={HEIGHT - 8} text-anchor={index === 0 ? 'start' : x(index) > width - 40 ? 'end' : 'middle'}>{dayText(rows[index]!.from)}</text>
              ))}
              {row && <line class="cursor" x1={x(at!)} x2={x(at!)} y1={TOP} y2={HEIGHT - BOTTOM} />}
              {previous && lines.map((which) => <path key={`before-${which.key}`} class="previous" d={linePath(rows.map((_, index) => (previous[index] ? value(previous[index]!, which) : null)), x, y)} />)}
              {lines.map((which) => {
                const values = rows.map((one) => value(one, which));
                const whole = running ? [...values.slice(0, -1), null] : values;
                return (
                  <g key={which.key} aria-hidden="true">
                    <path class={which.key} d={linePath(whole, x, y)} />
                    {running && <path class={`${which.key} so-far`} d={linePath(values.map((one, index) => (index >= last - 1 ? one : null)), x, y)} />}
                    {values.map((one, index) => {
                      if (one === null || (rows.length > 45 && index !== at)) return null;
                      const size = index === at ? 5 : 3;
                      const few = view === 'rates' && which.base(rows[index]!) < FEW ? 'few ' : '';
                      return which.key === 'opens' ? <circle key={index} class={`${few}dot-opens`} cx={x(index)} cy={y(one)} r={size} /> : <rect key={index} class={`${few}dot-clicks`} x={x(index) - size} y={y(one) - size} width={2 * size} height={2 * size} />;
                    })}
                  </g>
                );
              })}
            </>
          )}
        </svg>
        {row && (
          <div class="tip" aria-hidden="true" style={{ left: `${Math.min(Math.max(x(at!) + (x(at!) > width / 2 ? -196 : 16), 0), Math.max(0, width - 180))}px` }}>
            <strong>{intervalName(row)}</strong>
            {row.to >= today() && <span class="muted"> so far</span>}
            <dl>
              {series.map(({ key, label, rate, number, base }) => (
                <>
                  <dt key={key}>{label}</dt>
                  <dd>{view === 'rates' ? <>{percent(rate(row))} <span class="muted">{count(number(row))} of {count(base(row))}</span></> : count(number(row))}</dd>
                </>
              ))}
              {previous?.[at!] && (
                <>
                  <dt class="muted">Before</dt>
                  <dd class="muted">{view === 'rates' ? `${percent(previous[at!]!.open_rate)} / ${percent(previous[at!]!.click_rate)}` : `${count(previous[at!]!.opened)} / ${count(previous[at!]!.clicked)}`}</dd>
                </>
              )}
            </dl>
          </div>
        )}
      </div>
      <p class="hidden-text" role="status">{row ? spoken(row, previous?.[at!], view) : ''}</p>
    </div>
  );
}

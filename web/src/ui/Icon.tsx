// The few signs, drawn for 16 units; each stands beside its word, so none is read aloud.
import type { JSX } from 'preact';

const shapes: Record<string, string> = {
  flame: 'M8 1.500c.6 2.400 3.800 3.700 3.800 7.300A3.900 3.900 0 0 1 8 13.500a3.900 3.900 0 0 1-3.800-4.300c0-1.700.9-2.800 1.700-3.700.2 1.200.8 1.700 1.300 1.900C6.700 5 6.900 3 8 1.500z',
  thermometer: 'M8 1.800a1.600 1.600 0 0 0-1.600 1.600v5.300a3 3 0 1 0 3.200 0V3.400A1.600 1.600 0 0 0 8 1.800zM8 5v6.200',
  snowflake: 'M8 1.500v13M2.400 4.800l11.200 6.400M13.600 4.800 2.400 11.200M6.300 2.400 8 4l1.700-1.600M6.300 13.600 8 12l1.700 1.600',
  open: 'M1.500 8S4 3.500 8 3.500 14.500 8 14.500 8 12 12.500 8 12.500 1.500 8 1.500 8zM8 10a2 2 0 1 0 0-4 2 2 0 0 0 0 4z',
  click: 'M6 2v2M2 6h2M3.200 3.200l1.300 1.300M6.500 6.500l7 2.700-3 1.300-1.300 3z',
  reply: 'M6.500 3.500 2 8l4.500 4.500M2.500 8H10a4 4 0 0 1 4 4',
  delivered: 'M2 8.500 6 12.500 14 4',
  bounce: 'M8 1.800 15 14H1zM8 6v4M8 12v.1',
  spam: 'M8 14.500A6.500 6.500 0 1 0 8 1.500a6.500 6.500 0 0 0 0 13zM3.500 3.500l9 9',
  unsubscribe: 'M1.500 4h13v8.500h-13zM1.500 4.500 8 9l6.500-4.500M5 14.500 11 8',
  mail: 'M1.500 3.500h13v9h-13zM1.500 4 8 9l6.500-5',
  up: 'M8 3.500 13 12H3z',
  down: 'M8 12.500 3 4h10z',
  left: 'M10 3 5 8l5 5',
  right: 'M6 3l5 5-5 5',
  close: 'M3.500 3.500l9 9M12.500 3.500l-9 9',
  bell: 'M4 11V7a4 4 0 0 1 8 0v4l1 1.500H3zM6.500 14.500h3',
  person: 'M8 8a3 3 0 1 0 0-6 3 3 0 0 0 0 6zM2.500 14a5.500 5.500 0 0 1 11 0',
};

const filled = new Set(['up', 'down', 'flame']);

export function Icon({ name, size = 16 }: { name: string; size?: number }): JSX.Element {
  const solid = filled.has(name);
  return (
    <svg aria-hidden="true" width={size} height={size} viewBox="0 0 16 16" fill={solid ? 'currentColor' : 'none'} stroke={solid ? 'none' : 'currentColor'} stroke-width="1.5" stroke-linecap="round" stroke-linejoin="round">
      <path d={shapes[name] ?? shapes.mail!} />
    </svg>
  );
}

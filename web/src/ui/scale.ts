// The arithmetic of the chart: where its axis ends, which days are named, how a line with gaps is drawn.
export function rateTop(values: (number | null)[]): number {
  const most = Math.max(0, ...values.map((value) => value ?? 0));
  return Math.min(100, Math.max(10, Math.ceil(most / 10 + 0.001) * 10));
}

export function countTop(values: (number | null)[]): number {
  const most = Math.max(1, ...values.map((value) => value ?? 0));
  const size = 10 ** Math.floor(Math.log10(most));
  const step = [1, 2, 5, 10].map((unit) => (unit * size) / 2).find((unit) => unit * 4 >= most) ?? size * 5;
  return Math.max(4, Math.ceil(most / Math.max(1, step)) * Math.max(1, step));
}

// Three to six lines at round values.
export function gridLines(top: number): number[] {
  const rough = top / 4, size = 10 ** Math.floor(Math.log10(rough));
  const step = Math.max(1, [1, 2, 2.5, 5, 10].map((unit) => unit * size).find((unit) => unit >= rough && Number.isInteger(top / unit)) ?? rough);
  const lines: number[] = [];
  for (let value = 0; value <= top + 1e-9; value += step) lines.push(Math.round(value * 100) / 100);
  return lines;
}

// Indexes whose labels stand at least `gap` pixels apart, evenly.
export function labelled(length: number, width: number, gap: number): number[] {
  if (length === 0) return [];
  const most = Math.max(1, Math.floor(width / gap));
  const step = Math.max(1, Math.ceil(length / most));
  return Array.from({ length: Math.ceil(length / step) }, (_, index) => index * step);
}

// An SVG path; null is a gap. A value between two gaps would be no line: it becomes a short one.
export function linePath(values: (number | null)[], x: (index: number) => number, y: (value: number) => number): string {
  let path = '', open = false;
  values.forEach((value, index) => {
    if (value === null) {
      open = false;
      return;
    }
    const point = `${x(index).toFixed(1)} ${y(value).toFixed(1)}`;
    if (open) path += `L${point}`;
    else if (values[index + 1] == null) path += `M${point}h.1`;
    else path += `M${point}`;
    open = true;
  });
  return path;
}

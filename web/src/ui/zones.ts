// The time zones to choose from, with the chosen one first.
export function zones(current: string): [string, string][] {
  return [...new Set([current, 'UTC', ...Intl.supportedValuesOf('timeZone')])].map((zone) => [zone, zone.replaceAll('_', ' ')]);
}

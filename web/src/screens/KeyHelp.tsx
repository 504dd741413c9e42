// What the keys do.
import type { JSX } from 'preact';
import { helpOpen } from '../keys';
import { Dialog } from '../ui/Dialog';
import { Done } from '../ui/Ends';

const help: [string, string][] = [
  ['g d, g c, g e', 'Dashboard, candidates, emails'],
  ['g a, g n', 'Activity, notifications'],
  ['g m, g t, g j', 'Campaigns, templates, jobs'],
  ['[ and ]', 'Period before, period after'],
  ['x', 'Compare with the period before'],
  ['/', 'Find'],
  ['Ctrl K, ⌘ K', 'Search everything'],
  ['j and k', 'Next row, row before; Enter opens it'],
  ['Esc', 'Close or leave, then take the filters away'],
  ['F8', 'To the latest notification and back; Esc closes it'],
  ['?', 'This help'],
];

export function KeyHelp(): JSX.Element {
  const onClose = (): void => void (helpOpen.value = false);
  return (
    <Dialog title="Keys" onClose={onClose}>
      <table>
        <tbody>{help.map(([keys, words]) => <tr key={keys}><th scope="row"><kbd>{keys}</kbd></th><td>{words}</td></tr>)}</tbody>
      </table>
      <p class="small muted">Keys can be switched off in <a href="/notifications/preferences" onClick={onClose}>your preferences</a>.</p>
      <Done label="Close" onClose={onClose} />
    </Dialog>
  );
}

import { METRIC_MEANINGS, PHASES } from '../phase/parts'
import { overlay, PAGES } from '../state/keys'
import { useSignal } from '../state/signal'
import { Dialog } from './Dialog'

const keys: [string, string][] = [
  ...PAGES.map(({ key, name }): [string, string] => [`g ${key}`, name]),
  ['/', 'Filter'],
  ['t', 'Time range'],
  ['r', 'Ask again now'],
  ['↑ ↓', 'Move in a list'],
  ['Enter', 'Open the row'],
  ['Esc', 'Close, or clear a selection'],
  ['?', 'This help'],
]

/** Keys, pointer gestures, and what the words mean. */
export function HelpDialog() {
  const open = useSignal(overlay) === 'help'
  return (
    <Dialog open={open} label="Help" onClose={() => overlay.get() === 'help' && overlay.set('none')}>
      <h2>Keys</h2>
      <dl class="keys">
        {keys.map(([key, meaning]) => (
          <div key={key}>
            <dt>
              <kbd>{key}</kbd>
            </dt>
            <dd>{meaning}</dd>
          </div>
        ))}
      </dl>
      <h2>Charts</h2>
      <p>Drag to zoom, double-click to go back. In the heatmap, drag a rectangle to ask what is different about it.</p>
      <h2>Phases</h2>
      <dl class="meanings">
        {[...PHASES, 'unattributed' as const].map((phase) => (
          <div key={phase}>
            <dt>
              <i class={`swatch segment ${phase} ${phase === 'unattributed' ? '' : 'measured'}`} /> {phase}
            </dt>
            <dd>{METRIC_MEANINGS[phase]}</dd>
          </div>
        ))}
      </dl>
      <p class="quiet">
        A dash means unknown, never zero. The parts of a request add up to it exactly. The API behind every page:{' '}
        <a href="/api">/api</a>
      </p>
      <button type="button" class="primary" onClick={() => overlay.set('none')}>
        Close
      </button>
    </Dialog>
  )
}

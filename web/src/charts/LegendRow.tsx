import type { ComponentChildren } from 'preact'
import { dateTime } from '../state/time'

/** Names the step whose values a legend shows; without a cursor, the newest. */
export function spokenTime(times: readonly string[], at: number, cursor: number | null): string {
  const time = times[at]
  if (time === undefined) return ''
  return (cursor === null ? 'latest ' : '') + dateTime(Date.parse(time), Date.now())
}

export interface Entry {
  name: string
  value: string
  title?: string
  swatch: ComponentChildren
}

/** The values under the cursor, in a row that never moves. */
export function LegendRow({ at, entries }: { at: string; entries: Entry[] }) {
  return (
    <ul class="legend-row" aria-hidden="true">
      {entries.map((entry) => (
        <li key={entry.name}>
          {entry.swatch} {entry.name} <b title={entry.title}>{entry.value}</b>
        </li>
      ))}
      <li class="at">{at}</li>
    </ul>
  )
}

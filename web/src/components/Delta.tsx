import { duration } from '../format/duration'
import { change, signed } from '../format/number'
import type { Cell } from '../phase/breakdown'
import { verdict } from '../phase/change'

/** A relative change, loud only when the intervals say that it is one and it is for the worse. */
export function Delta({ now, before }: { now: Cell; before: Cell }) {
  if (now.value === null || !before.value) return <span class="unknown">–</span>
  const relative = (now.value - before.value) / before.value
  const said = verdict(now, before)
  const why = {
    higher: 'the 95 % intervals do not overlap',
    lower: 'the 95 % intervals do not overlap',
    within: 'the 95 % intervals overlap: may be chance',
    unknown: 'too few independent requests to tell from chance',
  }[said]
  return (
    <span
      class={`delta ${said}`}
      title={`${duration(before.value)} before, ${signed(now.value - before.value, duration)}; ${why}`}
    >
      {change(relative)}
    </span>
  )
}

import { useState } from 'preact/hooks'
import { useAnswer } from '../api/useAnswer'
import { formatFilter, parseFilter } from '../state/filters'
import { update } from '../state/location'
import { before, isRelative, parseRange, resolve, toRFC3339, type Range } from '../state/time'

/** How A's window lies to B's. */
type Placement = 'before' | 'day' | 'week' | 'same' | 'custom'

interface Props {
  /** B's window: the page's range. */
  b: Range
  a: Range
  filtersA: string[]
  filtersB: string[]
}

const placements: { value: Placement; name: string }[] = [
  { value: 'before', name: 'just before' },
  { value: 'day', name: 'a day before' },
  { value: 'week', name: 'a week before' },
  { value: 'same', name: 'the same time' },
  { value: 'custom', name: 'from … to …' },
]

/** Chooses what A is: another window, another value of a dimension, or both. */
export function SidePicker({ a, b, filtersA, filtersB }: Props) {
  const placement = placementOf(a, b)
  const [custom, setCustom] = useState(false)
  return (
    <div class="side-picker">
      <label>
        A is{' '}
        <select
          aria-label="When A is"
          value={custom ? 'custom' : placement}
          onChange={(event) => {
            const chosen = event.currentTarget.value as Placement
            setCustom(chosen === 'custom')
            if (chosen !== 'custom') {
              const window = place(chosen, b)
              update({ a_from: window.from, a_to: window.to })
            }
          }}
        >
          {placements.map(({ value, name }) => (
            <option key={value} value={value}>
              {name}
            </option>
          ))}
        </select>
      </label>
      {(custom || placement === 'custom') && <Window key={a.from + a.to} range={a} />}
      <Values filtersA={filtersA} filtersB={filtersB} />
    </div>
  )
}

function Window({ range }: { range: Range }) {
  const [from, setFrom] = useState(range.from)
  const [to, setTo] = useState(range.to)
  const [wrong, setWrong] = useState('')
  return (
    <form
      class="window"
      onSubmit={(event) => {
        event.preventDefault()
        const parsed = parseRange(from, to, Date.now())
        if ('message' in parsed) setWrong(parsed.message)
        else update({ a_from: parsed.from, a_to: parsed.to })
      }}
    >
      <input aria-label="A from" value={from} onInput={(event) => setFrom(event.currentTarget.value)} />
      <input aria-label="A to" value={to} onInput={(event) => setTo(event.currentTarget.value)} />
      <button type="submit">Set A</button>
      {wrong && <span class="wrong">{wrong}</span>}
    </form>
  )
}

/** Two values of one dimension, or one against the rest. */
function Values({ filtersA, filtersB }: { filtersA: string[]; filtersB: string[] }) {
  const [a, b] = [parseFilter(filtersA[0] ?? ''), parseFilter(filtersB[0] ?? '')]
  const [chosen, setChosen] = useState('')
  const dimension = b?.dimension ?? a?.dimension ?? chosen
  const dimensions = useAnswer({ path: '/dimensions' }).answer?.dimensions ?? []
  const values = useAnswer(
    dimension
      ? { path: '/dimensions/{name}/values', params: { name: dimension }, query: { from: 'now-7d', limit: 100 } }
      : null,
  ).answer
  const names = values?.values.map((row) => row.value) ?? []
  const set = (side: 'a' | 'b', value: string) => {
    const filter =
      value === ''
        ? null
        : value === REST
          ? restOf(side === 'a' ? b?.value : a?.value)
          : formatFilter({ dimension, operator: '=', value })
    update({ [side]: filter })
  }
  const restOf = (other: string | undefined) =>
    other === undefined ? null : formatFilter({ dimension, operator: '!=', value: other })
  return (
    <>
      <label>
        by{' '}
        <select
          aria-label="Dimension that tells A from B"
          value={dimension}
          onChange={(event) => {
            setChosen(event.currentTarget.value)
            update({ a: null, b: null })
          }}
        >
          <option value="">nothing</option>
          {dimensions
            .filter((candidate) => candidate.group)
            .map((candidate) => (
              <option key={candidate.name} value={candidate.name}>
                {candidate.name}
              </option>
            ))}
        </select>
      </label>
      {dimension &&
        (['a', 'b'] as const).map((side) => {
          const filter = side === 'a' ? a : b
          const value = !filter ? '' : filter.operator === '!=' ? REST : filter.value
          return (
            <label key={side}>
              {side.toUpperCase()}{' '}
              <select
                aria-label={`Value of ${side.toUpperCase()}`}
                value={value}
                onChange={(event) => set(side, event.currentTarget.value)}
              >
                <option value="">any</option>
                <option value={REST}>all others</option>
                {[...new Set([...names, ...(value && value !== REST ? [value] : [])])].map((name) => (
                  <option key={name} value={name}>
                    {name || 'not set'}
                  </option>
                ))}
              </select>
            </label>
          )
        })}
    </>
  )
}

const REST = '\u0000rest'

const DAY = 86400e3

/** The window A for a placement beside B. */
export function place(placement: Exclude<Placement, 'custom'>, b: Range, now = Date.now()): Range {
  if (placement === 'same') return b
  if (placement === 'before') return before(b, now)
  const shift = placement === 'day' ? DAY : 7 * DAY
  const ends = [b.from, b.to].map((point) => earlier(point, shift, now))
  return { from: ends[0]!, to: ends[1]! }
}

/** A relative point stays relative, so that the link keeps meaning the same. */
function earlier(point: string, shift: number, now: number): string {
  if (!isRelative(point)) return toRFC3339(Date.parse(point) - shift)
  return `now-${Math.round((now - resolve(point, now)! + shift) / 1000)}s`
}

function placementOf(a: Range, b: Range): Placement {
  const now = Date.now()
  const known = (['before', 'day', 'week', 'same'] as const).find((placement) => {
    const window = place(placement, b, now)
    return (['from', 'to'] as const).every(
      (end) => Math.abs(resolve(window[end], now)! - (resolve(a[end], now) ?? 0)) < 2000,
    )
  })
  return known ?? 'custom'
}

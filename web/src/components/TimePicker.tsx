import { useEffect, useRef, useState } from 'preact/hooks'
import { overlay } from '../state/keys'
import { rangeOf, update, useView } from '../state/location'
import { useSignal } from '../state/signal'
import { dateTime, describe, isRelative, parseRange, PRESETS, resolve, spaced, toRFC3339 } from '../state/time'

/** The range as a button, and the choices behind it. */
export function TimePicker() {
  const range = rangeOf(useView().params)
  const open = useSignal(overlay) === 'time'
  const root = useRef<HTMLDivElement>(null)

  useEffect(() => {
    if (!open) return
    const close = (event: PointerEvent) => {
      if (!root.current?.contains(event.target as Node)) overlay.set('none')
    }
    document.addEventListener('pointerdown', close)
    return () => document.removeEventListener('pointerdown', close)
  }, [open])

  return (
    <div class="time-picker" ref={root}>
      <button type="button" class="step" aria-label="Earlier" title="Earlier by one range" onClick={() => shift(-1)}>
        ‹
      </button>
      <button
        type="button"
        class="range"
        aria-haspopup="dialog"
        aria-expanded={open}
        title={`${range.from} to ${range.to} (t)`}
        onClick={() => overlay.set(open ? 'none' : 'time')}
      >
        {describe(range)}
      </button>
      <button type="button" class="step" aria-label="Later" title="Later by one range" onClick={() => shift(1)}>
        ›
      </button>
      <button type="button" class="step" aria-label="Zoom out" title="Three times the range" onClick={zoomOut}>
        −
      </button>
      {open && <Choices />}
    </div>
  )
}

function Choices() {
  const range = rangeOf(useView().params)
  const [from, setFrom] = useState(editable(range.from))
  const [to, setTo] = useState(editable(range.to))
  const [wrong, setWrong] = useState<{ field: 'from' | 'to'; message: string } | null>(null)
  const first = useRef<HTMLButtonElement>(null)

  useEffect(() => {
    const before = document.activeElement as HTMLElement | null
    first.current?.focus()
    return () => before?.focus()
  }, [])

  const apply = (event: Event) => {
    event.preventDefault()
    const parsed = parseRange(from, to, Date.now())
    if ('message' in parsed) {
      setWrong(parsed)
      return
    }
    choose(parsed)
  }

  return (
    <div class="popover" role="dialog" aria-label="Time range">
      <div class="presets">
        {PRESETS.map((preset) => (
          <button
            key={preset}
            type="button"
            ref={range.from === `now-${preset}` ? first : undefined}
            aria-pressed={range.from === `now-${preset}` && range.to === 'now'}
            onClick={() => choose({ from: `now-${preset}`, to: 'now' })}
          >
            {spaced(preset)}
          </button>
        ))}
      </div>
      <form onSubmit={apply}>
        <Field label="From" value={from} wrong={wrong?.field === 'from' ? wrong.message : ''} onInput={setFrom} />
        <Field label="To" value={to} wrong={wrong?.field === 'to' ? wrong.message : ''} onInput={setTo} />
        <p class="quiet">
          Your local time, or <code>now-90m</code>
        </p>
        <button type="submit" class="primary">
          Show
        </button>
      </form>
    </div>
  )
}

function Field(props: { label: string; value: string; wrong: string; onInput: (value: string) => void }) {
  const id = `time-${props.label.toLowerCase()}`
  return (
    <div class="field">
      <label for={id}>{props.label}</label>
      <input
        id={id}
        value={props.value}
        autocomplete="off"
        spellcheck={false}
        aria-invalid={props.wrong !== ''}
        aria-describedby={props.wrong ? `${id}-wrong` : undefined}
        onInput={(event) => props.onInput(event.currentTarget.value)}
      />
      {props.wrong && (
        <p id={`${id}-wrong`} class="wrong">
          {props.wrong}
        </p>
      )}
    </div>
  )
}

const editable = (point: string) => (isRelative(point) ? point : dateTime(Date.parse(point)))

function choose(range: { from: string; to: string }): void {
  update({ from: range.from, to: range.to })
  overlay.set('none')
}

function edges(): [number, number] {
  const range = rangeOf(new URLSearchParams(location.search))
  const now = Date.now()
  return [resolve(range.from, now) ?? now - 3600e3, resolve(range.to, now) ?? now]
}

function shift(direction: 1 | -1): void {
  const [from, to] = edges()
  const by = direction * (to - from)
  update({ from: toRFC3339(seconds(from + by)), to: toRFC3339(seconds(to + by)), live: null })
}

function zoomOut(): void {
  const [from, to] = edges()
  const end = Math.min(Date.now(), to + (to - from))
  update({ from: toRFC3339(seconds(end - 3 * (to - from))), to: toRFC3339(seconds(end)), live: null })
}

const seconds = (ms: number) => Math.round(ms / 1000) * 1000

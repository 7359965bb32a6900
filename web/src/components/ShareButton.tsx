import { useState } from 'preact/hooks'
import { rangeOf, withChanges } from '../state/location'
import { resolve, toRFC3339 } from '../state/time'

/** Parameters that hold points in time. */
const POINTS = ['from', 'to', 'a_from', 'a_to', 'b_from', 'b_to']

/** Copies a link that shows a colleague the same thing: relative times are resolved. */
export function ShareButton() {
  const [said, setSaid] = useState('')
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(resolvedLink(location.href, Date.now()))
      setSaid('Copied')
    } catch {
      setSaid('Not allowed')
    }
    setTimeout(() => setSaid(''), 1500)
  }
  return (
    <button
      type="button"
      class="share"
      title="Copy a link to exactly this, with the time range resolved"
      onClick={copy}
    >
      <span aria-live="polite">{said || 'Copy link'}</span>
    </button>
  )
}

/** The address with every relative point in time replaced by the absolute one. */
export function resolvedLink(address: string, now: number): string {
  const url = new URL(address)
  const range = rangeOf(url.searchParams)
  const params = withChanges(url.searchParams, { from: range.from, to: range.to, live: null })
  params.set('from', range.from)
  params.set('to', range.to)
  for (const name of POINTS) {
    const point = params.get(name)
    const ms = point === null ? null : resolve(point, now)
    if (ms !== null) params.set(name, toRFC3339(Math.round(ms / 1000) * 1000))
  }
  url.search = params.toString()
  return url.toString()
}

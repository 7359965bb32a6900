import { useEffect } from 'preact/hooks'
import { LIVE_SECONDS, refreshWhenIdle } from '../state/live'
import { href, rangeOf, update, useView } from '../state/location'
import { Empty } from './Notice'

/** The empty state of every page that asks about a range. One that ends now looks again by itself. */
export function NoRequests({ filtered }: { filtered: boolean }) {
  const view = useView()
  const open = rangeOf(view.params).to === 'now'

  useEffect(() => {
    if (!open) return
    const timer = setInterval(refreshWhenIdle, LIVE_SECONDS * 1000)
    return () => clearInterval(timer)
  }, [open])

  return (
    <Empty title={filtered ? 'No request in this range matches' : 'No request ended in this range'}>
      {filtered ? (
        <button type="button" class="plain" onClick={() => update({ filter: null })}>
          Remove the filters
        </button>
      ) : (
        <button type="button" class="plain" onClick={() => update({ from: 'now-24h', to: 'now' })}>
          Look at the last 24 h
        </button>
      )}
      , or <a href={href('/setup', view)}>see how to send the first trace</a>.
      {open && ' What arrives meanwhile shows by itself.'}
    </Empty>
  )
}

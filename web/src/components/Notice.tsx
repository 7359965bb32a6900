import type { ComponentChildren } from 'preact'
import { Problem } from '../api/client'
import { sentence } from '../format/number'
import { update } from '../state/location'
import { refresh } from '../state/live'

/** Says why there is nothing to see, and what to do. */
export function Empty({ title, children }: { title: string; children?: ComponentChildren }) {
  return (
    <div class="notice" role="status">
      <strong>{title}</strong>
      {children && <div>{children}</div>}
    </div>
  )
}

/** Stands where the first answer will be; it shows only if that takes a while. */
export function Waiting() {
  return (
    <p class="waiting" role="status">
      Asking …
    </p>
  )
}

/** A problem with what to do about it. */
export function ProblemNotice({ problem }: { problem: Problem }) {
  const again = problem.retryAfter !== null
  return (
    <div class={again ? 'notice problem again' : 'notice problem'} role="alert">
      <strong>{problem.title}</strong>
      <div>
        {problem.parameter && (
          <>
            <code>{problem.parameter}</code>:{' '}
          </>
        )}
        {problem.parameter ? problem.detail : sentence(problem.detail)}
        {problem.allowed && <> Allowed: {problem.allowed}.</>}
      </div>
      {again ? (
        <div class="quiet">Asking again in {problem.retryAfter} s. Nothing that was accepted is lost meanwhile.</div>
      ) : (
        <div class="actions">
          <button type="button" onClick={refresh}>
            Try again
          </button>
          {problem.parameter === 'filter' && (
            <button type="button" onClick={() => update({ filter: null })}>
              Remove all filters
            </button>
          )}
          {['from', 'to', 'step'].includes(problem.parameter) && (
            <button type="button" onClick={() => update({ from: null, to: null, step: null })}>
              Back to the last hour
            </button>
          )}
        </div>
      )}
    </div>
  )
}

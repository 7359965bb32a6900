import { signal } from '../state/signal'

/** How many questions are on their way; the progress line shows that there is one. */
export const inFlight = signal(0)

/** Counts a question in; the result counts it out again. */
export function loading(): () => void {
  inFlight.set(inFlight.get() + 1)
  return () => inFlight.set(inFlight.get() - 1)
}

import { inFlight } from '../api/activity'
import { signal, useSignal } from './signal'

// Live mode asks every visible question again, but not while the pointer rests
// on data: nothing may move away under it.

export const LIVE_SECONDS = 5

const tick = signal(0)

/** Whether a tick is being held back because the pointer is on data. */
export const held = signal(false)

let timer: ReturnType<typeof setInterval> | undefined

export function useTick(): number {
  return useSignal(tick)
}

/** Asks everything again now. */
export function refresh(): void {
  tick.set(tick.get() + 1)
}

/** The same where nobody waits for answers: it would take them back, and a slow one would never end. */
export function refreshWhenIdle(): void {
  if (!document.hidden && inFlight.get() === 0) refresh()
}

export function setLive(on: boolean): void {
  clearInterval(timer)
  held.set(false)
  if (on) timer = setInterval(beat, LIVE_SECONDS * 1000)
}

function beat(): void {
  const pointing = document.querySelector('[data-hold]:hover') !== null
  held.set(pointing)
  if (!pointing) refreshWhenIdle()
}

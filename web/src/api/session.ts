import { signal } from '../state/signal'
import { setToken } from './client'

/** Whether the API refused us for want of a token. */
export const tokenWanted = signal(false)

const waiting = new Set<() => void>()

/** Asks the user for the token; `again` is called once there is one. */
export function requireToken(again: () => void): void {
  waiting.add(again)
  tokenWanted.set(true)
}

export function giveToken(value: string): void {
  setToken(value.trim())
  tokenWanted.set(false)
  const callbacks = [...waiting]
  waiting.clear()
  for (const again of callbacks) again()
}

import { currentView, go, href } from './location'
import { refresh } from './live'
import { signal } from './signal'

export const PAGES = [
  { path: '/', name: 'Overview', key: 'o' },
  { path: '/breakdown', name: 'Breakdown', key: 'b' },
  { path: '/explore', name: 'Explore', key: 'e' },
  { path: '/requests', name: 'Requests', key: 'r' },
  { path: '/compare', name: 'Compare', key: 'c' },
  { path: '/alerts', name: 'Alerts', key: 'a' },
  { path: '/setup', name: 'Setup', key: 's' },
] as const

/** What is open above the page; Esc closes it. */
export const overlay = signal<'none' | 'help' | 'time'>('none')

const SEQUENCE_MS = 1200

/** Listens for the keys that work on every page. */
export function listenForKeys(): void {
  let goPressed = 0
  document.addEventListener('keydown', (event) => {
    if (event.key === 'Escape' && overlay.get() !== 'none') {
      // Only the state closes a dialog: if the browser closed it too, a help
      // asked for at once would be taken for open already.
      event.preventDefault()
      overlay.set('none')
      return
    }
    if (event.ctrlKey || event.metaKey || event.altKey || typing(event.target)) return
    const page = PAGES.find((candidate) => candidate.key === event.key)
    if (page && Date.now() - goPressed < SEQUENCE_MS) {
      goPressed = 0
      event.preventDefault()
      overlay.set('none')
      go(href(page.path, currentView()))
      return
    }
    goPressed = 0
    switch (event.key) {
      case 'g':
        goPressed = Date.now()
        break
      case '/':
        event.preventDefault()
        document.querySelector<HTMLInputElement>('#filter-input')?.focus()
        break
      case 't':
        event.preventDefault()
        // Some pages have no range; it must not open on the next that has one.
        if (document.querySelector('.time-picker')) overlay.set('time')
        break
      case '?':
        overlay.set(overlay.get() === 'help' ? 'none' : 'help')
        break
      case 'r':
        refresh()
        break
    }
  })
}

export function typing(target: EventTarget | null): boolean {
  return target instanceof Element && target.closest('input, textarea, select, [contenteditable]') !== null
}

/**
 * Moves the focus among the rows of a list: arrows, j and k, Home and End.
 * Rows carry data-row and are focusable.
 */
export function moveInList(event: KeyboardEvent): void {
  const steps: Record<string, number> = { ArrowDown: 1, j: 1, ArrowUp: -1, k: -1 }
  const list = event.currentTarget as HTMLElement
  const rows = [...list.querySelectorAll<HTMLElement>('[data-row]')]
  if (rows.length === 0 || typing(event.target)) return
  const here = rows.indexOf((event.target as HTMLElement).closest<HTMLElement>('[data-row]')!)
  let next: number
  if (event.key === 'Home') next = 0
  else if (event.key === 'End') next = rows.length - 1
  else if (event.key in steps && !event.ctrlKey && !event.metaKey)
    next = Math.min(rows.length - 1, Math.max(0, here + steps[event.key]!))
  else return
  event.preventDefault()
  rows[next]!.focus()
}

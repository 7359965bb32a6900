import { signal, useSignal } from './signal'
import { DEFAULT_RANGE, toRFC3339, type Range } from './time'

// All state of a view lives in the URL: the path names the page, and the
// parameters have the API's own names. A default is not written down.

export interface View {
  path: string
  params: URLSearchParams
}

export type Changes = Record<string, string | string[] | null | undefined>

/** What stays when one moves from page to page. */
const SHARED = ['from', 'to', 'filter', 'live']

const view = signal(read())

function read(): View {
  if (typeof location === 'undefined') return { path: '/', params: new URLSearchParams() }
  return { path: location.pathname.replace(/(.)\/+$/, '$1'), params: new URLSearchParams(location.search) }
}

export function currentView(): View {
  return view.get()
}

export function useView(): View {
  return useSignal(view)
}

/** Parameters after the changes; null or '' removes one, an array writes it repeatedly. */
export function withChanges(params: URLSearchParams, changes: Changes): URLSearchParams {
  const next = new URLSearchParams(params)
  for (const [name, value] of Object.entries(changes)) {
    next.delete(name)
    if (Array.isArray(value)) for (const item of value) next.append(name, item)
    else if (value != null && value !== '') next.set(name, value)
  }
  if (next.get('from') === DEFAULT_RANGE.from && next.get('to') === DEFAULT_RANGE.to) {
    next.delete('from')
    next.delete('to')
  }
  return next
}

/** A link to a page that keeps the time range and the filters. */
export function href(path: string, view: View, changes: Changes = {}): string {
  const shared = new URLSearchParams()
  for (const name of SHARED) for (const value of view.params.getAll(name)) shared.append(name, value)
  return build(path, withChanges(shared, changes))
}

function build(path: string, params: URLSearchParams): string {
  // Colons, slashes and commas are legal in a query and much easier to read.
  const query = params.toString().replace(/%3A/g, ':').replace(/%2F/g, '/').replace(/%2C/g, ',')
  return query ? `${path}?${query}` : path
}

interface Move {
  replace?: boolean
  /** The range before the first zoom, which a double-click goes back to. */
  unzoomed?: Range
}

/** Goes to an address of this UI. */
export function go(target: string, { replace = false, unzoomed }: Move = {}): void {
  if (target === location.pathname + location.search) return
  const pageChanges = target.split('?')[0] !== location.pathname
  if (replace) history.replaceState(unzoomed ?? history.state, '', target)
  else history.pushState(unzoomed ?? null, '', target)
  view.set(read())
  if (pageChanges && !replace) window.scrollTo(0, 0)
}

/** Changes parameters of the current page. */
export function update(changes: Changes, options: Move = {}): void {
  const { path, params } = view.get()
  go(build(path, withChanges(params, changes)), options)
}

export function rangeOf(params: URLSearchParams): Range {
  return { from: params.get('from') ?? DEFAULT_RANGE.from, to: params.get('to') ?? DEFAULT_RANGE.to }
}

/** Narrows the range to a part of it, in ms since the epoch. */
export function zoom(fromMs: number, toMs: number): void {
  const before = (history.state as Range | null) ?? rangeOf(view.get().params)
  const from = Math.floor(fromMs / 1000) * 1000
  const to = Math.max(from + 1000, Math.ceil(toMs / 1000) * 1000)
  update({ from: toRFC3339(from), to: toRFC3339(to), live: null }, { unzoomed: before })
}

/** Goes back to the range before the first zoom. */
export function unzoom(): void {
  const before = history.state as Range | null
  if (before?.from && before.to) update({ from: before.from, to: before.to })
}

/** Follows clicks on our own links without loading the page again. */
export function interceptLinks(): void {
  window.addEventListener('popstate', () => view.set(read()))
  document.addEventListener('click', (event) => {
    if (event.defaultPrevented || event.button !== 0) return
    if (event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return
    const anchor = (event.target as Element).closest?.('a')
    if (!anchor || anchor.target || anchor.hasAttribute('download')) return
    if (anchor.origin !== location.origin || anchor.pathname.startsWith('/api') || anchor.pathname === '/metrics')
      return
    event.preventDefault()
    go(anchor.pathname + anchor.search)
  })
}

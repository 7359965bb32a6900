// Points in time as the URL and the API write them: now, now-1h, or RFC 3339.

const relative = /^now(?:([+-])(\d{1,6})(s|m|h|d|w))?$/
const unitMs: Record<string, number> = { s: 1e3, m: 60e3, h: 3600e3, d: 86400e3, w: 7 * 86400e3 }

export interface Range {
  from: string
  to: string
}

export const DEFAULT_RANGE: Range = { from: 'now-1h', to: 'now' }

export const PRESETS = ['5m', '15m', '30m', '1h', '3h', '6h', '12h', '24h', '2d', '7d', '14d', '30d'] as const

export function isRelative(text: string): boolean {
  return relative.test(text)
}

/** Milliseconds since the epoch, or null where text is no point in time. */
export function resolve(text: string, now: number): number | null {
  const match = relative.exec(text.trim())
  if (match) {
    const offset = match[2] ? Number(match[2]) * unitMs[match[3]!]! : 0
    return match[1] === '-' ? now - offset : now + offset
  }
  const absolute = Date.parse(text.trim().replace(' ', 'T'))
  return Number.isNaN(absolute) ? null : absolute
}

/** The range as the API takes it from a person's two inputs, or what is wrong with them. */
export function parseRange(from: string, to: string, now: number): Range | { field: 'from' | 'to'; message: string } {
  const a = resolve(from, now)
  const b = resolve(to, now)
  const hint = 'Write now, now-90m, or a time such as 2026-03-01 14:05.'
  if (a === null) return { field: 'from', message: hint }
  if (b === null) return { field: 'to', message: hint }
  if (a >= b) return { field: 'to', message: 'The end has to be after the start.' }
  return { from: canonical(from, a), to: canonical(to, b) }
}

function canonical(text: string, ms: number): string {
  return isRelative(text.trim()) ? text.trim() : toRFC3339(ms)
}

/** RFC 3339 in UTC, without milliseconds where there are none. */
export function toRFC3339(ms: number): string {
  return new Date(Math.round(ms)).toISOString().replace('.000Z', 'Z')
}

/** How the picker names a range: "last 1 h", or two local times. */
export function describe(range: Range): string {
  if (range.to === 'now' && range.from.startsWith('now-')) return 'last ' + spaced(range.from.slice(4))
  const from = isRelative(range.from) ? range.from : dateTime(Date.parse(range.from))
  const to = isRelative(range.to) ? range.to : dateTime(Date.parse(range.to), Date.parse(range.from))
  return `${from} – ${to}`
}

export function spaced(span: string): string {
  return span.replace(/^(\d+)(\w+)$/, (_, n: string, unit: string) => `${n} ${unit === 'm' ? 'min' : unit}`)
}

/** The same length of time immediately before: what "against before" compares with. */
export function before(range: Range, now: number): Range {
  const from = resolve(range.from, now)!
  const to = resolve(range.to, now)!
  const length = Math.max(1, Math.round((to - from) / 1000))
  if (isRelative(range.from) && range.to === 'now') {
    return { from: `now-${2 * length}s`, to: range.from }
  }
  return { from: toRFC3339(from - length * 1000), to: toRFC3339(from) }
}

const two = (n: number) => String(n).padStart(2, '0')

/** Local time; the date is left out on the day of `beside`, seconds of 0 unless they are asked for. */
export function dateTime(ms: number, beside?: number, seconds = false): string {
  const d = new Date(ms)
  const date = `${d.getFullYear()}-${two(d.getMonth() + 1)}-${two(d.getDate())}`
  const time = clock(ms, seconds || d.getSeconds() !== 0)
  if (beside !== undefined && new Date(beside).toDateString() === d.toDateString()) return time
  return `${date} ${time}`
}

export function clock(ms: number, seconds = true): string {
  const d = new Date(ms)
  return `${two(d.getHours())}:${two(d.getMinutes())}${seconds ? ':' + two(d.getSeconds()) : ''}`
}

/** Local time with milliseconds and the zone, for a title. */
export function exactTime(ms: number): string {
  const d = new Date(ms)
  const zone = -d.getTimezoneOffset()
  const offset = `${zone < 0 ? '−' : '+'}${two(Math.floor(Math.abs(zone) / 60))}:${two(Math.abs(zone) % 60)}`
  return `${dateTime(ms - (ms % 1000))}.${String(d.getMilliseconds()).padStart(3, '0')} (UTC${offset})`
}

/** How long since a time, roughly: "12 s". */
export function since(ms: number, now: number): string {
  const seconds = Math.max(0, Math.round((now - ms) / 1000))
  if (seconds < 120) return `${seconds} s`
  if (seconds < 7200) return `${Math.round(seconds / 60)} min`
  if (seconds < 172800) return `${Math.round(seconds / 3600)} h`
  return `${Math.round(seconds / 86400)} d`
}

// Numbers as people read them: at most three significant digits, the unit
// always written. The exact value goes into a title attribute.

const grouped = new Intl.NumberFormat('en-US', { maximumFractionDigits: 0 })

/** What is shown where there is no evidence. Never 0. */
export const UNKNOWN = '–'

/** Three significant digits without trailing zeros and without an exponent. */
export function significant(value: number): string {
  if (value === 0) return '0'
  const magnitude = Math.floor(Math.log10(Math.abs(value)))
  const rounded = Number(value.toPrecision(3))
  if (magnitude >= 3) return grouped.format(rounded)
  return String(Number(rounded.toFixed(Math.min(12, Math.max(0, 2 - magnitude)))))
}

/** Exactly three significant digits, so that the numbers of a column look alike. */
export function threeDigits(value: number): string {
  if (value === 0) return '0'
  if (Math.abs(value) >= 999.5) return grouped.format(Number(value.toPrecision(3)))
  return value.toPrecision(3)
}

/** A count in full up to a million, then 1.23 M. */
export function count(value: number | null | undefined): string {
  if (value == null) return UNKNOWN
  if (Math.abs(value) < 1e6) return Number.isInteger(value) ? grouped.format(value) : significant(value)
  if (Math.abs(value) < 1e9) return significant(value / 1e6) + ' M'
  return significant(value / 1e9) + ' G'
}

/** Every digit of a count, for a title. */
export function exactCount(value: number | null | undefined): string {
  return value == null ? 'unknown' : new Intl.NumberFormat('en-US', { maximumFractionDigits: 6 }).format(value)
}

/** A share from 0 to 1 as a percentage; small shares keep a digit. */
export function percent(share: number | null | undefined): string {
  if (share == null || Number.isNaN(share)) return UNKNOWN
  const value = share * 100
  if (value !== 0 && Math.abs(value) < 0.01) return value > 0 ? '< 0.01 %' : '> −0.01 %'
  if (value === 0) return '0 %'
  return minus(Math.abs(value) < 9.95 ? value.toPrecision(2) : value.toFixed(0)) + ' %'
}

/** A relative change: 0.1 is +10 %, 19 is ×20. No digit below a tenth of a percent, where chance alone decides. */
export function change(relative: number | null | undefined): string {
  if (relative == null || Number.isNaN(relative)) return UNKNOWN
  if (relative >= 9) return `×${significant(Number((relative + 1).toPrecision(2)))}`
  const size = Math.abs(relative) * 100
  const text = size < 9.95 ? size.toFixed(1) : grouped.format(size)
  return `${Number(text) === 0 ? '±' : relative > 0 ? '+' : '−'}${text} %`
}

/** 1 request, 2 requests. */
export function requests(n: number, write: (n: number) => string = count): string {
  return `${write(n)} ${n === 1 ? 'request' : 'requests'}`
}

/** A rate of so many per second. */
export function rate(perSecond: number): string {
  if (perSecond >= 1 || perSecond === 0) return significant(perSecond) + ' /s'
  if (perSecond * 60 >= 1) return significant(perSecond * 60) + ' /min'
  return significant(perSecond * 3600) + ' /h'
}

/** Begins a sentence with a capital, but leaves p99 as it is. */
export function sentence(text: string): string {
  return text.replace(/^[a-z](?=[a-z])/, (letter) => letter.toUpperCase())
}

/** Writes a leading hyphen as a minus sign, which has a digit's width. */
export function minus(text: string): string {
  return text.startsWith('-') ? '−' + text.slice(1) : text
}

/** Puts the sign in front, also of a gain. */
export function signed(value: number, format: (absolute: number) => string): string {
  if (value === 0) return format(0)
  return (value > 0 ? '+' : '−') + format(Math.abs(value))
}

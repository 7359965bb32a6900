import { minus, significant, threeDigits, UNKNOWN } from './number'

export interface Unit {
  name: string
  ns: number
}

const units: Unit[] = [
  { name: 'ns', ns: 1 },
  { name: 'µs', ns: 1e3 },
  { name: 'ms', ns: 1e6 },
  { name: 's', ns: 1e9 },
  { name: 'min', ns: 60e9 },
  { name: 'h', ns: 3600e9 },
  { name: 'd', ns: 86400e9 },
]

/** The unit in which ns reads best: 806 ms, 1.41 s, but 90 s rather than 1.5 min. */
export function unitOf(ns: number): Unit {
  const size = Math.abs(ns)
  if (size >= 2 * 86400e9) return units[6]!
  if (size >= 120 * 60e9) return units[5]!
  if (size >= 120e9) return units[4]!
  // 999.6 µs rounds to 1,000 µs, which is written 1 ms.
  if (size >= 0.9995e9) return units[3]!
  if (size >= 0.9995e6) return units[2]!
  if (size >= 0.9995e3) return units[1]!
  return units[0]!
}

/** A duration with its unit, three significant digits; UNKNOWN for null. */
export function duration(ns: number | null | undefined): string {
  if (ns == null) return UNKNOWN
  if (ns === 0) return '0 ms'
  const unit = unitOf(ns)
  return minus(`${unit.ns === 1 ? ns : threeDigits(ns / unit.ns)} ${unit.name}`)
}

/** A duration in a given unit, for axes and columns that share one. */
export function inUnit(ns: number, unit: Unit): string {
  return minus(significant(ns / unit.ns))
}

/** Every digit: 298.114000 ms. */
export function exactDuration(ns: number | null | undefined): string {
  if (ns == null) return 'unknown'
  const unit = unitOf(ns)
  if (unit.ns <= 1) return `${ns} ns`
  const whole = ns / unit.ns
  const digits = Math.min(9, Math.round(Math.log10(Math.min(unit.ns, 1e9))))
  return `${minus(whole.toLocaleString('en-US', { minimumFractionDigits: digits, maximumFractionDigits: digits }))} ${unit.name}`
}

/**
 * An interval beside its value, in the value's own unit: ±31, or its two ends
 * where one of them is much farther away, as in a sparse tail.
 */
export function interval(value: number, low: number, high: number): string {
  const [below, above] = [value - low, high - value]
  if (Math.max(below, above) <= 2.5 * Math.min(below, above)) return plusMinus(value, low, high)
  const unit = unitOf(value)
  return [low, high].map((end) => significant(Number((end / unit.ns).toPrecision(2)))).join('–')
}

/** Half the width of an interval, as the ± beside a value: ±31 in the value's own unit. */
export function plusMinus(value: number, low: number, high: number): string {
  const unit = unitOf(value)
  return '±' + significant(Number(((high - low) / 2 / unit.ns).toPrecision(2)))
}

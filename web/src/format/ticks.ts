import { inUnit, unitOf } from './duration'

export interface Tick {
  ns: number
  label: string
}

/** Round points from 0 to at least `max`, labelled in one unit that the last label names. */
export function durationTicks(max: number, about = 5): Tick[] {
  return ticks(max, about, (steps) => Math.ceil(steps - 1e-9))
}

/** The same up to `max`, for a scale that ends there. */
export function ticksWithin(max: number, about = 5): Tick[] {
  return ticks(max, about, (steps) => Math.floor(steps + 1e-9))
}

function ticks(max: number, about: number, end: (steps: number) => number): Tick[] {
  if (!(max > 0)) return [{ ns: 0, label: '0' }]
  const unit = unitOf(max)
  const step = niceStep(max / unit.ns / about) * unit.ns
  const last = end(max / step)
  return Array.from({ length: last + 1 }, (_, i) => ({
    ns: i * step,
    label: i === last ? `${inUnit(i * step, unit)} ${unit.name}` : inUnit(i * step, unit),
  }))
}

/** 1, 2, 2.5 or 5 times a power of ten, not below `rough`. */
export function niceStep(rough: number): number {
  const power = 10 ** Math.floor(Math.log10(rough))
  for (const factor of [1, 2, 2.5, 5]) if (factor * power >= rough * (1 - 1e-9)) return factor * power
  return 10 * power
}

/** Round durations between min and max for a logarithmic axis: 1, 2, 5 of each power while few, else powers of ten. */
export function logTicks(min: number, max: number): number[] {
  const of = (factors: number[]) => {
    const found: number[] = []
    for (let power = 10 ** Math.floor(Math.log10(min)); power <= max; power *= 10) {
      for (const factor of factors) if (power * factor >= min && power * factor <= max) found.push(power * factor)
    }
    return found
  }
  const fine = of([1, 2, 5])
  return fine.length <= 9 ? fine : of([1])
}

import type { Schemas } from '../api/client'
import { duration, plusMinus } from '../format/duration'
import { change, percent, signed } from '../format/number'
import { METRIC_NAMES, partName, quantileName, type Metric } from './parts'

export type Comparison = Schemas['Comparison']
export type Difference = Schemas['Difference']
export type Side = 'a' | 'b'

/** The address of the requests of a side from a percentile on. */
export type Behind = (side: Side, q: number) => string | undefined

/** The composition of a side around a percentile. */
export function composed(comparison: Comparison, side: Side, q: number) {
  return comparison[side].composition.compositions.find((row) => Math.abs(row.q - q) < 1e-9)
}

/** A bound above this says nothing that anybody could act on. */
const USEFUL_BOUND = 0.1

/** Who has the difference, in words; what chance alone may explain has no owner. */
export function ownerText({ owner, relative_bound: bound }: Difference): string {
  switch (owner) {
    case 'none':
      if (bound == null) return 'too little to tell'
      return bound <= USEFUL_BOUND ? `no difference larger than ±${percent(bound)}` : 'may be chance'
    case 'shared':
      return 'shared'
    default:
      return partName(owner)
  }
}

/**
 * The answer in one or two sentences: what is certain at the highest percentile
 * where anything is, and the larger move above it that may be chance.
 */
export function verdict(comparison: Comparison, metric: Metric): string {
  const told = [
    { at: 'mean', difference: comparison.mean },
    ...comparison.quantiles.map(({ q, difference }) => ({ at: quantileName(q), difference })),
  ].flatMap(({ at, difference }) => (difference?.low_ns != null ? [{ at, difference }] : []))
  const sure = told.findLast(({ difference }) => difference.owner !== 'none')
  const top = told.at(-1)
  if (!top) return 'Too few time blocks with data to tell a difference from chance.'
  const name = METRIC_NAMES[metric]
  if (sure === top) return certain(`${top.at} ${name}`, top.difference)
  const open = bounded(`${top.at} ${name}`, top.difference)
  return sure ? `${certain(`${sure.at} ${name}`, sure.difference)} ${open}` : open
}

function certain(what: string, difference: Difference): string {
  const { ns, low_ns: low, high_ns: high } = difference
  const size = `${what} ${signed(ns, duration)} (${plusMinus(ns, low!, high!)}${relative(difference)})`
  const owner = difference.parts.find(({ part }) => part === difference.owner)
  if (owner) return `${size}: ${partName(owner.part)} owns it with ${signed(owner.ns, duration)}.`
  const most = [...difference.parts].sort((a, b) => (b.ns - a.ns) * Math.sign(ns))[0]
  return `${size}: no phase owns it for sure${most ? `; ${partName(most.part)} moved most, ${signed(most.ns, duration)}` : ''}.`
}

/** What a difference without an owner still says: that it is small, or how far chance reaches. */
function bounded(what: string, difference: Difference): string {
  const { ns, low_ns: low, high_ns: high, relative_bound: bound } = difference
  if (bound != null && bound <= USEFUL_BOUND) return `${what}: no difference larger than ±${percent(bound)}.`
  return `${what} ${signed(ns, duration)}${relative(difference)} may be chance: the 95 % interval reaches from ${signed(low!, duration)} to ${signed(high!, duration)}.`
}

const relative = ({ relative: share }: Difference) => (share == null ? '' : `, ${change(share)}`)

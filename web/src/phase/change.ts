import { cell, groupKey, type Cell, type Group, type Label } from './breakdown'
import type { Metric, Part } from './parts'
import type { PartMean } from './segments'

/** Whether a difference of two percentiles is more than chance, as far as their intervals tell. */
export type Verdict = 'higher' | 'lower' | 'within' | 'unknown'

export function verdict(now: Cell, before: Cell): Verdict {
  if (now.low === null || now.high === null || before.low === null || before.high === null) return 'unknown'
  if (now.low > before.high) return 'higher'
  if (now.high < before.low) return 'lower'
  return 'within'
}

export interface Change {
  labels: Label[]
  now: Cell
  before: Cell
  /** now − before in ns; null if either is unknown. */
  diff: number | null
  relative: number | null
  verdict: Verdict
  /** The part whose mean moved most in the direction of the change, and by how much. */
  owner: { part: Part; ns: number } | null
  /** Requests now and before. */
  n: { now: number; before: number }
}

/**
 * Groups by what changed most in a metric at q: first those whose intervals do
 * not overlap, by the gap between them relative to the past; then the rest by
 * their difference. Groups that are on one side only come last.
 */
export function changes(metric: Metric, q: number, now: readonly Group[], before: readonly Group[]): Change[] {
  const past = new Map(before.map((group) => [groupKey(group.labels), group]))
  const present = new Set(now.map((group) => groupKey(group.labels)))
  const all = [
    ...now.map((group) => change(metric, q, group, past.get(groupKey(group.labels)))),
    ...before
      .filter((group) => !present.has(groupKey(group.labels)))
      .map((group) => change(metric, q, undefined, group)),
  ]
  return all.sort((a, b) => weight(b) - weight(a))
}

function change(metric: Metric, q: number, now: Group | undefined, before: Group | undefined): Change {
  const nothing: Cell = { value: null, low: null, high: null, n: 0, effective: null, required: 1 }
  const a = before ? cell(before, metric, q) : nothing
  const b = now ? cell(now, metric, q) : nothing
  const diff = a.value !== null && b.value !== null ? b.value - a.value : null
  return {
    labels: (now ?? before)!.labels,
    now: b,
    before: a,
    diff,
    relative: diff !== null && a.value ? diff / a.value : null,
    verdict: verdict(b, a),
    owner: diff === null ? null : owner(parts(metric, before), parts(metric, now), diff),
    n: { now: now?.counts.n ?? 0, before: before?.counts.n ?? 0 },
  }
}

const parts = (metric: Metric, group: Group | undefined): PartMean[] =>
  (metric === 'ttft' ? group?.ttft_parts : group?.total_parts) ?? []

function owner(before: PartMean[], now: PartMean[], diff: number): Change['owner'] {
  const moves = now
    .map((part) => ({
      part: part.part,
      ns: part.mean_ns - (before.find((other) => other.part === part.part)?.mean_ns ?? 0),
    }))
    .filter((move) => Math.sign(move.ns) === Math.sign(diff))
    .sort((a, b) => Math.abs(b.ns) - Math.abs(a.ns))
  return moves[0] ?? null
}

function weight({ verdict: said, now, before, relative, diff }: Change): number {
  if (diff === null) return -1
  const past = before.value || 1
  if (said === 'higher') return 1e6 + (now.low! - before.high!) / past
  if (said === 'lower') return 1e6 + (before.low! - now.high!) / past
  return Math.min(1e5, Math.abs(relative ?? 0))
}

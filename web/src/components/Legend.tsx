import { METRIC_MEANINGS, partsOf, PHASES, type Metric } from '../phase/parts'

/** What the colours and patterns mean, for the parts that a duration has. */
export function Legend({ metric = 'total', provenance = false }: { metric?: Metric; provenance?: boolean }) {
  const parts = partsOf(metric)
  return (
    <ul class="legend" aria-label="Legend">
      {PHASES.filter((phase) => parts.includes(phase)).map((phase) => (
        <li key={phase} title={METRIC_MEANINGS[phase]}>
          <i class={`swatch segment ${phase} measured`} />
          {phase}
        </li>
      ))}
      <li title={METRIC_MEANINGS.unattributed}>
        <i class="swatch segment unattributed" />
        unattributed
      </li>
      <li title="Some phase is not reported by any instrumentation, so this time cannot be split. Setup says how to switch it on.">
        <i class="swatch segment unattributed unknown" />
        not split: not instrumented
      </li>
      {provenance && (
        <>
          <li class="legend-gap" title="One value, one span’s duration, or two timestamps of one clock">
            <i class="swatch segment network measured" />
            measured
          </li>
          <li title="Arithmetic over independent evidence">
            <i class="swatch segment network derived" />
            derived
          </li>
          <li title="Rests on an assumption; only if switched on">
            <i class="swatch segment network estimated" />
            estimated
          </li>
        </>
      )}
    </ul>
  )
}

import { duration, exactDuration } from '../format/duration'
import { percent } from '../format/number'
import { isPhase, METRIC_MEANINGS, partClass } from '../phase/parts'
import { segmentName, sum, type Segment } from '../phase/segments'

interface Props {
  segments: Segment[]
  /** The length that fills the whole width, in ns; by default the bar's own. */
  scale?: number
  /** Says what the bar is of, for those who cannot see it. */
  label: string
  /** Writes names into segments that are wide enough. */
  labelled?: boolean
}

/** Parts of one duration side by side, to scale, in their fixed order and colours. */
export function PhaseBar({ segments, scale, label, labelled = false }: Props) {
  const whole = sum(segments)
  const full = scale ?? whole
  const spoken = segments.map((segment) => `${segmentName(segment)} ${duration(segment.ns)}`).join(', ')
  return (
    <div class={labelled ? 'phase-bar labelled' : 'phase-bar'} role="img" aria-label={`${label}: ${spoken}`}>
      {segments.map((segment) =>
        segment.ns > 0 && full > 0 ? (
          <span
            key={segment.part}
            class={`segment ${partClass(segment.part)} ${segment.look}`}
            style={{ width: `${(100 * segment.ns) / full}%` }}
            title={describe(segment, whole)}
          >
            {labelled && <span class="segment-label">{segmentName(segment)}</span>}
          </span>
        ) : null,
      )}
    </div>
  )
}

/** Everything there is to say about a segment, for its title. */
export function describe(segment: Segment, whole: number): string {
  const lines = [`${segmentName(segment)}: ${exactDuration(segment.ns)}, ${percent(whole ? segment.ns / whole : 0)}`]
  if (isPhase(segment.part)) {
    lines.push(METRIC_MEANINGS[segment.part])
    if (segment.look !== 'measured') lines.push(segment.look)
    if (segment.coverage < 1) lines.push(`known for ${percent(segment.coverage)} of these requests`)
  } else if (segment.look === 'unknown') {
    lines.push('Holds phases that no instrumentation reports for some of these requests')
  } else {
    lines.push(METRIC_MEANINGS.unattributed)
  }
  return lines.join('\n')
}

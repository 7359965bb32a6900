import type { Schemas } from '../api/client'
import { duration, exactDuration } from '../format/duration'
import { change, signed } from '../format/number'
import { composed, ownerText, type Behind, type Comparison, type Difference, type Side } from '../phase/difference'
import { partClass, partName, partsOf, quantileName, type Metric } from '../phase/parts'
import { Followed } from './Followed'

type Estimate = Pick<Schemas['PartDifference'], 'ns' | 'low_ns' | 'high_ns'>

interface Line {
  name: string
  /** None for the mean. */
  q?: number
  a: number | null
  b: number | null
  difference: Difference | null
}

interface Props {
  comparison: Comparison
  metric: Metric
  behind: Behind
}

/** The difference of the means and of every percentile, taken apart by phase. */
export function Differences({ comparison, metric, behind }: Props) {
  const parts = partsOf(metric)
  const lines: Line[] = [
    { name: 'mean', a: mean(comparison.a, metric), b: mean(comparison.b, metric), difference: comparison.mean },
    ...comparison.quantiles.map((quantile) => ({
      name: quantileName(quantile.q),
      q: quantile.q,
      a: composed(comparison, 'a', quantile.q)?.mean_ns ?? null,
      b: composed(comparison, 'b', quantile.q)?.mean_ns ?? null,
      difference: quantile.difference ?? null,
    })),
  ]
  return (
    <div class="table-wrap bare" data-hold tabIndex={0} role="region" aria-label="Differences by phase">
      <table class="grid">
        <caption class="hidden">Difference B minus A by phase</caption>
        <thead>
          <tr>
            <th scope="col">at</th>
            <th scope="col" class="number">
              A
            </th>
            <th scope="col" class="number">
              B
            </th>
            <th scope="col" class="number">
              B − A
            </th>
            {parts.map((part) => (
              <th key={part} scope="col" class="number">
                {partName(part)}
              </th>
            ))}
            <th scope="col">owner</th>
          </tr>
        </thead>
        <tbody>
          {lines.map((line) => (
            <tr key={line.name}>
              <th scope="row">{line.name}</th>
              {(['a', 'b'] as const).map((side: Side) => (
                <td key={side} class="number" title={exactDuration(line[side])}>
                  <Followed href={line.q === undefined ? undefined : behind(side, line.q)}>
                    {duration(line[side])}
                  </Followed>
                </td>
              ))}
              {line.difference ? (
                <>
                  <td class="number" title={interval(line.difference)}>
                    <b>{signed(line.difference.ns, duration)}</b>{' '}
                    {line.difference.relative != null && <span class="quiet">{change(line.difference.relative)}</span>}
                  </td>
                  {parts.map((part) => (
                    <PartCell
                      key={part}
                      estimate={line.difference!.parts.find((other) => other.part === part)}
                      part={part}
                      widest={Math.max(1, ...line.difference!.parts.map((other) => Math.abs(other.ns)))}
                    />
                  ))}
                  <td class="nowrap">{ownerText(line.difference)}</td>
                </>
              ) : (
                <td colSpan={parts.length + 2} class="small-n">
                  n too small around {line.name} on one side
                </td>
              )}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  )
}

/** A signed bar from the middle, in the part's colour, with the number and its certainty. */
function PartCell({
  estimate,
  part,
  widest,
}: {
  estimate: Estimate | undefined
  part: Parameters<typeof partName>[0]
  widest: number
}) {
  if (!estimate) return <td class="number unknown">–</td>
  const width = (50 * Math.abs(estimate.ns)) / widest
  const position = estimate.ns < 0 ? { right: '50%', width: `${width}%` } : { left: '50%', width: `${width}%` }
  return (
    <td class={sure(estimate) ? 'number' : 'number unsure'} title={interval(estimate)}>
      {signed(estimate.ns, duration)}
      <span class="diverging" aria-hidden="true">
        {estimate.ns !== 0 && (
          <i
            class={`segment ${partClass(part)} ${partClass(part) === 'unattributed' ? '' : 'measured'}`}
            style={position}
          />
        )}
      </span>
    </td>
  )
}

function sure({ low_ns: low, high_ns: high }: Estimate): boolean {
  return low != null && high != null && (low > 0 || high < 0)
}

function interval(estimate: Estimate): string {
  const { ns, low_ns: low, high_ns: high } = estimate
  const exact = signed(ns, exactDuration)
  if (low == null || high == null) return `${exact}\nNo interval: fewer than 10 time blocks with data on a side`
  const text = `${exact}\n95 % interval ${signed(low, duration)} to ${signed(high, duration)}`
  return sure(estimate) ? text : `${text}\nMay be nothing: the interval contains 0`
}

function mean(side: Comparison['a'], metric: Metric): number | null {
  return side.metrics.find((candidate) => candidate.metric === metric)?.mean_ns ?? null
}

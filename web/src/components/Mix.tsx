import type { Schemas } from '../api/client'
import { duration } from '../format/duration'
import { percent, signed } from '../format/number'

/** How much of the difference is only other work, set apart from the change of the service. */
export function Mix({ mix }: { mix: Schemas['Mix'] }) {
  return (
    <div class="panel flush">
      <div class="panel-head">
        <h2>Mix of work</h2>
        <span class="quiet">models and uncached input tokens</span>
      </div>
      {mix.within_ns == null || mix.shift_ns == null ? (
        <p class="panel-text">The two sides share no kind of work, so that they cannot be compared like for like.</p>
      ) : (
        <p class="panel-text">
          Like for like, the mean moves by <b>{signed(mix.within_ns, duration)}</b>; a changed mix of work makes{' '}
          <b>{signed(mix.shift_ns, duration)}</b>.
          {/* The two are counted one after the other, while requests arrive. */}
          {mix.compared != null &&
            ` ${percent(Math.min(1, mix.compared))} of B’s requests are of a kind that A has, too.`}
        </p>
      )}
      {mix.strata.length > 0 && (
        <div class="table-wrap bare" tabIndex={0} role="region" aria-label="Kinds of work">
          <table class="grid">
            <caption class="hidden">Kinds of work, the largest contributions first</caption>
            <thead>
              <tr>
                <th scope="col">model</th>
                <th scope="col">uncached input tokens</th>
                <th scope="col" class="number">
                  share of A
                </th>
                <th scope="col" class="number">
                  share of B
                </th>
                <th scope="col" class="number">
                  mean A
                </th>
                <th scope="col" class="number">
                  mean B
                </th>
              </tr>
            </thead>
            <tbody>
              {mix.strata.slice(0, 8).map((stratum) => (
                <tr key={stratum.model + stratum.input_bucket}>
                  <th scope="row" class="group">
                    {stratum.model || 'unknown'}
                  </th>
                  <td>{stratum.input_bucket || 'unknown'}</td>
                  <td class="number">{percent(stratum.a_share)}</td>
                  <td class="number">{percent(stratum.b_share)}</td>
                  <td class="number">{duration(stratum.a_mean_ns)}</td>
                  <td class="number">{duration(stratum.b_mean_ns)}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </div>
  )
}

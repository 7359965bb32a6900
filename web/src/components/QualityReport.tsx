import type { Schemas } from '../api/client'
import { count, exactCount, percent } from '../format/number'
import { METRIC_NAMES, type Metric } from '../phase/parts'
import { formatFilter } from '../state/filters'
import { href, useView } from '../state/location'
import { ScopeLine } from './ScopeLine'

type Quality = Schemas['Quality']
type ValueCount = Schemas['ValueCount']

const COVERED = ['ttft', 'tpot', 'network', 'queue', 'prefill', 'decode'] as const satisfies readonly Metric[]

/** Which services send what, what is missing, and how to switch it on. */
export function QualityReport({ quality }: { quality: Quality }) {
  const view = useView()
  return (
    <>
      <div class="panel flush">
        <div class="panel-head">
          <h2>What each service tells</h2>
          <ScopeLine meta={quality} />
        </div>
        <div class="table-wrap bare">
          <table class="grid">
            <caption class="hidden">For what share of each service’s requests each duration is known</caption>
            <thead>
              <tr>
                <th scope="col">service</th>
                <th scope="col" class="number">
                  requests
                </th>
                <th scope="col">instrumentation</th>
                <th scope="col">engine</th>
                <th scope="col">observed at</th>
                {COVERED.map((metric) => (
                  <th key={metric} scope="col">
                    {METRIC_NAMES[metric]}
                  </th>
                ))}
              </tr>
            </thead>
            <tbody>
              {quality.services.map((service) => (
                <tr key={service.service}>
                  <th scope="row" class="group">
                    {service.service || <span class="unknown">not set</span>}
                  </th>
                  <td class="number" title={exactCount(service.counts.n)}>
                    <a
                      href={href('/requests', view, {
                        filter: [formatFilter({ dimension: 'service', operator: '=', value: service.service })],
                      })}
                    >
                      {count(service.counts.n)}
                    </a>
                  </td>
                  <Values values={service.dialects} />
                  <Values values={service.engines} none="no engine spans" />
                  <Values values={service.vantages} />
                  {COVERED.map((metric) => (
                    <td
                      key={metric}
                      title={`${METRIC_NAMES[metric]} is known for ${percent(service.coverage[metric])} of the requests`}
                    >
                      {percent(service.coverage[metric])}
                      <span class="share-bar narrow" aria-hidden="true">
                        <i style={{ width: `${100 * (service.coverage[metric] ?? 0)}%` }} />
                      </span>
                    </td>
                  ))}
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      </div>
      {quality.services.some((service) => service.hints.length > 0) && (
        <div class="panel">
          <h2>What is missing, and how to switch it on</h2>
          <ul class="hints">
            {quality.services.flatMap((service) =>
              service.hints.map((hint) => (
                <li key={service.service + hint}>
                  <b>{service.service || 'unnamed service'}</b> {hint}.
                </li>
              )),
            )}
          </ul>
        </div>
      )}
      {quality.flags.length > 0 && (
        <div class="panel flush">
          <div class="panel-head">
            <h2>Flags: numbers that were refused or qualified</h2>
          </div>
          <div class="table-wrap bare">
            <table class="grid stacked">
              <caption class="hidden">Data-quality flags</caption>
              <thead>
                <tr>
                  <th scope="col">flag</th>
                  <th scope="col" class="number">
                    requests
                  </th>
                  <th scope="col">what it means</th>
                  <th scope="col">what to do</th>
                </tr>
              </thead>
              <tbody>
                {quality.flags.map((flag) => (
                  <tr key={flag.flag}>
                    <th scope="row">
                      <code>{flag.flag}</code>
                    </th>
                    <td class="number">{count(flag.n)}</td>
                    <td>{flag.meaning}</td>
                    <td>{flag.action}</td>
                  </tr>
                ))}
              </tbody>
            </table>
          </div>
        </div>
      )}
    </>
  )
}

function Values({ values, none = 'none' }: { values: ValueCount[]; none?: string }) {
  const told = values.filter((entry) => entry.value !== '')
  return (
    <td title={told.map((entry) => `${entry.value}: ${exactCount(entry.counts.n)}`).join('\n')}>
      {told.length === 0 ? <span class="unknown nowrap">{none}</span> : told.map((entry) => entry.value).join(', ')}
    </td>
  )
}

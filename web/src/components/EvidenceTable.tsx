import type { Schemas } from '../api/client'
import { duration, exactDuration } from '../format/duration'
import { percent } from '../format/number'
import { METRIC_MEANINGS, PHASES, type Phase } from '../phase/parts'
import { lookOf } from '../phase/segments'

type Request = Schemas['Request']
type Evidence = Schemas['Evidence']

interface Line {
  key: string
  name: string
  ns: number | null | undefined
  provenance?: string
  meaning: string
  /** How it follows from other numbers, where no span says it. */
  rule?: string
  phase?: Phase
}

/** Every number of a request with the span, the attribute and the rule it rests on. */
export function EvidenceTable({ request, evidence }: { request: Request; evidence: Evidence[] }) {
  const kind = request.ttft_kind === 'unknown' ? '' : request.ttft_kind.replace(/_/g, ' ')
  const phases: Line[] = PHASES.map((phase) => ({
    key: `${phase}_ns`,
    name: phase,
    ns: request[`${phase}_ns`],
    provenance: request.provenance[phase],
    meaning: METRIC_MEANINGS[phase],
    phase,
  }))
  const others: Line[] = [
    {
      key: 'ttft_ns',
      name: kind ? `TTFT (${kind})` : 'TTFT',
      ns: request.ttft_ns,
      provenance: request.provenance.ttft,
      meaning: METRIC_MEANINGS.ttft,
    },
    {
      key: 'tpot_ns',
      name: 'TPOT',
      ns: request.tpot_ns,
      provenance: 'derived',
      meaning: METRIC_MEANINGS.tpot,
      rule: 'decode / (output tokens - 1)',
    },
    {
      key: 'first_answer_ns',
      name: 'first answer token',
      ns: request.first_answer_ns,
      meaning: 'To the first token that is not reasoning',
    },
    {
      key: 'server_ns',
      name: 'server window',
      ns: request.server_ns,
      meaning: 'The time the server saw of this request',
    },
    {
      key: 'server_ttft_ns',
      name: 'TTFT at the server',
      ns: request.server_ttft_ns,
      meaning: 'Not the request’s own TTFT: another vantage',
    },
    { key: 'connect_ns', name: 'connect', ns: request.connect_ns, meaning: 'DNS, TCP and TLS; a part of network' },
    { key: 'retry_ns', name: 'retries', ns: request.retry_ns, meaning: 'Before the last attempt started' },
  ].filter((line) => line.ns != null)
  const hops: Line[] = (request.network_hops_ns ?? []).map((hop) => ({
    key: hop.hop,
    name: hop.hop.replace(/_/g, ' '),
    ns: hop.ns,
    provenance: 'derived',
    meaning: 'A part of network',
    rule: 'network, split at the gateway',
  }))
  return (
    <div class="table-wrap bare" tabIndex={0} role="region" aria-label="Evidence">
      <table class="grid">
        <caption class="hidden">Where each number comes from</caption>
        <thead>
          <tr>
            <th scope="col">part</th>
            <th scope="col" class="number">
              time
            </th>
            <th scope="col" class="number">
              of total
            </th>
            <th scope="col">rests on</th>
            <th scope="col">read from</th>
            <th scope="col">rule</th>
          </tr>
        </thead>
        <tbody>
          {phases.map((line) => (
            <Row key={line.key} line={line} total={request.total_ns} evidence={evidence} />
          ))}
          <Row
            line={{
              key: 'unattributed_ns',
              name: 'unattributed',
              ns: request.unattributed_ns,
              meaning: METRIC_MEANINGS.unattributed,
            }}
            total={request.total_ns}
            evidence={evidence}
          />
          <Row
            line={{ key: 'total_ns', name: 'total', ns: request.total_ns, meaning: METRIC_MEANINGS.total }}
            total={request.total_ns}
            evidence={evidence}
            sum
          />
          {[...others, ...hops].map((line) => (
            <Row key={line.key} line={line} total={request.total_ns} evidence={evidence} share={false} />
          ))}
        </tbody>
      </table>
    </div>
  )
}

function Row({
  line,
  total,
  evidence,
  sum = false,
  share = true,
}: {
  line: Line
  total: number
  evidence: Evidence[]
  sum?: boolean
  share?: boolean
}) {
  const read = evidence.filter((item) => item.fact === line.key)
  return (
    <tr class={sum ? 'sum' : ''}>
      <th scope="row" title={line.meaning} class="nowrap">
        {line.phase && (
          <i class={`swatch segment ${line.phase} ${line.ns == null ? 'missing' : lookOf(line.provenance ?? '')}`} />
        )}
        {line.key === 'unattributed_ns' && <i class="swatch segment unattributed" />} {line.name}
      </th>
      <td class="number" title={exactDuration(line.ns)}>
        {line.ns == null ? <span class="unknown">unknown</span> : duration(line.ns)}
      </td>
      <td class="number">{share && line.ns != null && total > 0 ? percent(line.ns / total) : ''}</td>
      <td>{line.ns == null ? '' : line.provenance}</td>
      <td class="nowrap">
        {read.map((item, index) => (
          <div key={index}>
            {item.attribute && <code>{item.attribute}</code>} {item.span_id && <SpanID id={item.span_id} />}
          </div>
        ))}
      </td>
      <td class="rule">
        {read.map((item, index) => (
          <div key={index}>{item.rule}</div>
        ))}
        {line.ns != null && read.length === 0 && line.rule}
        {line.ns == null && read.length === 0 && <span class="quiet">No span of this trace says it</span>}
      </td>
    </tr>
  )
}

function SpanID({ id }: { id: string }) {
  return (
    <>
      <span class="quiet">of</span> <code>{id}</code>
    </>
  )
}

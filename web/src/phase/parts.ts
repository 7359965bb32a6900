// The parts that a request's time is made of: their order, names and colours
// are the same on every page.

export type Part = 'network' | 'queue' | 'prefill' | 'decode' | 'unattributed' | 'rest'

export type Metric = 'ttft' | 'tpot' | 'total' | 'network' | 'queue' | 'prefill' | 'decode' | 'unattributed'

export const PHASES = ['network', 'queue', 'prefill', 'decode'] as const
export type Phase = (typeof PHASES)[number]

/** The parts of the total, in the order of every bar. They add up to it exactly. */
export const TOTAL_PARTS: Part[] = ['network', 'queue', 'prefill', 'decode', 'unattributed']

/** The parts of TTFT. Only a part of the network's time lies before the first token. */
export const TTFT_PARTS: Part[] = ['network', 'queue', 'prefill', 'rest']

export const METRICS: Metric[] = ['ttft', 'tpot', 'total', 'network', 'queue', 'prefill', 'decode', 'unattributed']

export const METRIC_NAMES: Record<Metric, string> = {
  ttft: 'TTFT',
  tpot: 'TPOT',
  total: 'Total',
  network: 'Network',
  queue: 'Queue',
  prefill: 'Prefill',
  decode: 'Decode',
  unattributed: 'Unattributed',
}

export const METRIC_MEANINGS: Record<Metric, string> = {
  ttft: 'Time to first token, as the request’s own observer saw it',
  tpot: 'Time per output token after the first: decode ÷ (output tokens − 1)',
  total: 'The whole request, from start to end',
  network: 'Outside the server: wire, TLS, proxies and gateways, client library',
  queue: 'Waiting at the server before it was first scheduled',
  prefill: 'From first scheduled to first token',
  decode: 'From first to last token',
  unattributed: 'What the evidence cannot split: server front end, retries, phases nobody reports',
}

export function partName(part: Part): string {
  return part === 'rest' ? 'unattributed' : part
}

/** The class that gives a part its colour. The rest of TTFT is unattributed time, too. */
export function partClass(part: Part): string {
  return part === 'rest' ? 'unattributed' : part
}

export function isPhase(part: string): part is Phase {
  return (PHASES as readonly string[]).includes(part)
}

export function partsOf(metric: Metric): Part[] {
  return metric === 'ttft' ? TTFT_PARTS : TOTAL_PARTS
}

/** pNN for a quantile: 0.99 is p99, 0.999 is p99.9. */
export function quantileName(q: number): string {
  return 'p' + String(Number((q * 100).toPrecision(6)))
}

/** The percentiles that tables show. */
export const QUANTILES = [0.5, 0.9, 0.95, 0.99] as const

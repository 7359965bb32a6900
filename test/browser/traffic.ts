// Spans whose every number is known: a streaming client and the vLLM that
// answers it, so that a page can be checked against what was sent.

export interface Sent {
  trace_id: string
  span_id: string
  service: string
  model: string
  version: string
  /** All in ms. */
  total: number
  network: number
  queue: number
  prefill: number
  decode: number
  ttft: number
  endMs: number
}

/** Numbers that look random and are the same every time. */
export function sequence(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return state / 2 ** 32
  }
}

const MINUTE = 60_000

/**
 * Two hours of traffic that ends now: chat-api and agent-planner on one model
 * each; from 30 minutes ago on, version 1.8.0 of chat-api waits in the queue.
 */
export function traffic(now: number, each: number): Sent[] {
  const random = sequence(7)
  const hex = (digits: number) => Array.from({ length: digits }, () => Math.floor(random() * 16).toString(16)).join('')
  const sent: Sent[] = []
  for (const [service, model] of [
    ['chat-api', 'llama-3.1-8b'],
    ['agent-planner', 'qwen2.5-72b'],
  ] as const) {
    for (let i = 0; i < each; i++) {
      const endMs = now - Math.floor(((i + 0.5) / each) * 119 * MINUTE) - 1000
      const late = service === 'chat-api' && now - endMs < 30 * MINUTE
      const network = 10 + Math.floor(random() * 10)
      const queue = late ? 200 + Math.floor(random() ** 4 * 2000) : 5 + Math.floor(random() * 20)
      const prefill = 80 + Math.floor(random() * 80)
      const decode = 500 + Math.floor(random() * 1500)
      const rest = 4
      sent.push({
        trace_id: hex(32),
        span_id: hex(16),
        service,
        model,
        version: late ? '1.8.0' : '1.7.3',
        total: network + queue + prefill + decode + rest,
        network,
        queue,
        prefill,
        decode,
        ttft: network / 2 + queue + prefill + rest / 2,
        endMs,
      })
    }
  }
  return sent
}

type Value = string | number | boolean

const attribute = (key: string, value: Value) => ({
  key,
  value:
    typeof value === 'string'
      ? { stringValue: value }
      : typeof value === 'boolean'
        ? { boolValue: value }
        : { doubleValue: value },
})

const attributes = (all: Record<string, Value>) => Object.entries(all).map(([key, value]) => attribute(key, value))

const count = (key: string, value: number) => ({ key, value: { intValue: String(value) } })

const nanos = (ms: number) => String(BigInt(Math.round(ms * 1000)) * 1000n)

/** What a span says beside its times. */
export interface About {
  environment: string
  input: number
  output: number
}

const PLAIN: About = { environment: 'test', input: 880, output: 51 }

/** The two spans of one request as OTLP/JSON resource spans. */
export function spansOf(request: Sent): object[] {
  // The engine's clock is a minute off: only durations may count.
  return [clientSpan(request, PLAIN), engineSpan(request, PLAIN, MINUTE)]
}

/** What the application's instrumentation of a streaming client sends. */
export function clientSpan(request: Sent, about: About): object {
  return resource(
    {
      'service.name': request.service,
      'service.version': request.version,
      'deployment.environment.name': about.environment,
    },
    'opentelemetry.instrumentation.openai_v2',
    {
      traceId: request.trace_id,
      spanId: request.span_id,
      name: `chat ${request.model}`,
      kind: 3,
      startTimeUnixNano: nanos(request.endMs - request.total),
      endTimeUnixNano: nanos(request.endMs),
      attributes: [
        ...attributes({
          'gen_ai.operation.name': 'chat',
          'gen_ai.provider.name': 'openai',
          'gen_ai.request.model': request.model,
          'gen_ai.response.model': request.model,
          'gen_ai.request.stream': true,
          'gen_ai.response.time_to_first_chunk': request.ttft / 1000,
        }),
        count('gen_ai.usage.input_tokens', about.input),
        count('gen_ai.usage.output_tokens', about.output),
      ],
    },
  )
}

/** What vLLM sends for the same request, on a clock that is off by `skew` ms. */
export function engineSpan(request: Sent, about: About, skew: number): object {
  const start = request.endMs - request.total + request.network / 2 + skew
  return resource({ 'service.name': 'vllm' }, 'vllm.llm_engine', {
    traceId: request.trace_id,
    spanId: [...request.span_id].reverse().join(''),
    parentSpanId: request.span_id,
    name: 'llm_request',
    kind: 2,
    startTimeUnixNano: nanos(start),
    endTimeUnixNano: nanos(start + request.total - request.network),
    attributes: [
      ...attributes({
        'gen_ai.response.model': request.model,
        'gen_ai.request.id': `cmpl-${request.span_id}`,
        'gen_ai.latency.time_in_queue': request.queue / 1000,
        'gen_ai.latency.time_in_model_prefill': request.prefill / 1000,
        'gen_ai.latency.time_in_model_decode': request.decode / 1000,
        'gen_ai.latency.time_in_model_inference': (request.prefill + request.decode) / 1000,
        'gen_ai.latency.time_to_first_token': (request.queue + request.prefill) / 1000,
        'gen_ai.latency.e2e': (request.queue + request.prefill + request.decode) / 1000,
      }),
      count('gen_ai.usage.prompt_tokens', about.input),
      count('gen_ai.usage.completion_tokens', about.output),
    ],
  })
}

function resource(about: Record<string, Value>, scope: string, span: object): object {
  return { resource: { attributes: attributes(about) }, scopeSpans: [{ scope: { name: scope }, spans: [span] }] }
}

/** Text that runs, breaks out of an attribute, or confuses, if it is ever taken for markup. */
export const HOSTILE = `"><img src=x onerror="window.__owned=1"><script>window.__owned=1</script>{{7*7}}</title>\u202e&lt;`

/** One request with hostile text in every place that takes text. */
export function hostileSpans(now: number): { trace_id: string; span_id: string; resourceSpans: object[] } {
  const trace_id = 'deadbeef'.repeat(4)
  const span_id = 'feedface'.repeat(2)
  const text = (key: string) => attribute(key, HOSTILE + key)
  const resourceSpans = [
    {
      resource: {
        attributes: [
          'service.name',
          'service.version',
          'service.namespace',
          'service.instance.id',
          'deployment.environment.name',
          HOSTILE,
        ].map(text),
      },
      scopeSpans: [
        {
          scope: { name: HOSTILE, version: HOSTILE },
          spans: [
            {
              traceId: trace_id,
              spanId: span_id,
              name: HOSTILE,
              kind: 3,
              startTimeUnixNano: nanos(now - 2000),
              endTimeUnixNano: nanos(now - 1000),
              status: { code: 2, message: HOSTILE },
              attributes: [
                attribute('gen_ai.operation.name', 'chat'),
                ...[
                  'gen_ai.provider.name',
                  'gen_ai.request.model',
                  'gen_ai.response.model',
                  'gen_ai.conversation.id',
                  'user.id',
                  'server.address',
                  'error.type',
                  HOSTILE,
                ].map(text),
              ],
              events: [{ name: HOSTILE, timeUnixNano: nanos(now - 1500), attributes: [text(HOSTILE)] }],
            },
          ],
        },
      ],
    },
  ]
  return { trace_id, span_id, resourceSpans }
}

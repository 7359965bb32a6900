export interface Endpoints {
  /** host:port */
  grpc: string
  /** URL without a path */
  http: string
}

export interface Snippet {
  name: string
  /** What it gives, and what else it takes. */
  note: string
  text: string
}

/** How the common instrumentations are pointed at this Phaseline. */
export function snippets({ grpc, http }: Endpoints): Snippet[] {
  return [
    {
      name: 'Try it',
      note: 'One realistic trace, moved to the present: an app, a gateway and vLLM.',
      text: `phaseline sample | curl -sS -H 'Content-Type: application/json' --data-binary @- ${http}/v1/traces`,
    },
    {
      name: 'Any OTel SDK',
      note: 'Environment variables that every OpenTelemetry SDK reads.',
      text: `export OTEL_EXPORTER_OTLP_ENDPOINT=${http}
export OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf
export OTEL_SERVICE_NAME=chat-api
export OTEL_RESOURCE_ATTRIBUTES=service.version=1.0.0,deployment.environment.name=prod`,
    },
    {
      name: 'Python',
      note: 'Instruments the OpenAI client without a change of code. For queue, prefill and decode the engine has to send spans, too.',
      text: `pip install opentelemetry-distro opentelemetry-exporter-otlp opentelemetry-instrumentation-openai-v2
export OTEL_EXPORTER_OTLP_ENDPOINT=${http}
export OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf
export OTEL_SERVICE_NAME=chat-api
opentelemetry-instrument python app.py`,
    },
    {
      name: 'vLLM',
      note: 'Gives queue, prefill and decode of every request. Pass the traceparent header through to it, so that its spans join the client’s.',
      text: `pip install opentelemetry-sdk opentelemetry-api opentelemetry-exporter-otlp opentelemetry-semantic-conventions-ai
export OTEL_SERVICE_NAME=vllm
export OTEL_EXPORTER_OTLP_TRACES_INSECURE=true
vllm serve MODEL --otlp-traces-endpoint=grpc://${grpc}`,
    },
    {
      name: 'SGLang',
      note: 'Gives queue, prefill and decode of every request.',
      text: `pip install "sglang[tracing]"
python -m sglang.launch_server --model-path MODEL --enable-trace --otlp-traces-endpoint ${grpc}`,
    },
    {
      name: 'OpenLLMetry',
      note: 'Traceloop’s SDK for Python and JavaScript.',
      text: `export TRACELOOP_BASE_URL=${http}
export OTEL_SERVICE_NAME=chat-api`,
    },
    {
      name: 'Vercel AI SDK',
      note: 'Switch telemetry on in each call: experimental_telemetry: { isEnabled: true }.',
      text: `// instrumentation.ts
import { registerOTel } from '@vercel/otel'

export function register() {
  registerOTel({ serviceName: 'chat-api' })
}

// .env
OTEL_EXPORTER_OTLP_ENDPOINT=${http}
OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf`,
    },
    {
      name: 'LiteLLM',
      note: 'The proxy’s own spans: retries, and the hop from the client to the engine.',
      text: `# config.yaml
litellm_settings:
  callbacks: ["otel"]

# environment
OTEL_EXPORTER=otlp_http
OTEL_ENDPOINT=${http}/v1/traces
OTEL_SERVICE_NAME=litellm`,
    },
    {
      name: 'Collector',
      note: 'A collector that you run already sends a copy here.',
      text: `exporters:
  otlphttp/phaseline:
    endpoint: ${http}

service:
  pipelines:
    traces/phaseline:
      receivers: [otlp]
      exporters: [otlphttp/phaseline]`,
    },
  ]
}

/** An endpoint as this browser's machine reaches it: a wildcard address is the host that served the page. */
export function reachable(endpoint: string, host: string): string {
  return endpoint.replace(
    /^(https?:\/\/)?(0\.0\.0\.0|\[::\])(?=:)/,
    (_, scheme: string | undefined) => (scheme ?? '') + host,
  )
}

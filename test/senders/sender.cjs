// Makes one chat completion through a real instrumentation and exports its
// spans over OTLP. Usage: node sender.cjs INSTRUMENTATION stream|plain|abort
// where abort leaves the stream after a few tokens (with the OpenAI SDK).
//
// OPENAI_BASE_URL names the server to call, OTEL_EXPORTER_OTLP_ENDPOINT where
// the spans go. Prints {"trace_id", "duration_ns"} of the application's span
// around the call.
const { trace, context } = require("@opentelemetry/api");
const { NodeTracerProvider, SimpleSpanProcessor } = require("@opentelemetry/sdk-trace-node");
const { OTLPTraceExporter } = require("@opentelemetry/exporter-trace-otlp-proto");
const { registerInstrumentations } = require("@opentelemetry/instrumentation");
const { resourceFromAttributes } = require("@opentelemetry/resources");

const [kind, mode] = process.argv.slice(2);
const endpoint = process.env.OTEL_EXPORTER_OTLP_ENDPOINT;
const baseURL = process.env.OPENAI_BASE_URL;
const streaming = mode !== "plain";

const service = `sender-${kind}-${mode}`;

function registerProvider() {
  new NodeTracerProvider({
    resource: resourceFromAttributes({ "service.name": service }),
    spanProcessors: [new SimpleSpanProcessor(new OTLPTraceExporter({ url: `${endpoint}/v1/traces` }))],
  }).register();
}

function instrumented(instrumentation) {
  registerProvider();
  registerInstrumentations({ instrumentations: [instrumentation] });
  return callOpenAI;
}

// The SDK is loaded here, after its instrumentation has been registered.
async function callOpenAI() {
  const OpenAI = require("openai").default;
  const client = new OpenAI({ apiKey: "none", baseURL, maxRetries: 0 });
  const body = { model: "fake-model", messages: [{ role: "user", content: "hello" }] };
  if (!streaming) return client.chat.completions.create(body);
  const stream = await client.chat.completions.create({
    ...body,
    stream: true,
    stream_options: { include_usage: true },
  });
  let chunks = 0;
  for await (const _ of stream) if (mode === "abort" && ++chunks === 8) break;
}

async function callVercel() {
  const { streamText, generateText } = await import("ai");
  const { createOpenAI } = await import("@ai-sdk/openai");
  const options = {
    model: createOpenAI({ apiKey: "none", baseURL }).chat("fake-model"),
    prompt: "hello",
    maxRetries: 0,
    experimental_telemetry: { isEnabled: true },
  };
  if (streaming) await streamText(options).consumeStream();
  else await generateText(options);
}

const senders = {
  "vercel-ai": () => {
    registerProvider();
    return callVercel;
  },
  openllmetry: () => {
    const { OpenAIInstrumentation } = require("@traceloop/instrumentation-openai");
    return instrumented(new OpenAIInstrumentation());
  },
  openinference: () => {
    const { OpenAIInstrumentation } = require("@arizeai/openinference-instrumentation-openai");
    return instrumented(new OpenAIInstrumentation());
  },
  "otel-openai": () => {
    const { OpenAIInstrumentation } = require("@opentelemetry/instrumentation-openai");
    return instrumented(new OpenAIInstrumentation());
  },
  openlit: () => {
    // OpenLIT brings a provider of its own. An empty price list keeps it from fetching one.
    require("openlit").default.init({
      otlpEndpoint: endpoint,
      applicationName: service,
      disableBatch: true,
      disableMetrics: true,
      pricingJson: "{}",
    });
    return callOpenAI;
  },
};

async function main() {
  if (!senders[kind] || !["stream", "plain", "abort"].includes(mode)) {
    throw new Error(`usage: node sender.cjs ${Object.keys(senders).join("|")} stream|plain|abort`);
  }
  const call = senders[kind]();
  const root = trace.getTracer("application").startSpan("handle request");
  const begin = process.hrtime.bigint();
  await context.with(trace.setSpan(context.active(), root), call);
  const duration = process.hrtime.bigint() - begin;
  root.end();
  await trace.getTracerProvider().getDelegate().forceFlush();
  console.log(JSON.stringify({ trace_id: root.spanContext().traceId, duration_ns: Number(duration) }));
}

// Some instrumentations end their span a moment after the stream, and some keep
// timers that would hold the process: wait a second, then leave.
main().then(
  () => setTimeout(() => process.exit(0), 1000),
  (error) => {
    console.error(error);
    process.exit(1);
  },
);

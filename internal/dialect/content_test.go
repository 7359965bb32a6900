package dialect_test

import (
	"strings"
	"testing"

	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/phaseline/phaseline/internal/dialect"
)

func TestContentKeys(t *testing.T) {
	for _, key := range []string{
		"gen_ai.input.messages", "gen_ai.prompt", "gen_ai.prompt.0.content", "gen_ai.completion.0.content", "gen_ai.tool.call.arguments",
		"llm.input_messages.0.message.content", "input.value", "llm.prompts.0", "ai.prompt.messages", "ai.response.text", "ai.toolCall.args",
		"traceloop.entity.input", "langfuse.observation.output", "genkit:output", "gcp.vertex.agent.llm_request", "mlflow.spanInputs",
		"llm.openai.messages", "llm.hosted_vllm.choices", "user_prompt", "embedding.embeddings.0.embedding.vector",
	} {
		if !dialect.IsContent(key) {
			t.Errorf("%s is not content", key)
		}
	}
	for _, key := range []string{
		"gen_ai.prompt.name", "gen_ai.prompt.version", "gen_ai.usage.input_tokens", "gen_ai.response.finish_reasons", "gen_ai.completion.0.finish_reason",
		"llm.token_count.prompt", "llm.invocation_parameters", "llm.groq.usage", "ai.response.msToFirstChunk", "ai.usage.promptTokens", "ai.toolCall.name",
		"traceloop.prompt.version", "langfuse.observation.prompt.name", "genkit:name", "hidden_params", "http.response.header.retry-after", "gen_ai.latency.e2e", "",
	} {
		if dialect.IsContent(key) {
			t.Errorf("%s is content", key)
		}
	}
}

// TestNothingReadIsContent: what the tables read by itself must be stored, or
// reading stored spans again would give other facts.
func TestNothingReadIsContent(t *testing.T) {
	for _, d := range dialect.All() {
		for _, rules := range [...][]dialect.Rule{d.Own, d.Vocabulary} {
			for _, r := range rules {
				if r.Fields == nil && !r.Ignore && dialect.IsContent(r.Key) {
					t.Errorf("%s of %s is content, and read", r.Key, d.Name)
				}
			}
		}
	}
}

// TestScrubKeepsNumbersOnly: reading what is stored gives the same facts.
func TestScrubKeepsNumbersOnly(t *testing.T) {
	const secret = "my password is hunter2"
	text := `{"message":{"content":[{"text":"` + secret + `"}]},"usage":{"inputTokens":12,"outputTokens":7,"note":"` + secret + `"},"latencyMs":3.5}`
	kept, keep := dialect.Scrub("genkit-tracer", "genkit:output", text)
	if !keep || strings.Contains(kept, "hunter2") {
		t.Fatalf("%s, %v", kept, keep)
	}
	read := func(text string) (input, output int64) {
		td := ptrace.NewTraces()
		ss := td.ResourceSpans().AppendEmpty().ScopeSpans().AppendEmpty()
		ss.Scope().SetName("genkit-tracer")
		ss.Spans().AppendEmpty().Attributes().PutStr("genkit:output", text)
		f := dialect.NewReader(dialect.Options{}).ReadTraces(td)[0]
		return f.Number(dialect.InputTokens), f.Number(dialect.OutputTokens)
	}
	if i, o := read(kept); i != 12 || o != 7 {
		t.Errorf("%s is read as %d and %d", kept, i, o)
	}
	answer := `{"choices":[{"message":{"content":"` + secret + `"}}],"usage":{"queue_time":0.02,"total_time":0.8}}`
	if kept, _ := dialect.Scrub("openinference.instrumentation.groq", "output.value", answer); kept != `{"usage":{"queue_time":0.02}}` {
		t.Errorf("of a whole answer %s is kept", kept)
	}
	if kept, keep := dialect.Scrub("x", "gen_ai.input.messages", `[{"usage":{"inputTokens":3}}]`); keep {
		t.Errorf("%s is kept", kept)
	}
}

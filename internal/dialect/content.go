package dialect

import (
	"strings"
	"sync"
)

// contentKeys hold what was said to and by the model, or what a tool took and
// gave. A trailing "*" makes a prefix.
var contentKeys = [...]string{
	// semantic conventions, current and deprecated
	"gen_ai.input.messages", "gen_ai.output.messages", "gen_ai.system_instructions", "gen_ai.tool.definitions",
	"gen_ai.tool.call.arguments", "gen_ai.tool.call.result", "gen_ai.content.*", "gen_ai.prompt", "gen_ai.completion",
	"gen_ai.prompt.json", "gen_ai.completion.*", "gen_ai.request.instructions", "gen_ai.input_messages", "gen_ai.output_messages",
	"gen_ai.tool.message*", "gen_ai.user.message*", "gen_ai.system.message*", "gen_ai.assistant.message*", "gen_ai.choice*",
	"gen_ai.tool.input", "gen_ai.tool.output", "gen_ai.request.messages", "gen_ai.response.text", "gen_ai.response.tool_calls",
	"gen_ai.retrieval.query*", "gen_ai.retrieval.documents",
	// OpenInference
	"input.value", "output.value", "llm.input_messages*", "llm.output_messages*", "llm.prompts*", "llm.completions*",
	"llm.prompt_template.template", "llm.prompt_template.variables", "llm.tools*", "llm.function_call",
	"tool.parameters", "tool.json_schema", "tool_call.*", "retrieval.documents*", "reranker.query", "reranker.input_documents*",
	"reranker.output_documents*", "embedding.text", "embedding.vector", "embedding.embeddings*",
	// OpenLLMetry and Traceloop
	"traceloop.entity.input", "traceloop.entity.output", "traceloop.prompt.template", "traceloop.prompt.template_variables",
	// Vercel AI SDK
	"ai.prompt*", "ai.response.text", "ai.response.object", "ai.response.toolCalls", "ai.response.reasoning", "ai.response.files",
	"ai.result.*", "ai.toolCall.args", "ai.toolCall.input", "ai.toolCall.result", "ai.toolCall.output", "ai.value", "ai.values", "ai.embedding", "ai.embeddings",
	"ai.schema", "ai.schema.*",
	// Langfuse, LangSmith, Laminar, MLflow
	"langfuse.observation.input", "langfuse.observation.output", "langfuse.trace.input", "langfuse.trace.output",
	"langsmith.span.inputs", "langsmith.span.outputs", "inputs", "outputs", "lmnr.span.input", "lmnr.span.output",
	"mlflow.spanInputs", "mlflow.spanOutputs", "mlflow.chat.messages", "mlflow.chat.tools", "mlflow.traceInputs", "mlflow.traceOutputs",
	// PydanticAI, Genkit, Google ADK, Mastra, Haystack, Semantic Kernel
	"all_messages_events", "pydantic_ai.all_messages", "events", "final_result", "tool_arguments", "tool_response", "model_request_parameters",
	"genkit:input", "genkit:output", "gcp.vertex.agent.llm_request", "gcp.vertex.agent.llm_response",
	"gcp.vertex.agent.tool_call_args", "gcp.vertex.agent.tool_response", "gcp.vertex.agent.data",
	"mastra.*.input", "mastra.*.output", "haystack.component.input", "haystack.component.output", "haystack.component.inputs",
	"haystack.component.outputs", "haystack.pipeline.input_data", "haystack.pipeline.output_data",
	// coding agents
	"user_prompt", "new_context", "system_reminders", "response.model_output", "tool_input", "tool_output", "prompt_text", "response_text",
	// gateways' raw requests
	"llm.*.messages", "llm.*.choices", "llm.*.prompt", "llm.*.input", "llm.*.output", "llm.*.content", "llm.*.system", "llm.*.tools", "llm.*.contents", "llm.*.candidates",
	"llm.request.messages", "http.request.body", "http.response.body", "http.request.body.content", "http.response.body.content",
}

// notContent are exceptions from the prefixes above.
var notContent = map[string]bool{
	"gen_ai.completion.0.finish_reason": true,
	"gen_ai.choice.finish_reason":       true,
	"llm.token_count.prompt":            true,
}

type contentIndex struct {
	exact    map[string]bool
	prefixes map[string][]string // by the text up to the first dot, colon or underscore
	numbers  map[string][]Rule   // by key, for contents that carry numbers too
}

var content = sync.OnceValue(func() contentIndex {
	x := contentIndex{exact: map[string]bool{}, prefixes: map[string][]string{}, numbers: map[string][]Rule{}}
	for _, key := range contentKeys {
		prefix, rest, wild := strings.Cut(key, "*")
		switch {
		case !wild:
			x.exact[key] = true
		case rest == "":
			x.prefixes[head(prefix)] = append(x.prefixes[head(prefix)], prefix)
		default:
			x.prefixes[head(prefix)] = append(x.prefixes[head(prefix)], key)
		}
	}
	for _, d := range All() {
		for _, rules := range [...][]Rule{d.Vocabulary, d.Own} {
			for _, r := range rules {
				if r.Fields != nil {
					x.numbers[r.Key] = append(x.numbers[r.Key], r)
				}
			}
		}
	}
	return x
})

func head(key string) string {
	if i := strings.IndexAny(key, ".:_"); i >= 0 {
		return key[:i]
	}
	return key
}

// IsContent reports whether the attribute holds prompt, completion or tool
// text, which is not stored unless the operator asks for it.
func IsContent(key string) bool {
	x := content()
	if x.exact[key] {
		return true
	}
	for _, p := range x.prefixes[head(key)] {
		prefix, suffix, wild := strings.Cut(p, "*")
		if strings.HasPrefix(key, prefix) && (!wild || strings.HasSuffix(key, suffix) && len(key) > len(prefix)+len(suffix)) {
			return !notContent[key]
		}
	}
	// Numbered messages: gen_ai.prompt.0.content, gen_ai.prompt.0.role.
	if rest, ok := strings.CutPrefix(key, "gen_ai.prompt."); ok && rest != "" && rest[0] >= '0' && rest[0] <= '9' {
		return true
	}
	return false
}

// Scrub returns what may be stored of a content attribute: of a JSON text that
// carries timing or usage too, those numbers, such that reading the result
// gives the same facts. keep is false if nothing may.
func Scrub(scope, key, value string) (kept string, keep bool) {
	var fields []Rule
	for _, r := range content().numbers[key] {
		if strings.Contains(value, r.Only) {
			fields = append(fields, r.Fields...)
		}
	}
	if len(fields) == 0 {
		return "", false
	}
	var b strings.Builder
	walkBlob(value, func(parent, name, value string) {
		for i := range fields {
			inside, want, nested := strings.Cut(fields[i].Key, "/")
			if !nested {
				inside, want = "", fields[i].Key
			}
			if want != name || nested && inside != parent {
				continue
			}
			if _, ok := parseNumber(value); !ok {
				if _, ok := parseBool(value); !ok {
					continue
				}
			}
			if b.Len() > 0 {
				b.WriteByte(',')
			}
			if nested {
				b.WriteString(`"` + inside + `":{"` + name + `":` + strings.ToLower(value) + `}`)
			} else {
				b.WriteString(`"` + name + `":` + strings.ToLower(value))
			}
			return
		}
	})
	if b.Len() == 0 {
		return "", false
	}
	return "{" + b.String() + "}", true
}

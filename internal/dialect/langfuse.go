package dialect

import "strings"

// Langfuse's SDKs, and its OpenAI wrapper.
var _ = register(Dialect{
	Name:   "langfuse",
	Title:  "Langfuse SDK",
	Scopes: []string{"langfuse-sdk", "langfuse*"},
	Signs:  []Sign{{Key: "langfuse.observation.type"}},
	Kinds: []KindTable{{Key: "langfuse.observation.type", Rank: 3, Values: map[string]Role{
		"generation": RoleLLM, "tool": RoleTool,
	}}},
	Vocabulary: []Rule{
		{Key: "langfuse.observation.completion_start_time", To: TTFT, Unit: ISOTime, Rank: 7, Kind: KindFirstChunk, Note: "wall time, JSON-encoded"},
		{Key: "langfuse.observation.model.name", To: Model, Rank: 4},
		{Key: "langfuse.observation.prompt.name", To: PromptName, Rank: 3},
		{Key: "langfuse.observation.prompt.version", To: PromptVersion, Rank: 3},
		{Key: "langfuse.observation.level", To: IsError, Note: "the span's status stays unset"},
		{Key: "langfuse.user.id", To: User, Rank: 3},
		{Key: "langfuse.session.id", To: Session, Rank: 3},
		{Key: "langfuse.observation.usage_details", Fields: []Rule{
			{Key: "input_cached_tokens", To: CachedTokens, Rank: 5},
			{Key: "input_cache_read", To: CachedTokens, Rank: 5},
			{Key: "cache_read_input_tokens", To: CachedTokens, Rank: 5},
			{Key: "output_reasoning_tokens", To: ReasoningTokens, Rank: 5},
		}, Note: "its parts are disjoint where they add up to total"},
	},
	Splits: "Time to first chunk and decode where completion_start_time is sent.",
	More:   "Stream, and let the wrapper or update(completion_start_time=…) record the first chunk.",
	Notes:  []string{"Embeddings made through the OpenAI wrapper look like generations: only the model's name tells them."},
	Finish: finishLangfuse,
})

func finishLangfuse(f *draft, span Span) {
	// The OpenAI wrapper calls everything a generation; an embedding has no output.
	if f.Role == RoleLLM && strings.Contains(strings.ToLower(f.Text(Model)), "embed") {
		f.Role = RoleOther
	}
	f.usageDetails(span)
}

// usageDetails adds up the parts of usage_details: input excludes cached
// tokens and output excludes reasoning, if the sum of all is the total.
func (f *draft) usageDetails(span Span) {
	v, ok := span.Attributes().Get("langfuse.observation.usage_details")
	if !ok {
		return
	}
	var input, output, inputs, outputs, total int64 = -1, -1, 0, 0, -1
	walkBlob(v.AsString(), func(_, key, value string) {
		n, ok := parseNumber(value)
		count, whole := n.count()
		if !ok || !whole || count < 0 {
			return
		}
		switch {
		case key == "total":
			total = count
		case key == "input" || key == "prompt_tokens" || key == "input_tokens":
			input = count
			inputs += count
		case key == "output" || key == "completion_tokens" || key == "output_tokens":
			output = count
			outputs += count
		case strings.HasPrefix(key, "input_"), strings.HasPrefix(key, "cache_"):
			inputs += count
		case strings.HasPrefix(key, "output_"):
			outputs += count
		}
	})
	if total < 0 || inputs+outputs == total {
		input, output = max(input, -1), max(output, -1)
		if input >= 0 {
			input = inputs
		}
		if output >= 0 {
			output = outputs
		}
	}
	source := f.reader.sourceOf("langfuse.observation.usage_details")
	if input >= 0 && !f.Has(InputTokens) {
		f.setNumber(InputTokens, input, source)
	}
	if output >= 0 && !f.Has(OutputTokens) {
		f.setNumber(OutputTokens, output, source)
	}
}

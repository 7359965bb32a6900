package dialect

// What several dialects conclude from what a span says of the answer, or does not say.

// cancelUnanswered is for instrumentations whose span of a complete answer
// always tells its end, and whose span of an abandoned stream says neither that
// nor that it failed.
func (f *draft) cancelUnanswered() {
	if f.Role != RoleLLM || f.Status == StatusError || f.Number(HTTPStatus) >= 400 || f.hasText(ErrorType) {
		return
	}
	if !f.hasText(FinishReason) && !f.Has(OutputTokens) && !f.Has(TTFT) && f.Refused&RefusedTTFT == 0 {
		f.Status = StatusCancelled
	}
}

// refuseWholeCall refuses a TTFT in the last twentieth of the span where nothing
// tells whether the call was streamed: without a stream it is the whole call.
func (f *draft) refuseWholeCall() {
	if ttft := f.Number(TTFT); ttft >= 0 && f.streaming == 0 && f.Duration()-ttft < f.Duration()/20 {
		f.refuse(RefusedTTFT, f.numbers[TTFT].source)
		f.clear(TTFT)
	}
}

// addReasoning adds thoughts to the output tokens where the usage in a JSON
// attribute counts them beside: its total is the sum of all three.
func (f *draft) addReasoning(span Span, attribute, totalKey string) {
	if !f.Has(InputTokens) || !f.Has(OutputTokens) || !f.Has(ReasoningTokens) {
		return
	}
	v, ok := span.Attributes().Get(attribute)
	if !ok {
		return
	}
	input, output, reasoning := f.Number(InputTokens), f.Number(OutputTokens), f.Number(ReasoningTokens)
	walkBlob(v.AsString(), func(_, key, value string) {
		if key != totalKey {
			return
		}
		if n, ok := parseNumber(value); ok && n.isInt && n.int == input+output+reasoning {
			f.numbers[OutputTokens].value = output + reasoning
		}
	})
}

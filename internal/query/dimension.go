package query

import "strings"

// dimension is what requests can be grouped and filtered by. Each expression
// is a String, empty where a request does not say.
type dimension struct {
	name        string
	description string
	requests    fragment // over the requests table
	hours       fragment // over the hours table; empty if that does not have it
	filterOnly  bool     // too many values to group by
}

// attributePrefix names an operator-chosen attribute: attributes.<key>.
const attributePrefix = "attributes."

var dimensions = []dimension{
	{name: "service", description: "service.name of the observer", requests: "service", hours: "service"},
	{name: "version", description: "service.version of the observer", requests: "version_name", hours: "version_name"},
	{name: "environment", description: "deployment.environment.name", requests: "environment", hours: "environment"},
	{name: "model", description: "the model that was asked for", requests: "model", hours: "model"},
	{name: "provider", description: "who serves the model", requests: "provider", hours: "provider"},
	{name: "outcome", description: "ok, error, cancelled or cache_hit", requests: "toString(outcome)", hours: "toString(outcome)"},
	{name: "vantage", description: "where the total was observed: client, gateway or server", requests: "toString(vantage)", hours: "toString(vantage)"},
	{name: "operation", description: "chat, text_completion or generate_content", requests: "operation"},
	{name: "streaming", description: "true or false; empty if unknown", requests: "multiIf(isNull(streaming), '', streaming, 'true', 'false')"},
	{name: "engine", description: "the inference engine, where its spans were seen", requests: "engine"},
	{name: "server_address", description: "server.address of the call", requests: "server_address"},
	{name: "cache", description: "response: answered by a response cache; prompt: some input tokens were cached; none; empty if unknown",
		requests: "multiIf(outcome = 'cache_hit', 'response', isNull(cached_input_tokens), '', cached_input_tokens > 0, 'prompt', 'none')"},
	{name: "error_type", description: "error.type", requests: "error_type"},
	{name: "finish_reason", description: "why the model stopped", requests: "finish_reason"},
	{name: "input_bucket", description: "range of input tokens that were not cached; empty if unknown", requests: inputBucket},
	{name: "ttft_source", description: "the attribute or event that TTFT was read from", requests: "ttft_source"},
	{name: "ttft_kind", description: "what TTFT waited for: first_chunk, first_token or first_answer_token", requests: "toString(ttft_kind)"},
	{name: "dialect", description: "the instrumentation that wrote the request span", requests: "dialect"},
	{name: "response_model", description: "the model that answered", requests: "response_model"},
	{name: "service_namespace", description: "service.namespace of the observer", requests: "service_namespace"},
	{name: "prompt_name", description: "name of the prompt template", requests: "prompt_name"},
	{name: "prompt_version", description: "version of the prompt template", requests: "prompt_version"},
	{name: "session", description: "session or conversation id", requests: "session", filterOnly: true},
	{name: "user", description: "user id", requests: "user", filterOnly: true},
	{name: "trace_id", description: "trace id, 32 lower-case hexadecimal digits", requests: "lower(hex(trace_id))", filterOnly: true},
	{name: "flag", description: "a data-quality flag of the request", filterOnly: true},
}

// inputBucket names the ranges of uncached input tokens, those of
// input_bucket in the hours table. Cached tokens that nobody reported count as none.
const inputBucket fragment = `multiIf(isNull(input_tokens), '', input_tokens - ifNull(cached_input_tokens, 0) < 256, '0-255', ` +
	`input_tokens - ifNull(cached_input_tokens, 0) < 1024, '256-1023', input_tokens - ifNull(cached_input_tokens, 0) < 4096, '1024-4095', ` +
	`input_tokens - ifNull(cached_input_tokens, 0) < 16384, '4096-16383', input_tokens - ifNull(cached_input_tokens, 0) < 65536, '16384-65535', '65536+')`

// inputNumber is input_bucket as the hours table numbers it.
const inputNumber fragment = `toInt8(multiIf(isNull(input_tokens), -1, input_tokens - ifNull(cached_input_tokens, 0) < 256, 0, ` +
	`input_tokens - ifNull(cached_input_tokens, 0) < 1024, 1, input_tokens - ifNull(cached_input_tokens, 0) < 4096, 2, ` +
	`input_tokens - ifNull(cached_input_tokens, 0) < 16384, 3, input_tokens - ifNull(cached_input_tokens, 0) < 65536, 4, 5))`

// inputBucketNames are the values of inputBucket by the number that the hours
// table has for them; -1 is the empty value.
var inputBucketNames = []string{"0-255", "256-1023", "1024-4095", "4096-16383", "16384-65535", "65536+"}

// column is a dimension in a question: a built-in one, or an attribute by key.
type column struct {
	dimension
	attribute string // set for attributes.<key>
}

// lookUp finds a dimension by name. The parameter is named in the error.
func lookUp(parameter, name string) (column, error) {
	if key, ok := strings.CutPrefix(name, attributePrefix); ok && key != "" {
		return column{dimension: dimension{name: name}, attribute: key}, nil
	}
	for _, d := range dimensions {
		if d.name == name {
			return column{dimension: d}, nil
		}
	}
	err := invalid(parameter, "there is no dimension %q; operator-chosen attributes are written %s<name>", name, attributePrefix)
	for _, d := range dimensions {
		if parameter != "group_by" || !d.filterOnly {
			err.Allowed = append(err.Allowed, d.name)
		}
	}
	return column{}, err
}

// write appends the dimension's expression over the table of tier.
func (c column) write(s *statement, tier Tier) {
	switch {
	case c.attribute != "":
		s.add("attributes[").bind("String", c.attribute).add("]")
	case tier == TierHours:
		s.add(c.hours)
	default:
		s.add(c.requests)
	}
}

package phase

// The names below are those of the Enum8 columns of the requests table.
var (
	provenanceNames = [...]string{"unknown", "measured", "derived", "estimated"}
	vantageNames    = [...]string{"client", "gateway", "server"}
	outcomeNames    = [...]string{"ok", "error", "cancelled", "cache_hit"}
	ttftKindNames   = [...]string{"unknown", "first_chunk", "first_token", "first_answer_token"}
)

func (p Provenance) String() string { return provenanceNames[p] }

func (v Vantage) String() string { return vantageNames[v] }

func (o Outcome) String() string { return outcomeNames[o] }

func (k TTFTKind) String() string { return ttftKindNames[k] }

// String returns true, false or unknown.
func (t Tri) String() string { return [...]string{"unknown", "false", "true"}[t] }

// Bool returns nil when t is unknown, as JSON and ClickHouse have it.
func (t Tri) Bool() *bool {
	if t == TriUnknown {
		return nil
	}
	b := t == TriTrue
	return &b
}

package alert

import (
	"encoding/json"
	"maps"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

type schema struct {
	Properties map[string]schema
	Items      *schema
	Enum       []string
}

// The JSON Schema of rule files names exactly what a rule has.
func TestSchemaAgreesWithRules(t *testing.T) {
	text, err := os.ReadFile("rules.schema.json")
	require.NoError(t, err)
	var s schema
	require.NoError(t, json.Unmarshal(text, &s))
	rule := s.Properties["rules"].Items
	fields := func(v any) (names []string) {
		for _, f := range reflect.VisibleFields(reflect.TypeOf(v)) {
			name, _, _ := strings.Cut(f.Tag.Get("yaml"), ",")
			names = append(names, name)
		}
		slices.Sort(names)
		return names
	}
	keys := func(s schema) []string { return slices.Sorted(maps.Keys(s.Properties)) }
	assert.Equal(t, fields(Rule{}), keys(*rule))
	assert.Equal(t, fields(Baseline{}), keys(rule.Properties["baseline"]))
	assert.Equal(t, fields(GroupSince{}), keys(*rule.Properties["baseline"].Properties["groups"].Items))
	assert.Equal(t, fields(Objective{}), keys(rule.Properties["slo"]))
	assert.ElementsMatch(t, Metrics, rule.Properties["metric"].Enum)
	assert.ElementsMatch(t, []string{"threshold", "regression", "slo", "absence"}, rule.Properties["kind"].Enum)
}

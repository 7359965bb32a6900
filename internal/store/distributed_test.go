package store

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/stretchr/testify/require"

	"github.com/phaseline/phaseline/internal/embedded"
	"github.com/phaseline/phaseline/migrations"
)

// TestDistributedTables runs the whole write side through Distributed tables
// that stand before local ones, as on a cluster of one shard. The replicated
// engines themselves are tested with the migrations.
func TestDistributedTables(t *testing.T) {
	engine, err := embedded.Start(t.Context(), embedded.Config{
		DataDir:      t.TempDir(),
		ServerConfig: `<tcp_port>9000</tcp_port><remote_servers><main><shard><replica><host>localhost</host><port>9000</port></replica></shard></main></remote_servers>`,
	})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, engine.Shutdown(context.Background())) })
	conn, err := clickhouse.Open(engine.Options())
	require.NoError(t, err)
	defer conn.Close()
	require.NoError(t, migrations.Run(t.Context(), conn, migrations.Options{Retention: retention}))
	for table, key := range map[string]string{"spans": "cityHash64(trace_id)", "requests": "cityHash64(trace_id)", "hours": "cityHash64(service, hour)", "progress": "cityHash64(loop)"} {
		require.NoError(t, conn.Exec(t.Context(), "RENAME TABLE "+table+" TO "+table+"_local"))
		require.NoError(t, conn.Exec(t.Context(), "CREATE TABLE "+table+" AS "+table+"_local ENGINE = Distributed('main', 'default', '"+table+"_local', "+key+")"))
	}

	g := newGenerator(51)
	start := time.Now().Truncate(time.Hour).Add(-90 * time.Minute)
	var pieces []piece
	for i := range 10 {
		pieces = append(pieces, g.trace(start.Add(time.Duration(i)*time.Minute))...)
	}
	stores := []*Store{brisker(newStore(t, conn)), brisker(newStore(t, conn))}
	for i, part := range slices.Collect(slices.Chunk(pieces, 9)) {
		insert(t, stores[i%2], part...)
		insert(t, stores[i%2], part...) // a retry
	}
	settleAll(t, stores)
	require.EqualValues(t, len(pieces), count(t, conn, "SELECT count() FROM spans_local"))
	got, hours := dump(t, conn, "requests_local", "written"), dump(t, conn, "hours_local", "written", "version")

	single := open(t)
	reference := brisker(newStore(t, single))
	insert(t, reference, pieces...)
	settleAll(t, []*Store{reference})
	require.Equal(t, requestRows(t, single), got)
	require.Equal(t, hourRows(t, single), hours)
}

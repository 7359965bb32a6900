package migrations

import (
	"context"
	"fmt"
	"net"
	"os"
	osexec "os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/stretchr/testify/require"

	"github.com/phaseline/phaseline/internal/embedded"
)

const zooKeeper = "/usr/share/zookeeper/bin/zkServer.sh"

// startZooKeeper runs Debian's ZooKeeper until the test ends and returns its
// port. It does not wait until ZooKeeper serves.
func startZooKeeper(t *testing.T) int {
	if _, err := os.Stat(zooKeeper); err != nil {
		t.Fatalf("this test needs ZooKeeper: apt-get install zookeeper (%v)", err)
	}
	folder := t.TempDir()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	port := listener.Addr().(*net.TCPAddr).Port
	require.NoError(t, listener.Close())
	config := filepath.Join(folder, "zoo.cfg")
	require.NoError(t, os.WriteFile(config, fmt.Appendf(nil,
		"tickTime=500\ndataDir=%s/data\nclientPort=%d\nclientPortAddress=127.0.0.1\nadmin.enableServer=false\n", folder, port), 0o600))

	// The script ends with exec, so that the process is ZooKeeper itself.
	server := osexec.Command(zooKeeper, "start-foreground", config)
	server.Env = append(os.Environ(), "JMXDISABLE=true", "ZOO_LOG_DIR="+folder, "SERVER_JVMFLAGS=-Xmx128m")
	server.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	require.NoError(t, server.Start())
	t.Cleanup(func() {
		_ = syscall.Kill(-server.Process.Pid, syscall.SIGKILL)
		_ = server.Wait()
	})
	return port
}

// TestReplicatedTablesAgainstZooKeeper creates a cluster's tables with a real
// ZooKeeper. The embedded engine goes no further: it has no address for other
// replicas to fetch from (ClickHouse #78632), so its replicated tables stay
// read-only. Inserts into them, ON CLUSTER, the native protocol and replication
// between nodes need servers.
func TestReplicatedTablesAgainstZooKeeper(t *testing.T) {
	port := startZooKeeper(t)
	engine, err := embedded.Start(t.Context(), embedded.Config{
		DataDir: t.TempDir(),
		ServerConfig: fmt.Sprintf(`
			<tcp_port>9000</tcp_port><macros><shard>7</shard><replica>a</replica></macros>
			<zookeeper><node><host>127.0.0.1</host><port>%d</port></node></zookeeper>
			<remote_servers><main><shard><replica><host>localhost</host><port>9000</port></replica></shard></main></remote_servers>`, port),
	})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, engine.Shutdown(context.Background())) })
	conn, err := clickhouse.Open(engine.Options())
	require.NoError(t, err)
	defer conn.Close()

	o := Options{Database: "phaseline", Cluster: "main", PerNode: true}
	require.NoError(t, conn.Exec(t.Context(), "CREATE DATABASE phaseline"))
	require.Eventually(t, func() bool {
		_, err = appliedChecksums(t.Context(), conn, o)
		return err == nil
	}, time.Minute, time.Second, "ZooKeeper serves after a few seconds")
	for range 2 {
		for _, m := range all(t) {
			require.NoError(t, exec(t.Context(), conn, o, m.sql), m.name)
		}
	}
	require.NoError(t, applyRetention(t.Context(), conn, o))
	tables := 1 // that of the applied migrations
	for _, m := range all(t) {
		tables += strings.Count(m.sql, "{{local ")
	}
	require.EqualValues(t, tables, value[uint64](t, conn, "SELECT count() FROM system.replicas WHERE zookeeper_path = '/clickhouse/tables/7/phaseline/' || table AND replica_name = 'a'"))
	require.EqualValues(t, tables-1, value[uint64](t, conn, "SELECT count() FROM system.tables WHERE database = 'phaseline' AND engine = 'Distributed'"))
	require.Zero(t, value[uint64](t, conn, "SELECT count() FROM phaseline.spans"))
}

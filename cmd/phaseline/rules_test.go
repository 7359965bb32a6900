package main

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func rules(t *testing.T, args ...string) (string, error) {
	t.Helper()
	cmd := newRulesCommand()
	var out bytes.Buffer
	cmd.SetOut(&out)
	cmd.SetErr(&out)
	cmd.SetArgs(args)
	err := cmd.ExecuteContext(t.Context())
	return out.String(), err
}

func TestRulesCommands(t *testing.T) {
	defaults, err := rules(t, "default")
	require.NoError(t, err)
	file := filepath.Join(t.TempDir(), "rules.yaml")
	require.NoError(t, os.WriteFile(file, []byte(defaults), 0o600))
	out, err := rules(t, "check", file)
	require.NoError(t, err)
	assert.Contains(t, out, "3 rules, no mistakes")

	require.NoError(t, os.WriteFile(file, []byte("rules: [{name: a, kind: absence, filters: ['nothing here']}]"), 0o600))
	_, err = rules(t, "check", file)
	assert.ErrorContains(t, err, `rule "a"`)

	test := filepath.Join(t.TempDir(), "rules.test")
	require.NoError(t, os.WriteFile(test, []byte("rule ingestion_stopped\ngroup\nload 10/min from=-5h\nload 0/min from=0m\nexpect firing at=20m\n"), 0o600))
	out, err = rules(t, "test", test)
	require.NoError(t, err)
	assert.Contains(t, out, "ok")
	_, err = rules(t, "replay", "--server", "http://127.0.0.1:1", "ingestion_stopped")
	assert.ErrorContains(t, err, "is phaseline running there")
	_, err = rules(t, "replay", "no_such_rule")
	assert.Error(t, err)
}

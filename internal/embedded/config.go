package embedded

import (
	"bytes"
	_ "embed"
	"fmt"
	"os"
	"path/filepath"
	"text/template"
)

//go:embed config.xml
var configXML string

//go:embed users.xml
var usersXML string

var configTemplate = template.Must(template.New("config.xml").Parse(configXML))

// writeEngineConfig writes the engine's configuration, with extra settings, into folder, and
// returns the engine's arguments.
func writeEngineConfig(dataDir, folder, extra string) ([]string, error) {
	users := filepath.Join(folder, "users.xml")
	config := filepath.Join(folder, "config.xml")
	var buf bytes.Buffer
	if err := configTemplate.Execute(&buf, map[string]string{"Users": users, "Extra": extra}); err != nil {
		return nil, err
	}
	if err := os.WriteFile(config, buf.Bytes(), 0o600); err != nil {
		return nil, fmt.Errorf("write the engine's configuration: %w", err)
	}
	if err := os.WriteFile(users, []byte(usersXML), 0o600); err != nil {
		return nil, fmt.Errorf("write the engine's configuration: %w", err)
	}
	return []string{"clickhouse", "--path=" + dataDir, "--config-file=" + config}, nil
}

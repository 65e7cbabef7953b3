package packages

import (
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/stretchr/testify/require"
)

func readJSON(t *testing.T, path string) (value map[string]any) {
	t.Helper()
	raw, err := os.ReadFile(path)
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(raw, &value), path)
	return value
}

// The entry of MCP's registry follows the registry's schema: testdata/server.schema.json is that of 2025-12-11, from
// the module github.com/modelcontextprotocol/registry v1.5.0. What only the registry itself checks, such as that the
// packages are of the same owner, is not tried.
func TestTheEntryOfTheRegistry(t *testing.T) {
	schema, entry := readJSON(t, "testdata/server.schema.json"), readJSON(t, root+"/server.json")
	require.Equal(t, schema["$id"], entry["$schema"])
	compiler := jsonschema.NewCompiler()
	require.NoError(t, compiler.AddResource("server.schema.json", schema))
	compiled, err := compiler.Compile("server.schema.json")
	require.NoError(t, err)
	require.NoError(t, compiled.Validate(entry))

	broken := readJSON(t, root+"/server.json")
	delete(broken["packages"].([]any)[0].(map[string]any), "identifier")
	require.Error(t, compiled.Validate(broken), "the schema checks packages")

	// The registry finds the owner of a package by this name.
	require.Equal(t, entry["name"], readJSON(t, root+"/deploy/npm/vpsbot/package.json")["mcpName"])
	image, err := os.ReadFile(root + "/deploy/Containerfile")
	require.NoError(t, err)
	require.Contains(t, string(image), `io.modelcontextprotocol.server.name="`+entry["name"].(string)+`"`)
}

// Each variable of the entry is one that the program reads.
func TestTheVariablesOfTheRegistry(t *testing.T) {
	help := output(t, ".", emptyHome(t), program(t), "help", "environment")
	seen := 0
	for _, pack := range readJSON(t, root+"/server.json")["packages"].([]any) {
		for _, variable := range pack.(map[string]any)["environmentVariables"].([]any) {
			name := variable.(map[string]any)["name"].(string)
			require.Contains(t, strings.Fields(strings.ReplaceAll(help, ",", " ")), name)
			seen++
		}
	}
	require.Positive(t, seen)
}

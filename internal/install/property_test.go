package install

import (
	"bytes"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// isWithin reports whether a text is what is left of another one after parts were taken out of it.
func isWithin(part, whole []byte) bool {
	for _, b := range whole {
		if len(part) > 0 && part[0] == b {
			part = part[1:]
		}
	}
	return len(part) == 0
}

func bare(raw []byte) string {
	return strings.Map(func(r rune) rune {
		if strings.ContainsRune(whitespace, r) {
			return -1
		}
		return r
	}, string(raw))
}

type failer interface {
	require.TestingT
	Helper()
}

// checkRoundTrip installs into a file, and takes the entry out again.
func checkRoundTrip(t failer, c Client, raw []byte) {
	t.Helper()
	before := bytes.Clone(raw)
	change, err := c.Install(File{Path: "config", Raw: raw}, "vpsbot", server)
	require.True(t, bytes.Equal(before, raw), "what was read is changed")
	if err != nil || change.Action != Installed {
		return
	}
	after := change.after
	require.True(t, isWithin(raw, after), "bytes of %q are missing in %q", raw, after)
	again, err := c.Install(File{Path: "config", Raw: after}, "vpsbot", server)
	require.NoError(t, err)
	require.Equal(t, Unchanged, again.Action)

	other := server
	other.Args = []string{"mcp", "--profile", "work"}
	updated, err := c.Install(File{Path: "config", Raw: after}, "vpsbot", other)
	require.NoError(t, err)
	require.True(t, isWithin(raw, updated.after))
	for _, full := range [][]byte{after, updated.after} {
		left, err := c.remove(full, "vpsbot")
		require.NoError(t, err, "%q", full)
		table := `,"` + c.Table + `":{}`
		if tree, _ := c.decode(raw); tree[c.Table] != nil || c.Name == "codex" {
			require.Equal(t, bare(raw), bare(left), "%q", full)
		} else if len(bytes.Trim(bytes.TrimPrefix(raw, bom), whitespace)) > 0 { // the table that was made for it stays
			require.True(t, isWithin([]byte(bare(raw)), []byte(bare(left))), "%q", full)
			require.LessOrEqual(t, len(bare(left)), len(bare(raw))+len(table))
		}
	}
}

// jsonText draws JSON with comments, trailing commas, all ends of lines and all sorts of indents.
type jsonText struct {
	t  *rapid.T
	nl string
}

func (j jsonText) extra() string {
	kinds := []string{"", "", " ", "\t", j.nl, j.nl + "    ", j.nl + "\t", "/* { */", " // \"}" + j.nl, j.nl + "  // x, " + j.nl}
	return rapid.SampledFrom(kinds).Draw(j.t, "extra")
}

func (j jsonText) value(depth int) string {
	if depth == 0 || rapid.IntRange(0, 3).Draw(j.t, "leaf") == 0 {
		return rapid.SampledFrom([]string{`1e5`, `"a\"b // é"`, `true`, `null`, `{}`, `[ ]`, `-0.10`, `"\u00e9"`}).Draw(j.t, "value")
	}
	names := rapid.SliceOfNDistinct(rapid.SampledFrom([]string{"a", "b", "mcpServers", "servers", "vpsbot-2"}), 0, 4, rapid.ID[string]).Draw(j.t, "names")
	return j.object(names, depth)
}

func (j jsonText) object(names []string, depth int) string {
	var parts []string
	for _, name := range names {
		value := j.value(depth - 1)
		if name == "mcpServers" && !strings.HasPrefix(value, "{") {
			value = "{" + j.extra() + "}"
		}
		parts = append(parts, j.extra()+`"`+name+`"`+j.extra()+":"+j.extra()+value+j.extra())
	}
	trailing := ""
	if len(parts) > 0 && rapid.Bool().Draw(j.t, "trailing") {
		trailing = "," + j.extra()
	}
	return "{" + strings.Join(parts, ",") + trailing + j.extra() + "}"
}

// Whatever JSON a file has, all outside of the entry stays, and comes back.
func TestAnyJSON(t *testing.T) {
	t.Parallel()
	client, _ := Named("cursor")
	installed := 0
	rapid.Check(t, func(t *rapid.T) {
		j := jsonText{t, rapid.SampledFrom([]string{"\n", "\r\n"}).Draw(t, "newline")}
		names := rapid.SliceOfNDistinct(rapid.SampledFrom([]string{"a", "b", "mcpServers"}), 0, 3, rapid.ID[string]).Draw(t, "names")
		raw := []byte(rapid.SampledFrom([]string{"", string(bom)}).Draw(t, "mark") + j.extra() + j.object(names, 3) + j.extra())
		if _, err := client.Install(File{Raw: raw}, "vpsbot", server); err != nil {
			t.Fatalf("%q: %v", raw, err)
		}
		installed++
		checkRoundTrip(t, client, raw)
	})
	require.Greater(t, installed, 50)
}

// The same of TOML: lines of tables, comments and strings of many lines.
func TestAnyTOML(t *testing.T) {
	t.Parallel()
	client, _ := Named("codex")
	rapid.Check(t, func(t *rapid.T) {
		nl := rapid.SampledFrom([]string{"\n", "\r\n"}).Draw(t, "newline")
		blocks := rapid.SliceOfNDistinct(rapid.SampledFrom([]string{
			"a = 1 # [mcp_servers.vpsbot]", "b = \"\"\"|[mcp_servers.vpsbot]|\"\"\"", "c = [|  1, # one|]", "", "# |#", "d = 2026-01-01",
		}), 0, 5, rapid.ID[string]).Draw(t, "keys")
		blocks = append(blocks, rapid.SliceOfNDistinct(rapid.SampledFrom([]string{
			"[mcp_servers.a]|command = 'x'", "[mcp_servers.vpsbot-2.env]|A='1'", "[x.mcp_servers.vpsbot]", "[[y]]|[[y]]|z = 1", "# end||", "[\"mcp_servers.vpsbot\"]| # no",
		}), 0, 5, rapid.ID[string]).Draw(t, "tables")...)
		raw := []byte(strings.ReplaceAll(strings.Join(blocks, "|"), "|", nl))
		change, err := client.Install(File{Raw: raw}, "vpsbot", server)
		require.NoError(t, err)
		require.True(t, bytes.HasPrefix(change.after, raw), "%q", change.after)
		removed, err := client.remove(change.after, "vpsbot")
		require.NoError(t, err)
		require.Equal(t, string(raw), string(removed))
		checkRoundTrip(t, client, raw)
	})
}

// FuzzFiles tries any bytes in the files of all clients: refused, or changed as it must be.
func FuzzFiles(f *testing.F) {
	for _, seed := range []string{
		"", "\ufeff", "{}", "{\"mcpServers\":{}}", "\xef\xbb\xbf{ // a\r\n \"mcpServers\": {\"a\": 1, /* b */ },\r\n}", "{\"mcp\":{\"a\":{}}}\n",
		"a = 1\n[mcp_servers.a]\nb = '''\n'''", "[mcp_servers]\n", "[[mcp_servers]]", "mcp_servers.a.b = 1\r\n", "{\"servers\": null}", "{\"\\u006dcp\":{}}",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		for _, client := range Clients() {
			checkRoundTrip(t, client, raw)
		}
	})
}

package slackbot

import (
	_ "embed"
	"strconv"
	"strings"
)

// Features are the parts of vpsbot that an app in Slack has. The zero value is the least: the
// command, cards and forms, over HTTP.
type Features struct {
	URL    string // where Slack reaches serve, without a slash at its end; not needed with Socket
	Socket bool   // vpsbot calls Slack: no public address is needed
	Home   bool   // the Home tab
	Files  bool   // whole lists as a CSV file
	Groups bool   // Slack's user groups in the policy
}

// The scopes of the bot. These two are needed by all it does.
const (
	ScopeCommands = "commands"
	ScopeWrite    = "chat:write"
	ScopeFiles    = "files:write"     // for Files
	ScopeGroups   = "usergroups:read" // for Groups
)

// Scopes lists the scopes that these features need, and no more.
func (f Features) Scopes() []string {
	scopes := []string{ScopeCommands, ScopeWrite}
	if f.Files {
		scopes = append(scopes, ScopeFiles)
	}
	if f.Groups {
		scopes = append(scopes, ScopeGroups)
	}
	return scopes
}

// manifest says what is false too: what is left out Slack decides. Without the messages tab Slack refuses direct
// messages, and in a read-only one no command can be typed. A line behind ?home, ?http or ?socket is for that alone.
// It is no template of Go's: that package makes the whole program 5 MB larger.
//
//go:embed manifest.txt
var manifest string

// Manifest returns the manifest of an app with these features, as JSON.
func Manifest(f Features) []byte {
	values := strings.NewReplacer("HOME", strconv.FormatBool(f.Home), "SOCKET", strconv.FormatBool(f.Socket),
		"SCOPES", strings.Join(f.Scopes(), "\",\n        \""), "URL", strings.Trim(strconv.Quote(f.URL), `"`))
	has := map[string]bool{"home": f.Home, "http": !f.Socket, "socket": f.Socket}
	var b []byte
	for line := range strings.Lines(manifest) {
		isWanted := true
		for strings.HasPrefix(line, "?") {
			feature, rest, _ := strings.Cut(line[1:], " ")
			line, isWanted = rest, isWanted && has[feature]
		}
		if isWanted {
			b = append(b, values.Replace(line)...)
		}
	}
	return b
}

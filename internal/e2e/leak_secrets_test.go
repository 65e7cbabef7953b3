package e2e_test

import (
	crand "crypto/rand"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"strings"

	"github.com/stretchr/testify/require"

	"github.com/vpsbot/vpsbot/internal/audit"
	"github.com/vpsbot/vpsbot/internal/keys"
)

// canarySecret is a secret, and a use of the program that gives it the secret.
type canarySecret struct {
	name string
	make func(*rand.Rand) string
	use  func(*sandbox)
}

func newToken(r *rand.Rand) string    { return newSecret(r, "vps_") }
func newPassword(r *rand.Rand) string { return newSecret(r, "pw") }

func newAccessKey(*rand.Rand) string {
	secret, _, err := keys.New(crand.Reader)
	if err != nil {
		panic(err)
	}
	return secret
}

func newAuditKey(*rand.Rand) string {
	private, err := audit.NewKey(crand.Reader)
	if err != nil {
		panic(err)
	}
	return strings.TrimSpace(private)
}

// commandsWith runs the commands with the secret in a variable.
func commandsWith(name string) func(*sandbox) {
	return func(c *sandbox) { c.registerToken().runCommands(vars{name: c.secret}) }
}

// unset is an environment without a token, so that the one that is kept counts.
var unset = vars{"VPS_API_TOKEN": ""}

// keptToken is the file of a token that login has kept.
func (c *sandbox) keptToken() string {
	c.Helper()
	files, err := filepath.Glob(filepath.Join(c.folder, ".config", "vpsbot", "token*"))
	require.NoError(c, err)
	require.Len(c, files, 1)
	return files[0]
}

var canarySecrets = []canarySecret{
	{"a token in VPS_API_TOKEN", newToken, commandsWith("VPS_API_TOKEN")},
	{"a token in a file", newToken, func(c *sandbox) {
		c.registerToken().runCommands(vars{"VPS_API_TOKEN_FILE": c.file("token", c.secret+"\n")})
	}},
	{"a token among systemd's credentials", newToken, func(c *sandbox) {
		c.file("credentials/VPS_API_TOKEN", c.secret)
		c.registerToken().runCommands(vars{"CREDENTIALS_DIRECTORY": c.folder + "/credentials"})
	}},
	{"a token that the API does not know", newToken, func(c *sandbox) { c.runCommands(vars{"VPS_API_TOKEN": c.secret}) }},
	{"a token with a line break in it", newToken, func(c *sandbox) { c.runCommands(vars{"VPS_API_TOKEN": c.secret + "\nx"}) }},
	{"a token file with two tokens", newToken, func(c *sandbox) {
		c.runCommands(vars{"VPS_API_TOKEN_FILE": c.file("token", c.secret+"\n"+c.secret)})
	}},
	{"a token in the place of its file", newToken, func(c *sandbox) { c.runCommands(vars{"VPS_API_TOKEN_FILE": c.secret}) }},
	{"a token for an API that cannot be reached", newToken, func(c *sandbox) {
		c.api = "http://127.0.0.1:1/api/v1"
		c.runFewCommands(vars{"VPS_API_TOKEN": c.secret})
	}},
	{"a token that the API's errors repeat", newToken, withAPIAnswer(func(c *sandbox, w http.ResponseWriter) {
		w.WriteHeader(http.StatusBadRequest)
		fmt.Fprintf(w, `{"detail":"Invalid token %s","%s":["%s"]}`, c.secret, c.secret, jsonEscaped(c.secret))
	})},
	{"a token that a proxy's page repeats", newToken, withAPIAnswer(func(c *sandbox, w http.ResponseWriter) {
		w.Header().Set("X-Token", c.secret)
		w.WriteHeader(http.StatusBadGateway)
		fmt.Fprintf(w, "<html>Authorization: Bearer %s</html>", c.secret)
	})},
	{"a token in a redirect", newToken, withAPIAnswer(func(c *sandbox, w http.ResponseWriter) {
		w.Header().Set("Location", "https://example.com/?token="+c.secret)
		w.WriteHeader(http.StatusFound)
	})},
	{"a token in a server's name", newToken, func(c *sandbox) {
		c.registerToken().sim.Intercept(func(w http.ResponseWriter, r *http.Request, next http.Handler) {
			if strings.HasSuffix(r.URL.Path, "/servers/") {
				fmt.Fprintf(w, `[{"id":12345,"name":"%s","status":"%s"}]`, jsonEscaped(c.secret), c.secret)
				return
			}
			next.ServeHTTP(w, r)
		})
		c.runCommands(vars{"VPS_API_TOKEN": c.secret})
	}},
	{"a token as an argument", newToken, passAsArguments},
	{"a token as a word of its own", newToken, passAsWords},
	{"a token as a reason and a name", newToken, passAsReasons},
	{"a token that a model sends", newToken, passInMessages},
	{"a token that login keeps", newToken, func(c *sandbox) {
		c.registerToken().runWithInput(unset, c.secret+"\n", "login")
		c.runCommands(unset)
		c.run(unset, "servers", "get", c.secret)
		c.run(unset, "keys", "create", c.secret)
		c.run(unset, "profile", "list", "-o", "json")
		require.NoError(c, os.Chmod(c.keptToken(), 0o644))
		c.run(unset, "doctor")
		c.run(unset, "logout")
	}},
	{"a token that login does not keep", newToken, func(c *sandbox) {
		for _, in := range []string{c.secret, "Bearer " + c.secret, c.secret + "\n" + c.secret, "<" + c.secret + ">", "'" + c.secret + "'"} {
			c.runWithInput(unset, in, "login", "--token-stdin")
			c.runWithInput(unset, in, "login", "--profile", "prod", "-o", "json")
		}
		c.run(unset, "login", c.secret)
		c.run(unset, "login", "--token-stdin="+c.secret)
		c.run(unset, "servers", "list", "--profile", c.secret)
		c.run(vars{"VPS_API_TOKEN": "", "VPSBOT_PROFILE": c.secret}, "doctor")
		c.run(unset, "profile", "use", c.secret)
		c.run(unset, "profile", "show", c.secret)
	}},
	{"a token in a profile", newToken, func(c *sandbox) {
		c.file(".config/vpsbot/profiles/prod.env", "VPS_API_TOKEN="+c.secret+"\nVPSBOT_KEY_FILE=/"+c.secret+"\n")
		env := vars{"VPS_API_TOKEN": "", "VPSBOT_PROFILE": "prod", "VPSBOT_KEY_FILE": ""}
		c.registerToken().run(env, "profile", "show")
		c.run(env, "profile", "list", "-o", "yaml")
		c.file(".config/vpsbot/profiles/prod.env", "VPS_API_TOKEN="+c.secret+"\n")
		c.runCommands(env)
		c.run(env, "profile", "use", "prod")
		c.run(env, "servers", "get", c.secret)
		for _, line := range []string{c.secret, "VPS_API_TOKN=" + c.secret, "VPS_API_TOKEN ='" + c.secret + "'", c.secret + "=1", "VPS_API_TOKEN_FILE=" + c.secret, "VPS_API_URL=https://x.example.com/" + c.secret} {
			c.file(".config/vpsbot/profiles/prod.env", "VPSBOT_READ_ONLY=true\n"+line+"\n")
			c.run(env, "servers", "list")
			c.run(env, "profile", "list")
			c.run(env, "profile", "show", "prod", "-o", "json")
		}
	}},
	{"a token that is replaced", newToken, func(c *sandbox) {
		path := c.file("token", c.secret)
		c.registerToken().runCommands(vars{"VPS_API_TOKEN_FILE": path})
		c.file("token", "vps_demo")
		c.runCommands(vars{"VPS_API_TOKEN_FILE": path})
	}},
	{"an access key in VPSBOT_KEY", nil, func(c *sandbox) {
		c.createKey()
		c.runCommands(vars{"VPSBOT_KEY": c.secret})
		c.run(nil, "keys", "list", "--json")
	}},
	{"an access key in a file", nil, func(c *sandbox) {
		c.createKey("--expires", "90d")
		c.runCommands(vars{"VPSBOT_KEY_FILE": c.file("key", c.secret)})
	}},
	{"a revoked access key", nil, func(c *sandbox) {
		c.createKey()
		c.run(nil, "keys", "revoke", "laptop")
		c.runCommands(vars{"VPSBOT_KEY": c.secret})
	}},
	{"an access key that nobody made", newAccessKey, func(c *sandbox) { c.runCommands(vars{"VPSBOT_KEY": c.secret}) }},
	{"an access key in the place of its file", newAccessKey, func(c *sandbox) { c.runCommands(vars{"VPSBOT_KEY_FILE": c.secret}) }},
	{"a database's password", newPassword, func(c *sandbox) {
		c.runCommands(vars{"VPSBOT_DATABASE_URL": "postgres://vpsbot:" + c.secret + "@127.0.0.1:1/vpsbot"})
	}},
	{"a database's password in a URL that is none", newPassword, func(c *sandbox) {
		for _, at := range []string{"@[::1/vpsbot", "@host:port/x", "@127.0.0.1:1/vpsbot?sslmode=odd", " @host/x", "%zz@host/x"} {
			c.run(vars{"VPSBOT_DATABASE_URL": "postgres://vpsbot:" + c.secret + at}, "run", "servers.delete", "web-server-01")
			c.run(vars{"VPSBOT_DATABASE_URL": "postgres://vpsbot:" + c.secret + at}, "doctor")
			c.run(nil, "store", "migrate", "--from", "sqlite:"+c.folder+"/state/vpsbot/vpsbot.db", "--to", "postgres://vpsbot:"+c.secret+at)
		}
	}},
	{"a password in VPS_API_URL", newPassword, func(c *sandbox) {
		for _, api := range []string{"https://user:%s@127.0.0.1:1/api/v1", "https://127.0.0.1:1/api/v1?token=%s", "ht tp://%s@x", "https://%%zz:%s@host", "http://user:%s@example.com/api/v1"} {
			c.run(vars{"VPS_API_URL": fmt.Sprintf(api, c.secret)}, "run", "servers.list")
			c.run(vars{"VPS_API_URL": fmt.Sprintf(api, c.secret)}, "doctor")
		}
	}},
	{"a header for the collector of traces", newPassword, func(c *sandbox) {
		for _, headers := range []string{"X Key=%s", "X-Key=\n%s", "%s"} {
			c.runFewCommands(vars{"OTEL_EXPORTER_OTLP_HEADERS": fmt.Sprintf(headers, c.secret)})
		}
		c.runFewCommands(vars{"OTEL_EXPORTER_OTLP_TRACES_HEADERS": "Authorization=Bearer%20" + c.secret, "OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1"})
		c.runFewCommands(vars{"OTEL_EXPORTER_OTLP_ENDPOINT": "http://user:" + c.secret + "@127.0.0.1:1"})
	}},
	{"the key that signs the log", newAuditKey, func(c *sandbox) {
		path := c.file("audit.key", c.secret+"\n")
		c.runCommands(vars{"VPSBOT_AUDIT_KEY_FILE": path})
		c.run(nil, "audit", "key", "--out", path)
	}},
	{"the key that signs the log in the place of its file", newAuditKey, func(c *sandbox) {
		c.run(vars{"VPSBOT_AUDIT_KEY_FILE": c.secret}, "run", "servers.delete", "web-server-01")
		c.run(vars{"VPSBOT_AUDIT_KEY_FILE": c.file("audit.key", c.secret[:len(c.secret)-2])}, "doctor")
		c.run(nil, "audit", "verify", "--key", c.secret)
	}},
}

// jsonEscaped writes each character of a text as a JSON escape.
func jsonEscaped(text string) string {
	var b strings.Builder
	for _, c := range text {
		fmt.Fprintf(&b, `\u%04x`, c)
	}
	return b.String()
}

// withAPIAnswer runs a few commands against an API whose answers, except that of the account, are
// written by answer.
func withAPIAnswer(answer func(*sandbox, http.ResponseWriter)) func(*sandbox) {
	return func(c *sandbox) {
		c.registerToken().sim.Intercept(func(w http.ResponseWriter, r *http.Request, next http.Handler) {
			if strings.HasSuffix(r.URL.Path, "/account/me/") {
				next.ServeHTTP(w, r)
				return
			}
			answer(c, w)
		})
		c.runFewCommands(vars{"VPS_API_TOKEN": c.secret})
	}
}

func passAsArguments(c *sandbox) {
	env := vars{"VPS_API_TOKEN": c.secret}
	c.registerToken()
	for _, args := range [][]string{
		{"servers.update", "web-server-01", "--name", c.secret},
		{"servers.get", c.secret},
		{"servers.delete", "web-server-01", "--confirm", c.secret},
		{"backups.create", "web-server-01", "--description", "for " + c.secret},
		{"servers.create", "--name", "x", "--plan-id", c.secret, "--os-id", "5", "--location", c.secret},
		{"servers.list", "--limit", c.secret},
		{"backups.create", "web-server-01", "--request-id", c.secret},
	} {
		c.run(env, append([]string{"run"}, args...)...)
	}
	c.run(env, "audit", "list", "--json")
}

func passAsWords(c *sandbox) {
	env := vars{"VPS_API_TOKEN": c.secret}
	c.registerToken()
	for _, args := range [][]string{
		{c.secret},
		{"run", c.secret},
		{"run", "servers." + c.secret},
		{"run", "servers.list", "--" + c.secret},
		{"run", "servers.list", c.secret},
		{"approvals", "show", c.secret},
		{"approvals", "approve", c.secret},
		{"approvals", c.secret},
		{"audit", "list", "--actor", c.secret, "--json"},
		{"audit", "list", "--since", c.secret},
		{"policy", "check", c.secret},
		{"policy", "explain", "--who", c.secret, "--where", "mcp", "servers.list"},
		{"keys", "revoke", c.secret},
		{"audit", "verify", "--key", c.secret},
		{"mcp", c.secret},
		{"store", "backup", "/" + c.secret + "/x"},
	} {
		c.run(env, args...)
	}
}

func passAsReasons(c *sandbox) {
	env := vars{"VPS_API_TOKEN": c.secret}
	c.registerToken()
	c.run(env, "run", "servers.delete", "web-server-01")
	for _, args := range [][]string{
		{"freeze", "--reason", "because of " + c.secret}, {"run", "servers.stop", "web-server-01"}, {"unfreeze"}, {"keys", "create", c.secret}, {"approvals", "list", "--json"}, {"audit", "list", "--json"},
	} {
		c.run(env, args...)
	}
}

func passInMessages(c *sandbox) {
	s := c.secret
	output := session("servers_get", `{"server":"`+s+`"}`, "servers_get", `{"`+s+`":1}`, s, `{}`, "servers_update", `{"server":"web-server-01","name":"`+jsonEscaped(s)+`"}`) +
		`{"jsonrpc":"2.0","id":90,"method":"` + s + `","params":{}}` + "\n" + `{"jsonrpc":"2.0","id":"` + s + `","method":"tools/call","params":` + s + `}` + "\n" +
		`{"jsonrpc":"2.0","id":91,"method":"tools/call","params":{"name":"backups_create","arguments":{"server":"web-server-01"},"_meta":{"org.vpsbot/request-id":"` + s + `"}}}` + "\n" +
		s + "\n"
	c.registerToken().runWithInput(vars{"VPS_API_TOKEN": c.secret}, output, "mcp")
	c.run(vars{"VPS_API_TOKEN": c.secret}, "audit", "list", "--json")
}

// createKey creates the first access key of the store; it is the canary.
func (c *sandbox) createKey(flags ...string) {
	c.Helper()
	file := filepath.Join(c.TempDir(), "key")
	c.run(nil, append([]string{"keys", "create", "laptop", "--out", file}, flags...)...)
	secret, err := os.ReadFile(file)
	require.NoError(c, err)
	c.secret = strings.TrimSpace(string(secret))
}

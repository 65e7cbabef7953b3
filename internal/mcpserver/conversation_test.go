package mcpserver

import (
	"bufio"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/vpsbot/vpsbot/apiclient/simulator"
)

// TestConversations plays the conversations of testdata/talk. They are what released clients send, line by
// line:
//
//	{…}           a line of the client's
//	answer {…}    the client's result for the newest question
//	later 5s      so much time passes
//	expiring      the token expires in four days; before the first line of the client's
//	< text        the server has said, or says within 20 s, a line that holds the text; it is used up, with
//	              those before it that hold it too
//	! text        the server has said no such line since the last "<"
//	sent a, b     these writes have reached the API; "sent" alone: none
//	# text        a comment
func TestConversations(t *testing.T) {
	scripts, err := filepath.Glob("testdata/talk/*.txt")
	require.NoError(t, err)
	require.NotEmpty(t, scripts)
	for _, path := range scripts {
		t.Run(strings.TrimSuffix(filepath.Base(path), ".txt"), func(t *testing.T) {
			text, err := os.ReadFile(path)
			require.NoError(t, err)
			p := &player{world: newWorldWith(t, "vps_demo", simulator.Options{Servers: 8})}
			for number, line := range strings.Split(string(text), "\n") {
				p.line = number + 1
				p.play(line)
			}
		})
	}
}

// player plays a conversation.
type player struct {
	*world
	line  int
	in    io.Writer
	heard chan string
	lines []string // heard, and not used up
	asked string   // id of the newest question
}

func (p *player) play(line string) {
	word, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
	switch {
	case word == "" || strings.HasPrefix(word, "#"):
	case strings.HasPrefix(word, "{"):
		p.say(line)
	case word == "answer":
		p.hearsUntil(func() bool { return p.asked != "" }, "a question")
		p.say(`{"jsonrpc":"2.0","id":` + p.asked + `,"result":` + rest + `}`)
	case word == "later":
		d, err := time.ParseDuration(rest)
		require.NoError(p, err)
		p.clock.Advance(d)
	case word == "expiring":
		p.sim.Edit(func(w *simulator.World) {
			token := w.Tokens["vps_demo"]
			token.ExpiresAt = p.clock.Now().Add(4*24*time.Hour + time.Hour)
			w.Tokens["vps_demo"] = token
		})
	case word == "<":
		p.hearsUntil(func() bool { return p.use(rest) }, rest)
	case word == "!":
		for _, said := range p.lines {
			require.NotContains(p, said, rest, "line %d", p.line)
		}
	case word == "sent":
		require.Equal(p, rest, strings.Join(p.sent(), ", "), "line %d", p.line)
	default:
		require.FailNow(p, "no such line", "line %d: %s", p.line, line)
	}
}

func (p *player) say(line string) {
	if p.in == nil {
		p.begin()
	}
	_, err := io.WriteString(p.in, line+"\n")
	require.NoError(p, err)
}

func (p *player) begin() {
	client, fromServer, served := serve(p.Context(), p.server)
	p.in, p.heard = client, make(chan string, 1000)
	go func() {
		for lines := bufio.NewReader(fromServer); ; {
			line, err := lines.ReadString('\n')
			if err != nil {
				return
			}
			p.heard <- line
		}
	}()
	p.Cleanup(func() {
		client.Close()
		<-served
	})
}

// hearsUntil reads messages of the server until a condition holds.
func (p *player) hearsUntil(holds func() bool, what string) {
	p.Helper()
	for late := time.After(20 * time.Second); !holds(); {
		select {
		case line := <-p.heard:
			p.lines = append(p.lines, line)
			var m message
			require.NoError(p, json.Unmarshal([]byte(line), &m))
			if m.Method == "elicitation/create" {
				p.asked = string(m.ID)
			}
		case <-late:
			require.FailNow(p, "it was not said", "line %d: %s\nsaid:\n%s", p.line, what, strings.Join(p.lines, ""))
		}
	}
}

// use consumes the lines up to the first that contains the text, and reports whether there is one.
func (p *player) use(text string) bool {
	for i, line := range p.lines {
		if strings.Contains(line, text) {
			p.lines = p.lines[i+1:]
			return true
		}
	}
	return false
}

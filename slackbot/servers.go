package slackbot

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/vpsbot/vpsbot/internal/background"
	"github.com/vpsbot/vpsbot/internal/runner"
	"github.com/vpsbot/vpsbot/internal/text"
	"github.com/vpsbot/vpsbot/internal/ttl"
	"github.com/vpsbot/vpsbot/slackbot/blocks"
	"github.com/vpsbot/vpsbot/slackbot/transport"
)

const (
	suggestWithin    = 700 * time.Millisecond // people wait for a second, with every letter
	readServersFor   = 30 * time.Second
	maxServerOptions = 100 // lists kept, each of up to all servers
	maxLabel         = 75  // characters of an option
)

type server struct{ id, name, address string }

// newServerCache returns the cache of the servers that somebody may read, by user and channel: the
// policy may decide differently for each.
func newServerCache(now func() time.Time) *ttl.Cache[[]server] {
	return &ttl.Cache[[]server]{
		Fresh: 30 * time.Second, Grace: 5 * time.Minute, Max: maxServerOptions, Now: now,
		Pause: func(error) time.Duration { return 5 * time.Second },
	}
}

// suggestServers answers an options load: the servers that match what a person types into a form. If
// the API is slow it answers with the last list, or with nothing, and the read continues for the
// next letter.
func (b *Bot) suggestServers(ctx context.Context, d transport.Delivery) []byte {
	var p payload
	var form formMeta
	err := json.Unmarshal(d.Body, &p)
	if err == nil {
		err = b.sealer.OpenToken(formPurpose, p.View.Meta, &form)
	}
	if err != nil || !b.api.IsIdentified() || p.User.ID == "" || p.ActionID != blocks.ActServer {
		return blocks.Options(nil)
	}
	ctx, cancel := context.WithTimeout(ctx, suggestWithin)
	defer cancel()
	servers, err := b.servers.Get(ctx, p.User.ID+" "+form.Channel, func(ctx context.Context) (found []server, err error) {
		ctx, cancel := context.WithTimeout(ctx, readServersFor)
		defer cancel()
		err = background.Safely(ctx, func(ctx context.Context) (err error) {
			r := b.fromPayload(ctx, d, p)
			r.channel = form.Channel // a form itself is in none
			found, err = r.readableServers(ctx)
			return err
		})
		if err != nil {
			b.Log.Warn("Slack: reading the servers for a form", "error", err)
		}
		return found, err
	})
	if err != nil {
		return blocks.Options(nil)
	}
	return blocks.Options(matching(servers, p.Value))
}

func (r *request) readableServers(ctx context.Context) ([]server, error) {
	reply := r.wholeList(ctx, r.Runner.Catalogue.ServerList(), nil, allRows)
	switch reply.Class {
	case runner.OK:
	case runner.Refuse:
		return nil, nil // a refusal empties the list; any other error keeps it
	default:
		return nil, errors.New(reply.Message)
	}
	return text.Map(rowsOf(reply), func(row map[string]string) server { return server{row["id"], row["name"], row["ip_address"]} }), nil
}

// matching returns the choices of the servers whose name, id or address contains the typed text, the best
// match first. Each server is compared with the text once: people wait for it, and there may be thousands.
func matching(servers []server, typed string) []blocks.Choice {
	type hit struct {
		server
		rank int
		name string
	}
	typed = runner.Folded(typed)
	var hits []hit
	for _, s := range servers {
		if rank := s.match(typed); rank >= 0 {
			hits = append(hits, hit{s, rank, strings.ToLower(s.name)})
		}
	}
	slices.SortStableFunc(hits, func(a, b hit) int {
		return cmp.Or(cmp.Compare(a.rank, b.rank), cmp.Compare(a.name, b.name), cmp.Compare(a.id, b.id))
	})
	return text.Map(hits, func(h hit) blocks.Choice { return blocks.Choice{Value: h.id, Label: h.label()} })
}

// match returns how well the server matches a text that [runner.Folded] returned: 0 is best; -1: it does not.
func (s server) match(typed string) int {
	name, id := runner.Folded(s.name), strings.ToLower(s.id)
	return slices.Index([]bool{
		name == typed || id == typed || typed != "" && s.address == typed,
		strings.HasPrefix(name, typed),
		strings.Contains(name, typed),
		strings.Contains(id, typed) || strings.Contains(s.address, typed),
	}, true)
}

// label is the name and the id. The end of a long name is left out, never the id.
func (s server) label() string {
	id := " (" + s.id + ")"
	room := maxLabel - utf8.RuneCountInString(id)
	if utf8.RuneCountInString(s.name) > room {
		return text.Cut(s.name, max(0, room-1)) + "…" + id
	}
	return s.name + id
}

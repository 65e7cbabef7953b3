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

	"github.com/vpsbot/vpsbot/internal/runner"
	"github.com/vpsbot/vpsbot/internal/ttl"
	"github.com/vpsbot/vpsbot/slackbot/blocks"
	"github.com/vpsbot/vpsbot/slackbot/transport"
	"github.com/vpsbot/vpsbot/tools"
)

const (
	suggestWithin = 700 * time.Millisecond // people wait for a second, with every letter
	serversFresh  = 30 * time.Second
	serversGrace  = 5 * time.Minute // the age below which a list is used although a newer one cannot be read
	serversRetry  = 5 * time.Second // after a read that failed
	serversReadin = 30 * time.Second
	mostLists     = 1000 // lists kept
	mostLabel     = 75   // of an option
)

// newServerCache returns a cache of the servers that a user may read, by user and channel: the policy may
// differ for each.
func newServerCache(now func() time.Time) ttl.Cache[[]server] {
	return ttl.Cache[[]server]{
		Fresh: serversFresh, Grace: serversGrace, Max: mostLists, Now: now,
		Pause: func(error) time.Duration { return serversRetry },
	}
}

type server struct{ id, name, address string }

// suggest answers an options load: the servers that fit what somebody is typing into a form.
// Where the API is slow it answers with what was read before, or with nothing, and the read
// goes on for the next letter.
func (b *Bot) suggest(ctx context.Context, d transport.Delivery) []byte {
	var p payload
	var form formAsk
	err := json.Unmarshal(d.Body, &p)
	if err == nil {
		err = b.untoken(formPurpose, p.View.Meta, &form)
	}
	if err != nil || !b.known() || p.User.ID == "" || p.ActionID != blocks.ActServer {
		return blocks.Options(nil)
	}
	ctx, cancel := context.WithTimeout(ctx, suggestWithin)
	defer cancel()
	servers, err := b.servers.Get(ctx, p.User.ID+" "+form.Channel, func(ctx context.Context) (found []server, err error) {
		ctx, cancel := context.WithTimeout(ctx, serversReadin)
		defer cancel()
		err = b.guarded(ctx, func(ctx context.Context) error {
			v := b.visitOf(ctx, d, p)
			v.channel = form.Channel // a form itself is in none
			found, err = b.readable(ctx, v)
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
	return blocks.Options(choices(fitting(servers, p.Value)))
}

// readable returns the servers that somebody may read.
func (b *Bot) readable(ctx context.Context, v *visit) ([]server, error) {
	op, _ := tools.Lookup("servers.list")
	pages := b.wholeList(ctx, v, op, nil, mostServers)
	if !isWhole(pages) && pages[len(pages)-1].Class == runner.Refuse {
		return nil, nil // whoever may read nothing any more is offered nothing
	}
	if !isWhole(pages) {
		return nil, errors.New(pages[len(pages)-1].Message)
	}
	var found []server
	for _, r := range rowsOf(joinTables(pages)) {
		found = append(found, server{r["id"], r["name"], r["ip_address"]})
	}
	return found, nil
}

// fitting returns the servers that have what was typed in their name, id or address, the best first.
func fitting(servers []server, typed string) []server {
	typed = runner.Folded(typed)
	servers = slices.DeleteFunc(slices.Clone(servers), func(s server) bool { return s.fits(typed) == fitsNot })
	slices.SortStableFunc(servers, func(a, b server) int {
		return cmp.Or(cmp.Compare(a.fits(typed), b.fits(typed)), cmp.Compare(strings.ToLower(a.name), strings.ToLower(b.name)), cmp.Compare(a.id, b.id))
	})
	return servers
}

// How well a server fits what was typed.
const (
	fitsWholly = iota
	fitsAtStart
	fitsInside
	fitsByID
	fitsNot
)

// fits takes what was typed as [runner.Folded] gives it.
func (s server) fits(typed string) int {
	name, id := runner.Folded(s.name), strings.ToLower(s.id)
	switch {
	case name == typed, id == typed, typed != "" && s.address == typed:
		return fitsWholly
	case strings.HasPrefix(name, typed):
		return fitsAtStart
	case strings.Contains(name, typed):
		return fitsInside
	case strings.Contains(id, typed), strings.Contains(s.address, typed):
		return fitsByID
	}
	return fitsNot
}

func choices(servers []server) []blocks.Choice {
	all := make([]blocks.Choice, len(servers))
	for i, s := range servers {
		all[i] = blocks.Choice{Value: s.id, Label: s.label()}
	}
	return all
}

// label is the name and the id: of a long name the end is left out, never the id.
func (s server) label() string {
	id := " (" + s.id + ")"
	name := []rune(s.name)
	if room := mostLabel - utf8.RuneCountInString(id); len(name) > room {
		name = append(name[:max(0, room-1)], '…')
	}
	return string(name) + id
}

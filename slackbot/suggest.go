package slackbot

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"golang.org/x/sync/singleflight"

	"github.com/vpsbot/vpsbot/slackbot/blocks"
	"github.com/vpsbot/vpsbot/slackbot/transport"
	"github.com/vpsbot/vpsbot/tools"
)

const (
	suggestWithin = 700 * time.Millisecond // people wait for a second, with every letter
	serversFresh  = 30 * time.Second
	serversOld    = 5 * time.Minute // until then a list is better than none
	serversAgain  = 5 * time.Second // after a read that failed
	serversReadin = 30 * time.Second
	mostLists     = 1000 // lists kept
	mostLabel     = 75   // of an option
)

// serverCache remembers which servers somebody may read, by who and where: the policy may
// answer differently for each. Its zero value is ready to use.
type serverCache struct {
	mu     sync.Mutex
	lists  map[serverKey]serverList
	flight singleflight.Group
}

type serverKey struct{ user, channel string }

type serverList struct {
	servers []server
	at      time.Time // when it was read; zero: never
	next    time.Time // not to be read before
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
	key := serverKey{p.User.ID, form.Channel}
	if b.servers.isDue(key, b.Now()) {
		b.readServers(ctx, key, func(ctx context.Context) *visit {
			v := b.visitOf(ctx, d, p)
			v.channel = form.Channel // a form itself is in none
			return v
		})
	}
	return blocks.Options(choices(fitting(b.servers.kept(key, b.Now()), p.Value)))
}

// readServers reads a list anew, and waits for it as long as there is time.
func (b *Bot) readServers(ctx context.Context, key serverKey, visitor func(context.Context) *visit) {
	ctx, cancel := context.WithTimeout(ctx, suggestWithin)
	defer cancel()
	read := b.servers.flight.DoChan(key.user+" "+key.channel, func() (any, error) {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), serversReadin)
		defer cancel()
		var found []server
		err := b.guarded(ctx, func(ctx context.Context) (err error) {
			found, err = b.readable(ctx, visitor(ctx))
			return err
		})
		if err != nil {
			b.Log.Warn("Slack: reading the servers for a form", "error", err)
		}
		b.servers.keep(key, found, b.Now(), err)
		return nil, err
	})
	select {
	case <-ctx.Done():
	case <-read:
	}
}

// readable returns the servers that somebody may read.
func (b *Bot) readable(ctx context.Context, v *visit) ([]server, error) {
	op, _ := tools.Lookup("servers.list")
	pages := b.wholeList(ctx, v, op, nil, mostServers)
	if !isWhole(pages) && pages[len(pages)-1].Class == tools.Refuse {
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

func (c *serverCache) isDue(key serverKey, now time.Time) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	list := c.lists[key]
	return age(now, list.at) >= serversFresh && !now.Before(list.next)
}

func (c *serverCache) kept(key serverKey, now time.Time) []server {
	c.mu.Lock()
	defer c.mu.Unlock()
	if list := c.lists[key]; age(now, list.at) < serversOld {
		return list.servers
	}
	return nil
}

// keep notes what a read has found. One that failed leaves the list as it was.
func (c *serverCache) keep(key serverKey, found []server, now time.Time, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.makeRoom(now)
	list := c.lists[key]
	if err != nil {
		list.next = now.Add(serversAgain)
	} else {
		list = serverList{servers: found, at: now}
	}
	c.lists[key] = list
}

func (c *serverCache) makeRoom(now time.Time) {
	if c.lists == nil {
		c.lists = map[serverKey]serverList{}
	}
	if len(c.lists) < mostLists {
		return
	}
	maps.DeleteFunc(c.lists, func(_ serverKey, list serverList) bool { return age(now, list.at) >= serversFresh })
	if len(c.lists) >= mostLists {
		clear(c.lists)
	}
}

// fitting returns the servers that have what was typed in their name, id or address, the best first.
func fitting(servers []server, typed string) []server {
	typed = tools.Folded(typed)
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

// fits takes what was typed as [tools.Folded] gives it.
func (s server) fits(typed string) int {
	name, id := tools.Folded(s.name), strings.ToLower(s.id)
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

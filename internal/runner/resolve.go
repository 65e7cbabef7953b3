package runner

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/vpsbot/vpsbot/apiclient"
	"github.com/vpsbot/vpsbot/internal/text"
	"github.com/vpsbot/vpsbot/internal/trace"
	"github.com/vpsbot/vpsbot/permissions"
	"github.com/vpsbot/vpsbot/tools"
)

const (
	nameAge  = 30 * time.Second // how long the id behind a name may be remembered
	maxNames = 10_000
)

// resolve turns the server that the input names into its id, and returns the request with
// that id in place of the name. A whole number or a UUID is an id and never a name. A name that may be remembered
// saves the read of all servers.
func (q request) resolve(ctx context.Context, mayBeRemembered bool) (_ request, _ apiclient.ID, err error) {
	asked := q.in.Text("server")
	if asked == "" {
		return q, apiclient.ID{}, nil
	}
	if id, err := apiclient.ParseID(asked); err == nil {
		return q, id, nil
	}
	ctx, span := trace.Start(ctx, "resolve")
	defer endStep(span, &err)
	var s apiclient.Server
	if mayBeRemembered {
		s, q.remembers = q.remembered(ctx, asked)
	}
	if !q.remembers {
		s, err = q.listed(ctx, asked)
	}
	if err != nil {
		return q, apiclient.ID{}, err
	}
	q.in, err = q.in.With(q.op, "server", s.ID.Key())
	return q, s.ID, err
}

// remembered returns the server that the same actor called so a moment ago, read anew: it must still have exactly that
// name, and the actor may still see it. Whether another server has taken the same name meanwhile is not known: a
// change then reaches the server that its card shows by its id, and a person confirms.
func (q request) remembered(ctx context.Context, name string) (apiclient.Server, bool) {
	id, ok := q.caches().names.Peek(q.nameKey(ctx, name))
	if !ok || q.requireList(ctx) != nil {
		return apiclient.Server{}, false
	}
	s, err := q.Client.Servers.Get(ctx, id)
	if err != nil || !s.ID.Equal(id) || !goesBy(s, name) || len(q.visible([]apiclient.Server{s})) == 0 {
		return apiclient.Server{}, false
	}
	return s, true
}

// listed finds the server in the list, and remembers one that has exactly that name.
func (q request) listed(ctx context.Context, name string) (s apiclient.Server, err error) {
	_, _ = q.caches().names.Read(ctx, q.nameKey(ctx, name), func(ctx context.Context) (apiclient.ID, error) {
		if s, err = q.named(ctx, name); err == nil && !goesBy(s, name) {
			return apiclient.ID{}, errOtherName
		}
		return s.ID, err // after an error nothing is remembered
	})
	return s, err
}

var errOtherName = errors.New("a read found the server by something else than its name")

// nameKey is the key of a remembered name. Each actor has their own: how fast an answer comes tells nobody what
// others asked for.
func (q request) nameKey(ctx context.Context, name string) string {
	token, err := q.tokenKey(ctx)
	if err != nil {
		return "" // nothing can be read either
	}
	return fmt.Sprintf("%x %q %q", token, q.call.Actor, name)
}

func goesBy(s apiclient.Server, name string) bool { return s.Name == name || s.Hostname == name }

func (q request) named(ctx context.Context, name string) (apiclient.Server, error) {
	if err := q.requireList(ctx); err != nil {
		return apiclient.Server{}, err
	}
	servers, err := q.Client.Servers.List(ctx, apiclient.ServerFilter{})
	if err != nil {
		return apiclient.Server{}, fmt.Errorf("reading the servers: %w", err)
	}
	servers = q.visible(servers)
	hits := matching(servers, func(s apiclient.Server) bool { return goesBy(s, name) })
	if len(hits) == 0 && q.op.IsRead() {
		hits = suggestServers(name, servers)
	}
	switch {
	case len(hits) == 1:
		return hits[0], nil
	case len(hits) == 0:
		return apiclient.Server{}, &tools.InputError{Text: notNamed(name, servers)}
	case slices.ContainsFunc(hits, func(s apiclient.Server) bool { return s.Name != hits[0].Name }):
		return apiclient.Server{}, &tools.InputError{Text: several(name, hits)}
	}
	return apiclient.Server{}, &tools.InputError{Text: ambiguous(name, hits)}
}

func (q request) requireList(ctx context.Context) error {
	return q.Require(ctx, "servers:list", "finding a server by its name")
}

func matching(servers []apiclient.Server, is func(apiclient.Server) bool) (hits []apiclient.Server) {
	for _, s := range servers {
		if is(s) {
			hits = append(hits, s)
		}
	}
	return hits
}

// suggestServers finds servers as alerts and pages name them: in other letters, by an address, by a part of
// the name. It is for reads alone: what changes something is given the name as it is.
func suggestServers(name string, servers []apiclient.Server) []apiclient.Server {
	typed := Folded(name)
	if typed == "" {
		return nil
	}
	for _, is := range []func(apiclient.Server) bool{
		func(s apiclient.Server) bool { return Folded(s.Name) == typed || Folded(s.Hostname) == typed },
		func(s apiclient.Server) bool { return Folded(s.IPAddress) == typed || Folded(s.IPv6Address) == typed },
		func(s apiclient.Server) bool {
			return len(typed) >= shortestPart && (strings.Contains(Folded(s.Name), typed) || strings.Contains(Folded(s.Hostname), typed))
		},
	} {
		if hits := matching(servers, is); len(hits) > 0 {
			return hits
		}
	}
	return nil
}

const shortestPart = 2

// Folded is a name without what pages, phones and alerts do to it: capitals, spaces around, hyphens
// that are others, or soft and invisible.
func Folded(name string) string {
	return strings.ToLower(strings.TrimSpace(strings.Map(func(c rune) rune {
		switch {
		case 0x2010 <= c && c <= 0x2015, c == 0x2212, c == 0x2043, c == 0xFE58, c == 0xFE63, c == 0xFF0D:
			return '-'
		case c == 0xAD, text.Hidden(c):
			return -1
		}
		return c
	}, name)))
}

func several(name string, hits []apiclient.Server) string {
	names := text.Map(hits[:min(len(hits), 10)], func(s apiclient.Server) string { return text.Quote(s.Name) })
	return fmt.Sprintf("%d servers have %s in their name or address: %s", len(hits), text.Quote(name), strings.Join(names, ", "))
}

// visible leaves out the servers that the actor may neither read nor have this done to:
// neither a match nor a suggestion reveals that they exist.
func (q request) visible(servers []apiclient.Server) []apiclient.Server {
	get, policy := q.Catalogue.ServerGet(), q.Policy()
	if policy.Book == nil {
		return servers
	}
	mayRead := policy.AllowedOn(q.call.ask(get, tools.Input{}, permissions.Read, nil))
	mayRun := policy.AllowedOn(q.call.ask(q.op, tools.Input{}, q.op.Risk, nil))
	return matching(servers, func(s apiclient.Server) bool { return mayRead(*behind(s)) || mayRun(*behind(s)) })
}

func notNamed(name string, servers []apiclient.Server) string {
	near := suggested(name, servers)
	switch {
	case len(servers) == 0:
		return "no server is called " + text.Quote(name) + "; the account has no servers"
	case len(near) == 0:
		return "no server is called " + text.Quote(name) + "; servers.list shows them all"
	}
	return "no server is called " + text.Quote(name) + "; did you mean " + strings.Join(near, " or ") + "?"
}

func ambiguous(name string, hits []apiclient.Server) string {
	ids := text.Map(hits, func(s apiclient.Server) string {
		return fmt.Sprintf("%s (%s, %s)", text.Clean(s.ID.String()), text.Clean(s.Location), text.Clean(s.Status))
	})
	return fmt.Sprintf("%d servers are called %s; give the id of one: %s", len(hits), text.Quote(name), strings.Join(ids[:min(len(ids), 20)], ", "))
}

// suggested returns the names, at most three, that may be meant: the very server as an alert names
// it, else those that a slip of the finger could have meant.
func suggested(name string, servers []apiclient.Server) (names []string) {
	for _, s := range suggestServers(name, servers) {
		if known := text.Quote(s.Name); text.Clean(s.Name) != "" && len(names) < 3 && !slices.Contains(names, known) {
			names = append(names, known)
		}
	}
	if names == nil {
		return nearest(Folded(name), servers)
	}
	return names
}

// nearest returns the names, at most three, that a slip of the finger could have meant.
func nearest(name string, servers []apiclient.Server) (near []string) {
	if len(name) >= longestGuess {
		return nil
	}
	var known []string
	for _, s := range servers {
		if clean := text.Clean(s.Name); clean != "" && len(clean) < longestGuess {
			known = append(known, clean)
		}
	}
	for _, k := range text.Nearest(name, known, max(2, len(name)/3)) {
		if near = append(near, text.Quote(k)); len(near) == 3 {
			break
		}
	}
	return near
}

// longestGuess is the longest name that is compared with others, in bytes: comparing takes time by the
// square of the length.
const longestGuess = 100

package tools

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/vpsbot/vpsbot/apiclient"
	"github.com/vpsbot/vpsbot/permissions"
)

// resolve turns the server that an input names into its id, and returns the input with
// that id in place of the name. A whole number or a UUID is an id and never a name.
func (r *Runner) resolve(ctx context.Context, op *Op, in input, call Call) (input, apiclient.ID, error) {
	asked := in.ref("server")
	if asked == "" {
		return in, apiclient.ID{}, nil
	}
	if id, err := apiclient.ParseID(asked); err == nil {
		return in, id, nil
	}
	s, err := r.named(ctx, op, asked, call)
	if err != nil {
		return in, apiclient.ID{}, err
	}
	in, err = in.with(op, "server", s.ID.Key())
	return in, s.ID, err
}

// named finds the one server that is called that.
func (r *Runner) named(ctx context.Context, op *Op, name string, call Call) (apiclient.Server, error) {
	if err := r.mayRead(ctx, op, "servers:list", "finding a server by its name"); err != nil {
		return apiclient.Server{}, err
	}
	servers, err := r.Client.Servers.List(ctx, apiclient.ServerFilter{})
	if err != nil {
		return apiclient.Server{}, fmt.Errorf("reading the servers: %w", err)
	}
	servers = r.visible(op, servers, call)
	var hits []apiclient.Server
	for _, s := range servers {
		if s.Name == name || s.Hostname == name {
			hits = append(hits, s)
		}
	}
	switch len(hits) {
	case 1:
		return hits[0], nil
	case 0:
		return apiclient.Server{}, &inputError{notNamed(name, servers)}
	}
	return apiclient.Server{}, &inputError{ambiguous(name, hits)}
}

// visible leaves out the servers that the actor may neither read nor have this done to:
// neither a match nor a suggestion tells that they exist.
func (r *Runner) visible(op *Op, servers []apiclient.Server, call Call) []apiclient.Server {
	get, _ := Lookup("servers.get")
	policy := r.Policy()
	if policy.Book == nil {
		return servers
	}
	return slices.DeleteFunc(slices.Clone(servers), func(s apiclient.Server) bool {
		return !policy.Decide(call.ask(get, input{}, permissions.Read, behind(s))).Allowed &&
			!policy.Decide(call.ask(op, input{}, op.Risk, behind(s))).Allowed
	})
}

func notNamed(name string, servers []apiclient.Server) string {
	near := nearest(name, servers)
	switch {
	case len(servers) == 0:
		return "no server is called " + quote(name) + "; the account has no servers"
	case len(near) == 0:
		return "no server is called " + quote(name) + "; servers.list shows them all"
	}
	return "no server is called " + quote(name) + "; did you mean " + strings.Join(near, " or ") + "?"
}

func ambiguous(name string, hits []apiclient.Server) string {
	ids := make([]string, len(hits))
	for i, s := range hits {
		ids[i] = fmt.Sprintf("%s (%s, %s)", Clean(s.ID.String()), Clean(s.Location), Clean(s.Status))
	}
	return fmt.Sprintf("%d servers are called %s; give the id of one: %s", len(hits), quote(name), strings.Join(ids[:min(len(ids), 20)], ", "))
}

// nearest returns the names, at most three, that a slip of the finger could have meant.
func nearest(name string, servers []apiclient.Server) []string {
	type candidate struct {
		name string
		far  int
	}
	var all []candidate
	for _, s := range servers {
		if known := Clean(s.Name); known != "" && len(known) < 100 && len(name) < 100 {
			all = append(all, candidate{quote(known), distance(strings.ToLower(name), strings.ToLower(known))})
		}
	}
	slices.SortStableFunc(all, func(a, b candidate) int { return a.far - b.far })
	var near []string
	for _, c := range all {
		if c.far <= max(2, len(name)/3) && len(near) < 3 && !slices.Contains(near, c.name) {
			near = append(near, c.name)
		}
	}
	return near
}

// distance is Levenshtein's: how many letters differ.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			next := diagonal
			if a[i] != b[j] {
				next = 1 + min(diagonal, row[j], row[j+1])
			}
			diagonal, row[j+1] = row[j+1], next
		}
	}
	return row[len(b)]
}

// mayRead refuses what needs a permission beside the operation's own.
func (r *Runner) mayRead(ctx context.Context, op *Op, p permissions.Permission, what string) error {
	token, err := r.token(ctx, false)
	if err != nil {
		return err
	}
	if !token.Grants.Covers(p) {
		return &refusal{fmt.Sprintf("%s: %s needs the permission %s, which the token %q does not hold; add it at %s",
			op.Name, what, p, token.Name, permissions.TokensPage)}
	}
	return nil
}

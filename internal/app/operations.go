package app

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/vpsbot/vpsbot/internal/config"
	"github.com/vpsbot/vpsbot/internal/policy"
	"github.com/vpsbot/vpsbot/internal/runner"
	"github.com/vpsbot/vpsbot/internal/text"
	"github.com/vpsbot/vpsbot/permissions"
	"github.com/vpsbot/vpsbot/tools"
)

// Offer is an operation and whether it can be run here.
type Offer struct {
	Op     *tools.Op
	Reason string // why not; empty: it can
}

// Needs are the permissions of which the token must have one, in words.
func (o Offer) Needs() string { return cmp.Or(o.Op.Needs.String(), "any token") }

// Offers returns every operation, and a note where the token's permissions cannot be read.
func (a *App) Offers(ctx context.Context) (all []Offer, note string) {
	_, why, err := a.Runner.Offered(ctx, runner.Call{Actor: a.Actor, Surface: permissions.Terminal})
	if _, tokenErr := a.Runner.Token(); errors.Is(tokenErr, config.ErrNoToken) {
		note = "No token is set, so all operations are shown."
	} else if err != nil {
		note = "Whether the token may run them is not known: " + err.Error()
	}
	for _, op := range a.Runner.Catalogue.Operations() {
		all = append(all, Offer{op, why[op.Name]})
	}
	return all, note
}

// PolicyOperations is what a policy must know of the operations.
func PolicyOperations(c *tools.Catalogue) []policy.Operation {
	var ops []policy.Operation
	for _, op := range c.Operations() {
		ops = append(ops, policy.Operation{Name: op.Name, Risk: op.Risk, OnServer: op.Resource.OnServer(), Renames: op.Renames()})
	}
	return ops
}

// MatchesAny reports whether one of the globs matches an operation.
func MatchesAny(c *tools.Catalogue, globs ...string) bool {
	return slices.ContainsFunc(c.Operations(), func(op *tools.Op) bool {
		return slices.ContainsFunc(globs, func(glob string) bool { ok, _ := path.Match(glob, op.Name); return ok })
	})
}

// UnmatchedGlobHint names the first glob of VPSBOT_OPERATIONS that matches no operation, and the name that
// may be meant; "" if there is none.
func UnmatchedGlobHint(c *tools.Catalogue, globs []string) string {
	at := slices.IndexFunc(globs, func(glob string) bool { return !MatchesAny(c, glob) })
	if at < 0 {
		return ""
	}
	hint := fmt.Sprintf("VPSBOT_OPERATIONS: %q fits no operation", text.Clean(globs[at]))
	var names []string
	for _, op := range c.Operations() {
		resource, _, _ := strings.Cut(op.Name, ".")
		names = append(names, op.Name, resource+".*")
	}
	if near := text.Suggest(strings.ToLower(globs[at]), names); near != "" {
		hint += "; did you mean " + near + "?"
	}
	return hint
}

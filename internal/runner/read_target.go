package runner

import (
	"context"
	"errors"
	"fmt"

	"github.com/vpsbot/vpsbot/apiclient"
	"github.com/vpsbot/vpsbot/permissions"
	"github.com/vpsbot/vpsbot/tools"
)

// readTarget reads what a change acts on.
func (r *Runner) readTarget(ctx context.Context, op *tools.Op, in tools.Input, server apiclient.ID) (tools.Target, error) {
	t, err := op.ReadTarget(ctx, reader{r, op}, in, server)
	return t, ownError(err)
}

// ownError makes the Runner's errors of the catalogue's.
func ownError(err error) error {
	if wrong, ok := errors.AsType[*tools.InputError](err); ok {
		return &inputError{wrong.Text}
	}
	if no, ok := errors.AsType[*tools.Refusal](err); ok {
		return &refusal{no.Text}
	}
	return err
}

// reader is what the resource of an operation reads its target with.
type reader struct {
	runner *Runner
	op     *tools.Op
}

func (r reader) API() *apiclient.Client { return r.runner.Client }

func (r reader) Grants(ctx context.Context, p permissions.Permission) (bool, error) {
	return r.runner.grants(ctx, p)
}

func (r reader) Require(ctx context.Context, p permissions.Permission, purpose string) error {
	return r.runner.mayRead(ctx, r.op, p, purpose)
}

func (r reader) GoesByServer() bool { return r.runner.Policy().Book != nil }

// grants reports whether the token holds a permission. That it cannot be asked is not a no.
func (r *Runner) grants(ctx context.Context, p permissions.Permission) (bool, error) {
	token, err := r.token(ctx, false)
	return token.Grants.Covers(p), err
}

// mayRead refuses what needs a permission beside the operation's own.
func (r *Runner) mayRead(ctx context.Context, op *tools.Op, p permissions.Permission, purpose string) error {
	token, err := r.token(ctx, false)
	if err != nil {
		return err
	}
	if !token.Grants.Covers(p) {
		return &refusal{fmt.Sprintf("%s: %s needs the permission %s, which the token %q does not hold; add it at %s",
			op.Name, purpose, p, token.Name, permissions.TokensPage)}
	}
	return nil
}

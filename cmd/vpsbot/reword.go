package main

import (
	"errors"
	"strings"

	"github.com/vpsbot/vpsbot/internal/config"
	"github.com/vpsbot/vpsbot/internal/fieldtext"
	"github.com/vpsbot/vpsbot/internal/runner"
	"github.com/vpsbot/vpsbot/permissions"
	"github.com/vpsbot/vpsbot/tools"
)

// reworded is a reply's message in the words of a terminal.
func (r *operationRun) reworded(reply runner.Reply) string {
	switch reply.Class {
	case runner.Invalid:
		return inFlags(r.op, reply.Message)
	case runner.Refuse:
		message := r.refusal(reply.Message)
		if r.io.atTerminal() {
			message = strings.Replace(message, runner.LiftedByPerson, "vpsbot unfreeze lifts it", 1)
		}
		return message
	case runner.Failed:
		return r.refusal(reply.Message)
	}
	return reply.Message
}

// refusal puts first what is easily put right: no token, or a policy that names nothing.
func (r *operationRun) refusal(message string) string {
	policy := r.parts.config.Policy
	ask := permissions.Ask{Actor: r.parts.actor, Surface: permissions.Terminal, Operation: r.op.Name, Risk: r.op.Risk}
	if !policy.Decide(ask).Allowed {
		if hint := idleHint(policy.Operations); hint != "" {
			message += ". " + hint
		}
		return message
	}
	if _, err := r.parts.runner.Token(); errors.Is(err, config.ErrNoToken) {
		return err.Error()
	}
	return message
}

// inFlags spells the fields of an input as the flags that they are here. A name of one
// plain word is one only where the sentence begins with it.
func inFlags(op *tools.Op, message string) string {
	for _, f := range op.Fields {
		flag := "--" + fieldtext.Flag(f.Name)
		if strings.Contains(f.Name, "_") {
			message = strings.ReplaceAll(message, f.Name, flag)
		} else if f.Name != op.Positional() && strings.HasPrefix(message, f.Name+" ") {
			message = "--" + message
		}
	}
	return message
}

package slackbot

import (
	"encoding/json"
	"strings"

	"github.com/vpsbot/vpsbot/internal/approval"
	"github.com/vpsbot/vpsbot/slackbot/command"
	"github.com/vpsbot/vpsbot/tools"
)

// undo is the command that takes back what a record did; "" if nothing does.
func (b *Bot) undo(rec approval.Record) string {
	op, ok := tools.Lookup(rec.Operation)
	if !ok || op.Undo == "" || rec.State != approval.Done {
		return ""
	}
	back, _ := tools.Lookup(op.Undo)
	input := undoInput(back, rec)
	if len(input) == 0 {
		return ""
	}
	return "/vps " + command.Command{Kind: command.Operation, Op: back, Input: input}.String()
}

// undoInput is what the operation that takes a record back must be given: the server, the thing
// that was made, or what the fields that were changed had been.
func undoInput(back *tools.Op, rec approval.Record) map[string]string {
	target := back.Positional()
	if target != "server" {
		id := member(rec.Result, "id")
		if id == "" {
			return nil
		}
		return map[string]string{target: id}
	}
	server := member(rec.Facts, "id")
	if server == "" { // it was created just now
		server = member(rec.Result, "id")
	}
	if server == "" {
		return nil
	}
	input := map[string]string{target: server}
	if back.Name == rec.Operation {
		was := changedFields(rec)
		if len(was) == 0 {
			return nil
		}
		for name, value := range was {
			input[name] = value
		}
	}
	return input
}

// changedFields are the fields that a record changed, as they were before.
func changedFields(rec approval.Record) map[string]string {
	was := map[string]string{}
	for _, name := range []string{"name", "hostname", "backups_enabled"} {
		if before := member(rec.Facts, name); before != "" && member(rec.Input, name) != "" {
			was[name] = before
		}
	}
	return was
}

// member returns a member of a JSON object as text; "" if there is none.
func member(raw json.RawMessage, name string) string {
	var all map[string]json.RawMessage
	if err := json.Unmarshal(raw, &all); err != nil {
		return ""
	}
	var text string
	if json.Unmarshal(all[name], &text) == nil {
		return text
	}
	return strings.Trim(string(all[name]), " ")
}

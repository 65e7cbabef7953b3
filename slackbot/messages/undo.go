package messages

import (
	"encoding/json"
	"strings"

	"github.com/vpsbot/vpsbot/internal/approval"
	"github.com/vpsbot/vpsbot/slackbot/command"
	"github.com/vpsbot/vpsbot/tools"
)

// undoCommand is the command that undoes what a record did; "" if there is none.
func undoCommand(rec approval.Record) string {
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

// undoInput is the input of the operation that undoes a record: the server, the object that was made,
// or the former values of the fields that were changed.
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
	if server == "" { // the record created it
		server = member(rec.Result, "id")
	}
	if server == "" {
		return nil
	}
	input := map[string]string{}
	if back.Name == rec.Operation {
		if input = formerFields(rec); len(input) == 0 {
			return nil
		}
	}
	input[target] = server
	return input
}

// formerFields are the fields that a record changed, with their former values.
func formerFields(rec approval.Record) map[string]string {
	former := map[string]string{}
	for _, name := range []string{"name", "hostname", "backups_enabled"} {
		if before := member(rec.Facts, name); before != "" && member(rec.Input, name) != "" {
			former[name] = before
		}
	}
	return former
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

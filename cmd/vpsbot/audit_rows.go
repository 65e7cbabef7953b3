package main

import (
	"fmt"
	"iter"
	"strconv"
	"strings"
	"time"

	"github.com/vpsbot/vpsbot/internal/audit"
	"github.com/vpsbot/vpsbot/internal/runner"
	"github.com/vpsbot/vpsbot/internal/text"
)

// newest returns the newest rows whose target, as it is shown, has that text in it: limit
// of them, or all for 0. total is how many there are.
func newest(rows iter.Seq2[audit.Row, error], target string, limit int) (kept []audit.Row, total int, err error) {
	for row, err := range rows {
		if err != nil {
			return nil, 0, err
		}
		if !strings.Contains(text.Clean(row.Target), target) {
			continue
		}
		total++
		if kept = append(kept, row); limit > 0 && len(kept) > 2*limit {
			kept = append(kept[:0], kept[len(kept)-limit:]...)
		}
	}
	if limit > 0 && len(kept) > limit {
		kept = kept[len(kept)-limit:]
	}
	return kept, total, nil
}

// leftOut says that there are older rows, or nothing.
func leftOut(shown, total int) string {
	if shown == total {
		return ""
	}
	return fmt.Sprintf("newest %d of %d; --limit 0 shows all", shown, total)
}

func (a *app) writeRows(rows []audit.Row, total int) error {
	for _, row := range rows {
		if err := a.io.writeJSON(row); err != nil {
			return err
		}
	}
	if says := leftOut(len(rows), total); says != "" {
		a.io.say("%s", says)
	}
	return nil
}

func (a *app) showRows(rows []audit.Row, total int) error {
	t := runner.Table{Header: []string{"seq", "at", "actor", "surface", "account", "operation", "target", "decision", "outcome", "approver", "approval"}}
	for _, row := range rows {
		t.Rows = append(t.Rows, []string{
			strconv.FormatInt(row.Seq, 10), when(row.At, a.now()), text.Clean(row.Actor), row.Surface, text.Clean(row.Account),
			text.Clean(row.Operation), text.Clean(row.Target), string(row.Decision), string(row.Outcome), text.Clean(row.Approver), row.Approval,
		})
	}
	t.Note = text.Plural(len(rows), "row")
	if says := leftOut(len(rows), total); says != "" {
		t.Note += " (" + says + ")"
	}
	t.Note += "; --json shows everything about each."
	_, err := fmt.Fprintln(a.io.Out, t.Styled(a.io.style(a.env).cell))
	return err
}

// when is a time, with its day where that is not today.
func when(at, now time.Time) string {
	at, now = at.UTC(), now.UTC()
	if at.Format(time.DateOnly) == now.Format(time.DateOnly) {
		return at.Format("15:04:05Z")
	}
	return at.Format(time.RFC3339)
}

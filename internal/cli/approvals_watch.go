package cli

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/vpsbot/vpsbot/internal/app"
	"github.com/vpsbot/vpsbot/internal/approval"
	"github.com/vpsbot/vpsbot/internal/backoff"
	"github.com/vpsbot/vpsbot/internal/runner"
	"github.com/vpsbot/vpsbot/internal/text"
)

const watchEvery = 2 * time.Second

// watchApprovals shows what waits for the person until Ctrl-C: on a terminal in place, elsewhere a line for each new
// request, which is JSON for a program.
func (s *session) watchApprovals(ctx context.Context) error {
	if s.output.format == "yaml" || s.output.format == "name" {
		return app.Errorf(runner.Invalid, "--watch prints a table or, with -o json, a line of JSON for each request")
	}
	inPlace := s.io.outTerminal && !isDumb(s.Variables) && !s.output.isJSON()
	seen, board := map[string]bool{}, screenBoard{cli: s.cli}
	for {
		waiting, err := s.waitingForActor(ctx)
		switch {
		case ctx.Err() != nil:
			return nil
		case err != nil:
			return err
		case inPlace:
			board.show(s.watchText(waiting))
		default:
			for _, rec := range slices.Backward(waiting) { // the oldest first
				if !seen[rec.ID] {
					seen[rec.ID] = true
					err = s.printNew(rec)
				}
				if err != nil {
					return err
				}
			}
		}
		if backoff.Sleep(ctx, watchEvery) != nil {
			return nil
		}
	}
}

// waitingForActor reads what waits for the person. Their key may have been revoked meanwhile.
func (s *session) waitingForActor(ctx context.Context) (waiting []approval.Record, err error) {
	if err := s.Authenticate(ctx); err != nil {
		return nil, err
	}
	records, err := s.findRecords(ctx, approval.Query{}, false)
	for _, rec := range records {
		forYou, failed := s.waitsForActor(ctx, rec)
		if failed != nil {
			return nil, failed
		}
		if forYou {
			waiting = append(waiting, rec)
		}
	}
	return waiting, err
}

func (s *session) printNew(rec approval.Record) error {
	one := s.recordJSON(rec)
	one.ForYou = true
	if s.output.isJSON() {
		return s.printJSON(result{value: one})
	}
	return s.io.println(fmt.Sprintf("%s %s asked to %s; %s left: vpsbot approvals approve %s",
		clock(rec.CreatedAt, s.Now(), "15:04"), runner.NameOf(s.Runner.Policy(), rec.Actor), s.whatOf(rec), text.Duration(rec.ExpiresAt.Sub(s.Now())), rec.ID))
}

func (s *session) watchText(waiting []approval.Record) string {
	if len(waiting) == 0 {
		return "Nothing waits for you. Ctrl-C ends this."
	}
	table := s.recordTable(waiting, false)
	table.Note = text.Plural(len(waiting), "approval") + " for you; vpsbot approvals approve ID or deny ID answers. Ctrl-C ends this."
	return s.tableText(table)
}

// screenBoard is a text on the terminal that each new one replaces.
type screenBoard struct {
	*cli
	last  string
	lines int
}

func (b *screenBoard) show(shown string) {
	columns, most := b.io.screen(b.Variables)
	if lines := strings.Split(shown, "\n"); most > 2 && len(lines) > most-2 { // what has left the screen cannot be replaced
		shown = strings.Join(append(lines[:most-3], "…"), "\n")
	}
	if shown == b.last {
		return
	}
	up := ""
	if b.lines > 0 {
		up = fmt.Sprintf("\x1b[%dA\r\x1b[J", b.lines)
	}
	b.last, b.lines = shown, height(shown, columns)
	_ = b.io.println(up + shown)
}

package store

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/vpsbot/vpsbot/internal/audit"
)

const (
	refusalsWithin = time.Minute     // like refusals within it are counted together
	refusalsStop   = 5 * time.Second // timeout of writing the counts
	refusalTargets = 10              // different targets that a count names
)

// refusals counts like refusals: the first one is a row at once, the others become one row at
// the minute's end, or as the store is closed, so that repeated requests do not fill the log. A process that is killed loses the count of its last minute.
type refusals struct {
	mu     sync.Mutex
	counts map[refusal]*counted
}

type refusal struct{ actor, surface, account, operation string }

// counted is what came after the first one.
type counted struct {
	first   time.Time // when the first one was
	row     audit.Row // the last one
	count   int
	from    time.Time
	targets []string
	timer   *time.Timer
}

// count counts a refusal if a row was written for a like one within the minute. Otherwise it returns the
// rows to write: the summary of the minute that has ended, if any, and the refusal's own.
func (r *refusals) count(row audit.Row, later func(refusal)) (due []audit.Row) {
	r.mu.Lock()
	defer r.mu.Unlock()
	key := refusal{row.Actor, row.Surface, row.Account, row.Operation}
	c := r.counts[key]
	if c != nil && row.At.Sub(c.first).Abs() < refusalsWithin {
		c.add(row)
		return nil
	}
	if c != nil {
		c.timer.Stop()
		due = c.summary()
	}
	if r.counts == nil {
		r.counts = map[refusal]*counted{}
	}
	r.counts[key] = &counted{first: row.At, timer: time.AfterFunc(refusalsWithin, func() { later(key) })}
	return append(due, row)
}

// flush ends the minute of some kinds, or of all, and returns the rows of their summaries.
func (r *refusals) flush(kinds ...refusal) (rows []audit.Row) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(kinds) == 0 {
		kinds = slices.Collect(maps.Keys(r.counts))
	}
	for _, key := range kinds {
		c := r.counts[key]
		if c == nil {
			continue
		}
		c.timer.Stop()
		delete(r.counts, key)
		rows = append(rows, c.summary()...)
	}
	slices.SortFunc(rows, func(a, b audit.Row) int { return a.At.Compare(b.At) })
	return rows
}

func (c *counted) add(row audit.Row) {
	if c.count == 0 {
		c.from = row.At
	}
	c.count++
	c.row = row
	if row.Target != "" && !slices.Contains(c.targets, row.Target) && len(c.targets) < refusalTargets {
		c.targets = append(c.targets, row.Target)
	}
}

func (c *counted) summary() []audit.Row {
	if c.count == 0 {
		return nil
	}
	row := c.row
	row.Reason = fmt.Sprintf("refused %d more times within a minute; the last time: %s", c.count, c.row.Reason)
	if c.count == 1 {
		row.Reason = "refused once more within a minute: " + c.row.Reason
	}
	if len(c.targets) > 1 {
		row.Target = ""
	} else {
		c.targets = nil // the row has it
	}
	row.Arguments, _ = json.Marshal(struct { // numbers and texts
		Count   int       `json:"count"`
		From    time.Time `json:"from"`
		Until   time.Time `json:"until"`
		Targets []string  `json:"targets,omitempty"`
	}{c.count, c.from.UTC(), c.row.At.UTC(), c.targets})
	return []audit.Row{row}
}

func (s *Store) noteCounts(kinds ...refusal) {
	ctx, cancel := context.WithTimeout(context.Background(), refusalsStop)
	defer cancel()
	for _, row := range s.refusals.flush(kinds...) {
		if err := s.append(ctx, row); err != nil {
			s.warn(fmt.Errorf("the count of refusals could not be recorded: %w", err))
		}
	}
}

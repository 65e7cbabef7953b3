package e2e_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/vpsbot/vpsbot/internal/approval"
	"github.com/vpsbot/vpsbot/internal/audit"
	"github.com/vpsbot/vpsbot/internal/store"
)

// logAndRecords is the audit log and the records of a store.
type logAndRecords struct {
	records map[string]approval.Record
	rows    []audit.Row
}

func readLog(t testing.TB, s *store.Store) logAndRecords {
	t.Helper()
	ctx := context.Background()
	l := logAndRecords{records: map[string]approval.Record{}}
	all, err := s.Find(ctx, approval.Query{Limit: 1 << 30})
	require.NoError(t, err)
	for _, rec := range all {
		l.records[rec.ID] = rec
	}
	for row, err := range s.Rows(ctx, audit.Filter{}) {
		require.NoError(t, err)
		l.rows = append(l.rows, row)
	}
	_, err = audit.Verify(s.Rows(ctx, audit.Filter{}))
	require.NoError(t, err, "the chain is whole")
	return l
}

// recordProgress is the state of one record after the audit rows read so far.
type recordProgress struct {
	state    approval.State
	consents int
}

// apply reads the next row of a record. It reports false if the state machine has no such transition:
// the row is extra, or one before it is missing.
func (p *recordProgress) apply(rec approval.Record, row audit.Row) bool {
	to := approval.State(row.Decision)
	switch {
	case row.Decision == "asked":
		to = approval.Pending
	case row.Decision == "approved":
		if p.consents++; p.consents < requiredConsents(rec) {
			return p.state == approval.Pending
		}
	case row.Decision == "allowed" && row.Outcome == "":
		to = approval.Executing
	case row.Outcome != "":
		to = approval.State(row.Outcome)
	case row.Decision == "refused" && p.state != approval.Executing:
		return p.state != "" // a rejected answer, or a claim of a busy target: no transition
	}
	ok := p.state.May(to)
	p.state = to
	return ok
}

// requiredConsents is how many people must consent before a record is approved.
func requiredConsents(rec approval.Record) int {
	if rec.Own && rec.Others > 0 {
		return rec.Others + 1
	}
	return max(rec.Others, 1)
}

// compareLog compares the log with the records: it returns the records whose rows are missing, and the
// rows that are no transition.
func (l logAndRecords) compareLog() (missing, extra []string) {
	at := map[string]*recordProgress{}
	for _, row := range l.rows {
		if row.Approval == "" {
			continue
		}
		p := at[row.Approval]
		if p == nil {
			p = &recordProgress{}
			at[row.Approval] = p
		}
		if !p.apply(l.records[row.Approval], row) {
			extra = append(extra, fmt.Sprintf("row %d of %s: %s %s", row.Seq, row.Approval, row.Decision, row.Outcome))
		}
	}
	for id, rec := range l.records {
		if at[id] == nil || at[id].state != rec.State {
			missing = append(missing, fmt.Sprintf("%s is %s, which the log does not show", id, rec.State))
		}
	}
	slices.Sort(missing)
	return missing, extra
}

func (l logAndRecords) requireComplete(t testing.TB) {
	t.Helper()
	missing, extra := l.compareLog()
	require.Empty(t, missing, "transitions without an audit row")
	require.Empty(t, extra, "audit rows without a transition")
}

// maxExecuting is the largest number of records of one target that executed concurrently, by the order
// of the log.
func (l logAndRecords) maxExecuting() int {
	executing, maxExecuting := map[string]map[string]bool{}, 0
	for _, row := range l.rows {
		rec, ok := l.records[row.Approval]
		if !ok || row.Decision != "allowed" && row.Decision != "settled" && row.Decision != "stale" && row.Decision != "refused" {
			continue
		}
		if executing[rec.Target] == nil {
			executing[rec.Target] = map[string]bool{}
		}
		switch {
		case row.Decision == "allowed" && row.Outcome == "":
			executing[rec.Target][rec.ID] = true
		case row.Outcome != audit.Unknown:
			delete(executing[rec.Target], rec.ID)
		}
		maxExecuting = max(maxExecuting, len(executing[rec.Target]))
	}
	return maxExecuting
}

// states counts the records by state.
func (l logAndRecords) states() map[approval.State]int {
	counts := map[approval.State]int{}
	for _, rec := range l.records {
		counts[rec.State]++
	}
	return counts
}

// anyClaimed reports whether any record was claimed.
func (l logAndRecords) anyClaimed() bool {
	for _, rec := range l.records {
		if !rec.ClaimedAt.IsZero() {
			return true
		}
	}
	return false
}

// logOf formats the audit rows of a target, for a failure message.
func (l logAndRecords) logOf(targetName string) string {
	var b strings.Builder
	for _, row := range l.rows {
		if rec, ok := l.records[row.Approval]; ok && rec.TargetName == targetName {
			fmt.Fprintf(&b, "\n%s %.6s %s %s %d %s", row.At.Format("15:04:05.000"), row.Approval, row.Decision, row.Outcome, row.APIStatus, row.Reason)
		}
	}
	return b.String()
}

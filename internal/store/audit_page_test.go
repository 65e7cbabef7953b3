package store

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/vpsbot/vpsbot/internal/audit"
)

// SQLite seeks to one bound a side: with a second one, every page of the log would cost all that come before it.
func TestPageHasOneBoundASide(t *testing.T) {
	for _, order := range []string{"ASC", "DESC"} {
		for _, cursor := range []int64{-1, 7, 9000} {
			query, args := pageQuery(audit.Filter{After: 50, Operation: "servers.*"}, order, cursor)
			require.LessOrEqual(t, strings.Count(query, "seq >"), 1, query)
			require.LessOrEqual(t, strings.Count(query, "seq <"), 1, query)
			require.NotContains(t, query, "operation =", "a glob is matched by the caller")
			if order == "ASC" {
				require.Equal(t, []any{max(50, cursor)}, args)
			}
		}
	}
}

// What is read as one text comes apart in one way only; all else is read by the column.
func TestPackedRowIsUnambiguous(t *testing.T) {
	columns := strings.Split("7,1800000000000,alice\x1f,,mcp,,,servers.stop,,{},,allowed,,,202,done,p,h,t", ",")
	pack := func(columns []string) string { return strings.Join(columns, separator) }
	changed := func(at int, text string) any {
		other := append([]string{}, columns...)
		other[at] = text
		return pack(other)
	}
	var row audit.Row
	require.NoError(t, (*packedRow)(&row).Scan(pack(columns)))
	require.Equal(t, audit.Row{
		Seq: 7, At: row.At, Actor: "alice\x1f", Surface: "mcp", Operation: "servers.stop", Arguments: []byte("{}"), Decision: audit.Allowed,
		APIStatus: 202, Outcome: audit.Done, Previous: "p", Hash: "h", Trace: "t",
	}, row)
	for name, value := range map[string]any{
		"a column is NULL":    pack(columns[1:]),
		"a column too many":   pack(append(columns, "")),
		"a separator inside":  changed(2, "a"+separator+"b"),
		"no number":           changed(0, "7.0"),
		"an empty one":        changed(0, ""),
		"leading zero":        changed(1, "05"),
		"before 1970":         changed(1, "-5"),
		"another spelling":    changed(1, "+5"),
		"a number too large":  changed(14, "9223372036854775808"),
		"no text, but a blob": []byte(pack(columns)),
	} {
		require.ErrorIs(t, (*packedRow)(&row).Scan(value), errPacked, name)
	}
}

// What every append reads does not grow with the log.
func TestAppendReadsByIndex(t *testing.T) {
	s := opened(t)
	require.Equal(t, []string{"SCAN audit"}, plan(t, s, statement{selectHead, nil}), "in the order of the key: one row, no sort")
	require.Equal(t, []string{"SEARCH audit USING INDEX audit_accepted (at>?)"}, plan(t, s, statement{selectAccepted, []any{int64(0)}}))
	require.Equal(t, []string{"SCAN audit USING COVERING INDEX audit_signed"}, plan(t, s, statement{selectBegun, nil}))
}

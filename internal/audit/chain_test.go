package audit

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

var at = time.Date(2026, 3, 1, 12, 0, 0, 123_456_789, time.UTC)

func sample(seq int64) Row {
	return Row{
		Seq: seq, At: at.Add(time.Duration(seq) * time.Second), Actor: "local:alice", Surface: "mcp",
		Account: "a@example.com", Token: "laptop", Operation: "servers.delete", Target: "server:12345 (web-server-01)",
		Arguments: json.RawMessage(`{"server":"12345"}`), Approval: "f00", Decision: "approved", Reason: "typed the name",
		Approver: "local:alice", APIStatus: 204, Outcome: "done",
	}
}

func chain(t testing.TB, n int) []Row {
	t.Helper()
	rows := make([]Row, n)
	for i := range rows {
		rows[i] = sample(int64(i + 1))
	}
	seal(t, Genesis, rows)
	return rows
}

// seal chains the rows to the one whose hash is head.
func seal(t testing.TB, head string, rows []Row) {
	t.Helper()
	for i := range rows {
		row, err := Seal(head, rows[i])
		require.NoError(t, err)
		rows[i], head = row, row.Hash
	}
}

// The form is fixed: a log written today must verify with every later version.
func TestSealIsFixed(t *testing.T) {
	row, err := Seal(Genesis, sample(1))
	require.NoError(t, err)
	require.Equal(t, "1:1,13:1772366401123,3:204,18:{\"server\":\"12345\"},11:local:alice,0:,3:mcp,13:a@example.com,6:laptop,"+
		"14:servers.delete,28:server:12345 (web-server-01),3:f00,8:approved,14:typed the name,11:local:alice,4:done,64:"+Genesis+",",
		string(appendCanonical(nil, &row)))
	require.Equal(t, "c27843e132eac7e27e2102b694da5e85f729a1914420a130b1c29ec918920cc0", row.Hash)
	require.Equal(t, Genesis, row.Previous)
	require.Equal(t, at.Add(time.Second).Truncate(time.Millisecond), row.At)
}

func TestSealCleans(t *testing.T) {
	in := sample(1)
	in.At = at.In(time.FixedZone("far", 9*3600))
	in.Reason, in.Target, in.Arguments = "a\x00b", "\xff", json.RawMessage{}
	row, err := Seal(Genesis, in)
	require.NoError(t, err)
	require.Equal(t, "a\uFFFDb", row.Reason)
	require.Equal(t, "\uFFFD", row.Target)
	require.Nil(t, row.Arguments)
	require.Equal(t, time.UTC, row.At.Location())
	require.Equal(t, "a\x00b", in.Reason, "the caller's row is left alone")
}

func TestSealRefuses(t *testing.T) {
	for name, c := range map[string]struct {
		spoil func(*Row)
		want  string
	}{
		"no number":     {func(r *Row) { r.Seq = 0 }, "audit row has no number"},
		"no time":       {func(r *Row) { r.At = time.Time{} }, "audit row has no time"},
		"not JSON":      {func(r *Row) { r.Arguments = json.RawMessage(`{`) }, "arguments of the audit row are not JSON"},
		"two documents": {func(r *Row) { r.Arguments = json.RawMessage(`{}{}`) }, "arguments of the audit row are not JSON"},
	} {
		t.Run(name, func(t *testing.T) {
			row := sample(1)
			c.spoil(&row)
			_, err := Seal(Genesis, row)
			require.EqualError(t, err, c.want)
		})
	}
}

// A sealed row comes back from JSON with the hash it had: what is exported can be verified.
func TestSealSurvivesJSON(t *testing.T) {
	row := sample(1)
	row.Reason = "<&>\u2028 \xff"
	row.Arguments = json.RawMessage("{ \"a\": \"<\u2028>\",\n\"b\": 1.0 }\n")
	row, err := Seal(Genesis, row)
	require.NoError(t, err)
	require.Equal(t, "{\"a\":\"<\u2028>\",\"b\":1.0}", string(row.Arguments))
	report, err := Check{}.Verify(read(exported(t, Merge(stream([]Row{row}), nil))))
	require.NoError(t, err)
	require.Equal(t, row.Hash, report.Head)
}

// What can be read back without loss cannot stand for two different rows.
func FuzzCanonical(f *testing.F) {
	f.Add(int64(1), int64(0), 0, "", "", "")
	f.Add(int64(-1), int64(1772366401123), 204, "3:a,b,", "1:x", "\x00\xff")
	f.Fuzz(func(t *testing.T, seq, ms int64, status int, a, b, c string) {
		row := Row{Seq: seq, At: time.UnixMilli(ms).UTC(), APIStatus: status, Arguments: json.RawMessage(a), Actor: b, Reason: a, Outcome: Outcome(b), Previous: c}
		require.Equal(t, row, readCanonical(t, appendCanonical(nil, &row)))
	})
}

func readCanonical(t *testing.T, text []byte) (row Row) {
	r := bytes.NewReader(text)
	var ms int64
	for _, number := range []any{&row.Seq, &ms, &row.APIStatus} {
		_, err := fmt.Fscan(strings.NewReader(netstring(t, r)), number)
		require.NoError(t, err)
	}
	row.At = time.UnixMilli(ms).UTC()
	row.Arguments = json.RawMessage(netstring(t, r))
	for i, field := range textFields(&row) {
		*field = netstring(t, r)
		if i == 0 {
			require.Empty(t, netstring(t, r), "the place of a field that is no more")
		}
	}
	require.Zero(t, r.Len())
	return row
}

func netstring(t *testing.T, r *bytes.Reader) string {
	var n int
	_, err := fmt.Fscanf(r, "%d:", &n)
	require.NoError(t, err)
	text := make([]byte, n+1)
	_, err = io.ReadFull(r, text)
	require.NoError(t, err)
	require.Equal(t, byte(','), text[n])
	return string(text[:n])
}

package runner

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/vpsbot/vpsbot/apiclient"
	"github.com/vpsbot/vpsbot/internal/audit"
	"github.com/vpsbot/vpsbot/internal/text"
	"github.com/vpsbot/vpsbot/tools"
)

func (q request) read(ctx context.Context) Reply {
	if err := q.authorize(ctx, false); err != nil {
		return q.refuse(ctx, err)
	}
	q, server, err := q.resolve(ctx, true)
	if err == nil {
		err = q.authorizeRead(ctx, server)
	}
	if err != nil {
		return q.refuse(ctx, err)
	}
	if q.AuditReads {
		if err := q.note(ctx, q.row(audit.Allowed)); err != nil {
			return fail(q.op, err)
		}
	}
	t := tools.Target{ID: server, Server: apiclient.Server{ID: server}}
	value, err := q.readValue(ctx, t)
	if err != nil && !q.op.IsList() {
		err = tools.NoSuchServer(err, server)
	}
	if err != nil {
		return q.refuse(ctx, err)
	}
	reply := Reply{Op: q.op, Value: value}
	if q.op.PostCheck != nil {
		if reply.Message, err = q.op.PostCheck(value, q.Now()); err != nil {
			return q.refuse(ctx, &tools.Refusal{Text: err.Error()})
		}
	}
	if q.op.IsList() {
		reply.Value = q.op.View.Page(value, q.limit(), q.in.Offset)
		reply.none = q.whyNone(ctx, t, value)
	}
	reply.model = reply.withoutNotice()
	return reply
}

func (q request) limit() int { return cmp.Or(q.call.Limit, q.in.Limit) }

// readValue reads what was asked for, without what belongs to servers that the actor may not read. Without a policy
// nothing is left out of a list, and its first page is read alone where that is all that is shown and the order is the API's.
func (q request) readValue(ctx context.Context, t tools.Target) (any, error) {
	reading := ctx
	if q.op.IsList() && !q.op.View.Dated && q.Policy().Book == nil {
		reading = apiclient.FirstPage(ctx, q.in.Offset+min(q.limit(), math.MaxInt-q.in.Offset))
	}
	value, err := q.op.Call(reading, q.Client, t, q.in.Value)
	policy := q.Policy()
	if err == nil && policy.Book != nil && apiclient.ListCount(reading) > 0 { // a policy that came meanwhile
		value, err = q.op.Call(ctx, q.Client, t, q.in.Value)
	}
	if err != nil {
		return nil, err
	}
	return q.readable(policy, value), nil
}

// refuse ends a call before anything was changed; a refusal is a row of the log as well.
func (q request) refuse(ctx context.Context, err error) Reply {
	if errors.As(err, new(*tools.Refusal)) {
		q.noteRefusal(ctx, err)
	}
	return fail(q.op, err)
}

// whyNone says of an empty list why its filters match nothing, and which words would match something:
// "no server has status running; there are: active 2". It is empty where there is nothing at all.
func (q request) whyNone(ctx context.Context, t tools.Target, value any) string {
	filters := q.in.TextFields(q.op)
	if len(filters) == 0 || len(q.tableOf(value).Rows) > 0 {
		return ""
	}
	in := q.in
	in.Fields = maps.Clone(q.in.Fields)
	for _, name := range filters {
		delete(in.Fields, name)
	}
	unfiltered, err := q.op.Decode(in.Canonical())
	if err != nil {
		return ""
	}
	all, err := q.op.Call(ctx, q.Client, t, unfiltered)
	if err != nil {
		return "" // that none matches was read, and stands
	}
	there := q.tableOf(q.readable(q.Policy(), all))
	if len(there.Rows) == 0 {
		return ""
	}
	return q.noneOf(filters, there)
}

func (q request) tableOf(value any) Table {
	return tableOf(jsontext.Value(mustEncode(q.op.View.Rows(value))), q.op.Noun())
}

func (q request) noneOf(filters []string, there Table) string {
	noun := strings.TrimSuffix(q.op.Noun(), "s")
	asked, words := make([]string, len(filters)), []string{}
	for i, name := range filters {
		asked[i] = name + " " + word(q.in.Text(name))
		if existing := wordsOf(there, name); len(existing) > 0 {
			words = append(words, strings.Join(existing, ", "))
		}
	}
	says := "no " + noun + " has " + strings.Join(asked, " and ")
	if len(words) == 0 {
		return says + "; there are " + text.Plural(len(there.Rows), noun) + " without that"
	}
	return says + "; there are: " + strings.Join(words, "; ")
}

const mostWords = 12

// wordsOf lists the words of a table's column with how often each is there, the commonest first. A column
// of several words has an s at its end.
func wordsOf(t Table, name string) []string {
	column := slices.Index(t.Header, name)
	several := column < 0
	if several {
		column = slices.Index(t.Header, name+"s")
	}
	if column < 0 {
		return nil
	}
	counts := map[string]int{}
	for _, row := range t.Rows {
		cells := []string{row[column]}
		if several {
			cells = strings.Fields(row[column])
		}
		for _, cell := range cells {
			counts[cell]++
		}
	}
	delete(counts, "")
	there := slices.SortedFunc(maps.Keys(counts), func(a, b string) int {
		return cmp.Or(counts[b]-counts[a], strings.Compare(a, b))
	})
	for i, text := range there {
		there[i] = fmt.Sprintf("%s %d", word(text), counts[text])
	}
	if len(there) > mostWords {
		there = append(there[:mostWords], fmt.Sprintf("and %d more", len(there)-mostWords))
	}
	return there
}

// word puts a text into a sentence: as it is if it is one plain word, else as a name.
func word(s string) string {
	if tools.Rules["domain"].Check(s) == nil || tools.Rules["code"].Check(s) == nil {
		return s
	}
	return text.Quote(s)
}

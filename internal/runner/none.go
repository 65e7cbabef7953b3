package runner

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/vpsbot/vpsbot/internal/text"
	"github.com/vpsbot/vpsbot/tools"
)

// whyNone says of an empty list why its filters match nothing, and which words would match something:
// "no server has status running; there are: active 2". It is empty where there is nothing at all.
func (r *Runner) whyNone(ctx context.Context, op *tools.Op, in tools.Input, t tools.Target, call Call, value any) string {
	filters := in.TextFields(op)
	if len(filters) == 0 || count(op, value) > 0 {
		return ""
	}
	all := in
	all.Fields = maps.Clone(in.Fields)
	for _, name := range filters {
		delete(all.Fields, name)
	}
	unfiltered, err := op.Decode(all.Canonical())
	if err != nil {
		return ""
	}
	there, err := op.Call(ctx, r.Client, t, unfiltered)
	if err != nil {
		return "" // that none matches was read, and stands
	}
	there = r.readable(op, there, call)
	if count(op, there) == 0 {
		return ""
	}
	return noneOf(op, in, filters, mustRows(op, there))
}

func mustRows(op *tools.Op, value any) jsontext.Value {
	return jsontext.Value(mustEncode(op.View.Rows(value)))
}

// count returns how many items a whole list has.
func count(op *tools.Op, value any) int { return len(tableOf(mustRows(op, value), "").Rows) }

func noneOf(op *tools.Op, in tools.Input, filters []string, rows jsontext.Value) string {
	table := tableOf(rows, op.Noun())
	asked, words := make([]string, len(filters)), []string{}
	for i, name := range filters {
		asked[i] = name + " " + word(in.Text(name))
		if there := wordsOf(table, name); len(there) > 0 {
			words = append(words, strings.Join(there, ", "))
		}
	}
	says := "no " + strings.TrimSuffix(op.Noun(), "s") + " has " + strings.Join(asked, " and ")
	if len(words) == 0 {
		return says + "; there are " + text.Plural(len(table.Rows), strings.TrimSuffix(op.Noun(), "s")) + " without that"
	}
	return says + "; there are: " + strings.Join(words, "; ")
}

// mostWords is how many words a sentence lists.
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
		if counts[a] != counts[b] {
			return counts[b] - counts[a]
		}
		return strings.Compare(a, b)
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

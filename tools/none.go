package tools

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/vpsbot/vpsbot/internal/text"
)

// whyNone says of an empty list why its filters match nothing, and which words would match something:
// "no server has status running; there are: active 2". It is empty where there is nothing at all.
func (r *Runner) whyNone(ctx context.Context, op *Op, in input, t Target, call Call, value any) string {
	filters := in.TextFields(op)
	if len(filters) == 0 || count(op, value) > 0 {
		return ""
	}
	all := in
	all.fields = maps.Clone(in.fields)
	for _, name := range filters {
		delete(all.fields, name)
	}
	unfiltered, err := op.decode(all.canonical())
	if err != nil {
		return ""
	}
	there, err := op.call(ctx, r.Client, t, unfiltered)
	if err != nil {
		return "" // that none matches was read, and stands
	}
	there = r.readable(op, there, call)
	if count(op, there) == 0 {
		return ""
	}
	return noneOf(op, in, filters, mustRows(op, there))
}

func mustRows(op *Op, value any) jsontext.Value {
	return jsontext.Value(mustEncode(op.view.rows(value)))
}

// count returns how many items a whole list has.
func count(op *Op, value any) int { return len(tableOf(mustRows(op, value), "").Rows) }

func noneOf(op *Op, in input, filters []string, rows jsontext.Value) string {
	table := tableOf(rows, op.noun())
	asked, words := make([]string, len(filters)), []string{}
	for i, name := range filters {
		asked[i] = name + " " + word(in.Text(name))
		if there := wordsOf(table, name); len(there) > 0 {
			words = append(words, strings.Join(there, ", "))
		}
	}
	says := "no " + strings.TrimSuffix(op.noun(), "s") + " has " + strings.Join(asked, " and ")
	if len(words) == 0 {
		return says + "; there are " + text.Plural(len(table.Rows), strings.TrimSuffix(op.noun(), "s")) + " without that"
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
	if rules["domain"].check(s) == nil || rules["code"].check(s) == nil {
		return s
	}
	return text.Quote(s)
}

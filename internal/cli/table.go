package cli

import (
	"cmp"
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/mattn/go-runewidth"

	"github.com/vpsbot/vpsbot/internal/app"
	"github.com/vpsbot/vpsbot/internal/runner"
	"github.com/vpsbot/vpsbot/internal/text"
)

// arrange returns a table with the columns and in the order that the flags ask for, with the names in the same order.
func (o output) arrange(r result) (t runner.Table, names []string, err error) {
	t, names = *r.table, r.names
	if len(o.columns) == 0 && o.sort == "" || len(t.Rows) == 0 {
		return t, names, nil
	}
	rows, known, err := cellsOf(r)
	if err != nil {
		return t, nil, err
	}
	if len(o.columns) > 0 {
		t.Header = o.columns
	}
	if t.Header, err = columnsOf(t.Header, known); err != nil {
		return t, nil, err
	}
	order := make([]int, len(rows))
	for i := range order {
		order[i] = i
	}
	if column, down := strings.CutPrefix(o.sort, "-"); column != "" {
		by, err := columnsOf([]string{column}, known)
		if err != nil {
			return t, nil, err
		}
		slices.SortStableFunc(order, func(i, j int) int { return compareCells(rows[i][by[0]], rows[j][by[0]], down) })
	}
	if o.first > 0 && o.first < len(order) {
		order, t.Note = order[:o.first], fmt.Sprintf("The first %d of %s", o.first, t.Note)
	}
	t.Rows, names = nil, nil
	for _, i := range order {
		t.Rows = append(t.Rows, text.Map(t.Header, func(name string) string { return rows[i][name] }))
		if i < len(r.names) {
			names = append(names, r.names[i])
		}
	}
	return t, names, nil
}

func columnsOf(names, known []string) (columns []string, err error) {
	for _, name := range names {
		name = strings.TrimSpace(name)
		at := slices.IndexFunc(known, func(k string) bool { return k == name || heading(k) == name })
		if at < 0 {
			near := text.Nearest(name, known, len(name)/2)
			others := slices.DeleteFunc(slices.Clone(known), func(k string) bool { return slices.Contains(near, k) })
			return nil, app.Errorf(runner.Invalid, "there is no column %q; there are: %s", name, strings.Join(append(near, others...), ", "))
		}
		columns = append(columns, known[at])
	}
	return columns, nil
}

// heading is the name of a column as it stands above it: sizes have their unit in the cells.
func heading(column string) string { return strings.TrimSuffix(column, "_mb") }

// cellsOf returns the fields of each row by name, those of the table and all of the JSON, and their names.
func cellsOf(r result) (rows []map[string]string, known []string, err error) {
	of := r.value
	if r.rows != nil {
		of = r.rows
	}
	raw, err := encodeJSON(of)
	if err != nil {
		return nil, nil, err
	}
	objects := rowsOf(raw)
	known = slices.Clone(r.table.Header)
	for i, shown := range r.table.Rows {
		cells := map[string]string{}
		if len(objects) == len(r.table.Rows) {
			addCells(cells, &known, "", objects[i])
		}
		for j, name := range r.table.Header {
			cells[name] = shown[j]
		}
		rows = append(rows, cells)
	}
	row := r.row
	if list := reflect.TypeOf(r.value); row == nil && list.Kind() == reflect.Slice {
		row = list.Elem()
	}
	for _, name := range fieldNames(row) { // which none of these has
		if !slices.Contains(known, name) {
			known = append(known, name)
		}
	}
	return rows, known, nil
}

// compareCells compares numbers as numbers, times as times, and other texts by their letters and the numbers in
// them. What is empty or unknown comes last, also downwards.
func compareCells(a, b string, down bool) int {
	rank := func(s string) (rank int, number float64) {
		if s == "" || s == "unknown" {
			return 3, 0
		}
		if number, err := strconv.ParseFloat(s, 64); err == nil && strings.ContainsAny(s[:1], "-0123456789") {
			return 0, number
		}
		if at, _, ok := timeOf(s); ok {
			return 1, float64(at.UnixMilli())
		}
		return 2, 0
	}
	i, x := rank(a)
	j, y := rank(b)
	if i == 3 || j == 3 {
		return i - j
	}
	order := cmp.Or(i-j, cmp.Compare(x, y))
	if order == 0 {
		order = cmp.Or(strings.Compare(padded(a), padded(b)), strings.Compare(a, b))
	}
	if down {
		return -order
	}
	return order
}

var wholeNumbers = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`[0-9]+`) })

// padded is a text with zeros before the numbers in it, so that web-9 comes before web-10.
func padded(s string) string {
	return wholeNumbers().ReplaceAllStringFunc(strings.ToLower(s), func(n string) string {
		return strings.Repeat("0", max(0, 20-len(n))) + n
	})
}

// timeOf reads a time of JSON; isDay is whether it is a date alone.
func timeOf(s string) (at time.Time, isDay, ok bool) {
	if len(s) < len(time.DateOnly) || s[0] < '0' || s[0] > '9' {
		return at, false, false
	}
	if at, err := time.Parse(time.RFC3339, s); err == nil {
		return at, false, true
	}
	at, err := time.Parse(time.DateOnly, s)
	return at, true, err == nil
}

// readable returns the table with its times in the local zone and its amounts with their units.
func readable(t runner.Table) runner.Table {
	shown := runner.Table{Header: t.Header, Note: t.Note, Part: t.Part}
	for _, row := range t.Rows {
		cells := make([]string, len(row))
		for i, cell := range row {
			name := t.Header[i][strings.LastIndexByte(t.Header[i], '.')+1:]
			if at, isDay, ok := timeOf(cell); ok && !isDay {
				cell = at.Local().Format("2006-01-02 15:04")
			} else {
				cell = withUnit(name, cell)
			}
			cells[i] = cell
		}
		shown.Rows = append(shown.Rows, cells)
	}
	return shown
}

const (
	between      = 2  // spaces between two columns
	readableCell = 16 // an address or a time is not cut before columns are left out
	readableName = 24
)

// keyColumns say which object a row is about, as the first column does.
var keyColumns = []string{"id", "uuid", "name", "operation", "domain", "domain_name"}

// layout is how a table is drawn: which of its columns, and how wide.
type layout struct {
	runner.Table
	headers bool
	columns []int // those that are drawn
	widths  []int // of all columns
}

func layoutOf(t runner.Table, headers bool) *layout {
	l := &layout{headers: headers, Table: t, columns: make([]int, len(t.Header)), widths: make([]int, len(t.Header))}
	for i, name := range t.Header {
		l.columns[i] = i
		if headers {
			l.widths[i] = runewidth.StringWidth(heading(name))
		}
		for _, row := range t.Rows {
			l.widths[i] = max(l.widths[i], runewidth.StringWidth(row[i]))
		}
	}
	return l
}

func (l *layout) isKey(column int) bool {
	return column == 0 || slices.Contains(keyColumns, l.Header[column])
}

// fit makes a table as wide as there is room: it cuts the widest cells first, then, where the person did not choose
// the columns, leaves out those at the right, and at last cuts to what cannot be read.
func (l *layout) fit(room int, chosen bool) {
	least := make([]int, len(l.widths))
	for i, width := range l.widths {
		switch {
		case !l.isKey(i):
			least[i] = min(width, readableCell)
		case strings.HasSuffix(l.Header[i], "id"):
			least[i] = width
		default:
			least[i] = min(width, readableName)
		}
	}
	for at := len(l.columns) - 1; at >= 0 && !chosen && l.total(least) > room; at-- {
		if !l.isKey(l.columns[at]) {
			l.columns = slices.Delete(l.columns, at, at+1)
		}
	}
	for _, step := range []struct {
		most int
		keys bool
	}{{8, false}, {4, false}, {8, true}, {1, true}} {
		for _, i := range slices.Backward(l.columns) {
			if l.total(least) > room && (step.keys || !l.isKey(i)) {
				least[i] = min(least[i], step.most)
			}
		}
	}
	for len(l.columns) > 1 && l.total(least) > room {
		l.columns = l.columns[:len(l.columns)-1]
	}
	l.shrink(least, room)
}

// shrink cuts the widest columns until the table fits, none below its least width.
func (l *layout) shrink(least []int, room int) {
	for l.total(l.widths) > room {
		widest := -1
		for _, i := range l.columns {
			if l.widths[i] > least[i] && (widest < 0 || l.widths[i] >= l.widths[widest]) {
				widest = i
			}
		}
		if widest < 0 {
			return
		}
		l.widths[widest]--
	}
}

func (l *layout) total(widths []int) int {
	sum := between * (len(l.columns) - 1)
	for _, i := range l.columns {
		sum += widths[i]
	}
	return sum
}

func (l *layout) left() (names []string) {
	for i, name := range l.Header {
		if !slices.Contains(l.columns, i) {
			names = append(names, heading(name))
		}
	}
	return names
}

func (l *layout) draw(style style) string {
	var b strings.Builder
	line := func(row int, cells []string) {
		pad := 0
		for _, i := range l.columns {
			cell := runewidth.Truncate(cells[i], l.widths[i], "…")
			if cell != "" {
				b.WriteString(strings.Repeat(" ", pad) + style.cell(row, l.Header[i], cell))
				pad = 0
			}
			pad += l.widths[i] - runewidth.StringWidth(cell) + between
		}
		b.WriteByte('\n')
	}
	if len(l.Rows) > 0 && l.headers {
		line(-1, text.Map(l.Header, heading))
	}
	for i, cells := range l.Rows {
		line(i, cells)
	}
	return b.String()
}

// fitted lays a table out for the width of the terminal, if it has one.
func (c *cli) fitted(t runner.Table, headers, chosen bool) *layout {
	l := layoutOf(t, headers)
	if room, _ := c.io.screen(c.Variables); room > 0 {
		l.fit(room, chosen)
	}
	return l
}

// tableText is a table as the flags ask for it, cut to the width of the terminal, and its note.
func (c *cli) tableText(t runner.Table) string {
	l := c.fitted(readable(t), !c.output.noHeaders, len(c.output.columns) > 0)
	left := l.left()
	if len(left) > 0 && len(t.Rows) > 0 {
		l.Note = strings.TrimPrefix(l.Note+"\n", "\n") + fmt.Sprintf("Not shown here: %s. -o yaml shows all, --columns those you choose.", strings.Join(left, ", "))
	}
	drawn := l.draw(c.style())
	if c.output.noHeaders && len(t.Rows) > 0 { // the rows alone
		if t.Part || len(left) > 0 {
			c.io.say("%s", l.Note)
		}
		return strings.TrimSuffix(drawn, "\n")
	}
	return strings.TrimSuffix(drawn+l.Note, "\n")
}

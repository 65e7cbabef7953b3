package runner

import (
	"slices"
	"strings"

	"github.com/mattn/go-runewidth"
)

// Table is a list as a reader sees it.
type Table struct {
	Header []string
	Rows   [][]string
	Note   string // below the table: how many there are in all
	Part   bool   // there are more rows than these
}

// without returns the table without some of its columns.
func (t Table) without(columns []string) Table {
	keep := func(cells []string) []string {
		var kept []string
		for i, cell := range cells {
			if !slices.Contains(columns, t.Header[i]) {
				kept = append(kept, cell)
			}
		}
		return kept
	}
	narrow := Table{Header: keep(t.Header), Note: t.Note, Part: t.Part}
	for _, row := range t.Rows {
		narrow.Rows = append(narrow.Rows, keep(row))
	}
	return narrow
}

// widest is how many columns a cell may take; the rest is cut off.
const widest = 48

// String returns the table with two spaces between its columns.
func (t Table) String() string { return t.Styled(func(_ int, _, cell string) string { return cell }) }

// Styled returns the table with each cell passed through style, which may add what takes no
// room on a screen. Row -1 is the header.
func (t Table) Styled(style func(row int, column, cell string) string) string {
	widths := t.widths()
	var b strings.Builder
	line := func(row int, cells []string) {
		for i, cell := range cells {
			cell = runewidth.Truncate(cell, widest, "…")
			b.WriteString(style(row, t.Header[i], cell))
			if i < len(cells)-1 {
				b.WriteString(strings.Repeat(" ", widths[i]-runewidth.StringWidth(cell)+2))
			}
		}
		b.WriteByte('\n')
	}
	if len(t.Rows) > 0 {
		line(-1, t.Header)
	}
	for i, cells := range t.Rows {
		line(i, cells)
	}
	b.WriteString(t.Note)
	return b.String()
}

func (t Table) widths() []int {
	widths := make([]int, len(t.Header))
	for i, name := range t.Header {
		widths[i] = runewidth.StringWidth(name)
	}
	for _, row := range t.Rows {
		for i, cell := range row {
			widths[i] = max(widths[i], min(widest, runewidth.StringWidth(cell)))
		}
	}
	return widths
}

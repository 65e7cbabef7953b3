package blocks

import (
	"bytes"
	"encoding/csv"
	"strings"

	"github.com/vpsbot/vpsbot/tools"
)

// CSV is a whole table as a file, RFC 4180, with its header. No cell is a formula to the
// program that opens it.
func CSV(t tools.Table) []byte {
	var b bytes.Buffer
	w := csv.NewWriter(&b)
	w.UseCRLF = true
	for _, cells := range append([][]string{t.Header}, t.Rows...) {
		tame := make([]string, len(cells))
		for i, cell := range cells {
			tame[i] = tameCell(cell)
		}
		if err := w.Write(tame); err != nil {
			panic(err) // a buffer takes everything
		}
	}
	w.Flush()
	return b.Bytes()
}

// tameCell puts an apostrophe before what spreadsheets would run: they also look past a tab or
// a line break, and take the wide signs of East Asian keyboards.
func tameCell(cell string) string {
	shown := visible(cell)
	if strings.HasPrefix(cell, "\t") || strings.HasPrefix(cell, "\r") || strings.HasPrefix(cell, "\n") {
		return "'" + shown
	}
	for _, sign := range []string{"=", "+", "-", "@", "＝", "＋", "－", "＠"} {
		if strings.HasPrefix(shown, sign) {
			return "'" + shown
		}
	}
	return shown
}

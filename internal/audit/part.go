package audit

import "iter"

// Entry is a row, or a signed checkpoint after its row.
type Entry struct {
	Row       Row
	Note      string // if set, the checkpoint, and there is no Row
	Of        int64  // the row that the checkpoint was kept for; 0: not said
	Selection string // if set, which rows alone follow: the first entry of a part whose rows do not follow each other
}

// Part is a stretch of the log in order. After an error nothing more comes.
type Part = iter.Seq2[Entry, error]

// Merge puts each checkpoint after its row. Those of rows long before the first one are
// left out; those of rows that do not exist come last, where [VerifyParts] finds them.
func Merge(rows iter.Seq2[Row, error], notes []Note) Part {
	return func(yield func(Entry, error) bool) {
		notes := notes
		for row, err := range rows {
			if !yield(Entry{Row: row}, err) || err != nil {
				return
			}
			for len(notes) > 0 && notes[0].Seq <= row.Seq {
				// The one before the first row says what the row follows.
				if notes[0].Seq >= row.Seq-1 && !yield(Entry{Note: notes[0].Text, Of: notes[0].Seq}, nil) {
					return
				}
				notes = notes[1:]
			}
		}
		for _, note := range notes {
			if !yield(Entry{Note: note.Text, Of: note.Seq}, nil) {
				return
			}
		}
	}
}

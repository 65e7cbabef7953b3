package store

import (
	"fmt"
	"os"
)

// inPlace makes sure that the file which is written is the one that others will find. A
// database that was removed or replaced while it is open can be written to, and what is
// written is lost with the process: a change would leave no trace.
func (s *Store) inPlace() error {
	if s.opened == nil {
		return nil
	}
	now, err := os.Stat(s.path)
	if err == nil && os.SameFile(s.opened, now) {
		return nil
	}
	return fmt.Errorf("store: the database file %s was removed or replaced while it was in use; put it back, or start the program again", s.path)
}

// Command manpages writes the pages of the manual, from the texts of help, into a folder:
//
//	go run ./internal/manpages share/man
//
// They have the date of SOURCE_DATE_EPOCH, or none: two runs write the same.
package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/vpsbot/vpsbot/internal/cli"
)

func main() {
	if err := write(os.Args[1:], os.Getenv("SOURCE_DATE_EPOCH")); err != nil {
		fmt.Fprintln(os.Stderr, "manpages:", err)
		os.Exit(1)
	}
}

// write writes each page into the folder of its section: man1 or man7.
func write(args []string, epoch string) error {
	if len(args) != 1 {
		return errors.New("name one folder")
	}
	date := ""
	if epoch != "" {
		seconds, err := strconv.ParseInt(epoch, 10, 64)
		if err != nil {
			return fmt.Errorf("SOURCE_DATE_EPOCH: %w", err)
		}
		date = time.Unix(seconds, 0).UTC().Format(time.DateOnly)
	}
	for name, page := range cli.ManPages(nil, date) {
		path := filepath.Join(args[0], "man"+filepath.Ext(name)[1:], name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil { //nolint:gosec // everybody reads manuals
			return err
		}
		if err := os.WriteFile(path, []byte(page), 0o644); err != nil { //nolint:gosec // everybody reads manuals
			return err
		}
	}
	return nil
}

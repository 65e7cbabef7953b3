package pgtest

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

const folderPrefix = "vpsbot-pgtest-"

// newFolder makes a folder that the server's user owns, and sweeps those of test processes
// that were killed. It is short: the path of a socket has about 100 bytes.
func newFolder() (string, error) {
	sweep()
	folder, err := os.MkdirTemp(base(), fmt.Sprint(folderPrefix, os.Getpid(), "-"))
	if err != nil {
		return "", err
	}
	return folder, handOver(folder)
}

func sweep() {
	folders, _ := filepath.Glob(filepath.Join(base(), folderPrefix+"*"))
	for _, folder := range folders {
		var pid int
		_, err := fmt.Sscanf(strings.TrimPrefix(filepath.Base(folder), folderPrefix), "%d-", &pid)
		if err == nil && !runs(pid) {
			_ = os.RemoveAll(folder) // another process may be sweeping too
		}
	}
}

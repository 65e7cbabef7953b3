package store

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
)

// CheckPlace refuses a place for a SQLite database where others could put a file of theirs in the
// way: one of its files is a link or somebody else's, or they can write in a folder on the way to it
// (unless its sticky bit keeps them off the files of others). Links above it are followed. It makes
// nothing; what is not there yet is fine.
func CheckPlace(path string) error {
	for _, suffix := range slices.Concat(suffixes, []string{"-lock", "-locks", "-locks/" + queueFile, "-locks/" + turnFile}) {
		info, err := os.Lstat(path + suffix)
		switch {
		case errors.Is(err, fs.ErrNotExist):
		case err != nil:
			return err
		case info.Mode()&fs.ModeSymlink != 0:
			return fmt.Errorf("%s is a link, and whoever made it decides what is read and written: name the file itself", path+suffix)
		case isForeign(info):
			return fmt.Errorf("%s belongs to another user, who could write to it: take a folder of your own", path+suffix)
		}
	}
	return checkFolders(filepath.Dir(path))
}

// checkFolders checks a folder and its parents. Those that do not exist yet will be made for
// their owner alone.
func checkFolders(folder string) error {
	for ; ; folder = filepath.Dir(folder) {
		real, err := filepath.EvalSymlinks(folder)
		if err == nil {
			folder = real
			break
		}
		if !errors.Is(err, fs.ErrNotExist) || folder == filepath.Dir(folder) {
			return err
		}
	}
	for ; ; folder = filepath.Dir(folder) {
		info, err := os.Stat(folder)
		if err != nil {
			return err
		}
		if OthersWrite(info) {
			return fmt.Errorf("others can write in the folder %s (mode %04o), and so replace the database: run chmod o-w on it, or take another folder",
				folder, info.Mode().Perm())
		}
		if folder == filepath.Dir(folder) {
			return nil
		}
	}
}

// OthersWrite reports whether everybody on the machine can write a file, or in a folder can replace
// what is in it.
func OthersWrite(info os.FileInfo) bool {
	return hasModes && info.Mode().Perm()&0o002 != 0 && info.Mode()&fs.ModeSticky == 0
}

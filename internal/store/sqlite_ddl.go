package store

import (
	"bytes"
	"io"
	"io/fs"
	"regexp"
)

// sqliteSQL is a folder of migrations as SQLite gets them: tables are STRICT, and a file of
// the same name in the folder "sqlite" is appended.
type sqliteSQL struct{ fs.FS }

// createTable matches a table's definition, which ends in a parenthesis at the start of a line.
var createTable = regexp.MustCompile(`(?m)^(CREATE TABLE [^;]*?^\));`)

// Open implements [fs.FS].
func (f sqliteSQL) Open(name string) (fs.File, error) {
	file, err := f.FS.Open(name)
	if err != nil {
		return nil, err
	}
	if info, err := file.Stat(); err != nil || info.IsDir() {
		return file, err
	}
	text, err := io.ReadAll(file)
	if err != nil {
		return nil, err
	}
	text = createTable.ReplaceAll(text, []byte("$1 STRICT;"))
	if more, err := fs.ReadFile(f.FS, "sqlite/"+name); err == nil {
		text = append(text, more...)
	}
	return rewritten{File: file, Reader: bytes.NewReader(text)}, nil
}

// rewritten is a file with other contents.
type rewritten struct {
	fs.File
	*bytes.Reader
}

// Read implements [fs.File].
func (f rewritten) Read(p []byte) (int, error) { return f.Reader.Read(p) }

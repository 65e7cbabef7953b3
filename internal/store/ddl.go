package store

import (
	"bytes"
	"io"
	"io/fs"
	"regexp"
)

// dialectSQL is a folder of migrations as one engine gets them: rewritten, and with a file of
// the same name in the engine's own folder appended.
type dialectSQL struct {
	fs.FS
	folder  string
	rewrite func([]byte) []byte
}

// createTable matches a table's definition, which ends in a parenthesis at the start of a line.
var createTable = regexp.MustCompile(`(?m)^(CREATE TABLE [^;]*?^\));`)

// strict has SQLite hold every table to its types.
func strict(text []byte) []byte { return createTable.ReplaceAll(text, []byte("$1 STRICT;")) }

var integer = regexp.MustCompile(`\bINTEGER\b`)

// wide gives PostgreSQL's numbers the 64 bits that SQLite's have.
func wide(text []byte) []byte { return integer.ReplaceAll(text, []byte("BIGINT")) }

// Open implements [fs.FS].
func (d dialectSQL) Open(name string) (fs.File, error) {
	file, err := d.FS.Open(name)
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
	text = d.rewrite(text)
	if more, err := fs.ReadFile(d.FS, d.folder+"/"+name); err == nil {
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

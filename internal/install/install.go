package install

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"unicode/utf8"
)

// format is how a file is written.
type format interface {
	decode(raw []byte) (map[string]any, error)
	set(raw []byte, table, name string, entry any) ([]byte, error)
	remove(raw []byte, table, name string) ([]byte, error)
	show(table, name string, entry any) string // the entry alone, as it stands in a file
}

// Action is what becomes of an entry.
type Action string

// What becomes of an entry.
const (
	Installed Action = "installed"
	Updated   Action = "updated"
	Removed   Action = "removed"
	Unchanged Action = "unchanged" // it is as it shall be
)

// Change is what becomes of a file. Nothing is written before [Change.Apply].
type Change struct {
	Action Action
	File   File
	Line   int    // where it begins in the file, from 1
	Before string // the entry that was there, without the values of its variables, which may be secrets
	Entry  string // the entry that is written

	after    []byte // nil: the file is removed
	keepCopy bool   // the copy beside the file stays: it differs from the file by our entry alone
	dropCopy bool   // the copy has come back, and goes
}

const nameCharacters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-"

// firstLine is the first line in which two texts differ.
func firstLine(a, b []byte) int {
	same := 0
	for same < min(len(a), len(b)) && a[same] == b[same] {
		same++
	}
	return bytes.Count(a[:same], []byte("\n")) + 1
}

// CheckName refuses a name that not every client takes.
func CheckName(name string) error {
	if name == "" || len(name) > 64 || strings.Trim(name, nameCharacters) != "" {
		return errors.New("must be of letters, digits, - and _, at most 64: vpsbot-work")
	}
	return nil
}

// Install plans to write an entry into a file. One that is there is replaced if it starts vpsbot, and else refused.
func (c Client) Install(file File, name string, server Server) (Change, error) {
	entry := c.entry(server)
	change := Change{Action: Installed, File: file, Entry: c.format.show(c.Table, name, entry)}
	present, isThere, err := c.find(file, file.Raw, name)
	switch wanted := c.values(name, entry); {
	case err != nil:
		return change, err
	case isThere && starts(present, wanted):
		change.Action = Unchanged
		return change, nil
	case isThere:
		if err := c.checkOurs(file, name, present); err != nil {
			return change, err
		}
		change.Action, change.Before = Updated, c.format.show(c.Table, name, c.masked(present))
	}
	if change.after, err = c.set(file.Raw, name, entry); err != nil {
		return change, fmt.Errorf("%s is left as it is: %w", file.Path, err)
	}
	change.Line = firstLine(file.Raw, change.after)
	if copied, ok := file.copied(); ok && isThere {
		anew, err := c.set(copied, name, entry)
		change.keepCopy = err == nil && bytes.Equal(anew, change.after)
	}
	return change, nil
}

// Uninstall plans to take an entry out of a file. Where the file is as [Client.Install] has made it, it becomes what
// it was before, byte for byte.
func (c Client) Uninstall(file File, name string) (Change, error) {
	change := Change{Action: Removed, File: file}
	present, isThere, err := c.find(file, file.Raw, name)
	if err != nil || !isThere {
		change.Action = Unchanged
		return change, err
	}
	if err := c.checkOurs(file, name, present); err != nil {
		return change, err
	}
	change.Before = c.format.show(c.Table, name, c.masked(present))
	entry := c.entry(read(present))
	copied, hasCopy := file.copied()
	if _, had, err := c.find(file, copied, name); err == nil && !had { // without a copy: was the file made for it?
		if anew, err := c.set(copied, name, entry); err == nil && bytes.Equal(anew, file.Raw) {
			if hasCopy {
				change.after, change.dropCopy = append([]byte{}, copied...), true
			}
			change.Line = firstLine(file.Raw, change.after)
			return change, nil
		}
	}
	if change.after, err = c.remove(file.Raw, name); err != nil {
		return change, fmt.Errorf("%s is left as it is: %w", file.Path, err)
	}
	change.Line = firstLine(file.Raw, change.after)
	return change, nil
}

// Holds reports whether a file has the entry that starts a server.
func (c Client) Holds(file File, name string, server Server) bool {
	present, isThere, err := c.find(file, file.Raw, name)
	return err == nil && isThere && starts(present, c.values(name, c.entry(server)))
}

// starts reports whether an entry starts a server as another one does. What a person or the client has added to it, such as a
// time limit, makes no difference.
func starts(present, wanted any) bool {
	is, _ := present.(map[string]any)
	want, _ := wanted.(map[string]any)
	for key, value := range want {
		if !reflect.DeepEqual(is[key], value) {
			return false
		}
	}
	return reflect.DeepEqual(read(is), read(want))
}

var bom = []byte("\xef\xbb\xbf")

func (c Client) decode(raw []byte) (map[string]any, error) {
	if !utf8.Valid(raw) {
		return nil, errors.New("it is no UTF-8: save it as UTF-8")
	}
	return c.format.decode(bytes.TrimPrefix(raw, bom))
}

// find returns the entry of a name as values.
func (c Client) find(file File, raw []byte, name string) (entry any, isThere bool, err error) {
	tree, err := c.decode(raw)
	if err == nil && tree[c.Table] != nil {
		servers, ok := tree[c.Table].(map[string]any)
		if entry, isThere = servers[name]; !ok {
			err = fmt.Errorf("%q is no table of servers", c.Table)
		}
	}
	if err != nil {
		return nil, false, fmt.Errorf("%s cannot be read, and is left as it is: %w", file.Path, err)
	}
	return entry, isThere, nil
}

// set returns the text with the entry. What else the file says must be the same afterwards.
func (c Client) set(raw []byte, name string, entry any) ([]byte, error) {
	out, err := c.edit(raw, func(body []byte) ([]byte, error) { return c.format.set(body, c.Table, name, entry) })
	return out, errors.Join(err, c.compare(raw, out, name, c.values(name, entry)))
}

func (c Client) remove(raw []byte, name string) ([]byte, error) {
	out, err := c.edit(raw, func(body []byte) ([]byte, error) { return c.format.remove(body, c.Table, name) })
	return out, errors.Join(err, c.compare(raw, out, name, nil))
}

// edit leaves the byte order mark where it is.
func (c Client) edit(raw []byte, with func([]byte) ([]byte, error)) ([]byte, error) {
	body, hasMark := bytes.CutPrefix(raw, bom)
	out, err := with(body)
	if hasMark {
		out = slices.Concat(bom, out)
	}
	return out, err
}

// compare fails unless two texts say the same but for one entry, which the second has (nil: has not). TOML has
// forms, such as a table within braces, to which nothing can be added behind.
func (c Client) compare(before, after []byte, name string, entry any) error {
	was, err := c.decode(before)
	if err != nil {
		return err
	}
	is, err := c.decode(after)
	if err == nil {
		servers, _ := is[c.Table].(map[string]any)
		if !reflect.DeepEqual(servers[name], entry) {
			err = errors.New("another entry would be there")
		}
	}
	for _, tree := range []map[string]any{was, is} {
		servers, _ := tree[c.Table].(map[string]any)
		if delete(servers, name); len(servers) == 0 {
			delete(tree, c.Table)
		}
	}
	if err != nil || !reflect.DeepEqual(was, is) {
		return fmt.Errorf("%q is written in a form that vpsbot does not change: change it by hand", c.Table)
	}
	return nil
}

// values is an entry as a file has it.
func (c Client) values(name string, entry any) any {
	raw, err := c.format.set(nil, c.Table, name, entry)
	if err != nil {
		return nil
	}
	tree, _ := c.format.decode(raw)
	servers, _ := tree[c.Table].(map[string]any)
	return servers[name]
}

// masked is an entry of a file without the values of its variables: a person may have put a token there.
func (c Client) masked(entry any) any {
	s := read(entry)
	for variable := range s.Env {
		s.Env[variable] = "…"
	}
	return c.entry(s)
}

// read returns the server that an entry of a file starts.
func read(entry any) (s Server) {
	values, _ := entry.(map[string]any)
	if words := wordsOf(values); len(words) > 0 {
		s.Command, s.Args = words[0], words[1:]
	}
	for _, key := range []string{"env", "environment"} {
		env, _ := values[key].(map[string]any)
		for variable, value := range env {
			if s.Env == nil {
				s.Env = map[string]string{}
			}
			s.Env[variable] = fmt.Sprint(value)
		}
	}
	return s
}

// wordsOf is the command of an entry with its arguments.
func wordsOf(entry map[string]any) (words []string) {
	for _, key := range []string{"command", "args"} {
		switch value := entry[key].(type) {
		case string:
			words = append(words, value)
		case []any:
			for _, word := range value {
				words = append(words, fmt.Sprint(word))
			}
		}
	}
	return words
}

// checkOurs refuses an entry that starts something else than vpsbot.
func (c Client) checkOurs(file File, name string, entry any) error {
	values, _ := entry.(map[string]any)
	words := wordsOf(values)
	own, _ := os.Executable() // it may be called otherwise
	isVpsbot := slices.ContainsFunc(words, func(word string) bool {
		base := path.Base(strings.ReplaceAll(word, `\`, "/"))
		return base == "vpsbot" || base == "vpsbot.exe" || base == filepath.Base(own)
	})
	if isVpsbot && slices.Contains(words, "mcp") {
		return nil
	}
	return fmt.Errorf("%q in %s is another server, and is left as it is: choose another --name, or change the file by hand", name, file.Path)
}

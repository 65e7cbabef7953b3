package install

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/pelletier/go-toml/v2"
	"github.com/pelletier/go-toml/v2/unstable"
)

// tomlFormat is TOML, in which each server is a table of its own, with those below it. Tables are put behind the
// last one, and cut out whole: other lines keep their bytes.
type tomlFormat struct{}

// decode returns the whole file as values.
func (tomlFormat) decode(raw []byte) (map[string]any, error) {
	tree := map[string]any{}
	err := toml.Unmarshal(raw, &tree)
	if wrong, ok := errors.AsType[*toml.DecodeError](err); ok {
		line, column := wrong.Position()
		return nil, fmt.Errorf("line %d, column %d: %s", line, column, strings.TrimPrefix(wrong.Error(), "toml: "))
	}
	return tree, err
}

// set returns the file with a table for an entry: in the place of the one that is there, else at the end.
func (f tomlFormat) set(raw []byte, table, name string, value any) ([]byte, error) {
	text := strings.ReplaceAll(f.show(table, name, value)+"\n", "\n", newline(raw))
	parts := f.tables(raw, table, name)
	if len(parts) == 0 {
		switch nl := newline(raw); {
		case len(raw) == 0:
			return []byte(text), nil
		case raw[len(raw)-1] == '\n':
			return append(bytes.Clone(raw), nl+text...), nil
		default: // a file that does not end its last line is left so
			return append(bytes.Clone(raw), nl+nl+strings.TrimSuffix(text, nl)...), nil
		}
	}
	if last := parts[0].end; raw[last-1] != '\n' {
		text = strings.TrimSuffix(text, newline(raw))
	}
	parts[0].text = text
	for i, part := range parts[1:] {
		parts[i+1] = withBlankLine(raw, part)
	}
	return splice(raw, parts...), nil
}

// remove returns the file without the tables of an entry, each with an empty line before it.
func (f tomlFormat) remove(raw []byte, table, name string) ([]byte, error) {
	parts := f.tables(raw, table, name)
	for i, part := range parts {
		parts[i] = withBlankLine(raw, part)
	}
	return splice(raw, parts...), nil
}

func withBlankLine(raw []byte, c cut) cut {
	before := raw[:c.start]
	if blank := bytes.TrimSuffix(bytes.TrimSuffix(before, []byte("\n")), []byte("\r")); bytes.HasSuffix(blank, []byte("\n")) {
		c.start = len(blank)
		if c.end == len(raw) && raw[c.end-1] != '\n' { // the end of the line before is ours too
			c.start = len(bytes.TrimSuffix(bytes.TrimSuffix(blank, []byte("\n")), []byte("\r")))
		}
	}
	return c
}

// tables are the lines of the tables of an entry, from the header to the last value: comments behind it belong
// to what follows.
func (tomlFormat) tables(raw []byte, table, name string) (parts []cut) {
	var p unstable.Parser
	p.Reset(raw)
	isOurs := false
	for p.NextExpression() {
		e := p.Expression()
		var keys []string
		from, to := len(raw), 0
		for it := e.Key(); it.Next(); {
			key := it.Node()
			keys = append(keys, string(key.Data))
			from, to = min(from, int(key.Raw.Offset)), int(key.Raw.Offset+key.Raw.Length)
		}
		if e.Kind == unstable.KeyValue {
			to = int(e.Raw.Offset + e.Raw.Length)
		} else {
			isOurs = len(keys) > 1 && keys[0] == table && keys[1] == name
			if isOurs {
				parts = append(parts, cut{start: lineStart(raw, from)})
			}
		}
		if isOurs {
			parts[len(parts)-1].end = len(raw)
			if end := bytes.IndexByte(raw[to:], '\n'); end >= 0 {
				parts[len(parts)-1].end = to + end + 1
			}
		}
	}
	return parts
}

func (tomlFormat) show(table, name string, value any) string {
	e, _ := value.(stdioEntry)
	var args, env []string
	for _, arg := range e.Args {
		args = append(args, oneLine(arg))
	}
	lines := []string{"[" + table + "." + name + "]", "command = " + oneLine(e.Command), "args = [" + strings.Join(args, ", ") + "]"}
	for _, variable := range slices.Sorted(maps.Keys(e.Env)) {
		env = append(env, variable+" = "+oneLine(e.Env[variable]))
	}
	if len(env) > 0 {
		lines = append(lines, "env = { "+strings.Join(env, ", ")+" }")
	}
	return strings.Join(lines, "\n")
}

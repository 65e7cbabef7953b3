package slackbot_test

import (
	"bytes"
	"encoding/json"
	"math/rand/v2"
	"net/url"
	"slices"
	"strings"
)

// malformer makes malformed requests of valid ones.
type malformer struct {
	*rand.Rand
	genuine []delivered
	*world
}

// mutated is a body that differs from a real one: in its bytes, in the fields of its form, or in
// the values of its JSON.
func (m *malformer) mutated(from delivered) []byte {
	switch m.IntN(8) {
	case 0:
		return m.scrambled(from.body)
	case 1:
		return bytes.Repeat(from.body, 1+m.IntN(100)) // beyond what is read
	}
	if from.path == "/slack/events" {
		return m.document(from.body)
	}
	form, err := url.ParseQuery(string(from.body))
	if err != nil {
		panic(err) // they are real ones
	}
	if payload := form.Get("payload"); payload != "" {
		form.Set("payload", string(m.document([]byte(payload))))
	}
	if m.IntN(2) == 0 || form.Get("payload") == "" {
		m.field(form)
	}
	return []byte(form.Encode())
}

// scrambled changes, drops, doubles and moves bytes.
func (m *malformer) scrambled(b []byte) []byte {
	b = bytes.Clone(b)
	for range 1 + m.IntN(6) {
		if len(b) == 0 {
			return []byte{byte(m.IntN(256))}
		}
		from := m.IntN(len(b))
		to := from + m.IntN(len(b)-from)
		switch m.IntN(5) {
		case 0:
			b[from] ^= byte(1 << m.IntN(8))
		case 1:
			b = append(b[:from], b[to:]...)
		case 2:
			b = append(b[:to:to], b[from:]...)
		case 3:
			b = b[:from]
		case 4:
			b[from], b[to] = b[to], b[from]
		}
	}
	return b
}

// field makes one field of a form wrong.
func (m *malformer) field(form url.Values) {
	names := make([]string, 0, len(form))
	for name := range form {
		names = append(names, name)
	}
	if len(names) == 0 {
		return
	}
	slices.Sort(names)
	name := names[m.IntN(len(names))]
	switch m.IntN(4) {
	case 0:
		form.Del(name)
	case 1:
		form.Add(name, form.Get(name))
	case 2:
		form.Set(name, string(m.scrambled([]byte(form.Get(name)))))
	case 3:
		text, _ := m.junk(3).(string)
		form.Set(name, text)
	}
}

// document makes some values of a JSON document wrong; one in four times its text as well.
func (m *malformer) document(raw []byte) []byte {
	var doc any
	if err := json.Unmarshal(raw, &doc); err != nil {
		panic(err)
	}
	for range 1 + m.IntN(3) {
		doc = m.elsewhere(doc)
	}
	raw, err := json.Marshal(doc)
	if err != nil {
		panic(err)
	}
	switch m.IntN(12) {
	case 0, 1:
		raw = m.scrambled(raw)
	case 2: // each member twice
		raw = bytes.Replace(raw, []byte("{"), append(bytes.TrimSuffix(raw, []byte("}")), ','), 1)
	}
	return raw
}

// elsewhere makes one value wrong, somewhere in a tree.
func (m *malformer) elsewhere(v any) any {
	switch v := v.(type) {
	case map[string]any:
		names := make([]string, 0, len(v))
		for name := range v {
			names = append(names, name)
		}
		if len(names) == 0 || m.IntN(12) == 0 {
			return m.junk(0)
		}
		slices.Sort(names)
		name := names[m.IntN(len(names))]
		if m.IntN(8) == 0 {
			delete(v, name)
			return v
		}
		v[name] = m.elsewhere(v[name])
		return v
	case []any:
		if len(v) == 0 || m.IntN(8) == 0 {
			return m.junk(0)
		}
		at := m.IntN(len(v))
		v[at] = m.elsewhere(v[at])
		return v
	case string:
		if m.IntN(3) == 0 {
			return string(m.scrambled([]byte(v)))
		}
	}
	return m.junk(0)
}

// junk is a value that nobody expects. From 3 on it is a text.
func (m *malformer) junk(kind int) any {
	if kind == 0 {
		kind = m.IntN(12)
	}
	texts := []string{
		"", "null", "\x00", strings.Repeat("x", 1+m.IntN(9000)), "<!channel> *b* `c` <https://evil.example|ok>", "U0LEA", "T9OTHER", "../../etc/passwd",
		"{{.Secret}}", "12345", "name", "form", "deny", "confirm", "approve", "block_actions", "view_submission", "view_closed", "block_suggestion", "event_callback",
		"\u202egnp.exe", "http://169.254.169.254/", "-1", "1e400", "servers stop 'unclosed", "servers stop \"", "--share --csv --", "stop \u0000 web", "servers delete name=",
	}
	switch kind {
	case 0:
		return nil
	case 1:
		return []any{-1, 0, 1e308, 0.1, int64(1) << 62}[m.IntN(5)]
	case 2:
		return m.IntN(2) == 0
	case 9:
		return []any{nil, map[string]any{}, []any{}, "x"}
	case 10:
		return map[string]any{"id": nil, "type": 7, "value": []any{}}
	case 11:
		return m.nested(1 + m.IntN(4000))
	}
	return texts[m.IntN(len(texts))]
}

// nested is a value in so many others.
func (m *malformer) nested(deep int) (v any) {
	for range deep {
		v = []any{v}
	}
	return v
}

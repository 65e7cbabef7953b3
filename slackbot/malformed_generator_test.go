package slackbot_test

import (
	"bytes"
	"encoding/json"
	"maps"
	"math/rand/v2"
	"net/url"
	"slices"
	"strings"
)

// requestMutator makes malformed requests from captured ones.
type requestMutator struct {
	*rand.Rand
	genuine []capturedRequest
	*world
}

// mutateBody changes a captured body: its bytes, the fields of its form, or the values of its JSON.
func (m *requestMutator) mutateBody(from capturedRequest) []byte {
	switch m.IntN(8) {
	case 0:
		return m.scrambleBytes(from.body)
	case 1:
		return bytes.Repeat(from.body, 1+m.IntN(100)) // longer than the bot reads
	}
	if from.path == "/slack/events" {
		return m.mutateJSON(from.body)
	}
	form, err := url.ParseQuery(string(from.body))
	if err != nil {
		panic(err) // captured bodies are valid
	}
	if payload := form.Get("payload"); payload != "" {
		form.Set("payload", string(m.mutateJSON([]byte(payload))))
	}
	if m.IntN(2) == 0 || form.Get("payload") == "" {
		m.mutateField(form)
	}
	return []byte(form.Encode())
}

// scrambleBytes changes, drops, doubles and moves bytes.
func (m *requestMutator) scrambleBytes(b []byte) []byte {
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

// mutateField changes one field of a form.
func (m *requestMutator) mutateField(form url.Values) {
	names := slices.Sorted(maps.Keys(form))
	if len(names) == 0 {
		return
	}
	name := names[m.IntN(len(names))]
	switch m.IntN(4) {
	case 0:
		form.Del(name)
	case 1:
		form.Add(name, form.Get(name))
	case 2:
		form.Set(name, string(m.scrambleBytes([]byte(form.Get(name)))))
	case 3:
		text, _ := m.junkValue(3).(string)
		form.Set(name, text)
	}
}

// mutateJSON changes one to three values of a JSON document, and in a quarter of the calls its text.
func (m *requestMutator) mutateJSON(raw []byte) []byte {
	var doc any
	if err := json.Unmarshal(raw, &doc); err != nil {
		panic(err)
	}
	for range 1 + m.IntN(3) {
		doc = m.mutateValue(doc)
	}
	raw, err := json.Marshal(doc)
	if err != nil {
		panic(err)
	}
	switch m.IntN(12) {
	case 0, 1:
		raw = m.scrambleBytes(raw)
	case 2: // each member twice
		raw = bytes.Replace(raw, []byte("{"), append(bytes.TrimSuffix(raw, []byte("}")), ','), 1)
	}
	return raw
}

// mutateValue changes one random value of a JSON tree.
func (m *requestMutator) mutateValue(v any) any {
	switch v := v.(type) {
	case map[string]any:
		names := slices.Sorted(maps.Keys(v))
		if len(names) == 0 || m.IntN(12) == 0 {
			return m.junkValue(0)
		}
		name := names[m.IntN(len(names))]
		if m.IntN(8) == 0 {
			delete(v, name)
			return v
		}
		v[name] = m.mutateValue(v[name])
		return v
	case []any:
		if len(v) == 0 || m.IntN(8) == 0 {
			return m.junkValue(0)
		}
		at := m.IntN(len(v))
		v[at] = m.mutateValue(v[at])
		return v
	case string:
		if m.IntN(3) == 0 {
			return string(m.scrambleBytes([]byte(v)))
		}
	}
	return m.junkValue(0)
}

// junkValue is a value of an unexpected type. Kind 0 draws one; kind 3 is a text.
func (m *requestMutator) junkValue(kind int) any {
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
		return m.nestedArrays(1 + m.IntN(4000))
	}
	return texts[m.IntN(len(texts))]
}

// nestedArrays is nil in arrays of the given depth.
func (m *requestMutator) nestedArrays(deep int) (v any) {
	for range deep {
		v = []any{v}
	}
	return v
}

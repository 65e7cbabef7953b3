package apiclient

import (
	"bytes"
	"html"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json"

	"github.com/vpsbot/vpsbot/internal/redact"
)

const (
	maxMessage = 1000
	maxFields  = 50
	maxDepth   = 5
)

var (
	// messageNames are where APIs put their words, the best first.
	messageNames = []string{"detail", "error", "message", "non_field_errors", "title"}
	// noFields are not about a field of the request where they are a string.
	noFields = []string{"success", "code", "status", "type", "request_id", "timestamp", "instance"}

	titlePattern = regexp.MustCompile(`(?is)<title[^>]*>(.*?)</title>`)
)

// errorBody finds the API's words and field errors in a failure's body.
func errorBody(body []byte, h http.Header, token string) (string, []FieldError) {
	body = bytes.TrimSpace(body)
	if isHTML(body, h) {
		return tidy(pageTitle(body), token), nil
	}
	var value any
	if json.Unmarshal(body, &value, decodeOptions) != nil {
		return tidy(string(body), token), nil
	}
	object, ok := value.(map[string]any)
	if !ok {
		return tidy(strings.Join(texts(value), " "), token), nil
	}
	return tidy(message(object), token), fields(object, token)
}

func pageTitle(page []byte) string {
	if found := titlePattern.FindSubmatch(page); found != nil {
		return strings.Join(strings.Fields(html.UnescapeString(string(found[1]))), " ")
	}
	return ""
}

// message is the first of messageNames that says something.
func message(object map[string]any) string {
	for _, name := range messageNames {
		value := object[name]
		if inner, ok := value.(map[string]any); ok {
			value = inner["message"]
		}
		if said := strings.Join(texts(value), " "); said != "" {
			return said
		}
	}
	return ""
}

// texts are the strings of a string or a list.
func texts(value any) []string {
	switch v := value.(type) {
	case string:
		return []string{v}
	case []any:
		var all []string
		for _, item := range v {
			if s, ok := item.(string); ok {
				all = append(all, s)
			}
		}
		return all
	}
	return nil
}

// fields flattens what is said of single fields, at the top or under errors.
func fields(object map[string]any, token string) []FieldError {
	f := fieldErrors{token: token}
	for name, value := range object {
		_, isText := value.(string)
		switch {
		case slices.Contains(messageNames, name), isText && slices.Contains(noFields, name):
		case name == "errors":
			f.add("", value, 0)
		default:
			f.add(name, value, 0)
		}
	}
	slices.SortFunc(f.all, func(a, b FieldError) int { return strings.Compare(a.Field, b.Field) })
	return f.all[:min(len(f.all), maxFields)]
}

type fieldErrors struct {
	all   []FieldError
	token string
}

func (f *fieldErrors) add(name string, value any, depth int) {
	if said := texts(value); len(said) > 0 {
		f.say(name, said)
	}
	if depth == maxDepth {
		return
	}
	switch v := value.(type) {
	case map[string]any:
		for key, inner := range v {
			f.add(join(name, key), inner, depth+1)
		}
	case []any:
		for i, inner := range v {
			if _, ok := inner.(map[string]any); ok {
				f.add(join(name, strconv.Itoa(i)), inner, depth+1)
			}
		}
	}
}

func (f *fieldErrors) say(name string, said []string) {
	said = said[:min(len(said), maxFields)]
	for i := range said {
		said[i] = tidy(said[i], f.token)
	}
	f.all = append(f.all, FieldError{Field: tidy(name, f.token), Messages: said})
}

func join(name, key string) string {
	if name == "" {
		return key
	}
	return name + "." + key
}

// tidy hides the token and keeps at most 1000 characters.
func tidy(s, token string) string {
	s = redact.Text(strings.ToValidUTF8(s, "\uFFFD"), token)
	count := 0
	for i := range s {
		if count == maxMessage {
			return s[:i]
		}
		count++
	}
	return s
}

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
)

const (
	maxMessage = 1000
	maxFields  = 50
	maxDepth   = 5
)

var (
	// messageNames are the members that may hold the message, the best first.
	messageNames = []string{"detail", "error", "message", "non_field_errors", "title"}
	// metadataNames are not about a field of the request if they hold a string.
	metadataNames = []string{"success", "code", "status", "type", "request_id", "timestamp", "instance"}

	titlePattern = regexp.MustCompile(`(?is)<title[^>]*>(.*?)</title>`)
)

func parseErrorBody(body []byte, h http.Header, token string) (string, []FieldError) {
	body = bytes.TrimSpace(body)
	if isHTML(body, h) {
		return redactText(pageTitle(body), token), nil
	}
	var value any
	if json.Unmarshal(body, &value, decodeOptions) != nil {
		return redactText(string(body), token), nil
	}
	object, ok := value.(map[string]any)
	if !ok {
		return redactText(strings.Join(texts(value), " "), token), nil
	}
	return redactText(message(object), token), fields(object, token)
}

func pageTitle(page []byte) string {
	if found := titlePattern.FindSubmatch(page); found != nil {
		return strings.Join(strings.Fields(html.UnescapeString(string(found[1]))), " ")
	}
	return ""
}

func message(object map[string]any) string {
	for _, name := range messageNames {
		value := object[name]
		if inner, ok := value.(map[string]any); ok {
			value = inner["message"]
		}
		if text := strings.Join(texts(value), " "); text != "" {
			return text
		}
	}
	return ""
}

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

// fields flattens the messages about single fields, at the top or under errors.
func fields(object map[string]any, token string) []FieldError {
	f := fieldErrors{token: token}
	for name, value := range object {
		_, isText := value.(string)
		switch {
		case slices.Contains(messageNames, name), isText && slices.Contains(metadataNames, name):
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
	if messages := texts(value); len(messages) > 0 {
		messages = messages[:min(len(messages), maxFields)]
		for i := range messages {
			messages[i] = redactText(messages[i], f.token)
		}
		f.all = append(f.all, FieldError{Field: redactText(name, f.token), Messages: messages})
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

func join(name, key string) string {
	if name == "" {
		return key
	}
	return name + "." + key
}

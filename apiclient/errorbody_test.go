package apiclient

import (
	"net/http"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
)

func TestErrorBody(t *testing.T) {
	field := func(name string, said ...string) FieldError { return FieldError{name, said} }
	for body, want := range map[string]struct {
		message string
		fields  []FieldError
	}{
		`{"detail":"Not found."}`:                      {message: "Not found."},
		`{"detail":["one","two"]}`:                     {message: "one two"},
		`{"error":"broken"}`:                           {message: "broken"},
		`{"error":{"message":"inner","code":7}}`:       {message: "inner"},
		`{"message":"words","status":"error"}`:         {message: "words"},
		`{"non_field_errors":["both are wrong"]}`:      {message: "both are wrong"},
		`{"title":"Bad Request","type":"about:blank"}`: {message: "Bad Request"},
		`{"detail":"first","message":"second"}`:        {message: "first"},
		`{"detail":"","message":"second"}`:             {message: "second"},
		`{"name":["too long"]}`:                        {fields: []FieldError{field("name", "too long")}},
		`{"plan_id":"unknown","name":["a","b"]}`:       {fields: []FieldError{field("name", "a", "b"), field("plan_id", "unknown")}},
		`{"errors":{"name":["odd"]},"message":"no"}`:   {message: "no", fields: []FieldError{field("name", "odd")}},
		`{"errors":["odd"]}`:                           {fields: []FieldError{field("", "odd")}},
		`{"plan":{"disk":{"size":["big"]}}}`:           {fields: []FieldError{field("plan.disk.size", "big")}},
		`{"nodes":[{"ip":["bad"]},{},{"ip":["bad"]}]}`: {fields: []FieldError{field("nodes.0.ip", "bad"), field("nodes.2.ip", "bad")}},
		`{"code":"token_not_valid","detail":"x"}`:      {message: "x"},
		`{"status":["must be a word"]}`:                {fields: []FieldError{field("status", "must be a word")}},
		`{"retry":true,"n":5,"detail":null}`:           {},
		`["one","two",3]`:                              {message: "one two"},
		`"just text"`:                                  {message: "just text"},
		`{}`:                                           {},
		`null`:                                         {},
		``:                                             {},
		` plain text `:                                 {message: "plain text"},
		`{"detail":`:                                   {message: `{"detail":`},
		"\xff\xfe":                                     {message: "\uFFFD"},
		`<html><head><TITLE a="b"> 502 Bad
			Gateway &amp; more</TITLE></head><body>secret stack</body></html>`: {message: "502 Bad Gateway & more"},
		`<html>no title</html>`:                               {},
		`{"detail":"the token vps_secret_0123456789 is bad"}`: {message: "the token [redacted] is bad"},
		`{"vps_secret_0123456789":["x"]}`:                     {fields: []FieldError{field("[redacted]", "x")}},
	} {
		message, fields := parseErrorBody([]byte(body), http.Header{}, secret)
		require.Equal(t, want.message, message, body)
		require.Equal(t, want.fields, fields, body)
	}
}

func TestErrorBodyIsBounded(t *testing.T) {
	long := strings.Repeat("ä", 3000)
	message, _ := parseErrorBody([]byte(long), http.Header{}, secret)
	require.Equal(t, maxMessage, utf8.RuneCountInString(message))

	_, fields := parseErrorBody([]byte(`{"a":["`+long+`"]}`), http.Header{}, secret)
	require.Equal(t, maxMessage, utf8.RuneCountInString(fields[0].Messages[0]))

	_, fields = parseErrorBody([]byte(`{"f":[`+strings.Repeat(`{"x":"y"},`, 200)+`{}]}`), http.Header{}, secret)
	require.Len(t, fields, maxFields)

	_, fields = parseErrorBody([]byte(strings.Repeat(`{"a":`, 50)+`"x"`+strings.Repeat(`}`, 50)), http.Header{}, secret)
	require.Empty(t, fields)
}

func TestErrorBodyHTMLByHeader(t *testing.T) {
	h := http.Header{"Content-Type": {"text/html; charset=utf-8"}}
	message, _ := parseErrorBody([]byte("Oops <title>Down</title>"), h, secret)
	require.Equal(t, "Down", message)
}

func FuzzErrorBody(f *testing.F) {
	for _, s := range []string{`{"detail":"x"}`, `{"a":[{"b":["c"]}]}`, `<title>x`, `["a"]`, `{"errors":{"":""}}`, secret, `"\u0076ps_secret_0123456789"`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		message, fields := parseErrorBody(redactBody(body, secret), http.Header{}, secret)
		e := &Error{Kind: KindInvalid, Message: message, Fields: fields}
		require.NotContains(t, e.Error(), secret)
		require.True(t, utf8.ValidString(message))
		require.LessOrEqual(t, utf8.RuneCountInString(message), maxMessage)
		require.LessOrEqual(t, len(fields), maxFields)
	})
}

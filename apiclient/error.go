package apiclient

import (
	"fmt"
	"strings"
	"time"
)

// FieldError is what the API has against one field of a request. Nested
// fields are joined by dots.
type FieldError struct {
	Field    string
	Messages []string
}

// Error is the one type of error that calls return; get at it with errors.As.
// Its texts are written by the API: they are data, at most 1000 characters
// each, and the token is never in them.
type Error struct {
	Kind Kind
	// Status is the HTTP status, 0 where none was received.
	Status int
	// Method and Path are those of the request; Path is relative to the base
	// URL and has no query.
	Method string
	Path   string
	// Message is the API's own words, empty where it gave none.
	Message string
	// Fields are sorted by name.
	Fields []FieldError
	// RetryAfter is how long the API asks to wait; 0 where it does not say.
	RetryAfter time.Duration
	// Unknown marks a write that may or may not have happened.
	Unknown bool

	cause error
}

// Error returns one line: the request, what happened, the API's own words.
func (e *Error) Error() string {
	var b strings.Builder
	if e.Method != "" {
		fmt.Fprintf(&b, "%s %s: ", e.Method, e.Path)
	}
	b.WriteString(about[e.Kind].what)
	if e.Status != 0 {
		fmt.Fprintf(&b, " (status %d)", e.Status)
	}
	if e.Unknown {
		b.WriteString("; whether it was done is unknown")
	}
	e.writeDetails(&b)
	return b.String()
}

func (e *Error) writeDetails(b *strings.Builder) {
	if e.Message != "" {
		b.WriteString(": " + e.Message)
	}
	for _, f := range e.Fields {
		b.WriteString("; " + f.Field + ": " + strings.TrimRight(strings.Join(f.Messages, ", "), ". "))
	}
	if e.cause != nil {
		b.WriteString(": " + e.cause.Error())
	}
}

// Unwrap returns the cause, nil where the API's answer is all there is.
func (e *Error) Unwrap() error { return e.cause }

// Next returns one sentence for a person: what to do now.
func (e *Error) Next() string {
	switch {
	case e.Unknown:
		return nextUnknown
	case e.RetryAfter > 0:
		return "Wait " + seconds(e.RetryAfter) + " and try again."
	}
	return about[e.Kind].next
}

// seconds says a duration in whole seconds, rounded up.
func seconds(d time.Duration) string {
	if n := (d + time.Second - 1) / time.Second; n != 1 {
		return fmt.Sprintf("%d seconds", n)
	}
	return "a second"
}

// Temporary reports whether the same call may well succeed a little later. It
// is false for a write whose outcome is unknown.
func (e *Error) Temporary() bool {
	switch e.Kind {
	case KindRateLimited, KindServer, KindNetwork, KindTimeout, KindUnavailable:
		return !e.Unknown
	}
	return false
}

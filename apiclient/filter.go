package apiclient

import (
	"slices"
	"strings"
)

// The API ignores a filter that it does not have, and answers with everything. So each filter is
// applied here again: what does not say that it fits is left out.

// only keeps the items that fit; err is passed on.
func only[T any](items []T, err error, fits func(*T) bool) ([]T, error) {
	return slices.DeleteFunc(items, func(item T) bool { return !fits(&item) }), err
}

// is reports whether a word is the wanted one, where one is wanted.
func is(word, wanted string) bool { return wanted == "" || strings.EqualFold(word, wanted) }

// of reports whether an id is the wanted one, where one is wanted.
func of(id, wanted ID) bool { return wanted.IsZero() || id.Equal(wanted) }

// contains reports whether a text has the wanted part, in whatever case.
func contains(text, wanted string) bool {
	return strings.Contains(strings.ToLower(text), strings.ToLower(wanted))
}

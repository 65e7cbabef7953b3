package apiclient

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

const (
	maxReadings = 3
	listLimit   = time.Minute // for all pages together; each has the time of any read
)

var (
	errListTime    = fmt.Errorf("the list did not end within %v: %w", listLimit, context.DeadlineExceeded)
	errListChanged = fmt.Errorf("the list changed each of the %d times that it was read", maxReadings)
	errNoList      = errors.New("want an array, or an object with results")
)

type identified interface{ identity() ID }

type list[T identified] struct {
	run   step
	route string
	query string
	// fits applies the filters of query again: the API ignores a filter that it does not know, and answers with
	// all objects.
	fits func(T) bool
}

type listsKey struct{}

// ReadListsOnce returns a context under which each list is read once: for the steps of one decision, of which
// several need the same list. A later check of the same needs a context of its own.
func ReadListsOnce(ctx context.Context) context.Context {
	if ctx.Value(listsKey{}) != nil {
		return ctx
	}
	return context.WithValue(ctx, listsKey{}, &sync.Map{})
}

type firstPageKey struct{}

// firstPage is what FirstPage asks for, and the count of a list that was not read further.
type firstPage struct{ wanted, count int }

// FirstPage returns a context for one list of which only the first objects are wanted. Without a filter, and if the
// API reports how many there are, one page is read where it has them; [ListCount] is the number of all then.
func FirstPage(ctx context.Context, wanted int) context.Context {
	return context.WithValue(ctx, firstPageKey{}, &firstPage{wanted: wanted})
}

// ListCount returns how many objects the list has that was read under a context of [FirstPage]; 0 if it was read to
// its end.
func ListCount(ctx context.Context) int {
	if first, ok := ctx.Value(firstPageKey{}).(*firstPage); ok {
		return first.count
	}
	return 0
}

func (l list[T]) fetch(ctx context.Context) ([]T, error) {
	lists, _ := ctx.Value(listsKey{}).(*sync.Map)
	if lists == nil {
		lists = &sync.Map{}
	}
	for _, query := range []string{l.query, ""} {
		if all, isRead := lists.Load(l.route + "?" + query); isRead {
			return l.filtered(slices.Clone(all.([]T))), nil
		}
	}
	all, err := l.read(ctx)
	if err != nil {
		return nil, err
	}
	if ListCount(ctx) == 0 {
		lists.Store(l.route+"?"+l.query, slices.Clone(all))
	}
	return l.filtered(all), nil
}

// read returns the objects of as many pages as the list has. A page that fails fails the list.
//
// Pages are cut by position: when an object is deleted between the reads of two pages, the first object of the next
// page moves to the one that was read already, and is on neither. The count shows it, so the list is read again, until
// a reading is complete, or equal to the one before: then it is the count that is wrong. A deletion and a creation
// at the same time, which leave the count as it is, cannot be noticed.
func (l list[T]) read(ctx context.Context) ([]T, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, listLimit, errListTime)
	defer cancel()
	var before []T
	for range maxReadings {
		r := newReading(l)
		if err := r.read(ctx); err != nil && errors.Is(context.Cause(ctx), errListTime) {
			return nil, l.newError(KindTimeout, errListTime)
		} else if err != nil {
			return nil, err
		}
		if r.isComplete() || ListCount(ctx) > 0 || before != nil && slices.EqualFunc(r.all, before, func(a, b T) bool { return a.identity().Equal(b.identity()) }) {
			return r.all, nil
		}
		before = r.all
	}
	return nil, l.newError(KindConflict, errListChanged)
}

func (l list[T]) newError(kind Kind, cause error) *Error {
	return &Error{Kind: kind, Status: http.StatusOK, Method: http.MethodGet, Path: l.route, cause: cause}
}

func (l list[T]) filtered(all []T) []T {
	return slices.DeleteFunc(all, func(item T) bool { return !l.fits(item) })
}

// nextQuery returns the query of a next link, and ignores its scheme, host and path: behind a proxy the API may
// not know its own address, and no link may lead to another part of the API. No link, or one without
// a query, stands for the next page's number.
func (l list[T]) nextQuery(next string, number int) string {
	if link, err := url.Parse(next); err == nil && link.RawQuery != "" {
		return link.RawQuery
	}
	values, _ := url.ParseQuery(l.query) // encoded by the client itself
	values.Set("page", strconv.Itoa(number))
	return values.Encode()
}

func equals(word, wanted string) bool { return wanted == "" || strings.EqualFold(word, wanted) }

// page is one answer to a list: a bare array, or an object with count, results and next.
type page[T any] struct {
	Count   Amount     `json:"count"`
	Next    string     `json:"next"`
	Results results[T] `json:"results"`
}

// results are nil only if they are missing.
type results[T any] []T

// UnmarshalJSONFrom decodes both forms; an object without results is no list.
func (p *page[T]) UnmarshalJSONFrom(dec *jsontext.Decoder) error {
	if dec.PeekKind() == '[' {
		return p.Results.UnmarshalJSONFrom(dec)
	}
	type plain page[T]
	if err := json.UnmarshalDecode(dec, (*plain)(p)); err != nil {
		return err
	}
	if p.Results == nil {
		return errNoList
	}
	return nil
}

// UnmarshalJSONFrom decodes an array, or null as an empty one.
func (r *results[T]) UnmarshalJSONFrom(dec *jsontext.Decoder) error {
	err := json.UnmarshalDecode(dec, (*[]T)(r))
	if *r == nil {
		*r = results[T]{}
	}
	return err
}

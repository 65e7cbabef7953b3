package apiclient

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

const (
	maxPages  = 100
	listLimit = time.Minute // for all pages together; each has the time of any read
)

var (
	errTooManyPages = fmt.Errorf("%w: the list did not end after %d pages", errAnswer, maxPages)
	errNoList       = errors.New("want an array, or an object with results")
)

// page is one answer to a list: a bare array, or count, results and next.
type page[T any] struct{ envelope[T] }

type envelope[T any] struct {
	Count   Amount     `json:"count"`
	Next    string     `json:"next"`
	Results results[T] `json:"results"`
}

type results[T any] struct {
	items []T
	given bool
}

// UnmarshalJSONFrom takes both forms; an object without results is no list.
func (p *page[T]) UnmarshalJSONFrom(dec *jsontext.Decoder) error {
	if dec.PeekKind() == '[' {
		return p.Results.UnmarshalJSONFrom(dec)
	}
	if err := json.UnmarshalDecode(dec, &p.envelope); err != nil {
		return err
	}
	if !p.Results.given {
		return errNoList
	}
	return nil
}

// count is how many objects the API says there are; 0 where it does not.
func (p *page[T]) count() int64 {
	n, _ := p.Count.Float()
	return int64(n)
}

// UnmarshalJSONFrom takes an array, or null for an empty one.
func (r *results[T]) UnmarshalJSONFrom(dec *jsontext.Decoder) error {
	r.given = true
	return json.UnmarshalDecode(dec, &r.items)
}

// identifiedBy lets T be any object whose pointer has an id.
type identifiedBy[T any] interface {
	*T
	identified
}

// lister reads a list to its end.
type lister[T any, P identifiedBy[T]] struct {
	core     *core
	endpoint endpoint
	query    string
	items    []T
	seen     map[string]struct{}
	count    int64
}

// fetchAll returns all objects of a list, over as many pages as it has.
func fetchAll[T any, P identifiedBy[T]](ctx context.Context, core *core, e endpoint, query string) ([]T, error) {
	ctx, cancel := context.WithTimeout(ctx, listLimit)
	defer cancel()
	l := lister[T, P]{core: core, endpoint: e, query: query}
	next, err := l.first(ctx)
	for pages := 1; err == nil && next != ""; pages++ {
		if pages == maxPages {
			return nil, l.failure(errTooManyPages)
		}
		next, err = l.more(ctx, next, pages+1)
	}
	if err != nil {
		return nil, err
	}
	return l.items, nil
}

func (l *lister[T, P]) first(ctx context.Context) (string, error) {
	p, err := l.read(ctx, l.query)
	var apiErr *Error
	if errors.As(err, &apiErr) && apiErr.Kind == KindNotFound {
		apiErr.Kind = KindNoRoute // no object was asked for
	}
	if err != nil {
		return "", err
	}
	l.items, l.count = p.Results.items, p.count()
	if l.items == nil {
		l.items = []T{}
	}
	return l.after(p, 2)
}

// more reads a further page and returns the query of the one after it.
func (l *lister[T, P]) more(ctx context.Context, query string, number int) (string, error) {
	p, err := l.read(ctx, query)
	if isNotFound(err) {
		l.ended(number, false)
		return "", nil
	}
	if err != nil {
		return "", err
	}
	if !l.add(p.Results.items) {
		l.ended(number, len(p.Results.items) > 0)
		return "", nil
	}
	return l.after(p, number+1)
}

func (l *lister[T, P]) read(ctx context.Context, query string) (page[T], error) {
	return fetch[page[T]](ctx, l.core, &call{endpoint: l.endpoint, query: query}, nil)
}

// after says where the list goes on; it is empty at its end.
func (l *lister[T, P]) after(p page[T], number int) (string, error) {
	if p.Next != "" {
		return l.follow(p.Next, number), nil
	}
	if int64(len(l.items)) >= l.count {
		l.core.pages.complete(l.endpoint.route)
		return "", nil
	}
	if len(p.Results.items) == 0 || number == 2 && l.core.pages.isWhole(l.endpoint.route, l.count) {
		return "", nil
	}
	return withPage(l.query, number), nil
}

// follow takes the query of a link, and nothing else of it: behind a proxy the
// API may think that it has another scheme or host, and no link can lead to
// another part of the API. Without a query the next page goes by its number.
func (l *lister[T, P]) follow(next string, number int) string {
	link, err := url.Parse(next)
	if err != nil || link.RawQuery == "" {
		return withPage(l.query, number)
	}
	return link.RawQuery
}

// add keeps what is new and reports whether anything was.
func (l *lister[T, P]) add(items []T) bool {
	if l.seen == nil {
		l.seen = make(map[string]struct{}, 2*len(l.items))
		for i := range l.items {
			l.seen[P(&l.items[i]).identity().Key()] = struct{}{}
		}
	}
	before := len(l.items)
	for i := range items {
		key := P(&items[i]).identity().Key()
		if _, ok := l.seen[key]; !ok {
			l.seen[key] = struct{}{}
			l.items = append(l.items, items[i])
		}
	}
	return len(l.items) > before
}

// ended notes that page 2 brought nothing new.
func (l *lister[T, P]) ended(number int, repeated bool) {
	if number == 2 {
		l.core.pages.noteWhole(l.endpoint.route, l.count, repeated)
	}
}

func (l *lister[T, P]) failure(cause error) error {
	return &Error{
		Kind: KindDecode, Status: http.StatusOK, Method: l.endpoint.method,
		Path: l.endpoint.route, cause: cause,
	}
}

func isNotFound(err error) bool {
	var apiErr *Error
	return errors.As(err, &apiErr) && apiErr.Kind == KindNotFound
}

func withPage(query string, number int) string {
	values, _ := url.ParseQuery(query) // we encoded it
	values.Set("page", strconv.Itoa(number))
	return values.Encode()
}

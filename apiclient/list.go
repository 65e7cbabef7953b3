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

// identified is implemented by the objects that have an id.
type identified interface{ identity() ID }

// list is a call for all objects of a list.
type list[T identified] struct {
	run   step
	route string
	query string
	// fits applies the filters of query again: the API ignores a filter that it does not know, and answers with
	// all objects.
	fits func(T) bool
}

// fetch returns the objects that fit, of as many pages as the list has. A page that fails fails the list.
func (l list[T]) fetch(ctx context.Context) ([]T, error) {
	ctx, cancel := context.WithTimeout(ctx, listLimit)
	defer cancel()
	all, seen := []T{}, map[string]bool{}
	var count float64
	query := l.query
	for number := 1; number <= maxPages; number++ {
		p, err := fetch[page[T]](ctx, l.run, &call{method: "GET", route: l.route, query: query})
		if apiErr := errorIn(err); apiErr.Kind == KindNotFound {
			if number > 1 {
				return l.filtered(all), nil // there is no page of this number
			}
			apiErr.Kind = KindNoRoute // the request named no object
		}
		if err != nil {
			return nil, err
		}
		if number == 1 {
			count, _ = p.Count.Float() // 0 if the API reports no number of objects
		}
		before := len(all)
		for _, item := range p.Results {
			key := item.identity().Key()
			if number == 1 || !seen[key] {
				all = append(all, item)
			}
			seen[key] = true
		}
		added := len(all) - before
		switch {
		case number > 1 && added == 0, // the API ignores the page's number
			p.Next == "" && (added == 0 || float64(len(all)) >= count):
			return l.filtered(all), nil
		}
		query = l.nextQuery(p.Next, number+1)
	}
	return nil, &Error{Kind: KindDecode, Status: http.StatusOK, Method: http.MethodGet, Path: l.route, cause: errTooManyPages}
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

// equals reports whether a word is the wanted one; an empty wanted one matches all.
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

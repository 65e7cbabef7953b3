package apiclient

import (
	"context"
	"fmt"
	"math"
	"net/url"
	"strconv"
	"sync"
	"sync/atomic"
)

const (
	pagesAtOnce  = 8
	pagesAhead   = 4 * pagesAtOnce // pages that are asked for or queued: a slow one does not hold up those behind it
	maxPages     = 10_000
	maxObjects   = 1_000_000
	maxListBytes = 100 * maxBody
)

var errEndless = fmt.Errorf("%w: the list did not end after %d pages, %d objects or %d MiB", errAnswer, maxPages, maxObjects, maxListBytes>>20)

// reading is one reading of a list from its first page to its last. The objects keep the order of the pages, and
// each is there once.
type reading[T identified] struct {
	list   list[T]
	all    []T
	seen   map[string]bool // by the key of the id
	pages  int
	bytes  int
	count  float64 // of objects, as the first page reports it; 0 if it does not
	shrank bool    // a later page reported fewer

	last     int // the number of the last page by the count; 0 if no page is read ahead
	launched int // the number of the last page that is read ahead
	ahead    map[string]chan answer[T]
	slots    chan struct{} // one of each page that is asked for
	failed   atomic.Bool   // no further page is read ahead
	reads    sync.WaitGroup
}

// answer is one page, or why there is none.
type answer[T any] struct {
	page  page[T]
	bytes int
	err   error
	panic any
}

func newReading[T identified](l list[T]) *reading[T] {
	return &reading[T]{
		list: l, all: []T{}, seen: map[string]bool{}, ahead: map[string]chan answer[T]{}, slots: make(chan struct{}, pagesAtOnce),
	}
}

// read reads all pages. Each page says by its link or its number which one is next. By the count of the first page
// others are read ahead, 8 at once; one that turns out not to be the next is dropped.
func (r *reading[T]) read(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer r.reads.Wait()
	defer cancel()
	for query := r.list.query; ; {
		p, err := r.page(ctx, query)
		apiErr := errorIn(err)
		switch {
		case apiErr.Kind == KindNotFound && r.pages > 0:
			return nil // there is no page of this number
		case apiErr.Kind == KindNotFound:
			apiErr.Kind = KindNoRoute // the request named no object
			return err
		case err != nil:
			return err
		}
		added := r.add(p)
		switch {
		case r.pages == 1 && r.isEnough(ctx):
			return nil
		case r.pages > 1 && added == 0, // the API ignores the page's number
			p.Next == "" && (added == 0 || float64(len(r.all)) >= r.count):
			return nil
		case r.pages >= maxPages, len(r.all) > maxObjects, r.bytes > maxListBytes:
			return r.list.newError(KindDecode, errEndless)
		}
		query = r.list.nextQuery(p.Next, r.pages+1)
		r.readAhead(ctx, query)
	}
}

// add adds the objects of the next page, and returns how many of them are new.
func (r *reading[T]) add(p page[T]) (added int) {
	r.pages++
	count, isReported := p.Count.Float()
	if r.pages == 1 {
		r.count, r.launched = count, 1
		r.last = int(min(maxPages, math.Ceil(count/float64(max(1, len(p.Results))))))
	}
	r.shrank = r.shrank || isReported && count < r.count
	before := len(r.all)
	for _, item := range p.Results {
		key := item.identity().Key()
		if r.pages == 1 || !r.seen[key] {
			r.all = append(r.all, item)
		}
		r.seen[key] = true
	}
	return len(r.all) - before
}

// isEnough reports whether the first page is all that is wanted, and notes the count.
func (r *reading[T]) isEnough(ctx context.Context) bool {
	first, ok := ctx.Value(firstPageKey{}).(*firstPage)
	if !ok || r.list.query != "" || len(r.all) < first.wanted || r.count <= float64(len(r.all)) {
		return false
	}
	first.count = int(r.count)
	return true
}

// isComplete reports whether no object is known to have been missed.
func (r *reading[T]) isComplete() bool {
	return !r.shrank && float64(len(r.all)) >= r.count
}

// readAhead starts to read the next pages, if the query of the next one has its number; a cursor names one page alone.
// The first failure that may pass ends it: that page, and all that are not asked for yet, are read in their turn.
func (r *reading[T]) readAhead(ctx context.Context, query string) {
	values, err := url.ParseQuery(query)
	if next := r.pages + 1; err == nil && values.Get("page") == strconv.Itoa(next) {
		for ; r.launched < min(next+pagesAhead-1, r.last); r.launched++ {
			values.Set("page", strconv.Itoa(r.launched+1))
			c := &call{method: "GET", route: r.list.route, query: values.Encode(), isAhead: true}
			answered := make(chan answer[T], 1)
			r.ahead[c.query] = answered
			r.reads.Go(func() {
				defer close(answered)
				r.slots <- struct{}{}
				defer func() { <-r.slots }()
				if r.failed.Load() {
					return
				}
				a := r.ask(ctx, c)
				if failure := errorIn(a.err); failure.Temporary() && failure.Kind != KindTimeout && failure.RetryAfter <= maxRetryAfter {
					r.failed.Store(true)
					return
				}
				answered <- a
			})
		}
	}
}

// page returns the page of a query: one that is read ahead, or else it reads it. If the API limits requests below the
// client's own limit, fails, or links to other pages than was expected, the others are read one after the other.
func (r *reading[T]) page(ctx context.Context, query string) (page[T], error) {
	values, _ := url.ParseQuery(query)
	key := values.Encode()
	answered, isAhead := r.ahead[key]
	r.failed.Store(r.failed.Load() || !isAhead && len(r.ahead) > 0)
	delete(r.ahead, key)
	var a answer[T]
	isAnswered := false
	if isAhead {
		a, isAnswered = <-answered
	}
	if r.failed.Load() {
		r.reads.Wait()
	}
	if !isAnswered {
		a = r.ask(ctx, &call{method: "GET", route: r.list.route, query: query})
	}
	if a.panic != nil {
		panic(a.panic) // here the caller can recover
	}
	r.bytes += a.bytes
	return a.page, a.err
}

func (r *reading[T]) ask(ctx context.Context, c *call) (a answer[T]) {
	defer func() { a.panic = recover() }()
	a.page, a.err = fetch[page[T]](ctx, r.list.run, c)
	a.bytes = len(c.body)
	return a
}

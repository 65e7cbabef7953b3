package simulator

import (
	"cmp"
	"net/http"
	"net/url"
	"slices"
	"strconv"
)

const maxPageSize = 100

// list answers with the objects that are wanted, all if wanted is nil, each as show returns it.
func list[V any](c *call, objects []*V, wanted func(*V) bool, show func(*V) object) *response {
	if wanted != nil {
		objects = slices.DeleteFunc(slices.Clone(objects), func(v *V) bool { return !wanted(v) })
	}
	p, valid := c.page(len(objects))
	if !valid {
		return fail(http.StatusNotFound, "Invalid page.")
	}
	results := make([]object, 0, p.to-p.from)
	for _, object := range objects[p.from:p.to] {
		results = append(results, show(object))
	}
	body := object{{"count", len(objects)}}
	if c.opts.Vendor {
		body = append(body, member{"next", orNull(p.next)}, member{"previous", orNull(p.previous)})
	}
	return ok(append(body, member{"results", results}))
}

type page struct {
	from, to       int
	next, previous string
}

func (c *call) page(count int) (p page, valid bool) {
	size := c.opts.PageSize
	if size <= 0 {
		return page{to: count}, true
	}
	if asked, err := strconv.Atoi(c.query.Get("page_size")); err == nil && asked > 0 {
		size = min(asked, maxPageSize)
	}
	number := 1
	if asked := c.query.Get("page"); asked != "" {
		number, _ = strconv.Atoi(asked)
	}
	// An empty list has a first page. No other page is beyond the end.
	if number < 1 || number > max(1, (count+size-1)/size) {
		return page{}, false
	}
	p.from = (number - 1) * size
	p.to = min(p.from+size, count)
	if p.to < count {
		p.next = c.pageURL(number + 1)
	}
	if number > 1 {
		p.previous = c.pageURL(number - 1)
	}
	return p, true
}

func (c *call) pageURL(number int) string {
	// A server does not see the scheme of a request.
	target := url.URL{Scheme: cmp.Or(c.request.URL.Scheme, "http"), Host: c.request.Host, Path: c.request.URL.Path}
	query := c.request.URL.Query()
	query.Set("page", strconv.Itoa(number))
	if number == 1 {
		query.Del("page")
	}
	target.RawQuery = query.Encode()
	return target.String()
}

// matches reports whether a value is the one that the query asks for, or the query asks for none.
func (c *call) matches(name, value string) bool {
	asked := c.query.Get(name)
	return asked == "" || asked == value
}

package simulator

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"
)

const maxPageSize = 100

// listing is the envelope of a list.
type listing struct {
	Count   int   `json:"count"`
	Results []any `json:"results"`
}

// linkedListing is the envelope of a list that names its neighbouring pages, null where there is none.
type linkedListing struct {
	Count    int     `json:"count"`
	Next     *string `json:"next"`
	Previous *string `json:"previous"`
	Results  []any   `json:"results"`
}

// list answers with those objects that are wanted, each as show has it.
func list[V any](c *call, objects []*V, wanted func(*V) bool, show func(*V) any) *answer {
	objects = slices.DeleteFunc(objects, func(v *V) bool { return !wanted(v) })
	p, valid := c.page(len(objects))
	if !valid {
		return fail(http.StatusNotFound, "Invalid page.")
	}
	results := make([]any, 0, p.to-p.from)
	for _, object := range objects[p.from:p.to] {
		results = append(results, show(object))
	}
	if c.opts.Next {
		return ok(linkedListing{len(objects), p.next, p.previous, results})
	}
	return ok(listing{len(objects), results})
}

// page is a part of a list, and where its neighbours are.
type page struct {
	from, to       int
	next, previous *string
}

// page says which part of a list is asked for.
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
	// The first page of an empty list is a page; so is no other beyond the end.
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

// pageURL is the address of another page of the list that is asked for.
func (c *call) pageURL(number int) *string {
	target := url.URL{Scheme: c.request.URL.Scheme, Host: c.request.Host, Path: c.request.URL.Path}
	switch {
	case target.Scheme != "":
	case c.request.TLS != nil:
		target.Scheme = "https"
	default:
		target.Scheme = "http"
	}
	query := c.request.URL.Query()
	query.Set("page", strconv.Itoa(number))
	if number == 1 {
		query.Del("page")
	}
	target.RawQuery = query.Encode()
	address := target.String()
	return &address
}

// filter says whether a value is the one that the query asks for; without the query every value is.
func (c *call) filter(name, value string) bool {
	asked := c.query.Get(name)
	return asked == "" || asked == value
}

// serverFilter reads the query server_id: the id that is asked for, or 0 for all.
func (c *call) serverFilter() (int, *answer) {
	asked := c.query.Get("server_id")
	if asked == "" {
		return 0, nil
	}
	id, known := c.parseID(asked)
	if !known {
		return 0, &answer{status: http.StatusBadRequest, body: map[string][]string{"server_id": {"Enter a valid id."}}}
	}
	return id, nil
}

package apiclient

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// paged answers with the page of the number in the query: "" and "1" are the first.
func paged(count int, pages ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		number, _ := strconv.Atoi(r.URL.Query().Get("page"))
		if number = max(number, 1); number > len(pages) {
			always(404, `{"detail":"Invalid page."}`)(w, r)
			return
		}
		always(200, fmt.Sprintf(`{"count":%d,"results":[%s]}`, count, pages[number-1]))(w, r)
	}
}

func things(ids ...string) string {
	for i, id := range ids {
		ids[i] = `{"id":` + id + `}`
	}
	return strings.Join(ids, ",")
}

func TestListPages(t *testing.T) {
	for name, tc := range map[string]struct {
		answer   http.HandlerFunc
		want     []string
		last     int // the highest page that may be asked for
		readings int
	}{
		"bare array":         {always(200, `[{"id":1},{"id":"a"}]`), []string{"1", "a"}, 1, 1},
		"empty array":        {always(200, `[]`), []string{}, 1, 1},
		"null results":       {always(200, `{"count":0,"results":null}`), []string{}, 1, 1},
		"no count":           {always(200, `{"results":[{"id":1}]}`), []string{"1"}, 1, 1},
		"one page":           {paged(2, things("1", "2")), []string{"1", "2"}, 1, 1},
		"two pages":          {paged(3, things("1", "2"), things("3")), []string{"1", "2", "3"}, 2, 1},
		"three pages":        {paged(3, things("1"), things("2"), things("3")), []string{"1", "2", "3"}, 3, 1},
		"pages that shrink":  {paged(4, things("1", "2"), things("3"), things("4")), []string{"1", "2", "3", "4"}, 3, 1},
		"pages overlap":      {paged(3, things("1", "2"), things("2", "3")), []string{"1", "2", "3"}, 2, 1},
		"count 3, two there": {always(200, `{"count":3,"results":[{"id":1},{"id":2}]}`), []string{"1", "2"}, 2, 2},
		"page 2 is missing":  {paged(3, things("1", "2")), []string{"1", "2"}, 2, 2},
		"page 2 is empty":    {paged(3, things("1", "2"), ``), []string{"1", "2"}, 2, 2},
		"page 3 is missing":  {paged(9, things("1"), things("2")), []string{"1", "2"}, 9, 2},
		"number and string":  {paged(3, things("1"), things(`"1"`)), []string{"1"}, 3, 2},
		"count without any":  {paged(3, ``), []string{}, 1, 2},
		"count of no end":    {paged(1e12, things("1"), things("2")), []string{"1", "2"}, 2 + pagesAhead, 2},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFake(t, tc.answer)
			got, err := f.client(t).Servers.List(t.Context(), ServerFilter{})
			require.NoError(t, err)
			require.NotNil(t, got)
			ids, readings := []string{}, 0
			for _, s := range got {
				ids = append(ids, s.ID.String())
			}
			require.Equal(t, tc.want, ids)
			for _, r := range f.requests() {
				number, _ := strconv.Atoi(strings.TrimPrefix(r.query, "page="))
				require.True(t, r.query == "" || number <= tc.last, r.query)
				if r.query == "" {
					readings++
				}
			}
			require.Equal(t, tc.readings, readings)
		})
	}
}

func TestListKeepsItsFilterOverPages(t *testing.T) {
	f := newFake(t, paged(3, things("1", "2"), things("3")))
	_, err := f.client(t).Servers.List(t.Context(), ServerFilter{Status: "active"})
	require.NoError(t, err)
	require.Equal(t, "page=2&status=active", f.requests()[1].query)
}

// Behind a proxy the API may not know its own address: the client uses only the query of a next link, and sends
// nothing to another host.
func TestListUsesOnlyTheQueryOfNext(t *testing.T) {
	evil := newFake(t, always(200, `[]`))
	for next, query := range map[string]string{
		evil.url + "/servers/?page=2&status=": "page=2&status=", "https://HOST/api/v1/servers/?page=2": "page=2",
		"//evil.example/?page=2": "page=2", "http://user:pw@HOST/?page=2": "page=2", "http://inner:8000/other/?cursor=a%2Fb": "cursor=a%2Fb",
		"%zz": "page=2", "javascript:alert(1)": "page=2", "http://HOST/api/v1/servers/": "page=2", "2": "page=2",
		"/api/v1/servers/?cursor=b": "cursor=b", "?cursor=b": "cursor=b",
	} {
		var f *fake
		f = newFake(t, func(w http.ResponseWriter, r *http.Request) {
			base, _ := url.Parse(f.url)
			if r.URL.RawQuery != "" {
				always(200, `{"results":[{"id":2}],"next":null,"previous":"x"}`)(w, r)
				return
			}
			always(200, `{"results":[{"id":1}],"next":"`+strings.Replace(next, "HOST", base.Host, 1)+`"}`)(w, r)
		})
		got, err := f.client(t).Servers.List(t.Context(), ServerFilter{})
		require.NoError(t, err, next)
		require.Len(t, got, 2, next)
		asked := f.requests()
		require.Len(t, asked, 2, next)
		require.Equal(t, query, asked[1].query, next)
		require.Equal(t, "/api/v1/servers/", asked[1].path, next)
	}
	require.Empty(t, evil.requests())
}

func TestListIsBounded(t *testing.T) {
	pages := 0
	c := testClient(t, withTransport(func(*http.Request) (*http.Response, error) {
		pages++
		return reply(200, fmt.Sprintf(`{"results":[{"id":%d}],"next":"?n=%d"}`, pages, pages)), nil
	}))
	_, err := c.Servers.List(t.Context(), ServerFilter{})
	require.ErrorIs(t, err, errEndless)
	require.Equal(t, maxPages, pages)
	endless := newReading(list[Zone]{run: c.run, route: "/dns-zones/"})
	endless.all = make([]Zone, maxObjects)
	require.ErrorIs(t, endless.read(t.Context()), errEndless)
	endless = newReading(list[Zone]{run: c.run, route: "/dns-zones/"})
	endless.bytes = maxListBytes
	require.ErrorIs(t, endless.read(t.Context()), errEndless)
	require.Equal(t, maxPages+2, pages)

	circle := newFake(t, always(200, `{"results":[{"id":1}],"next":"?n=1"}`))
	got, err := circle.client(t).Servers.List(t.Context(), ServerFilter{})
	require.NoError(t, err)
	require.Len(t, got, 1)
	require.Len(t, circle.requests(), 2)
}

// A list whose pages are slow ends with an error of its own after a minute.
func TestListIsBoundedInTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		pages := 0
		c := testClient(t, withTransport(func(*http.Request) (*http.Response, error) {
			pages++
			time.Sleep(time.Second)
			return reply(200, fmt.Sprintf(`{"results":[{"id":%d}],"next":"?n=%d"}`, pages, pages)), nil
		}))
		began := time.Now()
		_, err := c.Servers.List(t.Context(), ServerFilter{})
		require.Equal(t, KindTimeout, asError(t, err).Kind)
		require.ErrorContains(t, err, "did not end within 1m0s")
		require.LessOrEqual(t, time.Since(began), listLimit+time.Second)
	})
}

// numbered is a list of so many servers with the ids 1, 2, … in pages of ten, which edit changes before each page.
func numbered(size int, edit func(page int, ids *[]int)) roundTrip {
	var mu sync.Mutex
	ids := make([]int, size)
	for i := range ids {
		ids[i] = i + 1
	}
	return func(r *http.Request) (*http.Response, error) {
		mu.Lock()
		defer mu.Unlock()
		number, _ := strconv.Atoi(r.URL.Query().Get("page"))
		number = max(number, 1)
		edit(number, &ids)
		from := min((number-1)*10, len(ids))
		var page []string
		for _, id := range ids[from:min(from+10, len(ids))] {
			page = append(page, strconv.Itoa(id))
		}
		if len(page) == 0 {
			return reply(404, `{"detail":"Invalid page."}`), nil
		}
		return reply(200, fmt.Sprintf(`{"count":%d,"results":[%s]}`, len(ids), things(page...))), nil
	}
}

// An object that moves to a page that was read already, because one before it was deleted, is not lost.
func TestListThatChangesLosesNothing(t *testing.T) {
	for name, edit := range map[string]func(reading, page int, ids *[]int){
		"one of the first page is deleted": func(reading, page int, ids *[]int) {
			if reading == 1 && page > 1 && (*ids)[0] == 1 {
				*ids = slices.Delete(*ids, 0, 1)
			}
		},
		"a page of objects is deleted": func(reading, page int, ids *[]int) {
			if reading == 1 && page > 1 && (*ids)[0] == 1 {
				*ids = slices.Delete(*ids, 0, 10)
			}
		},
		"one is deleted, and another created later": func(reading, page int, ids *[]int) {
			switch {
			case reading == 1 && page > 1 && (*ids)[0] == 1:
				*ids = slices.Delete(*ids, 0, 1)
			case reading == 1 && page > 5 && len(*ids) == 94:
				*ids = append(*ids, 1000)
			}
		},
		"those at the end are deleted": func(reading, page int, ids *[]int) {
			if reading == 1 && page > 1 && len(*ids) == 95 {
				*ids = (*ids)[:50]
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			readings, now := 0, []int{}
			c := testClient(t, withTransport(numbered(95, func(page int, ids *[]int) {
				if page == 1 {
					readings++
				}
				edit(readings, page, ids)
				now = slices.Clone(*ids)
			})))
			got, err := c.Servers.List(t.Context(), ServerFilter{})
			require.NoError(t, err)
			var ids []int
			for _, s := range got {
				id, _ := strconv.Atoi(s.ID.String())
				ids = append(ids, id)
			}
			require.Equal(t, now, ids, "all that there are, in their order")
			require.Equal(t, 2, readings)
		})
	}
	// The first of 1, 2, 3, 4 is deleted after the first page, so that 3 moves to it, and 5 is created after the second:
	// as many objects as there were at first, but not all.
	asked := 0
	c := testClient(t, withTransport(script{
		responds(200, `{"count":4,"results":[{"id":1},{"id":2}],"next":"?cursor=b"}`),
		responds(200, `{"count":3,"results":[{"id":4}],"next":"?cursor=c"}`),
		responds(200, `{"count":4,"results":[{"id":5}]}`),
		responds(200, `{"count":4,"results":[{"id":2},{"id":3}],"next":"?cursor=b"}`),
		responds(200, `{"count":4,"results":[{"id":4},{"id":5}]}`),
	}.play(&asked)))
	got, err := c.Servers.List(t.Context(), ServerFilter{})
	require.NoError(t, err)
	require.Len(t, got, 4)
	require.Equal(t, "3", got[1].ID.String())
	// What is created meanwhile costs no second reading.
	pages := 0
	c = testClient(t, withTransport(numbered(95, func(_ int, ids *[]int) { pages++; *ids = append(*ids, 1000+pages) })))
	got, err = c.Servers.List(t.Context(), ServerFilter{})
	require.NoError(t, err)
	require.GreaterOrEqual(t, len(got), 96)
	// A list that is never read as a whole is an error.
	c = testClient(t, withTransport(numbered(900, func(page int, ids *[]int) {
		if page == 2 {
			*ids = slices.Delete(*ids, 0, 1)
		}
	})))
	_, err = c.Servers.List(t.Context(), ServerFilter{})
	require.Equal(t, KindConflict, asError(t, err).Kind)
	require.ErrorIs(t, err, errListChanged)
}

// What fails for a moment while eight pages are read fails the list no more than a page alone: each is tried anew, and
// the circuit stays closed.
func TestPagesThatFailForAMoment(t *testing.T) {
	for n := range 20 {
		synctest.Test(t, func(t *testing.T) {
			time.Sleep(time.Duration(n) * time.Millisecond) // the seed of the pauses between tries
			began := time.Now()
			pages := numbered(1000, func(int, *[]int) {})
			c := testClient(t, withTransport(func(r *http.Request) (*http.Response, error) {
				time.Sleep(50 * time.Millisecond)
				if failing := time.Since(began) - 100*time.Millisecond; 0 <= failing && failing < 430*time.Millisecond {
					return reply(http.StatusBadGateway, ``), nil
				}
				return pages(r)
			}))
			got, err := c.Servers.List(t.Context(), ServerFilter{})
			require.NoError(t, err)
			require.Len(t, got, 1000)
		})
	}
}

// Links that differ from the one before in more than the number are followed, and no page is read in vain for long.
func TestLinksThatCannotBeForeseen(t *testing.T) {
	requests := atomic.Int64{}
	pages := numbered(1000, func(int, *[]int) {})
	c := testClient(t, withTransport(func(r *http.Request) (*http.Response, error) {
		resp, err := pages(r)
		body, _ := io.ReadAll(resp.Body)
		number, _ := strconv.Atoi(r.URL.Query().Get("page"))
		if number = max(number, 1); number < 100 {
			body = append(bytes.TrimSuffix(body, []byte("}")), fmt.Sprintf(`,"next":"?page=%d&at=%d"}`, number+1, requests.Add(1))...)
		}
		return reply(resp.StatusCode, string(body)), err
	}))
	got, err := c.Servers.List(t.Context(), ServerFilter{})
	require.NoError(t, err)
	require.Len(t, got, 1000)
	require.LessOrEqual(t, requests.Load(), int64(100+pagesAhead))
}

// Where only the first objects are wanted one page is read, if it has them and the count of all.
func TestFirstPage(t *testing.T) {
	for name, tc := range map[string]struct {
		answer              http.HandlerFunc
		filter              ServerFilter
		requests, got, more int
	}{
		"counted":       {paged(5, things("1", "2"), things("3", "4"), things("5")), ServerFilter{}, 1, 2, 5},
		"too few":       {paged(3, things("1"), things("2"), things("3")), ServerFilter{}, 3, 3, 0},
		"filtered":      {paged(3, things("1", "2"), things("3")), ServerFilter{Status: "x"}, 2, 0, 0},
		"all":           {paged(2, things("1", "2")), ServerFilter{}, 1, 2, 0},
		"bare array":    {always(200, "["+things("1", "2", "3")+"]"), ServerFilter{}, 1, 3, 0},
		"not counted":   {uncounted, ServerFilter{}, 2, 3, 0},
		"wrong counted": {paged(1, things("1", "2")), ServerFilter{}, 1, 2, 0},
	} {
		f := newFake(t, tc.answer)
		ctx := FirstPage(t.Context(), 2)
		got, err := f.client(t).Servers.List(ctx, tc.filter)
		require.NoError(t, err)
		require.Len(t, got, tc.got, name)
		require.Equal(t, tc.more, ListCount(ctx), name)
		asked := map[string]bool{}
		for _, r := range f.requests() {
			asked[r.query] = true
		}
		require.Len(t, asked, tc.requests, name)
	}
}

// uncounted is a list of three by links alone.
func uncounted(w http.ResponseWriter, r *http.Request) {
	page := `{"results":[{"id":1},{"id":2}],"next":"?cursor=b"}`
	if r.URL.RawQuery != "" {
		page = `{"results":[{"id":3}]}`
	}
	always(200, page)(w, r)
}

// A list that is read twice for one decision is read once, narrowed or not; what a caller does to it is theirs.
func TestReadListsOnce(t *testing.T) {
	f := newFake(t, paged(3, `{"id":1,"status":"active"},{"id":2,"status":"stopped"}`, `{"id":3,"status":"active"}`))
	c, ctx := f.client(t), ReadListsOnce(t.Context())
	for _, want := range []struct {
		status string
		got    int
	}{{"", 3}, {"active", 2}, {"stopped", 1}, {"", 3}} {
		got, err := c.Servers.List(ReadListsOnce(ctx), ServerFilter{Status: want.status})
		require.NoError(t, err)
		require.Len(t, got, want.got)
		clear(got)
	}
	require.Len(t, f.requests(), 2)
	_, err := c.Plans.List(ctx, PlanFilter{})
	require.NoError(t, err)
	_, err = c.Servers.List(ReadListsOnce(t.Context()), ServerFilter{})
	require.NoError(t, err)
	require.Len(t, f.requests(), 6)
	_, err = newFake(t, always(500, ``)).client(t).Servers.List(ReadListsOnce(t.Context()), ServerFilter{})
	require.Error(t, err)
}

// Eight pages at most are read at once, and an API that limits requests is asked for one after the other.
func TestPagesAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var now, over atomic.Int64
		pages := numbered(1000, func(int, *[]int) {})
		allowed := int64(pagesAtOnce)
		c := testClient(t, withTransport(func(r *http.Request) (*http.Response, error) {
			defer now.Add(-1)
			if now.Add(1) > allowed {
				over.Add(1)
				return reply(http.StatusTooManyRequests, ``), nil
			}
			time.Sleep(50 * time.Millisecond)
			return pages(r)
		}))
		began := time.Now()
		got, err := c.Servers.List(t.Context(), ServerFilter{})
		require.NoError(t, err)
		require.Len(t, got, 1000)
		require.Zero(t, over.Load())
		require.Less(t, time.Since(began), 15*50*time.Millisecond, "99 pages, eight at once")

		allowed = 1
		got, err = c.Servers.List(t.Context(), ServerFilter{})
		require.NoError(t, err)
		require.Positive(t, over.Load())
		require.Less(t, over.Load(), int64(pagesAtOnce), "after the first refusals no page is read beside another")
		require.Len(t, got, 1000)
	})
}

func TestListFailures(t *testing.T) {
	for body, want := range map[string]Kind{
		`{"detail":"hello"}`: KindDecode, `null`: KindDecode, `"x"`: KindDecode, `[1]`: KindDecode,
		`{"results":{}}`: KindDecode, `{"results":[{"id":"../x"}]}`: KindDecode, ``: KindDecode, `<html>`: KindDecode,
	} {
		f := newFake(t, always(200, body))
		_, err := f.client(t).Servers.List(t.Context(), ServerFilter{})
		require.Equal(t, want, asError(t, err).Kind, body)
	}
	// A page that fails makes the list fail: an incomplete list looks like a complete one.
	_, err := newFake(t, secondPage(always(500, ``))).client(t).Servers.List(t.Context(), ServerFilter{})
	require.Equal(t, KindServer, asError(t, err).Kind)
	// A 404 of the first page does not mean an empty list, but that there is no such list.
	_, err = newFake(t, always(404, ``)).client(t).Servers.List(t.Context(), ServerFilter{})
	require.Equal(t, KindNoRoute, asError(t, err).Kind)
	// A proxy's 404 for a page is not the end of the list.
	_, err = newFake(t, secondPage(withType("text/html", 404, `<html>Not found</html>`))).client(t).Servers.List(t.Context(), ServerFilter{})
	require.Equal(t, KindNoRoute, asError(t, err).Kind)
}

// secondPage answers with the first of three pages, and then as next does.
func secondPage(next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if r.URL.RawQuery == "" {
			paged(3, things("1"))(w, r)
			return
		}
		next(w, r)
	}
}

func FuzzDecodeLists(f *testing.F) {
	for _, s := range []string{`[]`, `{"results":[],"count":2,"next":"?page=2"}`, `{"results":null}`, `[{"uuid":"a"}]`, `{"next":3}`} {
		f.Add([]byte(s))
	}
	kinds := []Kind{"", KindDecode, KindInvalid}
	f.Fuzz(func(t *testing.T, body []byte) {
		c := testClient(t, withTransport(func(*http.Request) (*http.Response, error) { return reply(200, string(body)), nil }))
		_, err := c.DNSZones.List(t.Context(), ZoneFilter{})
		require.True(t, slices.Contains(kinds, errorIn(err).Kind), "%v", err)
	})
}

package apiclient

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"

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
		answer http.HandlerFunc
		want   []string
		asked  []string // queries
	}{
		"bare array":         {always(200, `[{"id":1},{"id":"a"}]`), []string{"1", "a"}, []string{""}},
		"empty array":        {always(200, `[]`), []string{}, []string{""}},
		"null results":       {always(200, `{"count":0,"results":null}`), []string{}, []string{""}},
		"no count":           {always(200, `{"results":[{"id":1}]}`), []string{"1"}, []string{""}},
		"one page":           {paged(2, things("1", "2")), []string{"1", "2"}, []string{""}},
		"count 3, two there": {always(200, `{"count":3,"results":[{"id":1},{"id":2}]}`), []string{"1", "2"}, []string{"", "page=2"}},
		"two pages":          {paged(3, things("1", "2"), things("3")), []string{"1", "2", "3"}, []string{"", "page=2"}},
		"page 2 is missing":  {paged(3, things("1", "2")), []string{"1", "2"}, []string{"", "page=2"}},
		"page 2 is empty":    {paged(3, things("1", "2"), ``), []string{"1", "2"}, []string{"", "page=2"}},
		"page 3 is missing":  {paged(9, things("1"), things("2")), []string{"1", "2"}, []string{"", "page=2", "page=3"}},
		"pages overlap":      {paged(3, things("1", "2"), things("2", "3")), []string{"1", "2", "3"}, []string{"", "page=2"}},
		"number and string":  {paged(3, things("1"), things(`"1"`)), []string{"1"}, []string{"", "page=2"}},
		"count without any":  {paged(3, ``), []string{}, []string{""}},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFake(t, tc.answer)
			got, err := f.client(t).Servers.List(t.Context(), ServerFilter{})
			require.NoError(t, err)
			require.NotNil(t, got)
			ids, queries := []string{}, []string{}
			for _, s := range got {
				ids = append(ids, s.ID.String())
			}
			require.Equal(t, tc.want, ids)
			for _, r := range f.requests() {
				queries = append(queries, r.query)
			}
			require.Equal(t, tc.asked, queries)
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
	endless := newFake(t, func(w http.ResponseWriter, r *http.Request) {
		n, _ := strconv.Atoi(r.URL.Query().Get("n"))
		always(200, fmt.Sprintf(`{"results":[{"id":%d}],"next":"?n=%d"}`, n, n+1))(w, r)
	})
	_, err := endless.client(t).Servers.List(t.Context(), ServerFilter{})
	require.ErrorIs(t, err, errTooManyPages)
	require.Len(t, endless.requests(), maxPages)

	circle := newFake(t, always(200, `{"results":[{"id":1}],"next":"?n=1"}`))
	got, err := circle.client(t).Servers.List(t.Context(), ServerFilter{})
	require.NoError(t, err)
	require.Len(t, got, 1)
	require.Len(t, circle.requests(), 2)
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

package runner_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"

	"github.com/stretchr/testify/require"

	"github.com/vpsbot/vpsbot/internal/approval"
	"github.com/vpsbot/vpsbot/tools"
)

// depart makes every answer of the simulator depart from the documentation.
func (w *world) depart(change func(*answerOf)) {
	w.sim.Intercept(func(rw http.ResponseWriter, r *http.Request, next http.Handler) {
		recorded := httptest.NewRecorder()
		next.ServeHTTP(recorded, r)
		a := &answerOf{Request: r, status: recorded.Code}
		if recorded.Body.Len() > 0 {
			if err := json.Unmarshal(recorded.Body.Bytes(), &a.body); err != nil {
				panic(err)
			}
		}
		if a.status < 300 {
			change(a)
		}
		rw.Header().Set("Content-Type", "application/json")
		rw.WriteHeader(a.status)
		if a.body != nil {
			_ = json.NewEncoder(rw).Encode(a.body)
		}
	})
}

func (w *world) unknownRecords() (ids []string) {
	w.Helper()
	records, err := w.store.Find(w.Context(), approval.Query{States: []approval.State{approval.Unknown}})
	require.NoError(w, err)
	for _, rec := range records {
		ids = append(ids, rec.ID)
	}
	return ids
}

// walk hands over every object of a value, the innermost first.
func walk(value any, do func(map[string]any)) {
	switch v := value.(type) {
	case map[string]any:
		for _, inner := range v {
			walk(inner, do)
		}
		do(v)
	case []any:
		for _, inner := range v {
			walk(inner, do)
		}
	}
}

func eachObject(do func(map[string]any)) func(*answerOf) {
	return func(a *answerOf) { walk(a.body, do) }
}

type absent struct{}

func missing(any) any { return absent{} }
func nothing(any) any { return nil }

// each changes the members of these names, wherever they stand and are not null.
func each(names string, change func(any) any) func(*answerOf) {
	return eachObject(func(o map[string]any) {
		for _, name := range strings.Fields(names) {
			if o[name] == nil {
				continue
			}
			if o[name] = change(o[name]); o[name] == (absent{}) {
				delete(o, name)
			}
		}
	})
}

func onLists(change func(*answerOf, map[string]any)) func(*answerOf) {
	return func(a *answerOf) {
		if a.isList() {
			change(a, a.body.(map[string]any))
		}
	}
}

func onWrites(change func(*answerOf)) func(*answerOf) {
	return func(a *answerOf) {
		if a.Method != http.MethodGet {
			change(a)
		}
	}
}

func onCreates(change func(*answerOf)) func(*answerOf) {
	return onWrites(func(a *answerOf) {
		if a.status == http.StatusCreated {
			change(a)
		}
	})
}

// inPages cuts a list into pages of one object, each with the address of the next.
func inPages(address string) func(*answerOf, map[string]any) {
	return func(a *answerOf, list map[string]any) {
		all, at := list["results"].([]any), 0
		_, _ = fmt.Sscan(a.URL.Query().Get("cursor"), &at)
		if at < len(all) {
			list["results"] = all[at : at+1]
		}
		list["next"] = nil
		if at+1 < len(all) {
			list["next"] = fmt.Sprintf("%s?cursor=%d", address, at+1)
		}
	}
}

func move(o map[string]any, from, to string) {
	if v, there := o[from]; there {
		delete(o, from)
		o[to] = v
	}
}

// flatten puts the id of an image's server beside its own members.
func flatten(o map[string]any, name string) {
	if server, inside := o["server"].(map[string]any); inside && o["created_at"] != nil {
		delete(o, "server")
		o[name] = server["id"]
	}
}

func asText(o map[string]any, name string) {
	if v, there := o[name]; there {
		o[name] = scalarText(v)
	}
}

func scalarText(v any) string {
	if f, isNumber := v.(float64); isNumber {
		return fmt.Sprintf("%.0f", f)
	}
	return fmt.Sprint(v)
}

func grouped(each any) map[string]any {
	all := map[string]any{}
	for _, op := range tools.Default.Operations() {
		for _, p := range op.Needs {
			resource, _, _ := strings.Cut(string(p), ":")
			all[resource] = each
		}
	}
	return all
}

// separated is every permission in one text, with these between them by turns.
func separated(separators ...string) string {
	var b strings.Builder
	for i, resource := range slices.Sorted(maps.Keys(grouped(nil))) {
		b.WriteString(resource + ":*" + separators[i%len(separators)])
	}
	return b.String()
}

// noun is what a path holds: "server".
func noun(a *answerOf) string {
	resource, _, _ := strings.Cut(strings.TrimPrefix(a.URL.Path, "/api/v1/"), "/")
	return strings.TrimSuffix(resource, "s")
}

func addTo(a *answerOf, name string, value any) {
	if body, isObject := a.body.(map[string]any); isObject {
		body[name] = value
	}
}

package tools

import (
	"cmp"
	"context"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/vpsbot/vpsbot/apiclient"
	"github.com/vpsbot/vpsbot/internal/text"
	"github.com/vpsbot/vpsbot/permissions"
)

// Listing is one page of a list, which the Runner cuts out of the whole.
type Listing[T any] struct {
	Count   int `json:"count"`  // how many there are in all
	Offset  int `json:"offset"` // how many were passed over
	Results []T `json:"results"`
}

// View is how a list is shown, with its types erased.
type View struct {
	Page    func(value any, limit, offset int) any                       // cuts a page out of a whole list
	Rows    func(value any) any                                          // the page with each item as a flat row, for tables
	Keep    func(value any, may func(permissions.TargetServer) bool) any // leaves out other servers' items; nil: they belong to none
	Compact bool                                                         // models get the rows too, not the whole items
	Wide    []string                                                     // columns for which a screen's table has no room
	Row     reflect.Type                                                 // the type of a page of rows
	Choices func(value any) []Choice                                     // a whole list, for who names one of its objects without the id; nil: ids alone
	Dated   bool                                                         // its objects are found by when they were made; the list is newest first, so it must be whole before it is cut
}

// Listed completes a list operation: call reads the whole list, or its first page where the context asks for no
// more; row makes an item a flat struct.
func Listed[In, T, Row any](o Operation[In, Listing[T]],
	call func(context.Context, *apiclient.Client, Target, In) ([]T, error), row func(T) Row,
) Operation[In, Listing[T]] {
	o.Call = func(ctx context.Context, c *apiclient.Client, t Target, in In) (Listing[T], error) {
		all, err := call(ctx, c, t, in)
		return Listing[T]{Count: max(len(all), apiclient.ListCount(ctx)), Results: all}, err
	}
	o.view.Row = reflect.TypeFor[Listing[Row]]()
	o.view.Page = func(value any, limit, offset int) any {
		all := value.(Listing[T])
		start := min(offset, len(all.Results))
		end := start + min(limit, len(all.Results)-start)
		return Listing[T]{Count: all.Count, Offset: offset, Results: all.Results[start:end]}
	}
	o.view.Rows = func(value any) any {
		page := value.(Listing[T])
		return Listing[Row]{Count: page.Count, Offset: page.Offset, Results: text.Map(page.Results, row)}
	}
	return o
}

// compact makes models get a list's rows alone, where another operation has the rest. They get the wide
// columns too, which tables leave out.
func compact[In, T any](o Operation[In, Listing[T]], wide ...string) Operation[In, Listing[T]] {
	o.view.Compact, o.view.Wide = true, wide
	return o
}

// ofServer tells which server an item of a list belongs to, so that a policy can leave out
// what an actor may not read.
func ofServer[In, T any](o Operation[In, Listing[T]], server func(T) (id apiclient.ID, name string)) Operation[In, Listing[T]] {
	o.view.Keep = func(value any, may func(permissions.TargetServer) bool) any {
		var kept []T
		for _, item := range value.(Listing[T]).Results {
			id, name := server(item)
			if may(permissions.TargetServer{ID: id.String(), Name: name}) {
				kept = append(kept, item)
			}
		}
		return Listing[T]{Count: len(kept), Results: kept}
	}
	return o
}

// Choice is one object of a list, as an input of another operation may name it.
type Choice struct {
	ID    apiclient.ID
	Names []string  // that it has beside its id; one that is dated is not found by them
	Made  time.Time // zero where it is not known
	Ready bool      // its work is complete
}

// named lets inputs name a list's objects by a name in place of the id.
func named[In, T any](o Operation[In, Listing[T]], choice func(T) Choice) Operation[In, Listing[T]] {
	o.view.Choices = func(value any) []Choice { return text.Map(value.(Listing[T]).Results, choice) }
	return o
}

// dated sorts a list, the newest first, and lets inputs name its objects by when they were made.
func dated[In, T any](o Operation[In, Listing[T]], choice func(T) Choice) Operation[In, Listing[T]] {
	list := o.Call
	o.Call = func(ctx context.Context, c *apiclient.Client, t Target, in In) (Listing[T], error) {
		all, err := list(ctx, c, t, in)
		slices.SortStableFunc(all.Results, func(a, b T) int { return choice(b).Made.Compare(choice(a).Made) })
		return all, err
	}
	o.view.Dated = true
	return named(o, choice)
}

// completed is the status of a backup or a snapshot that can be restored from.
const completed = "completed"

// Results are the objects of a reply's value that is a list of them; any other value has none.
func Results[T any](value any) []T {
	list, _ := value.(Listing[T])
	return list.Results
}

// Systems are the operating systems of a list of servers, each once, by name: VPS.org lists them nowhere else.
func Systems(servers any) (all []apiclient.OSRef) {
	for _, s := range Results[apiclient.Server](servers) {
		isKnown := slices.ContainsFunc(all, func(o apiclient.OSRef) bool { return o.ID.Equal(s.OS.ID) && SameName(o.Name, s.OS.Name) })
		if !s.OS.ID.IsZero() && !isKnown {
			all = append(all, s.OS)
		}
	}
	slices.SortStableFunc(all, func(a, b apiclient.OSRef) int { return strings.Compare(a.Name, b.Name) })
	return all
}

// Locations are those of a list of plans and of a list of servers, each once, by name.
func Locations(plans, servers any) (all []string) {
	for _, plan := range Results[apiclient.Plan](plans) {
		all = append(all, plan.Locations...)
	}
	for _, server := range Results[apiclient.Server](servers) {
		all = append(all, server.Location)
	}
	slices.Sort(all)
	return slices.Compact(slices.DeleteFunc(all, func(name string) bool { return name == "" }))
}

// Noun names what a list holds: "servers".
func (op *Op) Noun() string {
	resource, action, _ := strings.Cut(op.Name, ".")
	if action == "list" {
		return resource
	}
	return action
}

// unknown stands for a number or a flag that VPS.org did not give: it is neither 0 nor false.
const unknown = "unknown"

// AmountCell is an amount in a table; "unknown" where VPS.org did not give it.
func AmountCell(a apiclient.Amount) string { return cmp.Or(a.String(), unknown) }

// FlagCell is a flag in a table; "unknown" where VPS.org did not give it.
func FlagCell(b *bool) string { return cmp.Or(TrueFalse(b), unknown) }

func refName(r apiclient.Ref) string { return cmp.Or(r.Name, r.ID.String()) }

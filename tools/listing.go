package tools

import (
	"context"
	"reflect"

	"github.com/vpsbot/vpsbot/apiclient"
)

// Listing is one page of a list, which the Runner cuts out of the whole.
type Listing[T any] struct {
	Count   int `json:"count"`  // how many there are in all
	Offset  int `json:"offset"` // how many were passed over
	Results []T `json:"results"`
}

// view is how a list is shown, with its types erased.
type view struct {
	page    func(value any, limit, offset int) any // cuts a page out of a whole list
	rows    func(value any) any                    // the page with each item as a flat row, for tables
	compact bool                                   // models get the rows too, not the whole items
	row     reflect.Type                           // the type of a page of rows
}

// listed completes a list operation: call reads the whole list, row makes an item a flat
// struct of at most eight fields.
func listed[In, T, Row any](o Operation[In, Listing[T]],
	call func(context.Context, *apiclient.Client, Target, In) ([]T, error), row func(T) Row,
) Operation[In, Listing[T]] {
	o.Call = func(ctx context.Context, c *apiclient.Client, t Target, in In) (Listing[T], error) {
		all, err := call(ctx, c, t, in)
		return Listing[T]{Count: len(all), Results: all}, err
	}
	o.view.row = reflect.TypeFor[Listing[Row]]()
	o.view.page = func(value any, limit, offset int) any {
		all := value.(Listing[T])
		start := min(offset, len(all.Results))
		end := min(start+limit, len(all.Results))
		return Listing[T]{Count: all.Count, Offset: offset, Results: all.Results[start:end]}
	}
	o.view.rows = func(value any) any {
		page := value.(Listing[T])
		rows := Listing[Row]{Count: page.Count, Offset: page.Offset, Results: make([]Row, len(page.Results))}
		for i, item := range page.Results {
			rows.Results[i] = row(item)
		}
		return rows
	}
	return o
}

// compact makes models get a list's rows alone, where another operation has the rest.
func compact[In, T any](o Operation[In, Listing[T]]) Operation[In, Listing[T]] {
	o.view.compact = true
	return o
}

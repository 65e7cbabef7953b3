package runner

import (
	"reflect"

	"github.com/vpsbot/vpsbot/permissions"
)

// Select makes one page of those items of a list that belong to the servers that want names.
// pages are replies that follow each other, all of one list whose items belong to servers; of
// any other list, or of none, the last reply comes back as it is, which says why.
func Select(pages []Reply, want func(permissions.TargetServer) bool, limit, offset int) Reply {
	if len(pages) == 0 {
		return Reply{}
	}
	last := pages[len(pages)-1]
	if last.Class != OK || last.Value == nil || last.Op.View.Keep == nil {
		return last
	}
	whole := reflect.New(reflect.TypeOf(last.Value)).Elem()
	results := whole.FieldByName("Results")
	for _, page := range pages {
		results.Set(reflect.AppendSlice(results, reflect.ValueOf(page.Value).FieldByName("Results")))
	}
	whole.FieldByName("Count").SetInt(int64(results.Len()))
	kept := last.Op.View.Keep(whole.Interface(), want)
	return Reply{Op: last.Op, Message: last.Message, Value: last.Op.View.Page(kept, limit, offset), none: last.none}
}

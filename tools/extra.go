package tools

import (
	"reflect"

	"github.com/vpsbot/vpsbot/internal/text"
)

// What the API may add to its answers is kept, within bounds: nobody's context is filled by
// a field that nobody knows.
const (
	mostMembers = 50  // of an object that the client does not know
	mostItems   = 100 // of a list inside an object
	mostDepth   = 4
	mostName    = 100 // characters
)

// limitExtra cleans and bounds, in place, what a result holds beside its known fields, and its
// inner lists.
func limitExtra(v reflect.Value) {
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() {
			limitExtra(v.Elem())
		}
	case reflect.Struct:
		for i := range v.NumField() {
			limitExtraField(v.Field(i))
		}
	case reflect.Slice: // the outermost list is paged by the Runner
		for i := range v.Len() {
			limitExtra(v.Index(i))
		}
	}
}

func limitExtraField(f reflect.Value) {
	if !f.CanSet() {
		return
	}
	switch f.Kind() {
	case reflect.Map:
		if extra, ok := f.Interface().(map[string]any); ok && len(extra) > 0 {
			f.Set(reflect.ValueOf(limitExtraMap(extra, 1)))
		}
	case reflect.Slice:
		if f.Type().Elem().Kind() == reflect.String && f.Len() > mostItems {
			f.Set(f.Slice(0, mostItems))
		}
		limitExtra(f)
	case reflect.Struct, reflect.Pointer:
		limitExtra(f)
	}
}

func limitExtraMap(m map[string]any, depth int) map[string]any {
	tamed := make(map[string]any, min(len(m), mostMembers))
	for name, value := range m {
		if len(tamed) == mostMembers {
			break
		}
		tamed[text.Cut(text.Clean(name), mostName)] = limitExtraValue(value, depth)
	}
	return tamed
}

func limitExtraValue(value any, depth int) any {
	switch v := value.(type) {
	case map[string]any:
		if depth >= mostDepth {
			return "…"
		}
		return limitExtraMap(v, depth+1)
	case []any:
		if depth >= mostDepth {
			return "…"
		}
		tamed := make([]any, min(len(v), mostItems))
		for i := range tamed {
			tamed[i] = limitExtraValue(v[i], depth+1)
		}
		return tamed
	}
	return value
}

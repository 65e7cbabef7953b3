package store

import (
	"encoding/base64"
	"encoding/json"
	"strings"

	"github.com/vpsbot/vpsbot/internal/approval"
	"github.com/vpsbot/vpsbot/internal/text"
)

// storable makes every text among the arguments of a statement one that each engine takes:
// PostgreSQL refuses NUL and what is not UTF-8, SQLite would keep it. What a pointer points
// to is left as it is.
func storable(args []any) []any {
	out := make([]any, len(args))
	for i, arg := range args {
		switch v := arg.(type) {
		case string:
			out[i] = text.Storable(v)
		case *string:
			out[i] = text.Storable(*v)
		case jsonText:
			out[i] = text.Storable(string(v))
		case *jsonText:
			out[i] = text.Storable(string(*v))
		case *binary:
			out[i] = base64.StdEncoding.EncodeToString(*v)
		case *words:
			out[i] = text.Storable(strings.Join(*v, " "))
		case json.RawMessage:
			out[i] = text.Storable(string(v))
		case approval.State:
			out[i] = text.Storable(string(v))
		default:
			out[i] = arg
		}
	}
	return out
}

package store

import (
	"encoding/base64"
	"encoding/json"
	"strings"

	"github.com/vpsbot/vpsbot/internal/approval"
)

// storable makes every text among the arguments of a statement one that each engine takes:
// PostgreSQL refuses NUL and what is not UTF-8, SQLite would keep it. What a pointer points
// to is left as it is.
func storable(args []any) []any {
	out := make([]any, len(args))
	for i, arg := range args {
		switch v := arg.(type) {
		case string:
			out[i] = storableText(v)
		case *string:
			out[i] = storableText(*v)
		case jsonText:
			out[i] = storableText(string(v))
		case *jsonText:
			out[i] = storableText(string(*v))
		case *binary:
			out[i] = base64.StdEncoding.EncodeToString(*v)
		case *words:
			out[i] = storableText(strings.Join(*v, " "))
		case json.RawMessage:
			out[i] = storableText(string(v))
		case approval.State:
			out[i] = storableText(string(v))
		default:
			out[i] = arg
		}
	}
	return out
}

func storableText(s string) string {
	return strings.ReplaceAll(strings.ToValidUTF8(s, "\uFFFD"), "\x00", "\uFFFD")
}

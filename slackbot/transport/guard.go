package transport

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"log/slog"
	"runtime"
	"runtime/debug"
)

// give hands a delivery to the handler and returns its answer. The handler has its time whatever
// becomes of ctx, and its panic goes no further.
func give(ctx context.Context, h Handler, d Delivery, log *slog.Logger) (answer []byte) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), handleLimit)
	defer cancel()
	defer func() {
		if broken := recover(); broken != nil {
			answer = apology(d, "An internal error (id "+logBroken(log, d, broken)+"); it is logged. Nothing is known to have been done: look before you repeat it.")
		}
	}()
	return h.Handle(ctx, d)
}

// logBroken logs a panic under an id. The runtime's own errors are logged as they are; the text of
// any other may hold what somebody typed, or a secret.
func logBroken(log *slog.Logger, d Delivery, broken any) (id string) {
	what := fmt.Sprintf("%T", broken)
	if err, ok := broken.(runtime.Error); ok { //nolint:errorlint // a panic's value is no wrapped error
		what = err.Error()
	}
	id = rand.Text()[:8]
	log.Error("Slack: internal error", "id", id, "kind", d.Kind, "error", what, "stack", string(debug.Stack()))
	return id
}

// apology is an acknowledgement that tells the person what went wrong, where Slack has a place for
// it. A form would simply close, as if all were well.
func apology(d Delivery, says string) []byte {
	switch {
	case d.Kind == Command:
		return encode(map[string]any{"response_type": "ephemeral", "text": says})
	case d.Kind == Options:
		return encode(map[string]any{"options": []any{}})
	case isSubmission(d):
		return encode(map[string]any{"response_action": "update", "view": map[string]any{
			"type":  "modal",
			"title": plainText("Something went wrong"),
			"close": plainText("Close"),
			"blocks": []any{
				map[string]any{"type": "section", "text": plainText(says)},
			},
		}})
	}
	return nil
}

func isSubmission(d Delivery) bool {
	_, kind, err := object(d.Body)
	return err == nil && d.Kind == Interaction && kind == "view_submission"
}

func plainText(says string) map[string]any {
	return map[string]any{"type": "plain_text", "text": says}
}

func encode(answer map[string]any) []byte {
	raw, err := json.Marshal(answer)
	if err != nil {
		panic(err) // texts always encode
	}
	return raw
}

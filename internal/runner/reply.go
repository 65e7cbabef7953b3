package runner

import (
	"bytes"
	"encoding/json"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/vpsbot/vpsbot/apiclient"
	"github.com/vpsbot/vpsbot/internal/approval"
	"github.com/vpsbot/vpsbot/internal/text"
	"github.com/vpsbot/vpsbot/tools"
)

// Outcome is how a change ended, in the one word that programs and models act on.
type Outcome string

// The outcomes.
const (
	Done             Outcome = "done"
	DryRun           Outcome = "dry_run"
	Unknown          Outcome = "unknown"
	ApprovalRequired Outcome = "approval_required"
	Declined         Outcome = "declined"
	Expired          Outcome = "expired"
	Stale            Outcome = "stale"
	Busy             Outcome = "busy"
	Refused          Outcome = "refused" // by us or by the API: the message says which
)

// Outcomes lists them all, for the schema.
var Outcomes = []any{Done, DryRun, Unknown, ApprovalRequired, Declined, Expired, Stale, Busy, Refused}

// Reply is what a call came to. It is the caller's to keep, and never changed afterwards.
type Reply struct {
	Op      *tools.Op // nil where no such operation exists
	Class   Class
	Outcome Outcome // of a change; empty for a read
	Message string  // clean; for a read only if it failed or there is something to add
	Value   any     // the operation's own result, or nil
	Card    *Card
	Request *apiclient.Request // of a dry run
	Record  *approval.Record   // the approval it belongs to, if any
	Settled string             // the status in which the work of a change was seen to settle; clean

	model json.RawMessage // of a read: Structured without its notice, made once
	none  string          // of an empty list: why nothing matches
}

// Envelope is what a change answers, on every surface.
type Envelope[Out any] struct {
	Outcome    Outcome      `json:"outcome"`
	Message    prose        `json:"message"`
	ApprovalID string       `json:"approval_id,omitzero"`
	Request    *sentRequest `json:"request,omitzero"`
	Card       *Card        `json:"card,omitzero"`
	Result     Out          `json:"result,omitzero"`
}

// prose is text of ours, in which what others wrote has been cleaned already: it is not cut.
type prose string

type sentRequest struct {
	Method string         `json:"method"`
	Path   string         `json:"path"`
	Body   jsontext.Value `json:"body,omitzero"`
}

// JSON returns the whole reply: a read's own result, or a change's envelope. It is nil for
// a read that failed.
func (r Reply) JSON() json.RawMessage { return r.withNotice(r.encoded(r.Value)) }

// Structured returns the reply for a model: as JSON, but of some lists the rows alone.
func (r Reply) Structured() json.RawMessage { return r.withNotice(r.withoutNotice()) }

func (r Reply) withoutNotice() json.RawMessage {
	switch {
	case r.model != nil:
		return r.model
	case r.Outcome == "" && r.Value != nil && r.Op.View.Compact:
		return mustEncode(r.Op.View.Rows(r.Value))
	}
	return r.encoded(r.Value)
}

// withNotice adds to a read's result what the text says beside it. A change's envelope has its message.
func (r Reply) withNotice(result json.RawMessage) json.RawMessage {
	notice := strings.TrimSpace(r.Message + " " + r.none)
	if notice == "" || r.Outcome != "" || len(result) == 0 {
		return result
	}
	with := append(bytes.TrimSuffix(bytes.Clone(result), []byte("}")), ","...)
	if len(result) == len("{}") {
		with = []byte("{")
	}
	return append(append(append(with, `"notice":`...), tools.QuotedJSON(notice)...), '}')
}

func (r Reply) encoded(value any) json.RawMessage {
	if r.Outcome != "" {
		value = r.envelope()
	}
	if value == nil {
		return nil
	}
	return mustEncode(value)
}

func mustEncode(value any) json.RawMessage {
	raw, err := tools.Encode(value)
	if err != nil {
		panic(err) // results are made of encodable types alone; a test encodes them all
	}
	return json.RawMessage(raw)
}

func (r Reply) envelope() Envelope[any] {
	e := Envelope[any]{Outcome: r.Outcome, Message: prose(r.Message), Request: (*sentRequest)(r.Request), Card: r.Card, Result: r.Value}
	if r.Record != nil {
		e.ApprovalID = r.Record.ID
	}
	return e
}

// Text returns the reply for a reader: a table, lines, or sentences. It stands alone.
func (r Reply) Text() string {
	parts := []string{}
	if r.Message != "" {
		parts = append(parts, r.Message)
	}
	if r.Card != nil {
		parts = append(parts, r.Card.Text())
	}
	if r.Request != nil {
		parts = append(parts, strings.TrimSpace("Request: "+r.Request.Method+" "+r.Request.Path+" "+text.Clean(string(r.Request.Body))))
	}
	if r.Outcome == "" && r.Value != nil {
		parts = append(parts, r.render())
	}
	return strings.Join(parts, "\n")
}

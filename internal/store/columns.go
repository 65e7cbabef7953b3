package store

import (
	"crypto/rand"
	"database/sql/driver"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/vpsbot/vpsbot/internal/approval"
	"github.com/vpsbot/vpsbot/internal/audit"
	"github.com/vpsbot/vpsbot/internal/delivery"
	"github.com/vpsbot/vpsbot/internal/keys"
	"github.com/vpsbot/vpsbot/internal/text"
)

// The columns of each table, and in the same order the fields they are read into and
// written from.
const (
	recordColumns = `id, operation, risk, input, asked_hash, args_hash,
		actor, surface, session, api, account, token_name,
		target, target_name, confirm, card, facts, fingerprint, known,
		state, prior, place, created_at, expires_at, changed_at,
		owner, claimed_at, approver, api_status, message, result, told_at,
		person, own, others, approvers, request_id, interactive, trace`
	consentColumns = `person, identity, channel, yes, reason, at, slack_groups, stands_in`
	formColumns    = `hash, approval, session, asked_at, expires_at`
	freezeColumns  = `frozen_by, reason, at`
	keyColumns     = `name, hash, created_at, expires_at, revoked_at`

	deliveryColumns = `id, kind, received_at, until, tries, body`
	postColumns     = `key, approval, kind, ` + postShownColumns + `, next, version`
	// Those that change while a post stays the same, without next.
	postShownColumns = `for_user, channel, ts, thread, url, url_until, url_uses, shown, fails`

	auditColumns       = auditColumnsBefore + ", trace"
	auditColumnsBefore = `seq, at, actor, on_behalf, surface, account, token, operation, target, arguments,
		approval, decision, reason, approver, api_status, outcome, previous, hash`
)

func recordFields(r *approval.Record) []any {
	return []any{
		&r.ID, &r.Operation, &r.Risk, (*jsonText)(&r.Input), &r.AskedHash, &r.ArgsHash,
		&r.Actor, &r.Surface, &r.Session, &r.API, &r.Account, &r.TokenName,
		&r.Target, &r.TargetName, &r.Confirm, (*jsonText)(&r.Card), (*jsonText)(&r.Facts), &r.Fingerprint, (*jsonText)(&r.Known),
		&r.State, &r.Prior, &r.AnswerMode, (*millis)(&r.CreatedAt), (*millis)(&r.ExpiresAt), (*millis)(&r.ChangedAt),
		&r.Owner, (*millis)(&r.ClaimedAt), &r.Approver, &r.APIStatus, &r.Message, (*jsonText)(&r.Result), (*millis)(&r.DeliveredAt),
		&r.Person, (*flag)(&r.Own), &r.Others, &r.Approvers, &r.RequestID, (*flag)(&r.Interactive), &r.Trace,
	}
}

func consentFields(c *approval.Consent) []any {
	return []any{&c.Person, &c.Identity, &c.Channel, (*flag)(&c.Yes), &c.Reason, (*millis)(&c.At), (*words)(&c.Groups), (*flag)(&c.Delegate)}
}

func formFields(f *approval.Challenge) []any {
	return []any{&f.Hash, &f.Approval, &f.Session, (*millis)(&f.AskedAt), (*millis)(&f.ExpiresAt)}
}

func freezeFields(f *approval.Freeze) []any {
	return []any{&f.By, &f.Reason, (*millis)(&f.At)}
}

func keyFields(k *keys.Key) []any {
	return []any{&k.Name, &k.Hash, (*millis)(&k.CreatedAt), (*millis)(&k.ExpiresAt), (*millis)(&k.RevokedAt)}
}

func deliveryFields(d *delivery.Delivery) []any {
	return []any{&d.ID, &d.Kind, (*millis)(&d.ReceivedAt), (*millis)(&d.Until), &d.Tries, (*binary)(&d.Body)}
}

func postFields(p *delivery.Post) []any {
	return slices.Concat([]any{&p.Key, &p.Approval, &p.Kind}, postShownFields(p), []any{(*millis)(&p.Next), &p.Version})
}

func postShownFields(p *delivery.Post) []any {
	return []any{
		&p.User, &p.Channel, &p.TS, &p.Thread, (*binary)(&p.URL), (*millis)(&p.URLUntil), &p.URLUses, &p.Shown, &p.Fails,
	}
}

func auditFields(r *audit.Row) []any {
	return []any{
		&r.Seq, (*millis)(&r.At), &r.Actor, &r.Unused, &r.Surface, &r.Account, &r.Token, &r.Operation, &r.Target,
		(*jsonText)(&r.Arguments), &r.Approval, (*string)(&r.Decision), &r.Reason, &r.Approver, &r.APIStatus, (*string)(&r.Outcome),
		&r.Previous, &r.Hash, &r.Trace,
	}
}

// separator divides the columns of a row that is read as one text. It is random, so that nobody can have
// put it into a column.
var separator = "\x1f" + rand.Text()[:5]

// packed is a row as one text: the drivers' cost is by the column.
func packed(columns string) string { return "concat_ws('" + separator + "', " + columns + ")" }

const auditWidth = 19

// auditColumnsOf are the columns of the log in a version of the schema: one that is only read is not migrated.
func auditColumnsOf(version int64) string {
	if version < traceVersion {
		return auditColumnsBefore + ", ''"
	}
	return auditColumns
}

// traceVersion is the version of the schema that brought the traces.
const traceVersion = 11

// errPacked is for a row that does not come apart again, such as one that has NULL in a column.
var errPacked = errors.New("the columns of the row cannot be told apart")

type packedRow audit.Row

// Scan implements [database/sql.Scanner].
func (p *packedRow) Scan(value any) error {
	packed, isText := value.(string)
	if !isText {
		return errPacked
	}
	var columns [auditWidth]string
	for i := range columns {
		end := strings.IndexByte(packed, separator[0]) // nearly always the whole of it follows
		if end >= 0 && !strings.HasPrefix(packed[end:], separator) {
			end = strings.Index(packed, separator)
		}
		switch isLast := i == auditWidth-1; {
		case isLast != (end < 0):
			return errPacked
		case isLast:
			columns[i] = packed
		default:
			columns[i], packed = packed[:end], packed[end+len(separator):]
		}
	}
	var numbers [3]int64 // seq, at and api_status
	for i, text := range [...]string{columns[0], columns[1], columns[14]} {
		n, err := strconv.ParseInt(text, 10, 64)
		if err != nil || text[0] < '0' || text[0] == '0' && len(text) > 1 {
			return errPacked // SQL has one spelling for a number
		}
		numbers[i] = n
	}
	*p = packedRow{
		Seq: numbers[0], Actor: columns[2], Unused: columns[3], Surface: columns[4], Account: columns[5], Token: columns[6],
		Operation: columns[7], Target: columns[8], Approval: columns[10], Decision: audit.Decision(columns[11]), Reason: columns[12],
		Approver: columns[13], APIStatus: int(numbers[2]), Outcome: audit.Outcome(columns[15]), Previous: columns[16], Hash: columns[17], Trace: columns[18],
	}
	p.At = time.Time(millisOf(numbers[1]))
	if columns[9] != "" {
		p.Arguments = json.RawMessage(columns[9])
	}
	return nil
}

// scanned is a value as the driver read it; what names it in an error.
func scanned[T any](value any, what string) (T, error) {
	out, ok := value.(T)
	if !ok {
		return out, fmt.Errorf("%s stored as %T", what, value)
	}
	return out, nil
}

// millis is a time as milliseconds since 1970, UTC; the zero time is 0.
type millis time.Time

// Value implements [driver.Valuer].
func (m millis) Value() (driver.Value, error) {
	if time.Time(m).IsZero() {
		return int64(0), nil
	}
	return time.Time(m).UnixMilli(), nil
}

// Scan implements [database/sql.Scanner].
func (m *millis) Scan(value any) error {
	n, err := scanned[int64](value, "a time is")
	*m = millisOf(n)
	return err
}

func millisOf(n int64) millis {
	if n == 0 {
		return millis{}
	}
	return millis(time.UnixMilli(n).UTC())
}

// jsonText is JSON as text; none is ”. It is written as the text that [storable] makes of it.
type jsonText json.RawMessage

// Scan implements [database/sql.Scanner].
func (j *jsonText) Scan(value any) error {
	text, err := scanned[string](value, "JSON is")
	*j = nil
	if text != "" {
		*j = jsonText(text)
	}
	return err
}

// binary is bytes as base64; none are ”. They are written as the text that [storable] makes of them.
type binary []byte

// Scan implements [database/sql.Scanner].
func (b *binary) Scan(value any) error {
	text, err := scanned[string](value, "bytes are")
	*b = nil
	if err == nil && text != "" {
		*b, err = base64.StdEncoding.DecodeString(text)
	}
	return err
}

// words are texts without spaces, as one with spaces between. They are written as the text that
// [storable] makes of them.
type words []string

// Scan implements [database/sql.Scanner].
func (w *words) Scan(value any) error {
	text, err := scanned[string](value, "words are")
	*w = nil
	if text != "" {
		*w = strings.Split(text, " ")
	}
	return err
}

// flag is a yes or no as 1 or 0.
type flag bool

// Value implements [driver.Valuer].
func (f flag) Value() (driver.Value, error) {
	if f {
		return int64(1), nil
	}
	return int64(0), nil
}

// Scan implements [database/sql.Scanner].
func (f *flag) Scan(value any) error {
	n, err := scanned[int64](value, "a yes or no is")
	*f = n != 0
	return err
}

// storable replaces in the texts among a statement's arguments what not every engine stores:
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
		case *jsonText:
			out[i] = text.Storable(string(*v))
		case *binary:
			out[i] = base64.StdEncoding.EncodeToString(*v)
		case *words:
			out[i] = text.Storable(strings.Join(*v, " "))
		default:
			out[i] = arg
		}
	}
	return out
}

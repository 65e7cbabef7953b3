package runner

import (
	"cmp"
	"context"
	"encoding/base32"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"reflect"
	"slices"
	"strings"
	"time"

	jsonv2 "github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/vpsbot/vpsbot/internal/approval"
	"github.com/vpsbot/vpsbot/internal/text"
	"github.com/vpsbot/vpsbot/permissions"
	"github.com/vpsbot/vpsbot/tools"
)

// newRecord makes the record of a plan. It is pending until a store says otherwise.
func (q request) newRecord(p plan, askedHash string) approval.Record {
	now, call := q.Now(), q.call
	origin := approval.Origin{Surface: string(call.Surface), Channel: call.Channel, Remote: call.Remote, Groups: call.Groups, External: call.External}
	rec := approval.Record{
		ID: randomID(q.Random), Operation: p.op.Name, Risk: string(p.demand.Risk),
		Input: json.RawMessage(p.in.Canonical()), AskedHash: askedHash,
		Actor: string(call.Actor), Surface: origin.String(), Interactive: call.Interactive, Session: q.Process,
		API: q.API, Account: q.account(), TokenName: q.tokenName(),
		Target: p.op.Lock(p.target), TargetName: p.op.TargetName(p.target),
		Confirm: p.card.Confirm, Card: mustEncode(p.card), Facts: json.RawMessage(canonical(p.facts)),
		Own: p.demand.Own, Others: p.demand.Others, Approvers: text.Clean(strings.Join(p.demand.Approvers, ", ")), RequestID: call.RequestID,
		State: approval.Pending, AnswerMode: approval.Async,
		CreatedAt: now, ExpiresAt: now.Add(answerElsewhere), ChangedAt: now,
	}
	if call.Remote {
		rec.Session = approval.ServeSession
	}
	rec.Person, _ = q.Policy().Person(call.Actor)
	if p.here(call) && p.demand.Others == 0 {
		rec.AnswerMode, rec.ExpiresAt = approval.Interactive, now.Add(answerHere)
	}
	rec.ArgsHash = fingerprint(rec.Input)
	rec.Fingerprint = fingerprint(rec.Facts)
	if p.target.ExistingIDs != nil {
		rec.Known = json.RawMessage(canonical(slices.Sorted(maps.Keys(p.target.ExistingIDs))))
	}
	return rec
}

// Subject names a record in a sentence: what was asked for, of what: "reboot web-server-01". A nil catalogue is that of
// the product.
func Subject(c *tools.Catalogue, rec approval.Record) string {
	op, _ := c.Lookup(rec.Operation)
	return subject(op, rec)
}

// subject is Subject for an operation that has been looked up; nil: this version does not have it.
func subject(op *tools.Op, rec approval.Record) string {
	if op == nil {
		return rec.Operation + " of " + text.Quote(rec.TargetName)
	}
	return op.Do(rec.TargetName)
}

// about begins a message about a record: "Reboot web-server-01: ".
func about(op *tools.Op, rec approval.Record) string {
	return strings.TrimSuffix(sentence(subject(op, rec)), ".") + ": "
}

// randomID returns 128 random bits as lower-case letters and digits.
func randomID(random io.Reader) string {
	var bits [16]byte
	if _, err := io.ReadFull(random, bits[:]); err != nil {
		panic(err) // without randomness nothing is safe
	}
	return strings.ToLower(base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(bits[:]))
}

// CardOf returns the card of a record, with the time until when it can be answered, and how long that is from now.
func CardOf(rec approval.Record, now time.Time) (Card, error) {
	var c Card
	if err := jsonv2.Unmarshal(rec.Card, &c); err != nil {
		return c, fmt.Errorf("the card of approval %s cannot be read: %w", rec.ID, err)
	}
	if rec.Account != "" { // a card of before has none
		c.Account = text.Clean(rec.Account)
	}
	c.Until, c.left = rec.ExpiresAt.UTC().Format(time.RFC3339), rec.ExpiresAt.Sub(now)
	return c, nil
}

// AnswerID is the id of a record in a command for another terminal, with the profile under which it was asked: each
// profile has a database of its own.
func AnswerID(rec approval.Record) string {
	var c struct {
		Profile string `json:"profile"`
	}
	if err := jsonv2.Unmarshal(rec.Card, &c); err != nil || c.Profile == "" {
		return rec.ID
	}
	return rec.ID + " --profile " + text.Clean(c.Profile)
}

// rebuild makes the target of a record again, as far as a read-back needs it.
func rebuild(op *tools.Op, in tools.Input, rec approval.Record) tools.Target {
	facts, _ := factsThen(rec)
	var existing []string
	if jsonv2.Unmarshal(rec.Known, &existing) != nil {
		existing = nil // there are none, or they cannot be read: they are not known
	}
	return op.RestoreTarget(in, facts, existing)
}

func factsThen(rec approval.Record) (map[string]string, error) {
	var facts map[string]string
	err := jsonv2.Unmarshal(rec.Facts, &facts)
	return facts, err
}

func askFor(op *tools.Op, rec approval.Record, now time.Time) Reply {
	reply := Reply{Op: op, Class: Waiting, Outcome: ApprovalRequired, Record: &rec}
	card, err := CardOf(rec, now)
	if err != nil {
		return fail(op, err)
	}
	reply.Card = &card
	reply.Message = fmt.Sprintf("A person must agree to this first (approval %s). "+
		"Ask the person to run this in a terminal; do not run it yourself: vpsbot approvals approve %s", rec.ID, AnswerID(rec))
	return reply
}

var endings = map[approval.State]struct {
	class   Class
	outcome Outcome
	says    string
}{
	approval.Pending:    {Waiting, ApprovalRequired, "it waits for a person"},
	approval.Approved:   {Waiting, ApprovalRequired, "a person agreed; it has not run yet: ask for the same again to run it"},
	approval.Executing:  {Failed, Busy, "it is running"},
	approval.Done:       {OK, Done, "done"},
	approval.Failed:     {Failed, Refused, "VPS.org refused it"},
	approval.Refused:    {Refuse, Refused, "refused"},
	approval.Unknown:    {Lost, Unknown, "it is not known whether it happened"},
	approval.NotApplied: {Failed, Refused, "read back: it did not happen"},
	approval.NeedsHuman: {Lost, Unknown, "reading back cannot tell whether it happened; look at the server"},
	approval.Stale:      {Waiting, Stale, "the target has changed since it was shown; nothing was sent"},
	approval.Denied:     {Waiting, Declined, "denied; nothing was sent"},
	approval.Cancelled:  {Waiting, Declined, "cancelled; nothing was sent"},
	approval.Expired:    {Waiting, Expired, "nobody answered in time; nothing was sent"},
}

// standsAs says in a few words how a record stands. What was asked for in Slack is run from there.
func standsAs(rec approval.Record) string {
	if rec.State == approval.Approved && rec.Origin().Surface == string(permissions.Slack) {
		return "it is approved already, and is being run"
	}
	return endings[rec.State].says
}

// ClassOf returns the class that a record's state has for its asker.
func ClassOf(s approval.State) Class { return endings[s].class }

func replyFor(op *tools.Op, rec approval.Record, now time.Time) Reply {
	if rec.State == approval.Pending {
		return askFor(op, rec, now)
	}
	e := endings[rec.State]
	reply := Reply{Op: op, Class: e.class, Outcome: e.outcome, Message: standing(op, rec), Record: &rec}
	if len(rec.Result) > 0 {
		reply.Value = jsontext.Value(rec.Result)
	}
	return reply
}

func (c Call) onRecord(rec approval.Record) {
	if c.OnRecord != nil {
		c.OnRecord(rec)
	}
}

// CallOf returns the call that made a record, to go on with it: the actor and the place are
// those of the asker.
func (r *Runner) CallOf(rec approval.Record) Call {
	ask := r.askOf(rec)
	return Call{
		Operation: rec.Operation, Actor: ask.Actor, Surface: ask.Surface, Channel: ask.Channel, Remote: ask.Remote, Groups: ask.Groups,
		External: ask.External, Interactive: rec.Interactive, CanPrompt: true,
	}
}

// Scope returns the query for the records of this installation's own account.
func (r *Runner) Scope(ctx context.Context) (approval.Query, error) {
	if _, err := r.token(r.pin(ctx), false); err != nil {
		return approval.Query{}, err
	}
	return approval.Query{API: r.API, Account: r.account()}, nil
}

// IsOwn reports whether a record was asked for on this very API and account, with this token.
func (r *Runner) IsOwn(ctx context.Context, rec approval.Record) bool {
	own, err := r.Scope(ctx)
	return err == nil && rec.API == own.API && rec.Account == own.Account && rec.TokenName == r.tokenName()
}

// AsOfNow expires a record whose time is over, and returns how it stands.
func (r *Runner) AsOfNow(ctx context.Context, rec approval.Record) approval.Record {
	store, err := r.openStore(ctx)
	if err != nil {
		return rec
	}
	return reconciler{r, store}.asOfNow(ctx, rec)
}

// Standing says in a sentence how a record stands.
func Standing(c *tools.Catalogue, rec approval.Record) string {
	op, _ := c.Lookup(rec.Operation)
	return standing(op, rec)
}

func standing(op *tools.Op, rec approval.Record) string {
	if rec.Message != "" {
		return rec.Message
	}
	return about(op, rec) + standsAs(rec) + "."
}

func madeBy(op *tools.Op, rec approval.Record) (any, error) {
	out := reflect.New(op.Out)
	if len(rec.Result) == 0 {
		return out.Elem().Interface(), nil
	}
	err := jsonv2.Unmarshal(rec.Result, out.Interface())
	return out.Elem().Interface(), err
}

// Look says which read shows how the work of a record goes on, with its argument; "" where nothing goes on.
func Look(c *tools.Catalogue, rec approval.Record) string {
	op, ok := c.Lookup(rec.Operation)
	if !ok || !op.Settles || rec.State != approval.Done {
		return ""
	}
	facts, _ := factsThen(rec)
	target := facts["name"]
	if !text.IsBare(target) {
		target = facts["id"]
	}
	if made, err := madeBy(op, rec); err == nil && op.Resource.IsNew {
		target = cmp.Or(text.Clean(tools.Summarize(made).ID.String()), rec.TargetName)
	}
	return c.ShownBy(op).Name + " " + target + " shows how it goes on."
}

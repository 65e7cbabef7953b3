package cli

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/vpsbot/vpsbot/internal/app"
	"github.com/vpsbot/vpsbot/internal/approval"
	"github.com/vpsbot/vpsbot/internal/runner"
	"github.com/vpsbot/vpsbot/internal/text"
	"github.com/vpsbot/vpsbot/permissions"
)

const (
	shortestID = 6      // characters of an id that are enough, if no other id begins the same
	maxRecords = 10_000 // how many records are read to list some
)

func approvalsCommand(c *cli) *cobra.Command {
	list := approvalsListCommand(c)
	return withDefault(list, parent("approvals", "Answer the requests that wait for a person", helpText("approvals"),
		list, approvalsShowCommand(c), approveCommand(c), denyCommand(c), cancelCommand(c), settleCommand(c)))
}

func recordCommand(c *cli, use, short string, run func(context.Context, *session, approval.Record) error) *cobra.Command {
	return &cobra.Command{
		Use: use, Short: short, Args: oneArg("the id of an approval"), ValidArgsFunction: c.completeApprovals,
		RunE: c.runOnStore(func(ctx context.Context, s *session, args []string) error {
			rec, err := s.findRecord(ctx, args[0])
			if err != nil {
				return err
			}
			return run(ctx, s, rec)
		}),
	}
}

// answerCommand is recordCommand for one id or more. An error of one of them is printed and does not stop the others;
// the exit code is the highest. Each record is a document of its own where a program reads them.
func answerCommand(c *cli, use, short string, run func(context.Context, *session, approval.Record) error) *cobra.Command {
	cmd := recordCommand(c, use, short, run)
	one := cmd.RunE
	cmd.Args = func(cmd *cobra.Command, args []string) error {
		return oneArg("the id of an approval, or of several,")(cmd, args[:min(1, len(args))])
	}
	cmd.RunE = func(cmd *cobra.Command, ids []string) error {
		if len(ids) == 1 {
			return one(cmd, ids)
		}
		worst := runner.OK
		for i, id := range ids {
			if cmd.Context().Err() != nil || slices.Contains(ids[:i], id) {
				continue
			}
			c.io.say("%d of %d: approval %s", i+1, len(ids), printable(id))
			if c.output.format == "yaml" {
				_ = c.io.printRaw("---")
			}
			if err := one(cmd, []string{id}); err != nil {
				Report(c.io.Err, c.redact(err))
				worst = max(worst, app.ClassOf(err))
			}
		}
		if worst == runner.OK {
			return nil
		}
		return &app.Error{Class: worst}
	}
	return c.withOutput(cmd, false)
}

func (s *session) findRecord(ctx context.Context, id string) (none approval.Record, err error) {
	id = strings.ToLower(strings.TrimSpace(id))
	rec, err := s.db.Record(ctx, id)
	if !errors.Is(err, approval.ErrNotFound) {
		return rec, err
	}
	if len(id) < shortestID {
		return none, app.Errorf(runner.Invalid, "no approval has the id %q; give at least its first %d characters: vpsbot approvals list --all shows them", id, shortestID)
	}
	hits, err := s.db.Find(ctx, approval.Query{IDPrefix: id})
	if err != nil {
		return none, err
	}
	switch len(hits) {
	case 1:
		return hits[0], nil
	case 0:
		place, _ := s.Config.DatabasePlace() // it is open
		return none, app.Errorf(runner.Invalid, "no approval in %s has an id that begins with %q; vpsbot approvals list --all shows them. If it was asked over HTTP, run this where vpsbot serve runs, "+
			"with its VPSBOT_DATABASE_URL and VPSBOT_POLICY_FILE and your VPSBOT_KEY_FILE", strings.TrimSuffix(place, "?"), id)
	}
	return none, app.Errorf(runner.Invalid, "%d approvals have ids that begin with %q; give more of it", len(hits), id)
}

func (s *session) stateOf(rec approval.Record) approval.State { return rec.StateAt(s.Now()) }

type recordJSON struct {
	ID         string          `json:"id"`
	State      approval.State  `json:"state"`
	Operation  string          `json:"operation"`
	Risk       string          `json:"risk"`
	Target     string          `json:"target"`
	TargetName string          `json:"target_name"`
	Input      json.RawMessage `json:"input"`
	Card       json.RawMessage `json:"card"`
	Actor      string          `json:"actor"`
	Surface    string          `json:"surface"`
	API        string          `json:"api"`
	Account    string          `json:"account"`
	Token      string          `json:"token"` // its label
	CreatedAt  time.Time       `json:"created_at"`
	ExpiresAt  time.Time       `json:"expires_at"`
	ChangedAt  time.Time       `json:"changed_at"`
	Approver   string          `json:"approver,omitempty"`
	APIStatus  int             `json:"api_status,omitempty"`
	Message    string          `json:"message,omitempty"`
	Result     json.RawMessage `json:"result,omitempty"`

	Others    int    `json:"others,omitempty"`        // how many people beside the requester must agree
	Approvers string `json:"approvers,omitempty"`     // who they may be
	ForYou    bool   `json:"waits_for_you,omitempty"` // in a list alone
}

func (s *session) recordJSON(rec approval.Record) recordJSON {
	return recordJSON{
		rec.ID, s.stateOf(rec), rec.Operation, rec.Risk, text.Clean(rec.Target), rec.TargetName, rec.Input, rec.Card,
		rec.Actor, rec.Surface, rec.API, rec.Account, rec.TokenName,
		rec.CreatedAt.UTC(), rec.ExpiresAt.UTC(), rec.ChangedAt.UTC(), rec.Approver, rec.APIStatus, rec.Message, rec.Result,
		rec.Others, text.Clean(rec.Approvers), false,
	}
}

func approvalsListCommand(c *cli) *cobra.Command {
	var all, watch bool
	cmd := &cobra.Command{
		Use: "list", Short: "List the open requests", Args: noArgs,
		RunE: c.runOnStore(func(ctx context.Context, s *session, _ []string) error {
			switch {
			case watch && all:
				return app.Errorf(runner.Invalid, "--watch shows what waits for you, and --all what has ended too: leave one out")
			case watch:
				return s.watchApprovals(ctx)
			}
			return s.listApprovals(ctx, all)
		}),
	}
	cmd.Flags().BoolVar(&all, "all", false, "list what has ended too")
	cmd.Flags().BoolVar(&watch, "watch", false, "show what waits for you, until Ctrl-C")
	return c.withOutput(cmd, true)
}

func (s *session) listApprovals(ctx context.Context, all bool) error {
	records, err := s.findRecords(ctx, approval.Query{}, all)
	if err != nil {
		return err
	}
	notice, err := s.FreezeNotice(ctx)
	if err != nil {
		return err
	}
	if notice != "" {
		s.io.say("Note: %s.", notice)
	}
	list, ids, forYou := make([]recordJSON, 0, len(records)), make([]string, 0, len(records)), []string(nil)
	table := s.recordTable(records, all)
	for i, rec := range records {
		one := s.recordJSON(rec)
		if one.ForYou, err = s.waitsForActor(ctx, rec); err != nil {
			return err
		}
		if one.ForYou {
			forYou = append(forYou, table.Rows[i][0])
		}
		list, ids = append(list, one), append(ids, rec.ID)
	}
	if len(forYou) > 0 {
		table.Note += "\nWaiting for your answer: " + strings.Join(forYou, ", ") + "."
	}
	return s.print(result{value: list, table: &table, names: ids})
}

// findRecords returns the records that q selects, newest first: the open ones, or all.
func (s *session) findRecords(ctx context.Context, q approval.Query, all bool) ([]approval.Record, error) {
	q.Limit = maxRecords
	if all {
		return s.db.Find(ctx, q)
	}
	q.States = approval.Open
	records, err := s.db.Find(ctx, q)
	return slices.DeleteFunc(records, func(rec approval.Record) bool { return !s.stateOf(rec).IsOpen() }), err
}

// recordTable lists records in words. One account of all of them stands below the table.
func (s *session) recordTable(records []approval.Record, all bool) runner.Table {
	t := runner.Table{Header: []string{"id", "state", "what", "asked", "left", "who", "where", "account"}}
	isPending, ids := false, shortIDs(records)
	accounts := map[string]bool{}
	for i, rec := range records {
		state, left := s.stateOf(rec), ""
		if state.Waits() {
			left = text.Duration(rec.ExpiresAt.Sub(s.Now()))
		}
		isPending, accounts[rec.Account] = isPending || state == approval.Pending, true
		t.Rows = append(t.Rows, []string{
			ids[i], string(state), s.whatOf(rec), relative(s.Now().Sub(rec.CreatedAt)), left,
			runner.NameOf(s.Runner.Policy(), rec.Actor), placeOf(rec.Surface), text.Clean(rec.Account),
		})
	}
	of := ""
	if last := len(t.Header) - 1; len(accounts) == 1 {
		of, t.Header = " of "+t.Rows[0][last], t.Header[:last]
		for i := range t.Rows {
			t.Rows[i] = t.Rows[i][:last]
		}
	}
	switch {
	case len(records) == 0 && all:
		t.Note = "No approvals."
	case len(records) == 0:
		t.Note = "Nothing is open; --all shows what has ended."
	default:
		t.Note = text.Plural(len(records), "approval") + of + "; vpsbot approvals show ID has the card"
		if isPending {
			t.Note += ", approve ID or deny ID answers"
		}
		t.Note += "."
	}
	return t
}

// shownID is the least that is shown of an id: of ten thousand approvals hardly two begin the same.
const shownID = 8

// shortIDs are the beginnings of the records' ids that tell them apart.
func shortIDs(records []approval.Record) (ids []string) {
	count := map[string]int{}
	for _, rec := range records {
		for n := shownID; n < len(rec.ID); n++ {
			count[rec.ID[:n]]++
		}
	}
	for _, rec := range records {
		n := min(shownID, len(rec.ID))
		for n < len(rec.ID) && count[rec.ID[:n]] > 1 {
			n++
		}
		ids = append(ids, rec.ID[:n])
	}
	return ids
}

// whatOf is what a record asks for in plain words: "delete web-1".
func (s *session) whatOf(rec approval.Record) string {
	if op, ok := s.Catalogue.Lookup(rec.Operation); ok {
		return op.Do(rec.TargetName)
	}
	return text.Clean(rec.Operation) + " of " + text.Quote(rec.TargetName)
}

func approvalsShowCommand(c *cli) *cobra.Command {
	return c.withOutput(recordCommand(c, "show ID", "Show one approval and its card", func(ctx context.Context, s *session, rec approval.Record) error {
		if s.output.isForProgram() {
			return s.printRecord(rec)
		}
		return s.showRecord(ctx, rec)
	}), false)
}

func (s *session) printRecord(rec approval.Record) error {
	return s.print(result{value: s.recordJSON(rec), names: []string{rec.ID}})
}

func (s *session) showRecord(ctx context.Context, rec approval.Record) error {
	card, err := runner.CardOf(rec, s.Now())
	if err != nil {
		return err
	}
	state := s.stateOf(rec)
	if state != approval.Pending {
		card.Until = ""
	}
	asked := "asked " + relative(s.Now().Sub(rec.CreatedAt))
	if state.Waits() {
		asked += ", " + text.Duration(rec.ExpiresAt.Sub(s.Now())) + " left"
	}
	_ = s.io.printf("%s %s: %s, %s\n%s", rec.ID, s.style().word(string(state)), s.whatOf(rec), asked, s.style().card(card))
	consents, err := s.db.Consents(ctx, rec.ID)
	for _, one := range consents {
		identity, at := text.Clean(one.Identity), clock(one.At, s.Now(), "15:04 MST")
		if one.Channel == string(permissions.Script) {
			_ = s.io.printf("%s, who asked, at %s: %s", identity, at, byFlag)
			continue
		}
		place := placeOf(one.Channel)
		if one.Channel == string(permissions.MCP) {
			place = "in the assistant's form"
		}
		_ = s.io.printf("%s said %s %s, %s", identity, yesOrNo(one.Yes), place, at)
	}
	if rec.Message != "" {
		_ = s.io.println(s.outcomeText(rec))
	}
	if err == nil && state == approval.Pending && rec.Others > 0 {
		_ = s.io.printf("Still to agree: %s.", missingText(rec, approval.Missing(rec, consents)))
	}
	return err
}

func cancelCommand(c *cli) *cobra.Command {
	return answerCommand(c, "cancel ID...", "Cancel a request of yours", func(ctx context.Context, s *session, rec approval.Record) error {
		if err := s.checkOwn(rec); err != nil {
			return err
		}
		ended, err := s.Runner.Cancel(ctx, s.Actor, rec.ID)
		return s.printEnd(ended, err)
	})
}

func settleCommand(c *cli) *cobra.Command {
	happened := false
	cmd := recordCommand(c, "settle ID done|not_applied", "Record the outcome of a change whose answer was lost",
		func(ctx context.Context, s *session, rec approval.Record) error { return s.settle(ctx, rec, happened) })
	cmd.Long = "A change whose answer was lost keeps every other change off its server. Look at the server, then\nsay whether it happened. It takes a person at a terminal, who is asked once more, or an access key\nthat the policy gives approvals.settle."
	cmd.Args = func(_ *cobra.Command, args []string) error {
		if len(args) != 2 || args[1] != "done" && args[1] != "not_applied" {
			return app.Errorf(runner.Invalid, "write: vpsbot approvals settle ID done, or: vpsbot approvals settle ID not_applied")
		}
		happened = args[1] == "done"
		return nil
	}
	return c.withOutput(cmd, false)
}

func (s *session) settle(ctx context.Context, rec approval.Record, happened bool) error {
	given := s.Runner.Policy().MayAct(s.Actor, permissions.SettleApproval).Allowed
	if err := s.checkOwn(rec); err != nil && !given {
		return err
	}
	if err := s.mayAct(ctx, permissions.SettleApproval, "approval:"+rec.ID); err != nil {
		return err
	}
	if state := s.stateOf(rec); state.IsOpen() && !state.Waits() {
		card, err := runner.CardOf(rec, s.Now())
		if err != nil {
			return err
		}
		card.Until = ""
		question := "Record that it happened?"
		if !happened {
			question = "Record that it did not happen?"
		}
		if err := s.confirm(ctx, s.errStyle().card(card), question); err != nil {
			return err
		}
	}
	ended, err := s.Runner.Settle(ctx, s.Actor, rec.ID, happened)
	return s.printEnd(ended, err)
}

func (s *session) checkOwn(rec approval.Record) error {
	if s.Actor == "" {
		return app.ErrNoIdentity
	}
	if s.Runner.IsAsker(rec, s.Actor) {
		return nil
	}
	next := ""
	if permissions.Actor(rec.Actor).IsKey() && s.io.atTerminal() { // a machine is not told how to be another
		next = "; if that is you, set VPSBOT_KEY_FILE to its key"
	}
	return app.Errorf(runner.Refuse, "only %s, who asked for it, can answer approval %s; you are %s%s", text.Clean(rec.Actor), rec.ID, s.Actor, next)
}

func (s *session) printEnd(rec approval.Record, err error) error {
	if err != nil {
		return app.Errorf(runner.Failed, "%v", err)
	}
	if err := s.answered(rec, s.outcomeText(rec)); err != nil {
		return app.Errorf(runner.Failed, "%s (this could not be written to stdout: %v)", s.outcomeText(rec), err)
	}
	return nil
}

// answered prints what became of an answer: for a program the record, and the text beside it.
func (s *session) answered(rec approval.Record, says string) error {
	if !s.output.isForProgram() {
		return s.io.println(says)
	}
	s.io.say("%s", says)
	return s.printRecord(rec)
}

// outcomeText says how a record stands, and how its work is seen to go on.
func (c *cli) outcomeText(rec approval.Record) string {
	return text.Clean(c.asCommands(strings.TrimSpace(runner.Standing(c.Catalogue, rec) + " " + runner.Look(c.Catalogue, rec))))
}

package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/vpsbot/vpsbot/apiclient"
	"github.com/vpsbot/vpsbot/internal/app"
	"github.com/vpsbot/vpsbot/internal/fieldtext"
	"github.com/vpsbot/vpsbot/internal/runner"
	"github.com/vpsbot/vpsbot/internal/text"
	"github.com/vpsbot/vpsbot/permissions"
	"github.com/vpsbot/vpsbot/tools"
)

const (
	mostTries  = 3  // at one field
	mostOffers = 20 // rows of what a field can be
)

// asking asks a person at a terminal for the fields of an operation that are missing.
type asking struct {
	*session
	op     *tools.Op
	values map[string]string
	lists  map[string]runner.Reply // that were read, by the operation
}

type offer struct {
	table runner.Table
	by    string                                      // how one is named
	value func(answer string) (value string, e error) // nil: as it is typed
}

// askFields asks for the required fields that have no value, and puts them into values. Where no person can be asked
// it does nothing. The answers decide nothing: the card with its question comes after them.
func (s *session) askFields(ctx context.Context, op *tools.Op, values map[string]string) error {
	missing := fieldtext.Missing(op, values)
	if len(missing) == 0 || !s.io.atTerminal() {
		return nil
	}
	_, why, err := s.Runner.Offered(ctx, runner.Call{Operation: op.Name, Actor: s.Actor, Surface: permissions.Terminal})
	switch {
	case ctx.Err() != nil:
		return app.Errorf(runner.Failed, "stopped; nothing was sent")
	case err != nil:
		return app.Errorf(runner.Failed, "%s", runner.Explain(err))
	case why[op.Name] != "":
		return app.Errorf(runner.Refuse, "%s is refused: %s", op.Name, why[op.Name])
	}
	a := asking{s, op, values, map[string]runner.Reply{}}
	for _, field := range missing {
		if err := a.ask(ctx, field, a.offerOf(ctx, field)); err != nil {
			return err
		}
	}
	input, err := fieldtext.Encode(op, values)
	if err != nil {
		return app.Invalid(err)
	}
	s.io.say("\nThe same in one command:\n  %s\n", CommandLine(op, input))
	return nil
}

// ask asks for one field, again after a wrong answer. Enter is no answer: nothing is chosen by itself.
func (a asking) ask(ctx context.Context, field tools.Field, o offer) error {
	if len(o.table.Rows) > 0 {
		a.io.say("\n%s", a.drawn(o.table))
	}
	hint, _, _ := strings.Cut(cmp.Or(o.by, field.Doc), ";")
	question := labelOf(strings.TrimSuffix(field.Name, "_id"))
	if field.Name == "os_id" {
		question = "System" // as in Slack
	}
	if hint != "" {
		question += " (" + strings.ToLower(hint[:1]) + hint[1:] + ")"
	}
	for try := 1; ; try++ {
		answer, err := a.io.askLine(ctx, question+": ")
		if err != nil {
			return app.Errorf(runner.Waiting, "stopped before anything was asked for; nothing was sent")
		}
		value, err := a.read(field, o, answer)
		if err == nil {
			a.values[field.Name] = value
			return nil
		}
		if try == mostTries {
			return app.Errorf(runner.Invalid, "%s; nothing was sent", inFlags(a.op, err.Error()))
		}
		a.io.say("%s", tryAgain(field.Name, err))
	}
}

// tryAgain says what is wrong with an answer. What there is to choose from stands above.
func tryAgain(field string, err error) string {
	says, _, _ := strings.Cut(strings.TrimPrefix(err.Error(), field+": "), "; there are: ")
	if rest, ok := strings.CutPrefix(says, field+" "); ok {
		says = "it " + rest
	}
	return strings.ToUpper(says[:1]) + says[1:] + "; try again, or stop with Ctrl-C."
}

func (a asking) read(field tools.Field, o offer, answer string) (string, error) {
	if answer == "" {
		return "", errors.New(field.Name + " is needed")
	}
	if o.value != nil {
		var err error
		if answer, err = o.value(answer); err != nil {
			return "", err
		}
	}
	return answer, fieldtext.Check(a.op, field.Name, answer)
}

// drawn is what a field can be, cut to the screen.
func (a asking) drawn(t runner.Table) string {
	more := len(t.Rows) - mostOffers
	t.Rows = t.Rows[:min(len(t.Rows), mostOffers)]
	drawn := strings.TrimSuffix(a.fitted(readable(t), true, false).draw(a.errStyle()), "\n")
	if more > 0 {
		drawn += fmt.Sprintf("\nand %d more", more)
	}
	return drawn
}

// offerOf reads what a field can be, as far as this person may list it.
func (a asking) offerOf(ctx context.Context, field tools.Field) offer {
	switch {
	case field.Kind == tools.Boolean:
		return offer{by: "yes or no", value: yesNoValue}
	case field.Kind == tools.Ref:
		return a.servers(a.serverList(ctx))
	case field.Name == "os_id":
		return systems(a.list(ctx, a.Catalogue.ServerList().Name).Value)
	case field.Name == "location":
		return a.locations(tools.Results[apiclient.Plan](a.list(ctx, "plans.list").Value))
	case field.Name == a.op.Resource.ServerName && a.op.Resource.IsNew:
		return offer{value: freeName(a.serverList(ctx))}
	case field.List != "":
		return a.choices(field, a.list(ctx, field.List))
	}
	return offer{}
}

func yesNoValue(answer string) (string, error) {
	if value, ok := fieldtext.Boolean(answer); ok {
		return value, nil
	}
	return "", errors.New("answer yes or no")
}

// list reads a whole list once, of the server that is known by now where the list can be narrowed to one.
func (a asking) list(ctx context.Context, name string) runner.Reply {
	if reply, ok := a.lists[name]; ok {
		return reply
	}
	var input []byte
	if list, ok := a.Catalogue.Lookup(name); ok && a.values["server"] != "" {
		if _, narrows := list.Field("server"); narrows {
			input, _ = fieldtext.Encode(list, map[string]string{"server": a.values["server"]}) // it was checked
		}
	}
	a.lists[name] = a.wholeList(ctx, name, input)
	return a.lists[name]
}

func (a asking) serverList(ctx context.Context) []apiclient.Server {
	return tools.Results[apiclient.Server](a.list(ctx, a.Catalogue.ServerList().Name).Value)
}

func row(cells ...string) []string {
	for i, cell := range cells {
		cells[i] = text.Clean(cell)
	}
	return cells
}

// servers offers the servers by name or id. A read finds them by less, as it does without a question.
func (a asking) servers(all []apiclient.Server) offer {
	o := offer{by: "name or id"}
	if len(all) == 0 {
		return o
	}
	o.table.Header = []string{"name", "id", "ip_address", "status"}
	names := []string{}
	for _, s := range all {
		o.table.Rows, names = append(o.table.Rows, row(s.Name, s.ID.String(), s.IPAddress, s.Status)), append(names, text.Clean(s.Name))
	}
	o.value = func(answer string) (string, error) {
		isIt := func(s apiclient.Server) bool {
			return s.Name == answer || s.Hostname == answer || s.ID.Key() == tools.NormalizeUnicode(answer)
		}
		if a.op.IsRead() || slices.ContainsFunc(all, isIt) {
			return answer, nil
		}
		says := "no server is called " + text.Quote(answer)
		if near := text.Suggest(answer, names); near != "" {
			says += "; did you mean " + text.Quote(near)
		}
		return "", errors.New(says)
	}
	return o
}

// systems offers the operating systems of the account's servers. Another id may be right too.
func systems(servers any) offer {
	ids := map[string]string{}
	rows := text.Map(tools.Systems(servers), func(o apiclient.OSRef) []string {
		ids[strings.ToLower(o.Name)] = cmp.Or(ids[strings.ToLower(o.Name)], o.ID.Key())
		return row(o.ID.String(), o.Name)
	})
	return offer{
		by: "name or id; servers.get shows a server's", table: runner.Table{Header: []string{"id", "name"}, Rows: rows},
		value: func(answer string) (string, error) { return cmp.Or(ids[strings.ToLower(answer)], answer), nil },
	}
}

// locations offers those of the plan that is known by now, else of all plans.
func (a asking) locations(plans []apiclient.Plan) offer {
	all := []string{}
	for _, p := range plans {
		if plan := a.values["plan_id"]; plan == "" || p.ID.Key() == tools.NormalizeUnicode(plan) || tools.SameName(plan, p.Name) || tools.SameName(plan, p.Slug) {
			all = append(all, p.Locations...)
		}
	}
	slices.Sort(all)
	all = slices.Compact(all)
	o := offer{table: runner.Table{Header: []string{"location"}, Rows: text.Map(all, func(location string) []string { return row(location) })}}
	o.value = func(answer string) (string, error) {
		if at := slices.IndexFunc(all, func(l string) bool { return tools.SameName(l, answer) }); at >= 0 {
			return all[at], nil
		} else if len(all) > 0 {
			return "", errors.New("location must be one of those above, not " + text.Quote(answer))
		}
		return answer, nil
	}
	return o
}

func freeName(servers []apiclient.Server) func(string) (string, error) {
	return func(answer string) (string, error) {
		if slices.ContainsFunc(servers, func(s apiclient.Server) bool { return tools.SameName(s.Name, answer) }) {
			return "", errors.New("there is a server called " + text.Quote(answer) + " already")
		}
		return answer, nil
	}
}

// choices offers the objects of a list: plans with their prices, backups the newest first.
func (a asking) choices(field tools.Field, list runner.Reply) offer {
	if list.Class != runner.OK || list.Op == nil {
		return offer{}
	}
	o := offer{by: "id"}
	o.table, _ = list.Table()
	if plans, ok := list.Value.(tools.Listing[apiclient.Plan]); ok {
		o.table = planTable(plans.Results)
	}
	if list.Op.View.Choices == nil || len(o.table.Rows) == 0 {
		return o
	}
	_, ofServer := a.op.Field("server")
	switch {
	case !list.Op.View.Dated:
		o.by = "id, name or slug"
	case ofServer:
		o.by = "id, latest, yesterday or a day such as 2026-11-29"
	default:
		o.by = "id or SERVER/latest"
	}
	o.value = func(answer string) (string, error) {
		if list.Op.View.Dated && !ofServer && !apiclient.LooksLikeID(answer) {
			return answer, nil // the Runner knows of which server
		}
		id, err := runner.ChoiceIn(list, field.Name, answer, a.Now())
		return id.Key(), err
	}
	return o
}

// planTable has first what a narrow screen must show.
func planTable(plans []apiclient.Plan) runner.Table {
	rows := text.Map(plans, func(p apiclient.Plan) []string {
		return row(p.ID.String(), p.Name, p.PriceMonthly.String(), p.Slug, p.VCPUs.String(), p.Memory.String(), p.Storage.String())
	})
	return runner.Table{Header: []string{"id", "name", "price_monthly", "slug", "vcpus", "memory", "storage"}, Rows: rows}
}

// askLine asks for one line. What was typed before counts: the line by itself decides nothing.
func (s IO) askLine(ctx context.Context, question string) (string, error) {
	if _, err := io.WriteString(s.Err, question); err != nil {
		return "", err
	}
	line, err := readLine(ctx, s.In)
	if err != nil { // the person did not end the line of the question
		_, _ = io.WriteString(s.Err, "\n")
	}
	return strings.TrimSpace(line), err
}

package runner

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/vpsbot/vpsbot/apiclient"
	"github.com/vpsbot/vpsbot/internal/text"
	"github.com/vpsbot/vpsbot/permissions"
	"github.com/vpsbot/vpsbot/tools"
)

// Words in the place of ids: a plan's name, "latest", "web-1/2026-11-29". Only the id that is found is confirmed,
// recorded and sent.

// findIDs returns the input with an id in place of each word. The list that has the ids is read as the caller reads
// it, so that nobody finds what they may not list.
func (q request) findIDs(ctx context.Context) (tools.Input, error) {
	in := q.in
	if len(in.Words) == 0 {
		return in, nil
	}
	if err := q.authorize(ctx, false); err != nil {
		return in, err
	}
	ctx = apiclient.ReadListsOnce(ctx)
	for _, name := range in.Words {
		field, _ := q.op.Field(name)
		id, err := q.findID(ctx, field)
		if err != nil {
			return in, err
		}
		if in, err = in.With(q.op, name, id.Key()); err != nil {
			return in, err
		}
	}
	return in, nil
}

// findID finds the one id that the word of a field means.
func (q request) findID(ctx context.Context, field tools.Field) (apiclient.ID, error) {
	list, ok := q.Catalogue.Lookup(field.List)
	word := q.in.Text(field.Name)
	if !ok || list.View.Choices == nil {
		return apiclient.ID{}, &tools.InputError{Text: field.Name + " is not an id: ids are whole numbers or UUIDs, such as 12345, not " + text.Quote(word)}
	}
	w := choosing{word: word, field: field.Name, now: q.Now().In(q.zone())}
	call, server := q.call, ""
	call.Operation, call.Input, call.Limit, call.RequestID, call.OnRecord = list.Name, nil, math.MaxInt, "", nil
	if list.View.Dated {
		var err error
		if server, w.word, err = q.splitWord(field.Name, word); err == nil {
			_, _, err = w.days()
		}
		if err != nil {
			return apiclient.ID{}, err
		}
		id, err := q.serverID(ctx, server)
		if err != nil {
			return apiclient.ID{}, err
		}
		call.Input = fmt.Appendf(nil, `{"server":%s}`, tools.QuotedJSON(id.Key()))
	}
	reply := q.Run(ctx, call)
	if reply.Class != OK {
		return apiclient.ID{}, replyError(reply, "finding "+text.Quote(word)+" needs "+list.Name+": ")
	}
	return w.in(reply, server)
}

// ChoiceIn returns the id that a word means in the reply of a whole list whose objects have names or dates: the id
// itself, or that of a name or a day.
func ChoiceIn(list Reply, field, word string, now time.Time) (apiclient.ID, error) {
	for _, c := range list.Op.View.Choices(list.Value) {
		if c.ID.Key() == tools.NormalizeUnicode(word) {
			return c.ID, nil
		}
	}
	if apiclient.LooksLikeID(word) {
		return apiclient.ID{}, &tools.InputError{Text: field + ": none has the id " + text.Clean(word)}
	}
	return choosing{word: word, field: field, now: now}.in(list, "")
}

// zone is where a day begins and ends: at a terminal as its clock has it, elsewhere by UTC.
func (q request) zone() *time.Location {
	if q.call.Surface == permissions.Terminal {
		return q.Now().Location()
	}
	return time.UTC
}

// splitWord returns the server that the input names, or that stands before the word: "web-1/latest".
func (q request) splitWord(field, word string) (server, rest string, err error) {
	if _, ok := q.op.Field("server"); ok {
		return q.in.Text("server"), word, nil
	}
	at := strings.LastIndex(word, "/")
	if at < 1 {
		return "", "", &tools.InputError{Text: field + " is not an id: give one such as 12345, or web-1/latest, web-1/yesterday or web-1/2026-11-29, not " + text.Quote(word)}
	}
	return word[:at], word[at+1:], nil
}

// serverID finds a server by its id or, as for any change, by its exact name.
func (q request) serverID(ctx context.Context, name string) (apiclient.ID, error) {
	if id, err := apiclient.ParseID(name); err == nil {
		return id, nil
	}
	s, err := q.named(ctx, name)
	return s.ID, err
}

// replyError is the error of a reply that ended a step of another call.
func replyError(reply Reply, before string) error {
	switch reply.Class {
	case Invalid:
		return &tools.InputError{Text: before + reply.Message}
	case Refuse:
		return &tools.Refusal{Text: before + reply.Message}
	}
	return errors.New(before + reply.Message)
}

// choosing is a word and what it may mean.
type choosing struct {
	word, field string
	now         time.Time // where days begin and end as they do for the asker
	of          string    // what is chosen: "backup of “web-1”"
	from, to    time.Time // of a word that means a day; zero for the latest of all
	all         []tools.Choice
}

// in returns the choice of a list, which was read of one server alone if one is named.
func (w choosing) in(list Reply, server string) (_ apiclient.ID, err error) {
	w.all, w.of = list.Op.View.Choices(list.Value), strings.TrimSuffix(list.Op.Noun(), "s")
	if server != "" {
		w.of += " of " + text.Quote(server)
	}
	if list.Op.View.Dated {
		if w.from, w.to, err = w.days(); err != nil {
			return apiclient.ID{}, err
		}
	}
	return w.pick(list.Op.View.Dated)
}

// days returns the time in which a word wants a copy to have been made.
func (w choosing) days() (from, to time.Time, err error) {
	now, zone := w.now, w.now.Location()
	switch strings.ToLower(w.word) {
	case "latest":
		return from, to, nil
	case "yesterday":
		year, month, day := now.Date()
		from = time.Date(year, month, day-1, 0, 0, 0, 0, zone)
	default:
		if from, err = time.ParseInLocation(time.DateOnly, w.word, zone); err != nil {
			return from, to, &tools.InputError{Text: w.field + " is not an id: give one such as 12345, or latest, yesterday or a day such as 2026-11-29, not " + text.Quote(w.word)}
		}
	}
	return from, from.AddDate(0, 0, 1), nil
}

// fits reports whether a word means a choice, or one that is older.
func (w choosing) fits(c tools.Choice, dated bool) bool {
	if !dated {
		return slices.ContainsFunc(c.Names, func(name string) bool { return name != "" && tools.SameName(name, w.word) })
	}
	return c.Ready && !c.Made.IsZero() && (w.from.IsZero() || !c.Made.Before(w.from) && c.Made.Before(w.to))
}

// pick returns the one choice that fits, of dated ones the newest.
func (w choosing) pick(dated bool) (apiclient.ID, error) {
	var fit []tools.Choice
	for _, c := range w.all {
		if w.fits(c, dated) && (!dated || len(fit) == 0 || c.Made.Equal(fit[0].Made)) {
			fit = append(fit, c)
		}
	}
	switch {
	case len(fit) == 1:
		return fit[0].ID, nil
	case len(fit) > 1:
		return apiclient.ID{}, &tools.InputError{Text: fmt.Sprintf("%s: %d fit %s; give the id of one: %s", w.field, len(fit), text.Quote(w.word), w.listed(fit))}
	}
	says := "no " + w.of + " is called " + text.Quote(w.word)
	switch {
	case !w.from.IsZero():
		says = "no " + w.of + " was completed that was made on " + w.from.Format("2006-01-02 (MST)")
	case dated:
		says = "there is no completed " + w.of
	}
	if len(w.all) > 0 {
		says += "; there are: " + w.listed(w.all)
	}
	return apiclient.ID{}, &tools.InputError{Text: w.field + ": " + says}
}

const mostChoices = 10

// listed lists choices as a person tells them apart.
func (w choosing) listed(all []tools.Choice) string {
	var says []string
	for _, c := range all[:min(len(all), mostChoices)] {
		about := slices.DeleteFunc(slices.Clone(c.Names), func(name string) bool { return name == "" })
		if !c.Made.IsZero() {
			about = append(about, c.Made.In(w.now.Location()).Format("2006-01-02 15:04 MST"))
		}
		if !c.Ready {
			about = append(about, "not completed")
		}
		label := c.ID.String()
		if len(about) > 0 {
			label += " (" + strings.Join(about, ", ") + ")"
		}
		says = append(says, text.Clean(label))
	}
	if more := len(all) - mostChoices; more > 0 {
		says = append(says, fmt.Sprintf("and %d more", more))
	}
	return strings.Join(says, ", ")
}

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

func (q request) findID(ctx context.Context, field tools.Field) (apiclient.ID, error) {
	list, ok := q.Catalogue.Lookup(field.List)
	word := q.in.Text(field.Name)
	if !ok || list.View.Choices == nil {
		return apiclient.ID{}, &tools.InputError{Text: field.Name + " is not an id: ids are whole numbers or UUIDs, such as 12345, not " + text.Quote(word)}
	}
	call, server := q.call, ""
	call.Operation, call.Input, call.Limit, call.RequestID, call.OnRecord = list.Name, nil, math.MaxInt, "", nil
	if list.View.Dated {
		var err error
		if server, word, err = q.splitWord(field.Name, word); err != nil {
			return apiclient.ID{}, err
		}
	}
	w, err := choose(list, field.Name, word, q.Now().In(q.zone()))
	if err != nil {
		return apiclient.ID{}, err
	}
	if w.dated {
		id, err := q.serverID(ctx, server)
		if err != nil {
			return apiclient.ID{}, err
		}
		call.Input = fmt.Appendf(nil, `{"server":%s}`, tools.QuotedJSON(id.Key()))
		w.of += " of " + text.Quote(server)
	}
	reply := q.Run(ctx, call)
	if reply.Class != OK {
		return apiclient.ID{}, replyError(reply, "finding "+text.Quote(q.in.Text(field.Name))+" needs "+list.Name+": ")
	}
	return w.pick(list.View.Choices(reply.Value))
}

// ChoiceIn returns the id that a word means in the reply of a whole list whose objects have names or dates: the id
// itself, or that of a name or a day.
func ChoiceIn(list Reply, field, word string, now time.Time) (apiclient.ID, error) {
	all := list.Op.View.Choices(list.Value)
	for _, c := range all {
		if c.ID.Key() == tools.NormalizeUnicode(word) {
			return c.ID, nil
		}
	}
	if apiclient.LooksLikeID(word) {
		return apiclient.ID{}, &tools.InputError{Text: field + ": none has the id " + text.Clean(word)}
	}
	w, err := choose(list.Op, field, word, now)
	if err != nil {
		return apiclient.ID{}, err
	}
	return w.pick(all)
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

type choice struct {
	word, field string
	of          string         // what is chosen: "backup of “web-1”"
	zone        *time.Location // where days begin and end as they do for the asker
	dated       bool
	from, to    time.Time // of a word that means a day; zero for the latest of all
}

// choose reads the word of a field that means an object of a list. Of one that is dated it means the time in which it
// was made.
func choose(list *tools.Op, field, word string, now time.Time) (w choice, err error) {
	w = choice{word: word, field: field, of: strings.TrimSuffix(list.Noun(), "s"), zone: now.Location(), dated: list.View.Dated}
	day := word
	switch is := strings.ToLower(word); {
	case !w.dated, is == "latest":
		return w, nil
	case is == "yesterday":
		day = now.AddDate(0, 0, -1).Format(time.DateOnly)
	}
	if w.from, err = time.ParseInLocation(time.DateOnly, day, w.zone); err != nil {
		return w, &tools.InputError{Text: field + " is not an id: give one such as 12345, or latest, yesterday or a day such as 2026-11-29, not " + text.Quote(word)}
	}
	w.to = w.from.AddDate(0, 0, 1)
	return w, nil
}

// fits reports whether a word means an object of the list, or one that is older.
func (w choice) fits(c tools.Choice) bool {
	if !w.dated {
		return slices.ContainsFunc(c.Names, func(name string) bool { return name != "" && tools.SameName(name, w.word) })
	}
	return c.Ready && !c.Made.IsZero() && (w.from.IsZero() || !c.Made.Before(w.from) && c.Made.Before(w.to))
}

// pick returns the one object that fits, of dated ones the newest.
func (w choice) pick(all []tools.Choice) (apiclient.ID, error) {
	var fit []tools.Choice
	for _, c := range all {
		if w.fits(c) && (!w.dated || len(fit) == 0 || c.Made.Equal(fit[0].Made)) {
			fit = append(fit, c)
		}
	}
	says := "no " + w.of + " is called " + text.Quote(w.word)
	switch {
	case len(fit) == 1:
		return fit[0].ID, nil
	case len(fit) > 1:
		return apiclient.ID{}, &tools.InputError{Text: fmt.Sprintf("%s: %d fit %s; give the id of one: %s", w.field, len(fit), text.Quote(w.word), w.listed(fit))}
	case !w.from.IsZero():
		says = "no " + w.of + " was completed that was made on " + w.from.Format("2006-01-02 (MST)")
	case w.dated:
		says = "there is no completed " + w.of
	}
	if len(all) > 0 {
		says += "; there are: " + w.listed(all)
	}
	return apiclient.ID{}, &tools.InputError{Text: w.field + ": " + says}
}

const mostChoices = 10

// listed lists choices as a person tells them apart.
func (w choice) listed(all []tools.Choice) string {
	var says []string
	for _, c := range all[:min(len(all), mostChoices)] {
		about := slices.DeleteFunc(slices.Clone(c.Names), func(name string) bool { return name == "" })
		if !c.Made.IsZero() {
			about = append(about, c.Made.In(w.zone).Format("2006-01-02 15:04 MST"))
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

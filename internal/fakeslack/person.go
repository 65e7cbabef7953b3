package fakeslack

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Person is a user of Slack. Each action waits for the app's acknowledgement and shows what comes with it.
type Person struct {
	s             *Slack
	user, channel string
	team          string // as Slack names it beside the person; empty: the one they were added with
	slow          bool
}

// As is a person who is in the direct messages with the bot, until In names a channel.
func (s *Slack) As(user string) *Person {
	s.t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, known := s.users[user]; !known {
		s.fail("the test knows no user %s: add it with AddUser", user)
		s.users[user] = User{ID: user, Name: user, Team: s.o.Team}
	}
	return &Person{s: s, user: user, channel: s.dm(user).id}
}

// In is the same person in a channel.
func (p *Person) In(channelID string) *Person {
	p.s.t.Helper()
	q := *p
	p.s.inChannel(channelID, func(*channel) { q.channel = channelID })
	return &q
}

// Of is the same person as Slack names them on Enterprise Grid: by a workspace of their own,
// wherever they press.
func (p *Person) Of(team string) *Person {
	q := *p
	q.team = team
	return &q
}

// AllowSlow is the same person, whose late or lost acknowledgements do not fail the test.
func (p *Person) AllowSlow() *Person {
	q := *p
	q.slow = true
	return &q
}

// unsent is why Slack itself sends nothing to the app, where that is no mistake of the test.
type unsent string

func (u unsent) Error() string { return string(u) }

// send sends the payload that build makes while it holds the lock. An error of it fails the test, unless it is an unsent.
func (p *Person) send(kind string, build func() (map[string]any, error)) Ack {
	p.s.t.Helper()
	p.s.mu.Lock()
	payload, err := build()
	p.s.mu.Unlock()
	if err == nil {
		return p.s.send(kind, payload, p.slow)
	}
	if !errors.As(err, new(unsent)) {
		p.s.fail("%v", err)
	}
	return Ack{Unsent: err.Error()}
}

// Type types a slash command, as "/vps servers list".
func (p *Person) Type(line string) Ack {
	p.s.t.Helper()
	command, text, _ := strings.Cut(line, " ")
	a := p.send("slash_commands", func() (map[string]any, error) {
		return p.commandPayload(command, strings.TrimSpace(text)), nil
	})
	if a.OK() && len(a.Body) > 0 {
		p.show(a.Body)
	}
	return a
}

// show shows the text or message that a command was acknowledged with.
func (p *Person) show(body []byte) {
	p.s.t.Helper()
	ack := params{}
	if json.Unmarshal(body, &ack) != nil {
		ack = params{"text": string(body)}
	}
	if len(ack) == 0 {
		return
	}
	p.s.mu.Lock()
	defer p.s.mu.Unlock()
	v, _, a := p.s.version("an acknowledgement", ack)
	if a != nil {
		p.s.fail("the acknowledgement is not one that Slack takes: %s", a.code())
		return
	}
	p.s.add(p.s.channels[p.channel], &Message{From: p.s.o.BotUser, To: addressee(p.user, ack)}, v)
}

// Press presses the first button with an action id, or else with a text. A confirmation that Slack asks for itself is
// agreed to.
func (p *Person) Press(on Surface, of string) Ack {
	p.s.t.Helper()
	return p.PressButton(on, on.surface().Button(of))
}

// PressButton presses a button that is on the message or view now, or was on an older version
// that a screen may still show.
func (p *Person) PressButton(on Surface, b Button) Ack {
	p.s.t.Helper()
	return p.send("interactive", func() (map[string]any, error) {
		e, err := on.surface().shownButton(b)
		if err != nil {
			return nil, err
		}
		return p.blockActions(on, e, nil), nil
	})
}

// Choose picks or types a value in something that reports at once: a select in a message, in
// App Home or beside a text, or an input with dispatch_action.
func (p *Person) Choose(on Surface, name string, value any) Ack {
	p.s.t.Helper()
	return p.send("interactive", func() (map[string]any, error) {
		e, err := on.surface().input(name)
		if err == nil {
			err = enter(on, e, value)
		}
		switch {
		case err != nil:
			return nil, err
		case e.inForm() && e.block["dispatch_action"] != true:
			return nil, unsent("the input reports nothing until the form is submitted")
		}
		return p.blockActions(on, e, on.surface().entered.of(e)), nil
	})
}

// Interact sends an interaction as it stands, with what all interactions have added.
func (p *Person) Interact(object map[string]any) Ack {
	p.s.t.Helper()
	kind := str(object, "type")
	return p.send("interactive", func() (map[string]any, error) {
		payload := p.interaction(kind)
		payload["trigger_id"] = p.s.newTrigger(p.user)
		maps.Copy(payload, object)
		return payload, nil
	})
}

// OpenHome opens the app's Home.
func (p *Person) OpenHome() Ack {
	p.s.t.Helper()
	return p.send("events_api", func() (map[string]any, error) {
		object := map[string]any{"type": "app_home_opened", "user": p.user, "channel": p.s.dm(p.user).id, "tab": "home"}
		if v := p.s.homes[p.user]; v != nil {
			object["view"] = v.payload()
		}
		return p.event(object), nil
	})
}

// enter puts a value where a person typed or picked it; the caller holds the lock.
func enter(on Surface, e element, given any) error {
	h := elementSpecs[e.kind()].holds
	if h.fill == nil {
		return fmt.Errorf("%q is a %s, which holds nothing", e.in(), e.kind())
	}
	shown := on.surface()
	value, err := h.fill(e, shown.suggested[e.id()], given)
	if err != nil {
		return err
	}
	shown.entered[e.id()] = map[string]any{"type": e.kind(), h.key: value}
	return nil
}

// Fill fills in a view. Keys are block ids, action ids or labels; values are text, an option's
// value or text, a list of them, or true for a single checkbox. An external select is typed
// into first.
func (p *Person) Fill(v *View, values map[string]any) {
	p.s.t.Helper()
	for name, value := range values {
		if err := p.fill(v, name, value); err != nil {
			p.s.fail("%s cannot be filled in: %v", name, err)
		}
	}
}

func (p *Person) fill(v *View, name string, value any) error {
	p.s.mu.Lock()
	defer p.s.mu.Unlock()
	e, err := v.input(name)
	switch {
	case err != nil:
		return err
	case v != p.s.modals[v.User]:
		return fmt.Errorf("view %s is closed", v.ID)
	case e.kind() == "external_select" && value != "" && value != nil:
		p.s.mu.Unlock()
		p.Suggest(v, e.in(), fmt.Sprint(value))
		p.s.mu.Lock()
	}
	return enter(v, e, value)
}

// Suggest types into an external select and returns what it offers; nil if Slack did not ask
// the app because too little was typed.
func (p *Person) Suggest(v *View, name, text string) []Option {
	p.s.t.Helper()
	var e element
	a := p.send("interactive", func() (payload map[string]any, err error) {
		e, err = v.input(name)
		least := 3.0
		if n, given := e.source["min_query_length"].(float64); given {
			least = n
		}
		switch {
		case err != nil || e.kind() != "external_select":
			return nil, fmt.Errorf("%q is no external select (%w)", name, err)
		case utf8.RuneCountInString(text) < int(least):
			return nil, unsent("too little was typed")
		}
		return p.suggestion(v, e, text), nil
	})
	if !a.OK() {
		return nil
	}
	options := p.readOptions(a.Body)
	p.s.mu.Lock()
	v.suggested[e.id()] = options
	p.s.mu.Unlock()
	return options
}

// readOptions reads what the app offers, and checks its limits.
func (p *Person) readOptions(body []byte) []Option {
	ack := map[string]any{}
	if err := json.Unmarshal(body, &ack); err != nil {
		p.s.fail("options were answered with what is no JSON: %v", err)
		return nil
	}
	for _, b := range check(p.s).suggestion(ack) {
		p.s.fail("options break a limit: %s", b)
	}
	options := []Option{}
	for _, o := range offered(ack) {
		options = append(options, Option{Text: str(sub(o, "text"), "text"), Value: str(o, "value")})
	}
	return options
}

// Submit submits a modal. Slack itself holds back one in which something required is missing.
func (p *Person) Submit(v *View) Ack {
	p.s.t.Helper()
	var missing map[string]string
	a := p.send("interactive", func() (map[string]any, error) {
		if p.s.modals[p.user] != v || v.source["submit"] == nil {
			return nil, fmt.Errorf("view %s cannot be submitted: %s has closed it, or it has no submit", v.ID, p.user)
		}
		if missing = v.missing(); len(missing) > 0 {
			return nil, unsent("the form is not complete")
		}
		v.errors = nil
		return p.submission(v), nil
	})
	a.Errors = missing
	if a.OK() {
		a.Errors = v.submitted(a.Body)
	}
	return a
}

// missing is what Slack itself shows at the fields of a form before it sends it; the caller holds the lock.
func (v *View) missing() map[string]string {
	bad := map[string]string{}
	for _, e := range elements(v.latest().Blocks) {
		value := v.entered.of(e)
		text := str(value, "value")
		n := float64(utf8.RuneCountInString(text))
		switch least, most := number(e.source, "min_length"), number(e.source, "max_length"); {
		case !e.inForm():
		case isEmpty(value) && e.block["optional"] != true:
			bad[e.in()] = "Please complete this required field."
		case isEmpty(value):
		case n < least || most > 0 && n > most:
			bad[e.in()] = "The length is wrong."
		case e.kind() == "number_input" && !isNumber(e, text):
			bad[e.in()] = "Please enter a number."
		}
	}
	return bad
}

func isNumber(e element, text string) bool {
	n, err := strconv.ParseFloat(text, 64)
	if err != nil || e.source["is_decimal_allowed"] != true && n != float64(int64(n)) {
		return false
	}
	return compareBound(e, "min_value", n) <= 0 && compareBound(e, "max_value", n) >= 0
}

// compareBound compares a bound with a number; a bound that is not there is at the number.
func compareBound(e element, key string, n float64) int {
	bound, err := strconv.ParseFloat(str(e.source, key), 64)
	if err != nil {
		return 0
	}
	return cmp.Compare(bound, n)
}

// submitted does what a submission was acknowledged with, and returns the errors of its fields.
func (v *View) submitted(body []byte) map[string]string {
	var ack struct {
		Action string            `json:"response_action"`
		Errors map[string]string `json:"errors"`
		View   map[string]any    `json:"view"`
	}
	if len(body) > 0 {
		if err := json.Unmarshal(body, &ack); err != nil {
			v.slack.fail("a submission was acknowledged with what is no JSON: %v", err)
			return nil
		}
	}
	v.slack.mu.Lock()
	defer v.slack.mu.Unlock()
	switch ack.Action {
	case "":
		delete(v.slack.modals, v.User)
	case "errors":
		v.showErrors(ack.Errors)
		return ack.Errors
	case "update":
		if bad := check(v.slack).view("modal", ack.View); len(bad) > 0 {
			v.slack.refuse("the view of an acknowledgement", "invalid_arguments", bad)
			return nil
		}
		v.show(ack.View)
	default:
		v.slack.fail("a submission was acknowledged with an unknown response_action %q", ack.Action)
	}
	return nil
}

// showErrors shows errors at the fields; the caller holds the lock.
func (v *View) showErrors(errs map[string]string) {
	if len(errs) == 0 {
		v.slack.fail("a submission was acknowledged with errors, and there are none")
	}
	for block, text := range errs {
		if !slices.ContainsFunc(elements(v.latest().Blocks), func(e element) bool { return e.inForm() && e.in() == block }) {
			v.slack.fail("an error is for %q, which is no input of the view: Slack would show that it cannot connect", block)
		}
		if text == "" {
			v.slack.fail("the error of %q is empty", block)
		}
	}
	v.errors = errs
}

// CloseView closes a modal by its close button.
func (p *Person) CloseView(v *View) {
	p.s.t.Helper()
	p.s.mu.Lock()
	defer p.s.mu.Unlock()
	if p.s.modals[p.user] == v {
		delete(p.s.modals, p.user)
	}
	if v.source["notify_on_close"] == true {
		p.s.fail("view %s asks to be told when it is closed, which this Slack does not do", v.ID)
	}
}

package fakeslack

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"unicode/utf8"
)

// enter puts a value where a person typed or picked it; the caller holds the lock.
func (p *Person) enter(on Surface, e element, given any) error {
	k, known := kinds[e.kind()]
	if !known {
		return fmt.Errorf("%q is a %s, which holds nothing", e.in(), e.kind())
	}
	var suggested []Option
	if v, isView := on.(*View); isView {
		suggested = v.suggested[e.in()+" "+e.action()]
	}
	value, err := k.fill(e, suggested, given)
	if err != nil {
		return err
	}
	on.inputs().set(e, map[string]any{"type": e.kind(), k.key: value})
	return nil
}

// Fill fills in a view. Keys are block ids, action ids or labels; values are text, an option's
// value or text, a list of them, or true for a single checkbox. An external select is typed
// into first.
func (p *Person) Fill(v *View, values map[string]any) {
	p.s.t.Helper()
	for name, value := range values {
		p.s.mu.Lock()
		e, err := input(v, name)
		if err == nil && !v.open() {
			err = fmt.Errorf("view %s is closed", v.ID)
		}
		p.s.mu.Unlock()
		if err == nil && e.kind() == "external_select" && value != "" && value != nil {
			p.Suggest(v, e.in(), fmt.Sprint(value))
		}
		if err == nil {
			p.s.mu.Lock()
			err = p.enter(v, e, value)
			p.s.mu.Unlock()
		}
		if err != nil {
			p.s.fail("%s cannot be filled in: %v", name, err)
		}
	}
}

// Suggest types into an external select and returns what it offers; nil if Slack did not ask
// the app because too little was typed.
func (p *Person) Suggest(v *View, name, text string) []Option {
	p.s.t.Helper()
	p.s.mu.Lock()
	e, err := input(v, name)
	if err != nil || e.kind() != "external_select" {
		p.s.mu.Unlock()
		p.s.fail("%q is no external select (%v)", name, err)
		return nil
	}
	least := 3.0
	if n, given := e.is["min_query_length"].(float64); given {
		least = n
	}
	payload := p.s.suggestion(p, v, e, text)
	p.s.mu.Unlock()
	if utf8.RuneCountInString(text) < int(least) {
		return nil
	}
	a := p.s.send("interactive", payload, p.slow)
	if !a.OK() {
		return nil
	}
	options := p.s.readOptions(a.Body)
	p.s.mu.Lock()
	v.suggested[e.in()+" "+e.action()] = options
	p.s.mu.Unlock()
	return options
}

// readOptions reads what the app offers, and holds it against the limits.
func (s *Slack) readOptions(body []byte) []Option {
	said := map[string]any{}
	if err := json.Unmarshal(body, &said); err != nil {
		s.fail("options were answered with what is no JSON: %v", err)
		return nil
	}
	for _, b := range s.checkOptions(said) {
		s.fail("options break a limit: %s", b)
	}
	options := []Option{}
	for _, o := range offered(said) {
		options = append(options, Option{Text: str(sub(o, "text"), "text"), Value: str(o, "value")})
	}
	return options
}

// Submit submits a modal. Slack itself holds back one in which something required is missing.
func (p *Person) Submit(v *View) Ack {
	p.s.t.Helper()
	p.s.mu.Lock()
	stack := p.s.stacks[p.user]
	if len(stack) == 0 || stack[len(stack)-1] != v || v.is["submit"] == nil {
		p.s.mu.Unlock()
		p.s.fail("view %s cannot be submitted: it is not what %s has on top, or has no submit", v.ID, p.user)
		return Ack{Unsent: "not open"}
	}
	if missing := v.missing(); len(missing) > 0 {
		p.s.mu.Unlock()
		return Ack{Unsent: "the form is not complete", Errors: missing}
	}
	v.errors = nil
	payload := p.s.submission(p, v)
	p.s.mu.Unlock()
	a := p.s.send("interactive", payload, p.slow)
	if a.OK() {
		a.Errors = p.s.submitted(v, a.Body)
	}
	return a
}

// missing is what Slack itself says of a form before it sends it; the caller holds the lock.
func (v *View) missing() map[string]string {
	bad := map[string]string{}
	now, _ := v.parts()
	for _, e := range elements(now) {
		value := v.entered.of(e)
		text := str(value, "value")
		n := float64(utf8.RuneCountInString(text))
		switch least, most := number(e.is, "min_length"), number(e.is, "max_length"); {
		case !e.asked():
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
	if err != nil || e.is["is_decimal_allowed"] != true && n != float64(int64(n)) {
		return false
	}
	least, most := str(e.is, "min_value"), str(e.is, "max_value")
	return bound(least, n) <= 0 && (most == "" || bound(most, n) >= 0)
}

// bound compares a limit with a number; a limit that is not there is at it.
func bound(limit string, n float64) int {
	l, err := strconv.ParseFloat(limit, 64)
	if err != nil {
		return 0
	}
	return cmp.Compare(l, n)
}

func number(m map[string]any, key string) float64 {
	n, _ := m[key].(float64)
	return n
}

// submitted does what a submission was acknowledged with.
func (s *Slack) submitted(v *View, body []byte) map[string]string {
	var said struct {
		Action string            `json:"response_action"`
		Errors map[string]string `json:"errors"`
		View   map[string]any    `json:"view"`
	}
	if len(body) > 0 {
		if err := json.Unmarshal(body, &said); err != nil {
			s.fail("a submission was acknowledged with what is no JSON: %v", err)
			return nil
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	switch said.Action {
	case "":
		v.pop()
	case "clear":
		delete(s.stacks, v.User)
	case "errors":
		s.mark(v, said.Errors)
		return said.Errors
	case "update", "push":
		s.respondView(v, said.Action, said.View)
	default:
		s.fail("a submission was acknowledged with an unknown response_action %q", said.Action)
	}
	return nil
}

// mark shows errors at the fields; the caller holds the lock.
func (s *Slack) mark(v *View, errs map[string]string) {
	now, _ := v.parts()
	if len(errs) == 0 {
		s.fail("a submission was acknowledged with errors, and there are none")
	}
	for block, says := range errs {
		if !slices.ContainsFunc(elements(now), func(e element) bool { return e.asked() && e.in() == block }) {
			s.fail("an error is for %q, which is no input of the view: Slack would show that it cannot connect", block)
		}
		if says == "" {
			s.fail("the error of %q says nothing", block)
		}
	}
	v.errors = errs
}

// respondView updates or pushes by an acknowledgement; the caller holds the lock.
func (s *Slack) respondView(v *View, action string, is map[string]any) {
	if bad := s.checkView("modal", is); len(bad) > 0 {
		s.refuse("the view of an acknowledgement", "invalid_arguments", bad)
		return
	}
	switch {
	case action == "update":
		v.show(is)
	case len(s.stacks[v.User]) >= mostViews:
		s.fail("an acknowledgement pushes a view, and %d are open already", mostViews)
	default:
		s.pushed(v.User, is)
	}
}

// pop closes a view, and those above it; the caller holds the lock.
func (v *View) pop() {
	stack := v.slack.stacks[v.User]
	if i := slices.Index(stack, v); i >= 0 {
		v.slack.stacks[v.User] = slices.Clone(stack[:i])
	}
}

// CloseView closes a modal by its close button. The app hears of it if it asked to.
func (p *Person) CloseView(v *View) Ack {
	p.s.t.Helper()
	p.s.mu.Lock()
	v.pop()
	payload := p.s.interaction("view_closed", p)
	payload["view"], payload["is_cleared"] = v.payload(), false
	tells := v.is["notify_on_close"] == true
	p.s.mu.Unlock()
	if !tells {
		return Ack{Unsent: "the view does not tell when it is closed"}
	}
	return p.s.send("interactive", payload, p.slow)
}

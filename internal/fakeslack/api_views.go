package fakeslack

import (
	"slices"
	"time"
)

// trigger is the right to open one modal, once, soon after somebody did something.
type trigger struct {
	user string
	at   time.Time
	used bool
	// modal is set if it came from within a modal: only such a one can push.
	modal bool
}

const (
	triggerLife = 3 * time.Second
	mostViews   = 3
)

// pull makes a trigger id for what somebody just did; the caller holds the lock.
func (s *Slack) pull(user string, modal bool) string {
	id := s.opaque("trigger")
	s.triggers[id] = &trigger{user: user, at: s.now(), modal: modal}
	return id
}

// take uses a trigger up. The caller holds the lock.
func (s *Slack) take(id string) (*trigger, answer) {
	t := s.triggers[id]
	switch {
	case t == nil:
		return nil, no("invalid_trigger_id")
	case s.now().Sub(t.at) > triggerLife:
		return nil, no("expired_trigger_id")
	case t.used:
		return nil, no("exchanged_trigger_id")
	}
	t.used = true
	return t, nil
}

// viewOf reads and checks the view of a request; the caller holds the lock.
func (s *Slack) viewOf(where, kind string, p params) (map[string]any, answer) {
	is := map[string]any{}
	if given, err := p.value("view", &is); err != nil || !given {
		return nil, s.refuse(where, "invalid_arguments", []string{"there is no view in it"})
	}
	if s.noBlocks != "" && hasMarkup(is) {
		return nil, no(s.noBlocks)
	}
	if bad := s.checkView(kind, is); len(bad) > 0 {
		return nil, s.refuse(where, "invalid_arguments", bad)
	}
	return is, nil
}

// hasMarkup reports whether a view has any text that is not plain.
func hasMarkup(v any) bool {
	switch v := v.(type) {
	case []any:
		return slices.ContainsFunc(v, hasMarkup)
	case map[string]any:
		for _, part := range v {
			if hasMarkup(part) {
				return true
			}
		}
		return v["type"] == "mrkdwn"
	}
	return false
}

// newView makes a view of somebody's; the caller holds the lock.
func (s *Slack) newView(user string, is map[string]any) *View {
	v := &View{ID: "V" + s.opaque("view")[:10], User: user, slack: s, suggested: map[string][]Option{}}
	v.root = v.ID
	v.show(is)
	return v
}

func (s *Slack) shown(v *View) answer { return ok(answer{"view": v.payload()}) }

func (s *Slack) viewsOpen(p params) answer {
	is, a := s.viewOf("views.open", "modal", p)
	if a != nil {
		return a
	}
	t, a := s.take(p.str("trigger_id"))
	if a != nil {
		return a
	}
	v := s.newView(t.user, is)
	s.stacks[t.user] = []*View{v}
	return s.shown(v)
}

func (s *Slack) viewsPush(p params) answer {
	is, a := s.viewOf("views.push", "modal", p)
	if a != nil {
		return a
	}
	t, a := s.take(p.str("trigger_id"))
	if a != nil {
		return a
	}
	if stack := s.stacks[t.user]; !t.modal || len(stack) == 0 {
		return no("invalid_trigger_id")
	} else if len(stack) >= mostViews {
		return no("push_limit_reached")
	}
	return s.shown(s.pushed(t.user, is))
}

// pushed puts a view on top of those somebody has open; the caller holds the lock.
func (s *Slack) pushed(user string, is map[string]any) *View {
	stack := s.stacks[user]
	v := s.newView(user, is)
	if len(stack) > 0 {
		v.root, v.previous = stack[0].ID, stack[len(stack)-1].ID
	}
	s.stacks[user] = append(stack, v)
	return v
}

func (s *Slack) viewsUpdate(p params) answer {
	v := s.viewNamed(p.str("view_id"), p.str("external_id"))
	if v == nil {
		return no("not_found")
	}
	is, a := s.viewOf("views.update", str(v.is, "type"), p)
	if a != nil {
		return a
	}
	if hash := p.str("hash"); hash != "" && hash != v.hash {
		return no("hash_conflict")
	}
	v.show(is)
	return s.shown(v)
}

// viewNamed finds a view that somebody has open; the caller holds the lock.
func (s *Slack) viewNamed(id, external string) *View {
	var open []*View
	for _, stack := range s.stacks {
		open = append(open, stack...)
	}
	for _, home := range s.homes {
		open = append(open, home)
	}
	i := slices.IndexFunc(open, func(v *View) bool {
		return id != "" && v.ID == id || external != "" && str(v.is, "external_id") == external
	})
	if i < 0 {
		return nil
	}
	return open[i]
}

func (s *Slack) viewsPublish(p params) answer {
	user := p.str("user_id")
	if u, known := s.users[user]; !known || u.bot {
		return no("user_not_found")
	}
	is, a := s.viewOf("views.publish", "home", p)
	if a != nil {
		return a
	}
	v := s.homes[user]
	switch hash := p.str("hash"); {
	case v == nil:
		v = s.newView(user, is)
		s.homes[user] = v
	case hash != "" && hash != v.hash:
		return no("hash_conflict")
	default:
		v.show(is)
	}
	return s.shown(v)
}

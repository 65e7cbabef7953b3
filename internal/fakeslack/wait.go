package fakeslack

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// Patience is how long the Wait functions wait, by a real clock.
const Patience = 10 * time.Second

// WaitFor waits until a condition holds; after Patience the test ends, with all that everybody
// sees at that time.
func (s *Slack) WaitFor(done func() bool, what string) {
	s.t.Helper()
	for end := time.Now().Add(Patience); !done(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(end) {
			s.t.Fatalf("slack: %s: not after %s. What people see:\n%s", what, Patience, s.Transcript())
		}
	}
}

// WaitMessage waits for a message in a channel whose text contains something, the newest of several.
func (s *Slack) WaitMessage(channelID, contains string) *Message {
	s.t.Helper()
	return waitText(s, "a message in "+channelID, contains, func() []*Message { return s.Messages(channelID) })
}

// WaitEphemeral is WaitMessage for what one person alone sees.
func (s *Slack) WaitEphemeral(user, contains string) *Message {
	s.t.Helper()
	return waitText(s, "a message to "+user+" alone", contains, func() []*Message { return s.Ephemerals(user) })
}

// WaitHome waits until a person's Home contains something.
func (s *Slack) WaitHome(user, contains string) *View {
	s.t.Helper()
	return waitText(s, "the Home of "+user, contains, func() []*View {
		return slices.DeleteFunc([]*View{s.Home(user)}, func(v *View) bool { return v == nil })
	})
}

// waitText waits until the text of one of several contains something, and returns the last of them.
func waitText[T interface{ Text() string }](s *Slack, what, contains string, among func() []T) (found T) {
	s.t.Helper()
	s.WaitFor(func() bool {
		for _, x := range slices.Backward(among()) {
			if strings.Contains(x.Text(), contains) {
				found = x
				return true
			}
		}
		return false
	}, fmt.Sprintf("%s with %q", what, contains))
	return found
}

// Transcript is all that anybody sees, for a person who looks for what went wrong.
func (s *Slack) Transcript() string {
	var b strings.Builder
	for _, m := range s.messages(func(*Message) bool { return true }) {
		to := ""
		if m.To != "" {
			to = " to " + m.To + " alone"
		}
		fmt.Fprintf(&b, "--- %s, %s%s %q\n%s\n", m.Channel, m.From, to, m.Buttons(), m.Text())
	}
	s.mu.Lock()
	users := slices.Sorted(maps.Keys(s.users))
	s.mu.Unlock()
	for _, user := range users {
		if v := s.Modal(user); v != nil {
			fmt.Fprintf(&b, "--- modal of %s %q\n%s\n", user, v.Buttons(), v.Text())
		}
		if v := s.Home(user); v != nil {
			fmt.Fprintf(&b, "--- Home of %s %q\n%s\n", user, v.Buttons(), v.Text())
		}
	}
	for _, c := range s.Calls("") {
		if c.Error != "" {
			fmt.Fprintf(&b, "--- %s was answered %s\n", c.Method, c.Error)
		}
	}
	return b.String()
}

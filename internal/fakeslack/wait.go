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

// WaitFor waits until something is so; after Patience the test ends, with all that everybody
// sees at that time.
func (s *Slack) WaitFor(is func() bool, what string) {
	s.t.Helper()
	for end := time.Now().Add(Patience); !is(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(end) {
			s.t.Fatalf("slack: %s: not after %s. What people see:\n%s", what, Patience, s.Transcript())
		}
	}
}

// WaitMessage waits for a message in a channel whose text contains something, the newest of
// several.
func (s *Slack) WaitMessage(channelID, contains string) *Message {
	s.t.Helper()
	return s.wait("a message in "+channelID, contains, func() []*Message { return s.Messages(channelID) })
}

// WaitDM is WaitMessage for the direct messages with a person.
func (s *Slack) WaitDM(user, contains string) *Message {
	s.t.Helper()
	return s.WaitMessage("D"+user, contains)
}

// WaitEphemeral is WaitMessage for what one person alone sees.
func (s *Slack) WaitEphemeral(user, contains string) *Message {
	s.t.Helper()
	return s.wait("a message to "+user+" alone", contains, func() []*Message { return s.Ephemerals(user) })
}

func (s *Slack) wait(what, contains string, among func() []*Message) (found *Message) {
	s.t.Helper()
	s.WaitFor(func() bool {
		for _, m := range slices.Backward(among()) {
			if strings.Contains(m.Text(), contains) {
				found = m
				return true
			}
		}
		return false
	}, fmt.Sprintf("%s with %q", what, contains))
	return found
}

// WaitModal waits until the modal that somebody has on top contains something.
func (s *Slack) WaitModal(user, contains string) *View {
	s.t.Helper()
	return s.waitView("a modal of "+user, contains, func() *View { return s.Modal(user) })
}

// WaitHome waits until somebody's Home contains something.
func (s *Slack) WaitHome(user, contains string) *View {
	s.t.Helper()
	return s.waitView("the Home of "+user, contains, func() *View { return s.Home(user) })
}

func (s *Slack) waitView(what, contains string, which func() *View) (found *View) {
	s.t.Helper()
	s.WaitFor(func() bool {
		found = which()
		return found != nil && strings.Contains(found.Text(), contains)
	}, fmt.Sprintf("%s with %q", what, contains))
	return found
}

// Transcript is all that anybody sees, for a person who looks for what went wrong.
func (s *Slack) Transcript() string {
	var b strings.Builder
	for _, m := range s.messages(func(*channel, *Message) bool { return true }) {
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
		for _, v := range s.Views(user) {
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

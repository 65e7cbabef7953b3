package permissions_test

import (
	"flag"
	"os"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/vpsbot/vpsbot/permissions"
)

// The properties that compare an index with what it stands for need more than rapid's hundred cases.
func TestMain(m *testing.M) {
	if err := flag.Set("rapid.checks", "2000"); err != nil {
		panic(err)
	}
	os.Exit(m.Run())
}

func some[T any](of ...T) *rapid.Generator[[]T] {
	return rapid.Custom(func(t *rapid.T) []T {
		if rapid.Bool().Draw(t, "any") {
			return nil
		}
		return rapid.SliceOfN(rapid.SampledFrom(of), 0, 3).Draw(t, "list")
	})
}

func drawRule(t *rapid.T, effect permissions.Effect) permissions.Rule {
	rule := permissions.Rule{
		Name: rapid.StringMatching(`[a-z]{8}`).Draw(t, "name"), Effect: effect,
		Who:        rapid.SliceOfN(rapid.SampledFrom([]permissions.Principal{"*", "slack-external", "lead", "second", "oncall", "slack:U1", "key:third", "local:ann", "slack-group:S1"}), 0, 3).Draw(t, "who"),
		Where:      some[permissions.Place]("slack", "slack:C1", "mcp", "terminal").Draw(t, "where"),
		Operations: some[permissions.Glob]("servers.*", "*.delete", "servers.update", "servers.create").Draw(t, "operations"),
		Risks:      some(permissions.Risks...).Draw(t, "risks"),
		Servers:    some[permissions.ServerPattern]("*", "web-*", "db-*", "db-1", "1", "2").Draw(t, "servers"),
	}
	if effect == permissions.Allow && rapid.Bool().Draw(t, "demands") {
		rule.Approvers = &permissions.Approvers{Count: rapid.IntRange(1, 2).Draw(t, "count"), Who: some[permissions.Principal]("*", "lead", "oncall", "slack:U2").Draw(t, "approvers")}
	}
	return rule
}

func drawBook(t *rapid.T) *permissions.Rulebook {
	book := team().Book
	book.Rules = nil
	for range rapid.IntRange(0, 5).Draw(t, "rules") {
		book.Rules = append(book.Rules, drawRule(t, rapid.SampledFrom([]permissions.Effect{"allow", "allow", "deny"}).Draw(t, "effect")))
	}
	return book
}

var people = []permissions.Actor{"slack:U1", "key:lead-laptop", "local:lead", "slack:U2", "slack:U3", "key:third"}

// drawAsk asks as somebody listed under people; open also as others.
func drawAsk(t *rapid.T, open bool) permissions.Ask {
	actors := people
	if open {
		actors = append(slices.Clone(people), "slack:U9", "key:ci")
	}
	name := rapid.SampledFrom([]string{"", "web-1", "db-1", "db-2", "mail"})
	ask := permissions.Ask{
		Actor: rapid.SampledFrom(actors).Draw(t, "actor"), Surface: rapid.SampledFrom([]permissions.Surface{"slack", "mcp", "terminal"}).Draw(t, "surface"),
		Groups: some("S1", "S2").Draw(t, "groups"), External: open && rapid.Bool().Draw(t, "external"),
		Channel:   rapid.SampledFrom([]string{"", "C1", "C2"}).Draw(t, "channel"),
		Operation: rapid.SampledFrom([]string{"servers.update", "servers.delete", "servers.create", "backups.delete", "plans.list"}).Draw(t, "operation"),
		Risk:      rapid.SampledFrom(permissions.Risks).Draw(t, "risk"), NewName: name.Draw(t, "new name"),
	}
	ask.Creates = ask.Operation == "servers.create"
	if rapid.Bool().Draw(t, "target") {
		ask.Target = &permissions.TargetServer{ID: rapid.SampledFrom([]string{"", "1", "2", "3"}).Draw(t, "id"), Name: name.Draw(t, "name")}
	}
	return ask
}

// more reports whether one decision permits what another does not.
func more(one, other permissions.Decision) bool {
	return one.Allowed && (!other.Allowed || one.Others < other.Others)
}

func TestAddingADenyNeverAllowsMore(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		book, ask := drawBook(t), drawAsk(t, true)
		before := permissions.Policy{Book: book}.Decide(ask)
		added := *book
		added.Rules = slices.Insert(slices.Clone(book.Rules), rapid.IntRange(0, len(book.Rules)).Draw(t, "at"), drawRule(t, permissions.Deny))
		if after := (permissions.Policy{Book: &added}).Decide(ask); more(after, before) {
			t.Fatalf("%+v\nbefore %+v\nafter  %+v", ask, before, after)
		}
	})
}

// An allow may also demand. Taking one away takes its demand away, but never lets anybody
// do what no other rule allows. (With a rule fewer, a rename may no longer lead from one
// rule to another; it is then a milder thing to ask, so such are left out.)
func TestRemovingAnAllowNeverAllowsMore(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		book, ask := drawBook(t), drawAsk(t, false)
		rule := drawRule(t, permissions.Allow)
		with := *book
		with.Rules = slices.Insert(slices.Clone(book.Rules), rapid.IntRange(0, len(book.Rules)).Draw(t, "at"), rule)
		before, after := permissions.Policy{Book: &with}.Decide(ask), permissions.Policy{Book: book}.Decide(ask)
		if before.Risk != after.Risk || before.Rule == permissions.ByRename {
			return
		}
		if after.Allowed && !before.Allowed || rule.Approvers == nil && more(after, before) {
			t.Fatalf("%+v\nwith    %+v\nwithout %+v", ask, before, after)
		}
	})
}

// What is refused as far as it goes is refused on every server.
func TestRefusedWithoutTargetIsRefusedWithAny(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		book, ask := drawBook(t), drawAsk(t, true)
		ask.NewName = "" // a rename can be raised, which its own decision is about
		early := ask
		early.Target = nil
		p := permissions.Policy{Book: book}
		if first, then := p.Decide(early), p.Decide(ask); more(then, first) {
			t.Fatalf("%+v\nwithout %+v\nwith    %+v", ask, first, then)
		}
	})
}

func TestTwoIdentitiesNeverCountTwice(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p, ask := permissions.Policy{Book: drawBook(t)}, drawAsk(t, true)
		requester, _ := p.Person(ask.Actor)
		approver := rapid.SampledFrom(append(slices.Clone(people), "slack:U9", "lead", "second", ask.Actor)).Draw(t, "approver")
		d := p.MayApprove(approver, some("S1").Draw(t, "their groups"), ask, requester)
		person, known := p.Person(approver)
		if d.Allowed && (!known || person == requester) {
			t.Fatalf("%s approves %+v", approver, ask)
		}
	})
}

func TestNothingIsAllowedWithoutARule(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		book, ask := drawBook(t), drawAsk(t, true)
		book.Rules = slices.DeleteFunc(book.Rules, func(r permissions.Rule) bool { return r.Effect == permissions.Allow })
		if d := (permissions.Policy{Book: book}).Decide(ask); d.Allowed || d.Reason == "" {
			t.Fatalf("%+v %+v", ask, d)
		}
	})
}

// drawPattern draws a pattern, a name or an id: short, so that they often meet.
func drawPattern(t *rapid.T, letters, label string) string {
	return rapid.OneOf(
		rapid.StringOfN(rapid.SampledFrom([]rune(letters)), 0, 4, -1),
		rapid.SampledFrom([]string{"*", "1", "2", "0A000000-0000-0000-0000-00000000000f", "0a000000-0000-0000-0000-00000000000F"}),
	).Draw(t, label)
}

// An index of patterns finds what its patterns match one by one.
func TestIndexOfPatterns(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var set permissions.PatternSet
		for range rapid.IntRange(0, 4).Draw(t, "rules") {
			patterns := make([]permissions.ServerPattern, rapid.IntRange(0, 4).Draw(t, "patterns"))
			for i := range patterns {
				patterns[i] = permissions.ServerPattern(drawPattern(t, "ab1é-**??", "pattern"))
			}
			if rapid.IntRange(0, 20).Draw(t, "any") == 0 {
				patterns = nil
			}
			set.Add(patterns)
		}
		server := permissions.TargetServer{ID: drawPattern(t, "12", "id"), Name: drawPattern(t, "ab1é-*?", "name")}
		for _, unread := range []bool{true, false} {
			if indexed, plain := set.Matches(server, unread); indexed != plain {
				t.Fatalf("%+v on %+v, unread %v: by the index %v", set, server, unread, indexed)
			}
		}
		other := permissions.ServerPattern(drawPattern(t, "ab1é-**??", "other"))
		if indexed, plain := set.Covers(other); indexed != plain {
			t.Fatalf("%+v and %q: by the index %v", set, other, indexed)
		}
	})
}

// A decision is that of every rule tried in turn, with a server and without, and so is a decision about many servers.
func TestIndexedDecisionIsThePlainOne(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		book, ask := drawBook(t), drawAsk(t, true)
		ask.NewName, ask.Creates = "", false
		p := permissions.Policy{Book: book}
		if d := p.Decide(ask); d.Allowed != book.PlainlyAllows(ask) {
			t.Fatalf("%+v\n%+v\n%+v", book, ask, d)
		}
	})
}

// drawPlainAsk asks for one thing in one place, so that what differs are people, rules and servers.
func drawPlainAsk(t *rapid.T) permissions.Ask {
	ask := drawAsk(t, true)
	ask.External, ask.Surface, ask.Operation = false, permissions.Slack, "servers.update"
	ask.Actor = rapid.SampledFrom([]permissions.Actor{"slack:U1", "slack:U9", "local:lead", "local:ann"}).Draw(t, "who")
	if rapid.IntRange(0, 2).Draw(t, "renames") > 0 {
		ask.NewName = ""
	}
	return ask
}

// A decision about many servers is that of each alone, for whatever is asked: renames and creates too. It is the same for
// all where it does not depend on the server.
func TestAllowedOnIsDecide(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p, ask := permissions.Policy{Book: drawBook(t), OneUser: rapid.Bool().Draw(t, "one user")}, drawPlainAsk(t)
		p.ReadOnly = rapid.IntRange(0, 9).Draw(t, "read-only") == 0
		if rapid.IntRange(0, 9).Draw(t, "no policy") == 0 {
			p.Book = nil
		}
		ask.Creates = rapid.IntRange(0, 9).Draw(t, "creates") == 0
		allowed, depends := p.AllowedOn(ask), p.DependsOnServer(ask)
		first := allowed(permissions.TargetServer{})
		for _, id := range []string{"", "1", "2", "3"} {
			for _, name := range []string{"", "web-1", "db-1", "db-2", "mail"} {
				server := permissions.TargetServer{ID: id, Name: name}
				ask.Target = &server
				d := p.Decide(ask)
				if d.Allowed != allowed(server) {
					t.Fatalf("%+v\n%+v %+v\n%+v", p.Book, ask, server, d)
				}
				if !depends && d.Allowed != first {
					t.Fatalf("depends on the server:\n%+v\n%+v %+v\n%+v", p.Book, ask, server, d)
				}
			}
		}
	})
}

// The candidates are those who may approve, each asked alone.
func TestCandidatesMayApprove(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p, ask := permissions.Policy{Book: drawBook(t), OneUser: rapid.Bool().Draw(t, "one user")}, drawPlainAsk(t)
		candidates := p.Candidates(ask)
		for _, person := range p.Book.People {
			may := slices.ContainsFunc(person.Identities, func(who permissions.Actor) bool { return p.MayApprove(who, nil, ask, string(ask.Actor)).Allowed })
			if may != slices.Contains(candidates, person.ID) {
				t.Fatalf("%+v\n%+v: %s %v", p.Book, ask, person.ID, may)
			}
		}
	})
}

package permissions

import (
	"fmt"
	"slices"
	"strings"

	"github.com/vpsbot/vpsbot/internal/text"
)

// MayApprove decides whether an approver may give the second consent to a request, at the moment of the approval.
// ask is the request, with its target as it is now and the requester's Slack groups and channel: without those the
// rules that allowed it may not match, and nobody may approve. groups are the approver's Slack user groups.
// requester is the person or the identity that asked. Where several rules demand approvers, each must name this
// one; where a rule names nobody, the approver must be allowed to run the same from the same place. Without a
// policy file nobody may approve. The caller refuses people of other Slack workspaces.
func (p Policy) MayApprove(approver Actor, groups []string, ask Ask, requester string) Decision {
	person, known := p.Person(approver)
	d := p.Decide(ask)
	switch {
	case !d.Allowed:
		return d // the policy has changed since
	case p.Book == nil:
		return d.refuse("without a policy file nobody can agree for another person")
	case approver.IsLocal() && p.OneUser:
		return d.refuse(fmt.Sprintf("in a user namespace the users of a machine cannot be told apart, so %s cannot agree for another person; an access key or Slack can say who you are", approver))
	case !known:
		return d.refuse(fmt.Sprintf("%s belongs to nobody under people in the policy, so it cannot agree for a second person", approver))
	case p.isSamePerson(person, requester) || p.isSamePerson(person, string(ask.Actor)):
		return d.refuse(fmt.Sprintf("%s asked for it; another person must agree", person))
	case approver.IsLocal() && ask.Actor.IsLocal():
		return d.refuse(fmt.Sprintf("%s and %s are users of one machine, who count as one person for this; agree with an access key or in Slack", approver, ask.Actor))
	}
	return p.checkApprover(d, approver, groups, ask)
}

// Candidates lists the people who may give the second consent to a request, the requester left out. People who may
// by a Slack user group alone are not known here.
func (p Policy) Candidates(ask Ask) (people []string) {
	if p.Book == nil {
		return nil
	}
	if !p.OneUser { // whom a local identity stands for depends on all rules
		p.Book = p.Book.about(ask)
	}
	for _, one := range p.Book.People {
		may := func(who Actor) bool { return p.MayApprove(who, nil, ask, string(ask.Actor)).Allowed }
		if slices.ContainsFunc(one.Identities, may) {
			people = append(people, one.ID)
		}
	}
	return people
}

func (p Policy) isSamePerson(person, who string) bool {
	other, _ := p.Person(Actor(who))
	return other == person
}

func (d Decision) refuse(reason string) Decision {
	return Decision{Risk: d.Risk, Rule: d.Rule, Reason: reason}
}

func (p Policy) checkApprover(d Decision, approver Actor, groups []string, ask Ask) Decision {
	if no := p.whyNoRenameApproval(approver, groups, ask); no != "" {
		return d.refuse(no)
	}
	demands, open := p.approverRules(ask)
	for _, r := range demands {
		if !p.Book.isAmong(r.Approvers.Who, p.Book.subject(approver, groups, false), Allow) {
			return Decision{Risk: d.Risk, Rule: r.Name, Reason: fmt.Sprintf(
				"the policy's rule %q does not name %s as an approver; it names %s", r.Name, approver, strings.Join(namesOf(r.Approvers.Who), ", "))}
		}
	}
	if !open || d.Rule == ByRename {
		return d
	}
	ask.Actor, ask.Groups, ask.External = approver, groups, false
	if own := p.Decide(ask); !own.Allowed {
		return own.refuse(fmt.Sprintf("only who may run it can agree to it, and for %s: %s", approver, own.Reason))
	}
	return d
}

// whyNoRenameApproval returns why an approver cannot agree to a rename: it gives people a right that neither the
// approver nor the requester had. "": they can.
func (p Policy) whyNoRenameApproval(approver Actor, groups []string, ask Ask) string {
	gained := p.Book.gainedRules(ask)
	if len(gained) == 0 {
		return ""
	}
	before, _ := ask.renamed()
	missing := p.Book.notHeld(gained, p.Book.subject(p.identity(ask.Actor), ask.Groups, ask.External), before, true)
	missing = p.Book.notHeld(missing, p.Book.subject(approver, groups, false), before, false)
	if len(missing) == 0 {
		return ""
	}
	return fmt.Sprintf("under the new name the rule %q lets somebody do more, and only who may do that already can agree to it; %s may not", missing[0].Name, approver)
}

// approverRules returns the rules that name approvers. open is set where a rule demands approvers without naming
// them, or none does: protection alone demands them.
func (p Policy) approverRules(ask Ask) (named []Rule, open bool) {
	ask.Actor = p.identity(ask.Actor)
	m := p.Book.evaluate(ask)
	all := approverDemands(allowing(p.Book.matchingRules(m), m.servers), m.servers)
	named = filter(all, func(r Rule) bool { return r.Approvers.Who != nil })
	return named, len(named) < len(all) || len(all) == 0
}

// approverWords returns, in the policy's words, who may agree to all demands; nil where none names anybody. The
// members of Slack's groups are not known here, so lists that differ are joined, and not intersected.
func (b *Rulebook) approverWords(demands []Rule) []string {
	var lists [][]Principal
	for _, r := range demands {
		same := func(principals []Principal) bool { return slices.Equal(principals, r.Approvers.Who) }
		if r.Approvers.Who != nil && !slices.ContainsFunc(lists, same) {
			lists = append(lists, r.Approvers.Who)
		}
	}
	if len(lists) == 1 {
		return namesOf(lists[0])
	}
	if lists == nil {
		return nil
	}
	each := text.Map(lists, func(list []Principal) string { return strings.Join(namesOf(list), ", ") })
	return []string{strings.Join(each, ", and of those only ")}
}

func namesOf(principals []Principal) []string {
	if len(principals) == 0 {
		return []string{"nobody"}
	}
	return text.Strings(principals)
}

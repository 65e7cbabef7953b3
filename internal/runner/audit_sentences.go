package runner

import (
	"cmp"
	"slices"
	"strings"

	"github.com/vpsbot/vpsbot/internal/approval"
	"github.com/vpsbot/vpsbot/internal/audit"
	"github.com/vpsbot/vpsbot/internal/text"
	"github.com/vpsbot/vpsbot/permissions"
	"github.com/vpsbot/vpsbot/tools"
)

// NameOf is how a person is called in a sentence: as the policy calls them, or by what their identity says.
func NameOf(policy permissions.Policy, identity string) string {
	if person, known := policy.Person(permissions.Actor(identity)); known && policy.Book != nil {
		return text.Clean(person)
	}
	kind, name, _ := strings.Cut(text.Clean(identity), ":")
	if noun, known := identityNouns[kind]; known {
		return noun + name
	}
	return cmp.Or(text.Clean(identity), "somebody")
}

// identityNouns are what names of identities are introduced by, by the kind of the identity.
var identityNouns = map[string]string{"local": "", "key": "key ", "slack": "Slack user "}

// AuditFormatter finds rows of the audit log, and says them in sentences.
type AuditFormatter struct {
	Catalogue *tools.Catalogue
	Policy    permissions.Policy // has the people's names
}

// FormattedRow is a row, its sentence, why it came so, and the names of those who agreed or answered.
type FormattedRow struct {
	audit.Row
	Text, Why, AnsweredBy string
}

// Format says rows in sentences, in their order. What only began something that another of the rows ended is left out.
func (f AuditFormatter) Format(rows []audit.Row) []FormattedRow {
	began := func(row audit.Row) bool {
		return row.Approval != "" && row.Decision == audit.Allowed && row.Outcome == ""
	}
	ended := map[string]bool{}
	for _, row := range rows {
		ended[row.Approval] = ended[row.Approval] || row.Outcome != ""
	}
	return slices.DeleteFunc(f.FormatAll(rows), func(row FormattedRow) bool { return began(row.Row) && ended[row.Approval] })
}

// FormatAll is Format that leaves out nothing.
func (f AuditFormatter) FormatAll(rows []audit.Row) []FormattedRow {
	channels := map[string]map[string]string{} // of each approval
	for _, row := range rows {
		if channel := channelOf(row); channel != "" {
			if channels[row.Approval] == nil {
				channels[row.Approval] = map[string]string{}
			}
			channels[row.Approval][row.Approver] = channel
		}
	}
	return text.Map(rows, func(row audit.Row) FormattedRow {
		names := text.Map(answered(row), func(identity string) string { return NameOf(f.Policy, identity) })
		return FormattedRow{row, f.Sentence(row, channels[row.Approval]), strings.TrimPrefix(because(row, f.verbsOf(row)), ": "), text.Join(names, "and")}
	})
}

// answered are the identities whose answer a row names. The row of an outcome has them all, with commas.
func answered(row audit.Row) []string {
	if row.Approver == "" {
		return nil
	}
	return strings.Split(row.Approver, ", ")
}

// channelOf is how the yes was given that a row records; "" where it records none.
func channelOf(row audit.Row) string {
	if row.Reason == agreedIn(string(permissions.Script)) {
		return string(permissions.Script)
	}
	channel, found := strings.CutPrefix(row.Reason, agreedIn(""))
	if !found || row.Decision != audit.Approved && row.Decision != audit.Allowed {
		return ""
	}
	return channel
}

// Sentence says a row without its time and account. channels say how each identity gave its yes, as far as that is known.
func (f AuditFormatter) Sentence(row audit.Row, channels map[string]string) string {
	who, approver, v := f.asker(row), "", f.verbsOf(row)
	if row.Approver != "" {
		approver = NameOf(f.Policy, row.Approver)
	}
	request, why := who+"'s request to "+v.do, because(row, v)
	if approver == who && (row.Decision == audit.Approved || row.Decision == audit.Denied) {
		request = "their own request to " + v.do
	}
	switch row.Decision {
	case audit.Allowed, audit.Settled:
		return f.ending(row, v, f.agreed(row, channels))
	case audit.Asked:
		return who + " asked to " + v.do
	case audit.Approved:
		return cmp.Or(approver, "somebody") + " agreed to " + request + channelTexts[channelOf(row)]
	case audit.Denied:
		if approver != "" {
			return approver + " denied " + request + why
		}
		return request + " was denied" + why
	case audit.Refused:
		return request + " was refused" + why
	case audit.Cancelled:
		return request + " was cancelled" + why
	case audit.Expired:
		return request + " expired" + cmp.Or(why, ": nobody answered in time")
	case audit.Stale:
		return request + " was dropped" + cmp.Or(why, ": the target had changed")
	}
	return request + " is recorded as " + text.Clean(string(row.Decision)) + why
}

// ending says what became of what was allowed, as was known then or found out later.
func (f AuditFormatter) ending(row audit.Row, v verbs, agreed string) string {
	who := f.asker(row)
	if row.Decision == audit.Settled {
		agreed = ", as was found out later"
	}
	switch row.Outcome {
	case "":
		if row.Approval != "" {
			return who + " began to " + v.do + agreed
		}
		return who + " " + v.did
	case audit.Done:
		return who + " " + v.did + agreed
	case audit.Failed:
		return who + " failed to " + v.do + because(row, v)
	case audit.Unknown:
		return "it is not known whether " + who + " " + v.did + agreed
	case audit.NotApplied:
		return who + " did not " + v.do + agreed
	case audit.NeedsHuman:
		return "only a person who looks can tell whether " + who + " " + v.did
	}
	return who + "'s request to " + v.do + " ended as " + text.Clean(string(row.Outcome)) + because(row, v)
}

var channelTexts = map[string]string{
	string(permissions.Slack): " in Slack", string(permissions.Terminal): " at a terminal",
	string(permissions.MCP): " in the assistant's form", string(permissions.Script): " by a flag",
}

// agreed says whose yes a change had. That of the person who ran it themselves is not worth a word.
func (f AuditFormatter) agreed(row audit.Row, channels map[string]string) string {
	var words []string
	for _, identity := range answered(row) {
		name, channel := NameOf(f.Policy, identity), channels[identity]
		own := name == NameOf(f.Policy, row.Actor) && !isAssistant(row) && channel != string(permissions.Script)
		if !own {
			words = append(words, name+channelTexts[channel])
		}
	}
	if words == nil {
		return ""
	}
	return ", agreed by " + text.Join(words, "and")
}

func (f AuditFormatter) asker(row audit.Row) string {
	name := NameOf(f.Policy, row.Actor)
	if isAssistant(row) {
		return name + "'s assistant"
	}
	return name
}

func isAssistant(row audit.Row) bool {
	return approval.ParseOrigin(row.Surface).Surface == string(permissions.MCP)
}

// verbs are what a row is about: "delete web-1", "deleted web-1".
type verbs struct{ do, did string }

// acts are what rows record beside operations, with %s for the target.
var acts = [...]struct {
	name string
	verbs
}{
	{"approvals.settle", verbs{"say what became of %s", "said what became of %s"}},
	{"audit.accept", verbs{"accept the restored log at %s", "accepted the restored log at %s"}},
	{"audit.archive", verbs{"archive the older rows of the log", "archived the older rows of the log"}},
	{"audit.key", verbs{"make the key %s that signs the log", "made the key %s that signs the log"}},
	{"audit.late", verbs{"sign late what is in %s", "signed late what is in %s"}},
	{"audit.sign", verbs{"sign the log from here on with %s", "signs the log from here on with %s"}},
	{"freeze", verbs{"freeze all changes", "froze all changes"}},
	{"freeze.lift", verbs{"lift the freeze", "lifted the freeze"}},
	{"keys.create", verbs{"create the access key %s", "created the access key %s"}},
	{"keys.revoke", verbs{"revoke the access key %s", "revoked the access key %s"}},
	{"operations.unlock", verbs{"run what VPSBOT_OPERATIONS leaves out", "ran what VPSBOT_OPERATIONS leaves out"}},
	{"store.prune", verbs{"delete what ended %s", "deleted what ended %s"}},
	{"unfreeze", verbs{"lift the freeze", "lifted the freeze"}},
}

func (f AuditFormatter) verbsOf(row audit.Row) verbs {
	target := TargetOf(row)
	for _, act := range acts {
		if act.name == row.Operation {
			fill := strings.NewReplacer("key %s", strings.TrimSpace("key "+target), "%s", cmp.Or(target, "it")).Replace
			return verbs{fill(act.do), fill(act.did)}
		}
	}
	switch op, known := f.Catalogue.Lookup(row.Operation); {
	case !known || op.IsRead():
	case target != "":
		return verbs{op.Do(target), op.Did(target)}
	default:
		return verbs{op.Verb(), strings.Replace(op.Past, "%s", "a "+op.Resource.Name, 1)}
	}
	name := text.Clean(row.Operation)
	if target != "" {
		name += " of " + text.Quote(target)
	}
	return verbs{"run " + name, "ran " + name}
}

// because is the reason of a row after a colon, without what its sentence says already: the messages of records begin
// with what was asked for, in the words of this version or of an earlier one.
func because(row audit.Row, v verbs) string {
	why := row.Reason
	if rest, ok := strings.CutPrefix(why, row.Operation+" of "); ok {
		if _, why, ok = strings.Cut(rest, "”"); ok && strings.HasPrefix(why, " (") {
			_, why, _ = strings.Cut(why, ")")
		}
	}
	for _, said := range []string{strings.TrimSuffix(sentence(v.do), "."), ":", "it did not happen.", "did not happen.", "was refused:", "refused:", row.Operation + " is refused:"} {
		why = strings.TrimSpace(strings.TrimPrefix(why, said))
	}
	why = strings.TrimSpace(strings.TrimPrefix(strings.TrimSuffix(why, "Nothing was sent."), "Nothing was sent:"))
	switch denied := strings.TrimPrefix(why, "was "); {
	case strings.HasPrefix(strings.TrimPrefix(why, "it was "), "cancelled by "):
		return ""
	case strings.HasPrefix(denied, "denied by "):
		_, why, _ = strings.Cut(denied, ": ")
	}
	if why = strings.Trim(text.Clean(why), ". "); why == "" {
		return ""
	}
	return ": " + why
}

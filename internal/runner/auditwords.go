package runner

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"github.com/vpsbot/vpsbot/internal/approval"
	"github.com/vpsbot/vpsbot/internal/audit"
	"github.com/vpsbot/vpsbot/internal/text"
	"github.com/vpsbot/vpsbot/permissions"
	"github.com/vpsbot/vpsbot/tools"
)

// LogScope is the part of the audit log that somebody may read. The zero value is all of it.
type LogScope struct {
	Whose  []permissions.Actor                 // rows of these identities; nil: of everybody
	mayGet func(permissions.TargetServer) bool // of others' rows those about such a server alone; nil: all
	asOf   *tools.Catalogue
	own    []permissions.Actor
}

// LogScopeOf is what a caller may read who may run the offered operations: everybody's rows if one of these is
// destructive, but for rows of others about servers that the policy hides from the caller; otherwise their own.
func LogScopeOf(r *Runner, call Call, offered []*tools.Op) LogScope {
	policy := r.Policy()
	own := append([]permissions.Actor{call.Actor}, slices.DeleteFunc(slices.Clone(policy.Identities(call.Actor)), func(a permissions.Actor) bool { return a == call.Actor })...)
	if !slices.ContainsFunc(offered, func(op *tools.Op) bool { return op.Risk == permissions.Destructive }) {
		return LogScope{Whose: own}
	}
	if policy.Book == nil {
		return LogScope{}
	}
	return LogScope{mayGet: policy.AllowedOn(call.ask(r.Catalogue.ServerGet(), tools.Input{}, permissions.Read, nil)), asOf: r.Catalogue, own: own}
}

// mayRead reports whether a row is in the scope, whoever's it is.
func (s LogScope) mayRead(row audit.Row) bool {
	if s.mayGet == nil {
		return true
	}
	op, isOperation := s.asOf.Lookup(row.Operation)
	if !isOperation || !op.Resource.OnServer() || row.Target == "" || slices.Contains(s.own, permissions.Actor(row.Actor)) {
		return true
	}
	server := permissions.TargetServer{Name: TargetOf(row)}
	if id, ok := strings.CutPrefix(row.Target, tools.ServerLock("")); ok {
		server.ID, _, _ = strings.Cut(id, " ")
	}
	if _, behind, ok := strings.Cut(server.Name, " of "); ok && !op.Resource.IsServer { // "backup 501 of web-1"
		server.Name = behind
	}
	return s.mayGet(server)
}

// RowsOf returns the newest rows of a scope, newest first.
func RowsOf(ctx context.Context, log audit.Store, f audit.Filter, scope LogScope) (rows []audit.Row, err error) {
	whose, where := scope.Whose, f.Where
	if whose == nil {
		whose = []permissions.Actor{permissions.Actor(f.Actor)}
	}
	f.Where = func(row audit.Row) bool { return (where == nil || where(row)) && scope.mayRead(row) }
	for _, actor := range whose {
		f.Actor = string(actor)
		for row, err := range log.Rows(ctx, f) {
			if err != nil {
				return nil, err
			}
			rows = append(rows, row)
		}
	}
	slices.SortFunc(rows, func(a, b audit.Row) int { return cmp.Compare(b.Seq, a.Seq) })
	if f.Limit > 0 {
		rows = rows[:min(f.Limit, len(rows))]
	}
	return rows, nil
}

// IsIdentity reports whether a typed word has the form of an identity: "local:alice".
func IsIdentity(typed string) bool {
	kind, name, _ := strings.Cut(typed, ":")
	return typed == audit.Itself || name != "" && slices.Contains([]string{"local", "key", "slack"}, kind)
}

// RowWords are the texts of a row in which people search; names has those of an identity.
func RowWords(row audit.Row, names func(identity string) []string) []string {
	return slices.Concat([]string{row.Operation, row.Target, string(row.Decision), string(row.Outcome)}, names(row.Actor), names(row.Approver))
}

// identitiesNamed returns the identities that a typed word may mean in the log: itself, or those of the policy's person;
// a bare name that is no person's is that of a user of a machine or of a key.
func identitiesNamed(policy permissions.Policy, typed string) []permissions.Actor {
	if IsIdentity(typed) {
		return []permissions.Actor{permissions.Actor(typed)}
	}
	if person, known := policy.Person(permissions.Actor(typed)); policy.Book != nil && known {
		return append([]permissions.Actor{}, policy.Identities(permissions.Actor(person))...)
	}
	return []permissions.Actor{permissions.Local(typed), permissions.Key(typed)}
}

// NameOf is how a person is called in a sentence: as the policy calls them, or by what their identity says.
func NameOf(policy permissions.Policy, identity string) string {
	if person, known := policy.Person(permissions.Actor(identity)); known && policy.Book != nil {
		return text.Clean(person)
	}
	kind, name, _ := strings.Cut(text.Clean(identity), ":")
	switch kind {
	case "local":
		return name
	case "key":
		return "key " + name
	case "slack":
		return "Slack user " + name
	}
	return cmp.Or(text.Clean(identity), "somebody")
}

// Teller finds rows of the audit log, and says them in sentences.
type Teller struct {
	Catalogue *tools.Catalogue
	Policy    permissions.Policy // has the people's names
}

// Rows is [RowsOf] for a filter as a person writes it: the actor as identitiesNamed reads it, among those that may be
// read, and the operation as [LoggedAs]. An operation that nothing is called is an error where no row has it: one of
// before may be in the log.
func (t Teller) Rows(ctx context.Context, log audit.Store, f audit.Filter, scope LogScope) ([]audit.Row, error) {
	if f.Actor != "" {
		named := identitiesNamed(t.Policy, f.Actor)
		may := scope.Whose
		scope.Whose = slices.DeleteFunc(named, func(a permissions.Actor) bool { return may != nil && !slices.Contains(may, a) })
	}
	glob, unknown := LoggedAs(t.Catalogue, f.Operation)
	f.Operation = glob
	rows, err := RowsOf(ctx, log, f, scope)
	if len(rows) == 0 {
		err = cmp.Or(err, unknown)
	}
	return rows, err
}

// Told is a row, its sentence, why it came so, and the names of those who agreed or answered.
type Told struct {
	audit.Row
	Says, Why, By string
}

// Tell says rows in sentences, in their order. What only began something that another of the rows ended is left out.
func (t Teller) Tell(rows []audit.Row) []Told {
	began := func(row audit.Row) bool {
		return row.Approval != "" && row.Decision == audit.Allowed && row.Outcome == ""
	}
	ended := map[string]bool{}
	for _, row := range rows {
		ended[row.Approval] = ended[row.Approval] || row.Outcome != ""
	}
	return slices.DeleteFunc(t.TellAll(rows), func(told Told) bool { return began(told.Row) && ended[told.Approval] })
}

// TellAll is Tell that leaves out nothing.
func (t Teller) TellAll(rows []audit.Row) (told []Told) {
	channels := map[string]map[string]string{} // of each approval
	for _, row := range rows {
		if channel := channelOf(row); channel != "" {
			if channels[row.Approval] == nil {
				channels[row.Approval] = map[string]string{}
			}
			channels[row.Approval][row.Approver] = channel
		}
	}
	for _, row := range rows {
		names := text.Map(answered(row), func(identity string) string { return NameOf(t.Policy, identity) })
		told = append(told, Told{row, t.Sentence(row, channels[row.Approval]), strings.TrimPrefix(because(row, t.verbsOf(row)), ": "), text.Join(names, "and")})
	}
	return told
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
func (t Teller) Sentence(row audit.Row, channels map[string]string) string {
	who, approver, v := t.asker(row), "", t.verbsOf(row)
	if row.Approver != "" {
		approver = NameOf(t.Policy, row.Approver)
	}
	request, why := who+"'s request to "+v.do, because(row, v)
	switch row.Decision {
	case audit.Allowed, audit.Settled:
		return t.ending(row, v, t.agreed(row, channels))
	case audit.Asked:
		return who + " asked to " + v.do
	case audit.Approved:
		if approver == NameOf(t.Policy, row.Actor) && approver == who {
			request = "their own request to " + v.do
		}
		return cmp.Or(approver, "somebody") + " agreed to " + request + by(channelOf(row))
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
func (t Teller) ending(row audit.Row, v verbs, agreed string) string {
	who := t.asker(row)
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

// by says how a yes was given.
func by(channel string) string {
	switch permissions.Surface(channel) {
	case permissions.Slack:
		return " in Slack"
	case permissions.Terminal:
		return " at a terminal"
	case permissions.MCP:
		return " in the assistant's form"
	case permissions.Script:
		return " by a flag"
	}
	return ""
}

// agreed says whose yes a change had. That of the person who ran it themselves is not worth a word.
func (t Teller) agreed(row audit.Row, channels map[string]string) string {
	var words []string
	for _, identity := range answered(row) {
		name, channel := NameOf(t.Policy, identity), channels[identity]
		own := name == NameOf(t.Policy, row.Actor) && !isAssistant(row) && channel != string(permissions.Script)
		if !own {
			words = append(words, name+by(channel))
		}
	}
	if words == nil {
		return ""
	}
	return ", agreed by " + text.Join(words, "and")
}

func (t Teller) asker(row audit.Row) string {
	name := NameOf(t.Policy, row.Actor)
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

// LoggedAs reads a typed operation as the glob that finds it in the log: the name of an operation, of its tool or of an
// act, the verb of operations alone, or a glob. An error says that no row has such a name, if the log has none.
func LoggedAs(c *tools.Catalogue, typed string) (glob string, unknown error) {
	names := text.Map(c.Operations(), func(op *tools.Op) string { return op.Name })
	for _, act := range acts {
		names = append(names, act.name)
	}
	matches := func(glob string) bool {
		return slices.ContainsFunc(names, audit.Filter{Operation: glob}.MatchesOperation)
	}
	for _, glob := range []string{typed, strings.Replace(typed, "_", ".", 1), "*." + typed} {
		if matches(glob) {
			return glob, nil
		}
	}
	next := "name one such as servers.delete, or a glob such as *.delete"
	if near := text.Suggest(typed, names); near != "" {
		next = "did you mean " + near
	}
	return typed, &tools.InputError{Text: "no operation or act is called " + text.Quote(typed) + "; " + next}
}

func (t Teller) verbsOf(row audit.Row) verbs {
	target := TargetOf(row)
	for _, act := range acts {
		if act.name == row.Operation {
			fill := func(words string) string { return strings.Replace(words, "%s", cmp.Or(target, "it"), 1) }
			return verbs{fill(act.do), fill(act.did)}
		}
	}
	switch op, known := t.Catalogue.Lookup(row.Operation); {
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

// TargetOf is the name of a row's target: "web-1" of "server:12345 (web-1)".
func TargetOf(row audit.Row) string {
	target := text.Clean(row.Target)
	if _, name, ok := strings.Cut(target, " ("); ok && strings.HasSuffix(name, ")") && name != ")" {
		return strings.TrimSuffix(name, ")")
	}
	return target
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

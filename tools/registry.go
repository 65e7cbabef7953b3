package tools

import (
	"context"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/vpsbot/vpsbot/apiclient"
	"github.com/vpsbot/vpsbot/internal/text"
	"github.com/vpsbot/vpsbot/permissions"
)

// Op is an operation with its types erased: what surfaces and the Runner work with. It is
// never changed after registration.
type Op struct {
	Meta
	Fields   []Field          // of the input, the Runner's own last
	Examples []jsontext.Value // inputs
	Settles  bool             // its work goes on after the call; "wait" waits for it

	Effect     func(Target, any) string
	Warn       func(Target, any) []string
	riskFor    func(Target, any) permissions.Risk
	PreCheck   func(Target, any) error
	Decode     func([]byte) (any, error)
	Call       func(context.Context, *apiclient.Client, Target, any) (any, error)
	Evidence   func(context.Context, *apiclient.Client, Target, any) (Finding, error)
	Candidates func(context.Context, *apiclient.Client, Target, any) ([]any, error)
	Follow     func(context.Context, *apiclient.Client, Target, any) (any, error)
	PostCheck  func(any, time.Time) (string, error)
	View       View
	Out        reflect.Type

	shown int // what a limit is that is not given; 0: the default
}

// Catalogue holds operations by name. A nil one stands for [Default].
type Catalogue struct{ ops map[string]*Op }

// Default is the catalogue of the product: all operations of this package.
var Default = &Catalogue{ops: map[string]*Op{}}

// Clone returns a catalogue that has the same operations, to add others to.
func (c *Catalogue) Clone() *Catalogue { return &Catalogue{maps.Clone(c.all())} }

func (c *Catalogue) all() map[string]*Op {
	if c == nil {
		return Default.ops
	}
	return c.ops
}

// Operations returns every operation, sorted by name.
func (c *Catalogue) Operations() []*Op {
	return slices.SortedFunc(maps.Values(c.all()), func(a, b *Op) int { return strings.Compare(a.Name, b.Name) })
}

// Lookup returns the operation of that name.
func (c *Catalogue) Lookup(name string) (*Op, bool) {
	op, ok := c.all()[name]
	return op, ok
}

// ServerList returns the operation that lists the servers.
func (c *Catalogue) ServerList() *Op { return c.all()["servers.list"] }

// ServerGet returns the operation that reads one server: who may run it may know that the server exists.
func (c *Catalogue) ServerGet() *Op { return c.all()["servers.get"] }

// PlanList returns the operation that lists the plans with their prices.
func (c *Catalogue) PlanList() *Op { return c.all()["plans.list"] }

// ToolName returns the operation's name as an MCP tool: "servers_reboot".
func (op *Op) ToolName() string { return strings.Replace(op.Name, ".", "_", 1) }

// Verb is the title in a sentence: "reboot a server".
func (op *Op) Verb() string { return strings.ToLower(op.Title[:1]) + op.Title[1:] }

// Did says what the operation has done to the target of a record: "rebooted web-server-01".
func (op *Op) Did(target string) string { return strings.Replace(op.Past, "%s", op.Named(target), 1) }

// Do says what the operation does to the target of a record: "reboot web-server-01".
func (op *Op) Do(target string) string {
	if one := "a " + op.Resource.Name; strings.Contains(op.Title, one) {
		return strings.Replace(op.Verb(), one, op.Named(target), 1)
	}
	return op.Verb() + " of " + op.Named(target) // a list
}

// Named puts what [Op.TargetName] gave into a sentence, in quotation marks where a part of it is not bare.
func (op *Op) Named(target string) string {
	if op.Resource.IsServer {
		return NamedServer(target)
	}
	item, server, _ := strings.Cut(strings.TrimPrefix(target, op.Resource.Name+" "), " of ")
	if text.IsBare(item + strings.TrimPrefix(server, "server ")) {
		return target
	}
	return text.Quote(target)
}

// NamedServer puts the name of a server, or "server 12345" for one without, into a sentence.
func NamedServer(name string) string {
	if text.IsBare(strings.TrimPrefix(name, "server ")) {
		return name
	}
	return text.Quote(name)
}

// ShownBy returns the read that shows how the work of a change goes on: of what it makes, or of the server behind it.
func (c *Catalogue) ShownBy(op *Op) *Op {
	kind, _, _ := strings.Cut(op.Name, ".")
	if list, ok := c.Lookup(kind + ".list"); ok && op.Creates() && !op.Resource.IsNew {
		return list
	}
	return c.ServerGet()
}

// IsRead reports whether the operation changes nothing.
func (op *Op) IsRead() bool { return op.Risk == permissions.Read }

// MayAskMore reports whether some inputs are riskier than the operation's own risk says.
func (op *Op) MayAskMore() bool { return op.riskFor != nil }

// IsList reports whether the operation answers a list, which limit and offset page.
func (op *Op) IsList() bool { return op.View.Page != nil }

// Field returns the operation's input field of that name.
func (op *Op) Field(name string) (Field, bool) {
	i := slices.IndexFunc(op.Fields, func(f Field) bool { return f.Name == name })
	if i < 0 {
		return Field{}, false
	}
	return op.Fields[i], true
}

// FieldNames returns the names of the operation's input fields.
func (op *Op) FieldNames() []string {
	return text.Map(op.Fields, func(f Field) string { return f.Name })
}

// Creates reports whether the operation makes something new.
func (op *Op) Creates() bool { return op.Candidates != nil }

// Positional returns the field that a terminal takes without its flag, or "".
func (op *Op) Positional() string { return op.Resource.Field }

func register[In, Out any](o Operation[In, Out]) *Op { return Add(Default, o) }

// Add erases an operation's types and adds it to a catalogue. It panics on what a person forgot,
// so that no binary and no test run survives the mistake.
func Add[In, Out any](c *Catalogue, o Operation[In, Out]) *Op {
	op := &Op{Meta: o.Meta, Settles: o.Follow != nil, View: o.view, Out: reflect.TypeFor[Out]()}
	op.Fields = append(fieldsOf(reflect.TypeFor[In]()), runnerFields(o.Risk, op.Settles, o.view)...)
	op.Decode = func(raw []byte) (any, error) {
		var in In
		if err := json.Unmarshal(raw, &in, strictIDs); err != nil || o.Check == nil {
			return in, err
		}
		return in, o.Check(in)
	}
	erase(op, o)
	for _, example := range o.Examples {
		raw, err := json.Marshal(example, json.WithMarshalers(idsAsStrings))
		if err != nil {
			panic(err)
		}
		op.Examples = append(op.Examples, raw)
	}
	if missing := op.missing(); missing != "" {
		panic(fmt.Sprintf("operation %q: %s", o.Name, missing))
	}
	if _, taken := c.ops[o.Name]; taken {
		panic(fmt.Sprintf("operation %q: registered twice", o.Name))
	}
	c.ops[o.Name] = op
	return op
}

// Local returns what a surface answers from vpsbot's own store as it answers a read of VPS.org: it has the texts, the
// schema and the checks of an operation with the input In and a limit, and is in no catalogue.
func Local[In any](m Meta, shown int) *Op {
	m.Risk, m.Resource = permissions.Read, Account
	op := &Op{Meta: m, Fields: fieldsOf(reflect.TypeFor[In]()), shown: shown}
	limit := limitField
	limit.Doc = fmt.Sprintf("Default %d", shown)
	op.Fields = append(op.Fields, limit)
	op.Decode = func(raw []byte) (any, error) {
		var in In
		err := json.Unmarshal(raw, &in, strictIDs)
		return in, err
	}
	return op
}

func erase[In, Out any](op *Op, o Operation[In, Out]) {
	op.Call = func(ctx context.Context, c *apiclient.Client, t Target, in any) (any, error) {
		out, err := o.Call(ctx, c, t, in.(In))
		limitExtra(reflect.ValueOf(&out))
		return out, err
	}
	op.Effect, op.Warn, op.riskFor = untyped(o.Effect), untyped(o.Warn), untyped(o.RiskFor)
	op.PreCheck = untyped(o.PreCheck)
	if o.Evidence != nil {
		op.Evidence = func(ctx context.Context, c *apiclient.Client, t Target, in any) (Finding, error) {
			e, err := o.Evidence(ctx, c, t, in.(In))
			return Finding{Evidence: e}, err
		}
	}
	if o.Candidates != nil {
		op.Candidates = func(ctx context.Context, c *apiclient.Client, t Target, in any) ([]any, error) {
			found, err := o.Candidates(ctx, c, t, in.(In))
			return text.Map(found, func(one Out) any {
				limitExtra(reflect.ValueOf(&one))
				return one
			}), err
		}
		op.Evidence = op.newIDEvidence
	}
	if o.PostCheck != nil {
		op.PostCheck = func(out any, now time.Time) (string, error) { return o.PostCheck(out.(Out), now) }
	}
	if o.Follow != nil {
		op.Follow = func(ctx context.Context, c *apiclient.Client, t Target, out any) (any, error) {
			typed, _ := out.(Out) // of a lost answer there is none
			now, err := o.Follow(ctx, c, t, typed)
			limitExtra(reflect.ValueOf(&now))
			return now, err
		}
	}
}

// untyped is a function of an input whose type is erased; nil for nil.
func untyped[In, Out any](f func(Target, In) Out) func(Target, any) Out {
	if f == nil {
		return nil
	}
	return func(t Target, in any) Out { return f(t, in.(In)) }
}

func runnerFields(risk permissions.Risk, settles bool, v View) []Field {
	var fields []Field
	if v.Page != nil {
		fields = append(fields, limitField, offsetField)
	}
	if risk != permissions.Read {
		fields = append(fields, dryRunField)
	}
	if settles {
		fields = append(fields, waitField)
	}
	return fields
}

// missing names the first thing that an operation must have and has not.
func (op *Op) missing() string {
	changes := !op.IsRead()
	for _, check := range []struct {
		bad bool
		say string
	}{
		{strings.Count(op.Name, ".") != 1, "the name is not resource.action"},
		{op.Title == "" || op.Description == "", "no title or description"},
		{op.Request == "", "no request"},
		{op.Resource == nil, "no resource"},
		{!slices.Contains(permissions.Risks, op.Risk), "no risk"},
		{len(op.Needs) == 0 && op.Name != "account.get", "no permission"},
		{len(op.Examples) == 0, "no example"},
		{changes && op.Effect == nil, "no effect"},
		{changes && strings.Count(op.Past, "%s") != 1, "no past with one %s for the target"},
		{changes && (op.Resource == nil || op.Resource.Read == nil), "no resource that can be read"},
		{changes && !strings.Contains(op.Title, "a "+op.Resource.Name), "a title that does not say what it acts on"},
		{changes && op.Evidence == nil, "no evidence to read back"},
	} {
		if check.bad {
			return check.say
		}
	}
	return ""
}

// SpellNames returns a text of ours with the name of each operation spelled as spell says: messages
// say "servers.list", which an assistant knows as servers_list and somebody in Slack as /vps servers
// list. What stands between “ and ” was written by others and stays as it is.
func (c *Catalogue) SpellNames(rest string, spell func(*Op) string) string {
	if !strings.Contains(rest, ".") {
		return rest
	}
	var b strings.Builder
	for quotes := 0; rest != ""; {
		word := leadingWord(rest)
		switch op, ok := c.Lookup(strings.TrimRight(word, ".:")); {
		case word == "":
			word = text.Cut(rest, 1)
			quotes += nesting[word]
			b.WriteString(word)
		case ok && quotes <= 0:
			b.WriteString(spell(op))
			b.WriteString(word[len(op.Name):])
		default:
			b.WriteString(word)
		}
		rest = rest[len(word):]
	}
	return b.String()
}

var nesting = map[string]int{"“": 1, "”": -1}

// leadingWord returns what the text begins with of letters, digits and what joins them in names,
// hosts and paths.
func leadingWord(text string) string {
	end := strings.IndexFunc(text, func(c rune) bool {
		return !('a' <= c|0x20 && c|0x20 <= 'z' || '0' <= c && c <= '9' || strings.ContainsRune("._-/:@", c))
	})
	if end < 0 {
		return text
	}
	return text[:end]
}

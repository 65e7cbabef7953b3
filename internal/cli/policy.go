package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/vpsbot/vpsbot/internal/app"
	"github.com/vpsbot/vpsbot/internal/policy"
	"github.com/vpsbot/vpsbot/internal/runner"
	"github.com/vpsbot/vpsbot/internal/text"
	"github.com/vpsbot/vpsbot/permissions"
)

func policyCommand(c *cli) *cobra.Command {
	return parent("policy", "Check and explain the rules of a policy file", helpText("policy"),
		policyCheckCommand(c), policyExplainCommand(c))
}

func (c *cli) readPolicy(path string) (policy.Document, error) {
	raw, err := policy.ReadFile(path)
	if err != nil {
		return policy.Document{}, app.Errorf(runner.Invalid, "the policy file cannot be read: %v", err)
	}
	document, err := policy.Load(raw, app.PolicyOperations(c.Catalogue))
	if found, ok := errors.AsType[policy.Problems](err); ok {
		return document, app.Errorf(runner.Invalid, "%s is not a policy that can be in force:\n%v", path, found)
	}
	return document, err
}

func policyCheckCommand(c *cli) *cobra.Command {
	return c.withOutput(&cobra.Command{
		Use: "check FILE", Short: "Check a policy file for errors and warnings, and run its tests",
		Long: "Reads the file like the one in force, warns of what is legal but hardly meant, and runs its tests:\nsection. Ends with 2 for an error in the file and 1 for a test that fails.",
		Args: oneArg("the path of a policy file"),
		RunE: func(_ *cobra.Command, args []string) error { return c.checkPolicy(args[0]) },
	}, false)
}

func (c *cli) checkPolicy(path string) error {
	document, err := c.readPolicy(path)
	if err != nil {
		return err
	}
	for _, w := range document.Warnings {
		c.io.say("warning: %v", w)
	}
	failures, shown := document.RunTests(), ""
	found := policyJSON{
		File: path, People: len(document.Book.People), Groups: len(document.Book.Groups), Rules: len(document.Book.Rules),
		Warnings: texts(document.Warnings), Tests: len(document.Tests), Failures: texts(failures),
	}
	for _, f := range found.Failures {
		shown += "FAIL " + f + "\n"
	}
	shown += fmt.Sprintf("%s, %s, %s; %s; %s, %d failed.", text.Plural(len(document.Book.People), "person"), text.Plural(len(document.Book.Groups), "group"),
		text.Plural(len(document.Book.Rules), "rule"), text.Plural(len(document.Warnings), "warning"), text.Plural(len(document.Tests), "test"), len(failures))
	err = c.print(result{value: found, text: shown})
	if err == nil && len(failures) > 0 {
		return app.Errorf(runner.Failed, "%d of %s failed; vpsbot policy explain shows how a rule decides", len(failures), text.Plural(len(document.Tests), "test"))
	}
	return err
}

type policyJSON struct {
	File     string   `json:"file"`
	People   int      `json:"people"`
	Groups   int      `json:"groups"`
	Rules    int      `json:"rules"`
	Warnings []string `json:"warnings"`
	Tests    int      `json:"tests"`
	Failures []string `json:"failures"`
}

func texts[T fmt.Stringer](all []T) []string {
	return text.Map(all, func(one T) string { return printable(one.String()) })
}

func policyExplainCommand(c *cli) *cobra.Command {
	var query policy.Query
	var file string
	cmd := &cobra.Command{
		Use: "explain OPERATION [SERVER]", Short: "Show which rule decides, and what would be needed",
		Long: "Shows the policy's decision for one person, place, operation and server, and why. Without a server\nit shows as much of it as is decided. Nothing is run. What the token may do is not part of it:\nvpsbot operations --all shows that.",
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) < 1 || len(args) > 2 {
				return app.Errorf(runner.Invalid, "%s takes an operation, and a server if it is about one; %s --help shows how", cmd.CommandPath(), cmd.CommandPath())
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			query.Operation = args[0]
			if len(args) > 1 {
				query.Server = args[1]
			}
			return c.explainPolicy(cmd.Context(), query, file)
		},
	}
	f := cmd.Flags()
	f.StringVar(&query.Who, "who", "", "`WHO` asks: a person, an identity such as key:lead-laptop, * (anybody who is not listed), slack-group:S…, slack-external")
	f.StringVar(&query.Where, "where", "", "`PLACE` of the request: slack, slack:C…, mcp or terminal")
	f.StringVar(&query.NewName, "new-name", "", "the `NAME` that a rename asks for")
	f.StringVar(&file, "file", "", "the policy `FILE` (default: VPSBOT_POLICY_FILE)")
	return c.withOutput(cmd, false)
}

func (c *cli) explainPolicy(ctx context.Context, query policy.Query, file string) error {
	if query.Who == "" || query.Where == "" {
		return app.Errorf(runner.Invalid, "--who and --where are both needed, such as --who lead --where mcp")
	}
	if strings.ContainsAny(query.Server+query.NewName, "*?") {
		return app.Errorf(runner.Invalid, "a server is one name or id here, not a glob")
	}
	inForce, _ := c.Variables.Lookup("VPSBOT_POLICY_FILE")
	if file = cmp.Or(file, inForce); file == "" {
		return app.Errorf(runner.Invalid, "there is no policy file: name one with --file, or set VPSBOT_POLICY_FILE")
	}
	cfg, err := c.Config(ctx)
	if err != nil {
		return err
	}
	document, err := c.readPolicy(file)
	if err != nil {
		return err
	}
	asks, err := document.Asks(query)
	if err != nil {
		return app.Invalid(err)
	}
	whole := permissions.Policy{ReadOnly: cfg.Policy.ReadOnly, Operations: cfg.Policy.Operations, Book: document.Book, OneUser: c.OneUser}
	var shown []string
	list := make([]explanationJSON, 0, len(asks))
	for _, ask := range asks {
		d := whole.Decide(ask)
		needs := ""
		if d.Allowed {
			needs = neededText(d)
		}
		list = append(list, explanationJSON{
			query.Who, query.Where, query.Operation, query.Server, string(ask.Actor), string(policy.Outcome(d)), d.Reason, d.Rule, d.Risk, needs,
		})
		shown = append(shown, printable(explanation(whole, query, ask)))
	}
	return c.print(result{value: list, text: strings.Join(shown, "\n")})
}

type explanationJSON struct {
	Who       string           `json:"who"`
	Where     string           `json:"where"`
	Operation string           `json:"operation"`
	Server    string           `json:"server,omitempty"`
	Actor     string           `json:"actor"`
	Decision  string           `json:"decision"` // allow, approval or deny
	Reason    string           `json:"reason,omitempty"`
	Rule      string           `json:"rule,omitempty"`
	Risk      permissions.Risk `json:"risk"`
	Needs     string           `json:"needs,omitempty"`
}

func explanation(p permissions.Policy, q policy.Query, ask permissions.Ask) string {
	d := p.Decide(ask)
	lines := []string{fmt.Sprintf("%s, as %s: %s", q, ask.Actor, verdict(d))}
	if d.Rule != "" {
		lines = append(lines, "  decided by: "+cmp.Or(ruleTexts[d.Rule], fmt.Sprintf("the rule %q", d.Rule)))
	}
	if d.Risk != ask.Risk {
		lines = append(lines, fmt.Sprintf("  risk: %s, raised from %s: other rules hold for the new name, or one of the names is protected", d.Risk, ask.Risk))
	} else {
		lines = append(lines, "  risk: "+string(d.Risk))
	}
	if d.Allowed {
		lines = append(lines, "  needs: "+neededText(d))
	}
	switch { // what the explanation leaves open
	case ask.Target == nil && d.Allowed:
		lines = append(lines, "  note: no server was named: it may be so on some server, and on others not; name one to be sure")
	case ask.Target != nil && ask.Target.ID != "" && ask.Target.Name == "":
		lines = append(lines, "  note: the server's name is not known here; denies and protections by name count as met, allows do not")
	}
	for _, m := range p.Mismatches(ask) {
		lines = append(lines, fmt.Sprintf("  does not match: %q (its %s %s)", m.Rule, m.Part, mismatchTexts[m.Part]))
	}
	return strings.Join(lines, "\n")
}

// mismatchTexts say why a part of a rule does not match.
var mismatchTexts = map[string]string{
	"who": "names others", "where": "is elsewhere", "operations": "are others", "risks": "are others", "servers": "are others",
}

func verdict(d permissions.Decision) string {
	switch policy.Outcome(d) {
	case policy.WantDeny:
		return "refused: " + d.Reason
	case policy.WantApproval:
		return "allowed once others approve"
	}
	return "allowed"
}

// ruleTexts are what decides without being a rule.
var ruleTexts = map[string]string{
	permissions.ByProtection: "the protected servers",
	permissions.ByRename:     "the new name, under which somebody may do more",
}

func neededText(d permissions.Decision) string {
	var parts []string
	if d.Risk.NeedsTypedName() {
		parts = append(parts, "the requester types the name")
	} else if d.Own {
		parts = append(parts, "the requester's yes")
	}
	if d.Others > 0 {
		approvers := cmp.Or(strings.Join(d.Approvers, ", "), "anybody who may run it there")
		parts = append(parts, fmt.Sprintf("%d other to approve (%s)", d.Others, approvers))
	}
	if len(parts) == 0 {
		return "nothing"
	}
	if d.Channels != nil {
		parts = append(parts, "answers only from "+cmp.Or(strings.Join(text.Strings(d.Channels), ", "), "nowhere"))
	}
	return strings.Join(parts, "; ")
}

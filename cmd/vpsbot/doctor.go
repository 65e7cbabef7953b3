package main

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/vpsbot/vpsbot/internal/config"
	"github.com/vpsbot/vpsbot/internal/runner"
)

// finding is what one check of the doctor came to.
type finding struct {
	Check   string `json:"check"`
	Status  string `json:"status"` // ok, warn or FAIL
	Message string `json:"message"`
	Next    string `json:"next,omitempty"` // what to do
}

const (
	statusOK   = "ok"
	statusWarn = "warn"
	statusFail = "FAIL"
)

func fine(check, format string, args ...any) finding {
	return finding{check, statusOK, fmt.Sprintf(format, args...), ""}
}

func warn(check, message, next string) finding { return finding{check, statusWarn, message, next} }

func broken(check, message, next string) finding { return finding{check, statusFail, message, next} }

// diagnosis is all that the doctor found.
type diagnosis struct {
	Findings   []finding `json:"findings"`
	Operations []right   `json:"operations,omitempty"`
}

// right says whether an operation can be run here.
type right struct {
	Operation string `json:"operation"`
	Needs     string `json:"needs"`
	Allowed   bool   `json:"allowed"`
	Reason    string `json:"reason,omitempty"`
}

func (a *app) doctorCommand() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use: "doctor", Short: "Check the set-up, and say what to do about it", Args: noArgs,
		Long: "Checks configuration, API, token, permissions, clock and store, and Slack where it is set up, and ends\nwith what to do. It only looks: it makes no file, and never prints a token.",
		RunE: func(cmd *cobra.Command, _ []string) error { return a.doctor(cmd.Context(), asJSON) },
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "as JSON")
	return cmd
}

func (a *app) doctor(ctx context.Context, asJSON bool) error {
	d := a.diagnose(ctx)
	for i, f := range d.Findings { // an error may have any variable in it
		d.Findings[i].Message, d.Findings[i].Next = a.redact(f.Message), a.redact(f.Next)
	}
	show := a.showDiagnosis
	if asJSON {
		show = func(d diagnosis) error { return a.io.writeJSON(d) }
	}
	if err := show(d); err != nil {
		return err
	}
	for _, f := range d.Findings {
		if f.Status == statusFail {
			return fail(runner.Failed, "something is wrong; the lines marked %s say what", statusFail)
		}
	}
	return nil
}

// diagnose goes through the checks in their order. Without a configuration there is
// nothing else to check.
func (a *app) diagnose(ctx context.Context) diagnosis {
	var d diagnosis
	p, err := a.compose(ctx)
	if err != nil {
		d.Findings = append(d.Findings, broken("configuration", err.Error(), "Correct the variable and run vpsbot doctor again."), versionFinding())
		return d
	}
	defer p.store.close() //nolint:errcheck // nothing was written
	address, clock := a.checkAddress(ctx, p)
	// The store is looked at before a key opens it, and what may be run depends on whose key it is.
	kept := a.checkStore(ctx, p, address)
	team := checkTeam(ctx, p, kept)
	d.Findings = append(d.Findings, checkConfiguration(p.config))
	d.Findings = append(d.Findings, checkVariables(p.config)...)
	d.Findings = append(d.Findings, address)
	d.Findings = append(d.Findings, a.checkToken(ctx, p, address))
	rights, permitted := p.checkPermissions(ctx, address)
	d.Operations = rights
	d.Findings = append(d.Findings, permitted, clock)
	d.Findings = append(d.Findings, kept...)
	d.Findings = append(d.Findings, a.checkFiles(p.config)...)
	d.Findings = append(d.Findings, team...)
	d.Findings = append(d.Findings, a.checkSlack(ctx, p)...)
	d.Findings = append(d.Findings, versionFinding())
	return d
}

const namesAll = "Correct VPSBOT_OPERATIONS; vpsbot operations --all has the names."

func checkConfiguration(cfg config.Config) finding {
	const name = "configuration"
	globs := cfg.Policy.Operations
	switch {
	case len(globs) > 0 && fitting(globs) == 0:
		return broken(name, "nothing can be run: "+idleHint(globs), namesAll)
	case idleGlob(globs) != "":
		return warn(name, idleHint(globs), namesAll)
	}
	says := "in order"
	if cfg.Policy.ReadOnly {
		says += "; this installation is read-only"
	}
	if len(globs) > 0 {
		says += "; only " + strings.Join(globs, ", ")
	}
	return fine(name, "%s", says)
}

// checkVariables warns of variables that look like settings and are none, and of those that protect the
// account and are empty.
func checkVariables(cfg config.Config) []finding {
	var found []finding
	for _, unknown := range cfg.Unknown() {
		next := "Unset " + unknown.Name + ", or correct its name: the README lists the variables."
		if unknown.Meant != "" {
			next = "If it is meant for vpsbot, call it " + unknown.Meant + "."
		}
		found = append(found, warn("variables", unknown.String(), next))
	}
	for _, name := range cfg.Empty() {
		found = append(found, warn("variables", name+" is set and empty, which counts as not set", "Give "+name+" a value, or unset it."))
	}
	return found
}

func versionFinding() finding {
	v := readVersion()
	return fine("version", "vpsbot %s (%s, %s)", v.Version, v.Go, v.System)
}

func (a *app) showDiagnosis(d diagnosis) error {
	style := a.io.style(a.env)
	var b strings.Builder
	var todo []string
	for _, f := range d.Findings {
		pad := strings.Repeat(" ", 5-len(f.Status))
		fmt.Fprintf(&b, "%s%s%-14s %s\n", style.word(f.Status), pad, f.Check, f.Message)
		if f.Next != "" && !slices.Contains(todo, f.Next) {
			todo = append(todo, f.Next)
		}
	}
	if len(d.Operations) > 0 {
		b.WriteString("\n" + rightsTable(d.Operations).Styled(style.cell))
	}
	b.WriteString("\n" + whatToDo(todo))
	_, err := fmt.Fprintln(a.io.Out, b.String())
	return err
}

func rightsTable(rights []right) runner.Table {
	t := runner.Table{Header: []string{"operation", "needs", "allowed"}}
	for _, r := range rights {
		t.Rows = append(t.Rows, []string{r.Operation, r.Needs, yesOrNo(r.Allowed)})
	}
	return t
}

func whatToDo(todo []string) string {
	if len(todo) == 0 {
		return "All is well. Try: vpsbot run servers.list"
	}
	return "What to do:\n- " + strings.Join(todo, "\n- ")
}

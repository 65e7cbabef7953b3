package cli

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/vpsbot/vpsbot/internal/app"
	"github.com/vpsbot/vpsbot/internal/doctor"
	"github.com/vpsbot/vpsbot/internal/runner"
	"github.com/vpsbot/vpsbot/internal/text"
)

func doctorCommand(c *cli) *cobra.Command {
	return c.withOutput(&cobra.Command{
		Use: "doctor", Short: "Check the set-up, and list what to do", Args: noArgs,
		Long: "Checks configuration, API, token, permissions, clock and store, and Slack where it is set up, and ends\nwith what to do. It only looks: it makes no file, and never prints a token.",
		RunE: func(cmd *cobra.Command, _ []string) error { return c.doctor(cmd.Context()) },
	}, false)
}

func (c *cli) doctor(ctx context.Context) error {
	diagnosis := doctor.Diagnose(ctx, c.Environment)
	printed := c.diagnosisText(diagnosis)
	if c.io.atTerminal() {
		printed = strings.Replace(printed, runner.LiftedByPerson, "vpsbot unfreeze lifts it", 1)
	}
	var failed []string
	for _, f := range diagnosis.Findings {
		if f.Status == doctor.StatusFail {
			failed = append(failed, f.Check)
		}
	}
	err := c.print(result{value: diagnosis, text: printed, names: failed})
	if err == nil && diagnosis.HasFailure() {
		err = app.Errorf(runner.Failed, "something is wrong; the lines marked %s say what", doctor.StatusFail)
	}
	return err
}

// diagnosisText fits the operations to the screen, not the messages, which have what is to be copied.
func (c *cli) diagnosisText(d doctor.Diagnosis) string {
	style := c.style()
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
		t := runner.Table{Header: []string{"operation", "needs", "allowed"}}
		t.Rows = text.Map(d.Operations, func(p doctor.Permission) []string { return []string{p.Operation, p.Needs, yesOrNo(p.Allowed)} })
		b.WriteString("\n" + c.fitted(t, true, true).draw(style)) // every column: which are allowed is what it is for
	}
	if len(todo) == 0 {
		return b.String() + "\nAll is well. Try: vpsbot servers list"
	}
	return b.String() + "\nWhat to do:\n- " + strings.Join(todo, "\n- ")
}

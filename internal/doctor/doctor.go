// Package doctor checks the set-up. Its findings are values: who asks for them prints them.
package doctor

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/vpsbot/vpsbot/internal/app"
)

// Finding is the result of one check.
type Finding struct {
	Check   string `json:"check"`
	Status  string `json:"status"` // ok, warn or FAIL
	Message string `json:"message"`
	Next    string `json:"next,omitempty"` // what to do
}

// The values of Finding.Status.
const (
	StatusOK   = "ok"
	StatusWarn = "warn"
	StatusFail = "FAIL"
)

func pass(check, format string, args ...any) Finding {
	return Finding{check, StatusOK, fmt.Sprintf(format, args...), ""}
}

func warn(check, message, next string) Finding { return Finding{check, StatusWarn, message, next} }
func fail(check, message, next string) Finding { return Finding{check, StatusFail, message, next} }

// Diagnosis is the result of all checks.
type Diagnosis struct {
	Findings   []Finding    `json:"findings"`
	Operations []Permission `json:"operations,omitempty"`
}

// Permission is whether an operation can be run here.
type Permission struct {
	Operation string `json:"operation"`
	Needs     string `json:"needs"`
	Allowed   bool   `json:"allowed"`
	Reason    string `json:"reason,omitempty"`
}

// HasFailure reports whether a check failed.
func (d Diagnosis) HasFailure() bool {
	return slices.ContainsFunc(d.Findings, func(f Finding) bool { return f.Status == StatusFail })
}

type doctor struct {
	*app.App
	env     *app.Environment
	client  *http.Client // which follows no redirect
	address Finding      // whether the API can be reached: other checks depend on it
}

// Diagnose runs all checks. They change nothing: neither a file nor a row is written.
func Diagnose(ctx context.Context, env *app.Environment) (result Diagnosis) {
	defer func() {
		for i, f := range result.Findings { // an error may contain any variable
			result.Findings[i].Message, result.Findings[i].Next = env.Redact(f.Message), env.Redact(f.Next)
		}
	}()
	version := pass("version", "%s", app.ReadVersion())
	a, err := app.New(ctx, env)
	if err != nil {
		result.Findings = []Finding{fail("configuration", err.Error(), "Correct the variable and run vpsbot doctor again."), version}
		return result
	}
	defer a.Store.Close() //nolint:errcheck // nothing was written
	d := &doctor{App: a, env: env, client: app.SlackClient()}
	var clock Finding
	d.address, clock = d.checkAddress(ctx)
	// The store is checked before an access key opens it, and the permissions depend on whose key that is.
	store := d.checkStore(ctx)
	team := d.checkTeam(ctx, store)
	configuration := append([]Finding{d.checkConfiguration()}, d.checkVariables()...)
	token := d.checkToken(ctx)
	operations, permissions := d.checkPermissions(ctx)
	result.Operations = operations
	result.Findings = slices.Concat(configuration, []Finding{d.address, token, permissions, clock},
		store, d.checkFiles(), team, d.checkSlack(ctx), d.checkMCP(ctx), []Finding{version})
	return result
}

func (d *doctor) checkConfiguration() Finding {
	const name, next = "configuration", "Correct VPSBOT_OPERATIONS; vpsbot operations --all has the names."
	globs := d.Config.Policy.Operations
	if hint := app.UnmatchedGlobHint(d.env.Catalogue, globs); hint != "" {
		if !app.MatchesAny(d.env.Catalogue, globs...) {
			return fail(name, "nothing can be run: "+hint, next)
		}
		return warn(name, hint, next)
	}
	message := "in order"
	if d.Config.Policy.ReadOnly {
		message += "; this installation is read-only"
	}
	if len(globs) > 0 {
		message += "; only " + strings.Join(globs, ", ")
	}
	if p := d.Config.Profile(); p.Name != "" {
		message += fmt.Sprintf("; the profile %s by %s, %s", p.Name, p.ChosenBy, p.Path)
	}
	if at := d.Config.MetricsListen; at != "" {
		message += "; vpsbot serve answers GET /metrics at " + at + ", to all who can reach that"
	}
	return pass(name, "%s", message)
}

// checkVariables warns of variables that look like settings and are none, and of those that protect the
// account and are empty.
func (d *doctor) checkVariables() []Finding {
	var found []Finding
	for _, unknown := range d.Config.Unknown {
		next := "Unset " + unknown.Name + ", or correct its name: vpsbot help environment lists the variables."
		if unknown.Meant != "" {
			next = "If it is meant for vpsbot, call it " + unknown.Meant + "."
		}
		found = append(found, warn("variables", unknown.String(), next))
	}
	for _, name := range d.Config.Empty {
		found = append(found, warn("variables", name+" is set and empty, which counts as not set", "Give "+name+" a value, or unset it."))
	}
	return found
}

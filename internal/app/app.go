package app

import (
	"context"
	"crypto/rand"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/vpsbot/vpsbot/apiclient"
	"github.com/vpsbot/vpsbot/apiclient/simulator"
	"github.com/vpsbot/vpsbot/internal/config"
	"github.com/vpsbot/vpsbot/internal/liveness"
	"github.com/vpsbot/vpsbot/internal/mcpserver"
	"github.com/vpsbot/vpsbot/internal/observe"
	"github.com/vpsbot/vpsbot/internal/policy"
	"github.com/vpsbot/vpsbot/internal/runner"
	"github.com/vpsbot/vpsbot/internal/store"
	"github.com/vpsbot/vpsbot/internal/text"
	"github.com/vpsbot/vpsbot/internal/ttl"
	"github.com/vpsbot/vpsbot/permissions"
)

// simulatorURL is the address of the built-in simulator, which is called inside the process: nothing
// listens there.
const simulatorURL = "http://localhost/api/v1"

// App is a configured vpsbot. Its creator closes its Store.
type App struct {
	Config     config.Config
	Runner     *runner.Runner
	Store      *Store
	Now        func() time.Time  // the database's time where machines share it, else this machine's
	PolicyFile *policy.File      // nil: none is in force
	PolicyErr  error             // why the policy file is not in force
	Actor      permissions.Actor // set by Authenticate
	Limits     mcpserver.Limits  // of /mcp; zero: the defaults

	env   *Environment
	key   func() (string, error) // the access key; empty: none is set
	slack *ttl.Cache[bool]       // whether people can be asked in Slack

	metrics *observe.Metrics // nil: nobody watches this process
}

// New reads the configuration and assembles an App. It sends nothing and opens no store.
func New(ctx context.Context, env *Environment) (*App, error) {
	cfg, err := env.Config(ctx)
	if err != nil {
		return nil, err
	}
	log := env.logger(cfg)
	a := &App{Config: cfg, Runner: &runner.Runner{}, Now: env.Clock, env: env, key: cfg.Key()}
	options := apiclient.Options{
		BaseURL: cfg.URL, Token: cfg.Token(), UserAgent: "vpsbot/" + ReadVersion().Version, Logger: log, Observe: a.observeCall, Attempt: traceAttempt,
	}
	if cfg.IsSimulator() {
		options.BaseURL = simulatorURL
		options.Transport = simulator.New(simulator.Options{Now: env.Clock}).Transport()
	}
	client, err := apiclient.New(options)
	if err != nil {
		return nil, Errorf(runner.Invalid, "VPS_API_URL: %v", err)
	}
	a.Store = &Store{url: cfg.Database, id: liveness.NewID(), sign: func() (store.Signing, error) { return signing(cfg, log) }}
	if cfg.IsShared() {
		a.Store.clock = &databaseClock{machine: env.Clock}
		a.Now = a.Store.clock.now
	}
	a.slack = &ttl.Cache[bool]{Fresh: presenceKept, Now: a.Now}
	policy, file, err := env.openPolicy(cfg, log)
	a.PolicyFile, a.PolicyErr = file, err
	*a.Runner = runner.Runner{
		Catalogue: env.Catalogue, Client: client, API: apiName(cfg), Token: cfg.Token(), Policy: policy, Store: a.Store.approvals, Slack: a.AsksInSlack, Ended: a.keyEnded,
		AuditReads: cfg.AuditReads, Profile: cfg.Profile().Name, Process: a.Store.id,
		Now: a.Now, Random: env.Random, Log: log, Tracer: newTracer(cfg, log),
	}
	return a, nil
}

// apiName is the name of an API in records. Each process has a built-in simulator of its own, so a request
// to one does not count for another.
func apiName(cfg config.Config) string {
	if cfg.IsSimulator() {
		return config.Simulator + "-" + strings.ToLower(rand.Text())
	}
	return cfg.URL
}

// WarnOfVariables logs the VPSBOT_ variables that are no settings.
func (a *App) WarnOfVariables() {
	for _, unknown := range a.Config.Unknown {
		if strings.HasPrefix(unknown.Name, "VPSBOT_") { // the others need not be meant for vpsbot
			a.Runner.Log.Warn(unknown.String())
		}
	}
}

// HasStore reports whether a database exists. It makes none.
func (a *App) HasStore() bool {
	if a.Store.isOpen() || a.Config.IsShared() {
		return true
	}
	url, err := a.Config.Database()
	if err != nil {
		return false
	}
	_, err = os.Stat(strings.TrimPrefix(url, "sqlite:"))
	return err == nil
}

// FreezeNotice says who has frozen all changes, and since when; "" if nobody has.
func (a *App) FreezeNotice(ctx context.Context) (string, error) {
	db, err := a.Store.Open(ctx)
	if err != nil {
		return "", err
	}
	f, err := db.Frozen(ctx)
	if f == nil || err != nil {
		return "", err
	}
	notice := fmt.Sprintf("all changes are frozen by %s since %s", text.Clean(f.By), runner.Since(f.At, a.Now()))
	if f.Reason != "" {
		notice += ": “" + text.Clean(f.Reason) + "”"
	}
	return notice, nil
}

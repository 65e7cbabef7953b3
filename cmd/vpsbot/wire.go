package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/user"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/vpsbot/vpsbot/apiclient"
	"github.com/vpsbot/vpsbot/apiclient/simulator"
	"github.com/vpsbot/vpsbot/internal/approval"
	"github.com/vpsbot/vpsbot/internal/config"
	"github.com/vpsbot/vpsbot/internal/policy"
	"github.com/vpsbot/vpsbot/internal/process"
	"github.com/vpsbot/vpsbot/internal/runner"
	"github.com/vpsbot/vpsbot/internal/store"
	"github.com/vpsbot/vpsbot/permissions"
	"github.com/vpsbot/vpsbot/slackbot"
)

// simulatorURL is the address that the simulator goes by inside the process; nothing
// listens there.
const simulatorURL = "http://localhost/api/v1"

// parts are what a command is made of. The caller closes them.
type parts struct {
	config     config.Config
	runner     *runner.Runner
	store      *lazyStore
	now        func() time.Time
	key        func() (string, error) // the access key; empty: none is set
	policyFile *policy.File           // nil: none is in force
	policyErr  error                  // why the policy file is not in force
	actor      permissions.Actor      // who this is, once that was asked: see identify
	process    string                 // as the records name it
	slack      slackSeen              // whether people can be asked in Slack
}

// assemble reads the configuration, puts the parts together, and warns of variables that count for
// nothing. It sends nothing and opens no store.
func (a *app) assemble(ctx context.Context) (*parts, error) {
	p, err := a.compose(ctx)
	if err != nil {
		return nil, err
	}
	for _, unknown := range p.config.Unknown() {
		if strings.HasPrefix(unknown.Name, "VPSBOT_") { // the others need not be meant for vpsbot
			p.runner.Log.Warn(unknown.String())
		}
	}
	return p, nil
}

// compose is assemble without the warnings, which doctor has among its findings.
func (a *app) compose(ctx context.Context) (*parts, error) {
	cfg, err := config.Read(ctx, a.env, a.goos)
	if err != nil {
		return nil, invalid(err)
	}
	token := cfg.Token()
	log := a.logger(cfg)
	p := &parts{config: cfg, runner: &runner.Runner{}}
	options := a.options(cfg, token, log)
	options.Observe = p.runner.ObserveCall
	client, err := apiclient.New(options)
	if err != nil {
		return nil, fail(runner.Invalid, "VPS_API_URL: %v", err)
	}
	id, err := process.Self()
	if err != nil {
		return nil, err
	}
	p.process, p.now, p.key = id, a.now, cfg.Key()
	p.store = &lazyStore{url: cfg.Database, sign: func() (store.Signing, error) { return signing(cfg, log) }}
	if cfg.IsShared() {
		p.store.clock = &databaseClock{machine: a.now}
		p.store.heart, p.now = &heart{process: id, now: a.now, log: log, clock: p.store.clock}, p.store.clock.now
	}
	policy, file, err := a.policy(cfg, log)
	p.policyFile, p.policyErr = file, err
	*p.runner = runner.Runner{
		Client: client, API: apiName(cfg), Token: token, Policy: policy, Store: p.store.approvals, Slack: p.asksInSlack, Ended: p.ended,
		AuditReads: cfg.AuditReads, Process: runner.Process{ID: id, Alive: p.store.alive},
		Now: p.now, Random: a.random, Log: log,
	}
	return p, nil
}

// apiName is what the records of an API call it. Each command has a simulated world of its own, and nothing
// that was asked for in one holds in another.
func apiName(cfg config.Config) string {
	if cfg.IsSimulator() {
		return config.Simulator + "-" + strings.ToLower(rand.Text())
	}
	return cfg.URL
}

// operating assembles the parts for a command that runs operations or agrees to them.
func (a *app) operating(ctx context.Context) (*parts, error) {
	p, err := a.assemble(ctx)
	if err != nil {
		return nil, err
	}
	if err := p.ready(ctx); err != nil {
		_ = p.store.close() // nothing was written
		return nil, err
	}
	return p, nil
}

func (a *app) options(cfg config.Config, token func() (string, error), log *slog.Logger) apiclient.Options {
	o := apiclient.Options{BaseURL: cfg.URL, Token: token, UserAgent: "vpsbot/" + readVersion().Version, Logger: log}
	if cfg.IsSimulator() {
		o.BaseURL = simulatorURL
		o.Transport = simulator.New(simulator.Options{Now: a.now}).Transport()
	}
	return o
}

// localActor is the user whose process this is: the system says so, not a variable that
// anybody can set.
func localActor() permissions.Actor {
	uid := os.Getuid()
	if uid < 0 { // Windows has no such numbers
		if u, err := user.Current(); err == nil {
			return permissions.Local(u.Username)
		}
		return "" // nobody: the policy refuses it
	}
	if u, err := user.LookupId(strconv.Itoa(uid)); err == nil {
		return permissions.Local(u.Username)
	}
	return permissions.Local(fmt.Sprintf("uid-%d", uid))
}

// lazyStore opens the store when it is first needed. One that could not be opened is tried
// again.
type lazyStore struct {
	url   func() (string, error)
	sign  func() (store.Signing, error) // how the log is signed
	heart *heart                        // nil: nobody elsewhere looks whether this process lives
	clock *databaseClock                // nil: the database goes by this machine's

	mu   sync.Mutex
	open *store.Store
}

func (l *lazyStore) get(ctx context.Context) (*store.Store, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.open != nil {
		return l.open, nil
	}
	url, err := l.url()
	if err != nil {
		return nil, err
	}
	sign, err := l.sign()
	if err != nil {
		return nil, err
	}
	opened, err := store.Open(ctx, url)
	if err != nil {
		return nil, fmt.Errorf("VPSBOT_DATABASE_URL: %w", err)
	}
	opened.SignWith(sign)
	if err := l.heart.start(ctx, opened); err != nil {
		return nil, errors.Join(fmt.Errorf("VPSBOT_DATABASE_URL: %w", err), opened.Close())
	}
	if err := l.clock.set(ctx, opened); err != nil {
		l.heart.stop()
		return nil, errors.Join(fmt.Errorf("VPSBOT_DATABASE_URL: %w", err), opened.Close())
	}
	l.open = opened
	return l.open, nil
}

func (l *lazyStore) approvals(ctx context.Context) (approval.Store, error) {
	s, err := l.get(ctx)
	if err != nil {
		return nil, err // not a *store.Store that is nil inside an interface
	}
	return s, nil
}

// slack is the store as the bot needs it.
func (l *lazyStore) slack(ctx context.Context) (slackbot.Store, error) {
	s, err := l.get(ctx)
	if err != nil {
		return nil, err
	}
	return s, nil
}

// close closes the store if it was opened.
func (l *lazyStore) close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.open == nil {
		return nil
	}
	l.heart.stop()
	return l.open.Close()
}

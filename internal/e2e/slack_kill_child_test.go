package e2e_test

import (
	"bufio"
	"context"
	"crypto/rand"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"strconv"
	"time"

	"github.com/vpsbot/vpsbot/internal/store"
	"github.com/vpsbot/vpsbot/permissions"
	"github.com/vpsbot/vpsbot/slackbot"
	"github.com/vpsbot/vpsbot/slackbot/transport"
)

const requester = "U0LEA" // types all commands

// requesterPolicy lets one person run everything from Slack.
func requesterPolicy() permissions.Policy {
	lots := permissions.Rate{Most: 1e9, Within: time.Hour}
	return permissions.Policy{Book: &permissions.Rulebook{
		People: []permissions.Person{{ID: "lea", Identities: []permissions.Actor{"slack:" + requester}}},
		Rules: []permissions.Rule{
			{Name: "lea reads", Effect: permissions.Allow, Who: []permissions.Principal{"lea"}, Risks: []permissions.Risk{permissions.Read}},
			{Name: "lea runs all", Effect: permissions.Allow, Who: []permissions.Principal{"lea"}, Servers: []permissions.ServerPattern{"*"}},
		},
		Budgets: map[string]permissions.Rate{"deletions": lots, "destructive": lots},
	}}
}

// serveSlack is a child process: a bot that prints the address at which Slack reaches it, and runs until
// it is killed or its input ends.
func serveSlack(db *store.Store) error {
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	ahead, err := strconv.ParseInt(os.Getenv("PROOF_AHEAD"), 10, 64)
	if err != nil {
		return err
	}
	now := &clock{}
	now.Advance(time.Duration(ahead))
	s := childConfig(db)
	s.policy, s.now, s.sleep = requesterPolicy, now.Now, shortPause
	core, err := s.runner()
	if err != nil {
		return err
	}
	core.Slack = func(context.Context) bool { return true }
	bot, err := slackbot.New(slackbot.Options{
		Runner: core, Store: func(context.Context) (slackbot.Store, error) { return db, nil },
		Token: os.Getenv("PROOF_SLACK_TOKEN"), APIURL: os.Getenv("PROOF_SLACK"), Client: &http.Client{Timeout: 10 * time.Second},
		Now: now.Now, Random: rand.Reader, Log: core.Log, Every: 20 * time.Millisecond,
	})
	if err != nil {
		return err
	}
	go bot.Run(ctx)
	go core.Reconcile(ctx, func() bool { return true })
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	mux := http.NewServeMux()
	h := &transport.HTTP{Secret: func() (string, error) { return os.Getenv("PROOF_SLACK_SECRET"), nil }, Handler: bot, Now: now.Now, Log: slog.New(slog.DiscardHandler)}
	h.Routes(mux)
	fmt.Println(listener.Addr())
	go func() {
		_ = http.Serve(listener, mux) //nolint:gosec // one that is killed needs no timeouts
	}()
	for in := bufio.NewReader(os.Stdin); ; now.Advance(clockStep) {
		if _, err := in.ReadByte(); err != nil {
			return nil //nolint:nilerr // the test has ended
		}
	}
}

// clockStep is how far each byte of the child's input puts its clock forward.
const clockStep = 20 * time.Second

// shortPause pauses for at most 20 ms, so that other processes run.
func shortPause(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(min(d, 20*time.Millisecond)):
	}
}

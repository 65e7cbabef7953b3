package e2e_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptrace"
	"os"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/vpsbot/vpsbot/internal/approval"
	"github.com/vpsbot/vpsbot/internal/audit"
	"github.com/vpsbot/vpsbot/internal/runner"
	"github.com/vpsbot/vpsbot/internal/store"
	"github.com/vpsbot/vpsbot/permissions"
)

// killPoints are where a worker is killed: before or after a step. The order matters: the first worker
// is killed after a claim, the next four while they settle the record that it left.
var killPoints = []string{
	"after claim", "before takeover", "after takeover", "before settling", "after settling",
	"before call", "request written", "after call", "before outcome", "after outcome", "before delivery mark", "after delivery mark",
	"before insert", "after insert", "before claim",
}

// isRecovery reports whether a point is in the settling of a record that another process left.
func isRecovery(point string) bool {
	return strings.HasSuffix(point, "takeover") || strings.HasSuffix(point, "settling")
}

// randomMoment is the point of a worker that the parent process kills.
const randomMoment = "any moment"

// worker is a child process: it settles the records left unfinished, then runs operations in order.
type worker struct {
	runner *runner.Runner
	store  approval.Store
	clock  *clock
	killer *killer
}

// killer kills its own process at a point.
type killer struct {
	point string
	from  int
	at    int // the current operation
}

// reach kills the process if it is at its point, and prints the point first, as a negative number.
func (d *killer) reach(point string) {
	if d.at >= d.from && d.point == point {
		fmt.Println(-1 - slices.Index(killPoints, point))
		d.killSelf()
	}
}

func (d *killer) killSelf() {
	_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
	time.Sleep(time.Minute) // until the signal arrives
}

const operationsPastPoint = 3 // operations after which a point that was not reached is given up

func runWorker(db *store.Store) (err error) {
	var numbers [4]int
	for i, name := range []string{"PROOF_AHEAD", "PROOF_NEXT", "PROOF_LAST", "PROOF_FROM"} {
		if numbers[i], err = strconv.Atoi(os.Getenv(name)); err != nil {
			return err
		}
	}
	l := &worker{clock: &clock{}, killer: &killer{point: os.Getenv("PROOF_POINT"), from: numbers[3], at: numbers[1]}}
	l.clock.Advance(time.Duration(numbers[0]))
	l.store = &killableStore{db, l.killer}
	s := childConfig(l.store)
	s.now, s.transport, s.sleep = l.clock.Now, killableTransport{http.DefaultTransport, l.killer}, shortSleep
	if l.runner, err = s.runner(); err != nil {
		return err
	}
	return l.runOperations(numbers[1], numbers[2])
}

func (l *worker) runOperations(next, last int) error {
	if err := l.reconcileAll(); err != nil {
		return err
	}
	for n := next; n < last; n++ {
		l.killer.at = n
		if err := l.runOperation(n); err != nil {
			return fmt.Errorf("operation %d: %w", n, err)
		}
		if slices.Contains(killPoints, l.killer.point) && n >= l.killer.from+operationsPastPoint {
			l.killer.killSelf() // these operations do not reach the point
		}
		fmt.Println(n)
	}
	switch l.killer.point {
	case "":
	case randomMoment:
		time.Sleep(time.Minute) // until the parent kills it
	default:
		l.killer.killSelf()
	}
	return nil
}

// reconcileAll runs a reconciler until no record is claimed, with its clock put forward between rounds.
func (l *worker) reconcileAll() error {
	ctx := context.Background()
	for range 20 {
		if err := l.runner.ReconcileOnce(ctx); err != nil {
			return err
		}
		open, err := l.store.Find(ctx, approval.Query{States: approval.Holding})
		if err != nil || len(open) == 0 {
			return err
		}
		l.clock.Advance(reconcileInterval)
	}
	return errors.New("records are still unsettled")
}

// runOperation requests the nth operation, and repeats the request until it has an outcome.
func (l *worker) runOperation(n int) error {
	ctx, c := context.Background(), operationCall(n)
	for range 5 {
		reply := l.runner.Run(ctx, c)
		if reply.Outcome == runner.ApprovalRequired {
			a := yes(reply.Record)
			a.Channel = permissions.Terminal
			reply = l.runner.Answer(ctx, c, a)
		}
		switch {
		case reply.Record != nil && !reply.Record.State.IsOpen():
			return nil
		case reply.Class == runner.Invalid && c.Operation == "servers.delete":
			return nil // the server is deleted, or was never created
		case reply.Outcome != runner.Busy && reply.Outcome != runner.Unknown:
			return errors.New(reply.Message)
		}
		if err := l.reconcileAll(); err != nil {
			return err
		}
	}
	return errors.New("the operation has no outcome")
}

// operationCall is one of four kinds of operation: an update, a create, the delete of the created
// server, and a stop or a start.
func operationCall(n int) runner.Call {
	c := call(alice, "", "")
	switch server := n / 4 % 2; n % 4 {
	case 0:
		c = call(alice, "servers.update", `{"server":"%s","hostname":"op-%d.example.com"}`, fixedServers[server], n)
	case 1:
		c = call(alice, "servers.create", `{"name":"op-%d","plan_id":"1","os_id":"5","location":"us-west"}`, n)
	case 2:
		c = call(alice, "servers.delete", `{"server":"op-%d"}`, n-1)
	case 3:
		c = call(alice, []string{"servers.stop", "servers.start"}[n/8%2], `{"server":"%s"}`, fixedServers[server])
	}
	c.Surface, c.Interactive = permissions.Terminal, true // without a policy the terminal has no budgets
	c.RequestID = fmt.Sprint("request-", n)
	return c
}

var fixedServers = []string{"web-server-01", "db-server-01"}

// killableStore is a store whose process is killed before or after a step.
type killableStore struct {
	approval.Store
	killer *killer
}

func (s *killableStore) Insert(ctx context.Context, r approval.Record, limits []approval.Limit, row audit.Row) (approval.Record, bool, error) {
	step := "insert"
	if r.State == approval.Executing {
		step = "claim"
	}
	s.killer.reach("before " + step)
	defer s.killer.reach("after " + step)
	return s.Store.Insert(ctx, r, limits, row)
}

func (s *killableStore) Move(ctx context.Context, m approval.Move, row audit.Row) (approval.Record, error) {
	step := "outcome"
	switch {
	case m.To == approval.Executing:
		step = "claim"
	case slices.Contains(m.From, approval.Unknown):
		step = "settling"
	case m.To == approval.Unknown:
		step = "takeover"
	}
	s.killer.reach("before " + step)
	defer s.killer.reach("after " + step)
	return s.Store.Move(ctx, m, row)
}

func (s *killableStore) MarkDelivered(ctx context.Context, id string, at time.Time) (bool, error) {
	s.killer.reach("before delivery mark")
	defer s.killer.reach("after delivery mark")
	return s.Store.MarkDelivered(ctx, id, at)
}

// killableTransport is a transport whose process is killed before, during or after a write.
type killableTransport struct {
	http.RoundTripper
	killer *killer
}

func (t killableTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Method == http.MethodGet {
		return t.RoundTripper.RoundTrip(r)
	}
	t.killer.reach("before call")
	defer t.killer.reach("after call")
	sent := &httptrace.ClientTrace{WroteRequest: func(httptrace.WroteRequestInfo) { t.killer.reach("request written") }}
	return t.RoundTripper.RoundTrip(r.WithContext(httptrace.WithClientTrace(r.Context(), sent)))
}

package store_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/vpsbot/vpsbot/internal/approval"
	"github.com/vpsbot/vpsbot/internal/audit"
	"github.com/vpsbot/vpsbot/internal/store"
	"github.com/vpsbot/vpsbot/internal/store/pgtest"
	"github.com/vpsbot/vpsbot/internal/testkit"
)

// The test binary, started with a role in its environment, is the other process.
const roleVariable, urlVariable, nameVariable = "STORE_TEST_ROLE", "STORE_TEST_URL", "STORE_TEST_NAME"

var roles = map[string]func(db database, name string) error{
	"open":    func(database, string) error { return nil },
	"change":  changing,
	"compete": compete,
	"hold":    hold,
	"labour":  labour,
	"press":   pressOnce,
	"share":   share,
	"prune":   prune,
	"secret":  printSecret,
}

func TestMain(m *testing.M) {
	role, ok := roles[os.Getenv(roleVariable)]
	if !ok {
		store.Observe(observe)
		os.Exit(pgtest.Run(plansLast{m}))
	}
	if err := play(role); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func play(role func(database, string) error) error {
	_, _ = io.ReadAll(os.Stdin) // the end of the input starts all at once
	db, err := store.Open(context.Background(), os.Getenv(urlVariable))
	if err != nil {
		return err
	}
	defer db.Close()
	return role(db, os.Getenv(nameVariable))
}

func process(t testing.TB, role, url, name string) *exec.Cmd {
	t.Helper()
	self, err := os.Executable()
	require.NoError(t, err)
	cmd := exec.CommandContext(t.Context(), self)
	cmd.Env = append(os.Environ(), roleVariable+"="+role, urlVariable+"="+url, nameVariable+"="+name)
	return cmd
}

// together runs n processes of a role, started at once, and returns what each printed.
func together(t testing.TB, n int, role, url string) []string {
	t.Helper()
	out := make([]strings.Builder, n)
	begin := make([]io.Closer, n)
	cmds := make([]*exec.Cmd, n)
	for i := range cmds {
		cmds[i] = process(t, role, url, fmt.Sprint("p", i))
		cmds[i].Stdout, cmds[i].Stderr = &out[i], &out[i]
		stdin, err := cmds[i].StdinPipe()
		require.NoError(t, err)
		begin[i] = stdin
		require.NoError(t, cmds[i].Start())
	}
	printed := make([]string, n)
	for i := range begin {
		require.NoError(t, begin[i].Close())
	}
	for i, cmd := range cmds {
		err := cmd.Wait()
		printed[i] = out[i].String()
		require.NoError(t, err, printed[i])
	}
	return printed
}

func TestProcessesOpenAtOnce(t *testing.T) {
	for name, engine := range unmade {
		t.Run(name, func(t *testing.T) { together(t, 8, "open", engine(t)) })
	}
}

// tally is what one competitor got.
type tally struct{ Claimed, Stored, Joined, Noted int }

const rounds = 100

// compete claims one record and asks for one thing again and again, and notes each try.
func compete(db database, name string) error {
	var got tally
	ctx := context.Background()
	for i := range rounds {
		if _, err := db.Move(ctx, claim("1"), row("approved")); err == nil {
			got.Claimed++
		}
		r := asked("same")
		r.ID = fmt.Sprint(name, "-", i)
		_, joined, err := db.Insert(ctx, r, nil, row("asked"))
		if err != nil {
			return err
		}
		if joined {
			got.Joined++
		} else {
			got.Stored++
		}
		if err := db.Note(ctx, row(audit.Decision(name))); err != nil {
			return err
		}
		got.Noted++
	}
	return json.NewEncoder(os.Stdout).Encode(got)
}

func TestProcessesCompete(t *testing.T) {
	onEach(t, func(t *testing.T, url string) {
		const n = 3
		db := open(t, url)
		inserted(t, db, asked("1"))
		var sum tally
		for _, printed := range together(t, n, "compete", url) {
			var got tally
			require.NoError(t, json.Unmarshal([]byte(printed), &got), printed)
			sum = tally{sum.Claimed + got.Claimed, sum.Stored + got.Stored, sum.Joined + got.Joined, sum.Noted + got.Noted}
		}
		require.Equal(t, tally{Claimed: 1, Stored: 1, Joined: n*rounds - 1, Noted: n * rounds}, sum)
		report, err := audit.Verify(db.Rows(t.Context(), audit.Filter{}))
		require.NoError(t, err)
		require.EqualValues(t, 1+1+1+n*rounds, report.Rows)
	})
}

// pressOnce presses the button of record 1 so often, all at once, and prints who won and lost.
func pressOnce(db database, _ string) error {
	won, lost := press(context.Background(), db, testkit.Size(400, 3334))
	return json.NewEncoder(os.Stdout).Encode([2]int64{won, lost})
}

// Ten thousand presses of one approval from three processes: one runs it, the others are told.
func TestProcessesAnswerAtOnce(t *testing.T) {
	onEach(t, func(t *testing.T, url string) {
		const n = 3
		db := open(t, url)
		inserted(t, db, asked("1"))
		var won, lost int64
		for _, printed := range together(t, n, "press", url) {
			var got [2]int64
			require.NoError(t, json.Unmarshal([]byte(printed), &got), printed)
			won, lost = won+got[0], lost+got[1]
		}
		require.EqualValues(t, [2]int64{1, int64(n*testkit.Size(400, 3334)) - 1}, [2]int64{won, lost})
		require.Equal(t, []string{"asked", "approved"}, decisions(t, db))
	})
}

// labour takes record after record to its end and prints each state that was confirmed to it.
func labour(db database, name string) error {
	for i := 0; ; i++ {
		err := takeToItsEnd(context.Background(), db, fmt.Sprint(name, "-", i), func(line string) { fmt.Println(line) })
		if err != nil {
			return err
		}
	}
}

// takeToItsEnd takes a new record through all of its states, and passes on each that was confirmed.
func takeToItsEnd(ctx context.Context, db database, id string, confirmed func(line string)) error {
	note := row("asked")
	note.Approval = id
	if _, _, err := db.Insert(ctx, asked(id), nil, note); err != nil {
		return err
	}
	for i, to := range labourPath[1:] {
		if _, err := db.Move(ctx, approval.Move{ID: id, From: labourPath[i : i+1], To: to, At: start}, note); err != nil {
			return err
		}
		confirmed(fmt.Sprint(id, " ", to))
	}
	return nil
}

var labourPath = []approval.State{approval.Pending, approval.Approved, approval.Executing, approval.Done}

// A process is killed in the middle of its work: what it was told has happened has, each
// step has its row, and the next process goes on.
func TestKilled(t *testing.T) {
	onEach(t, func(t *testing.T, url string) {
		for i := range 4 {
			confirmed := killed(t, url, fmt.Sprint("k", i), 20+37*i)
			requireConsistent(t, url, confirmed)
		}
	})
}

// killed lets a labourer print some lines and kills it; it returns all that it printed.
func killed(t *testing.T, url, name string, lines int) []string {
	t.Helper()
	cmd := process(t, "labour", url, name)
	stdout, err := cmd.StdoutPipe()
	require.NoError(t, err)
	cmd.Stderr = os.Stderr
	require.NoError(t, cmd.Start())
	var confirmed []string
	for scanner := bufio.NewScanner(stdout); scanner.Scan(); {
		if confirmed = append(confirmed, scanner.Text()); len(confirmed) == lines {
			time.Sleep(time.Duration(lines%5) * 100 * time.Microsecond)
			require.NoError(t, cmd.Process.Kill())
		}
	}
	require.Error(t, cmd.Wait())
	require.GreaterOrEqual(t, len(confirmed), lines)
	return confirmed
}

func requireConsistent(t *testing.T, url string, confirmed []string) {
	t.Helper()
	db := open(t, url)
	_, err := audit.Verify(db.Rows(t.Context(), audit.Filter{}))
	require.NoError(t, err)
	counts := map[string]int{}
	for _, row := range rows(t, db, audit.Filter{}) {
		counts[row.Approval]++
	}
	records, err := db.Find(t.Context(), approval.Query{Limit: 1_000_000})
	require.NoError(t, err)
	for _, r := range records {
		require.Equal(t, r.State, labourPath[counts[r.ID]-1], "%s has as many rows as steps", r.ID)
	}
	for _, line := range confirmed {
		id, state, _ := strings.Cut(line, " ")
		require.Contains(t, labourPath, approval.State(state))
		require.Greater(t, counts[id], slices.Index(labourPath, approval.State(state)), "%s was confirmed to be %s", id, state)
	}
}

package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestALogThatNobodyReadsIsDropped(t *testing.T) {
	t.Parallel()
	for name, line := range map[string]string{"text": "level=INFO msg=%d\n", "JSON": `{"msg":"%d"}` + "\n"} {
		t.Run(name, func(t *testing.T) {
			r, w := io.Pipe() // takes nothing until it is read
			u := newUnwaited(w)
			for i := range 5000 {
				_, err := fmt.Fprintf(u, line, i)
				require.NoError(t, err)
			}
			began := time.Now()
			u.flush(20 * time.Millisecond)
			require.Less(t, time.Since(began), 5*time.Second, "nobody is waited for")

			text := make(chan string)
			go func() {
				read, _ := io.ReadAll(r)
				text <- string(read)
			}()
			u.flush(10 * time.Second)
			w.Close()
			read := <-text
			require.Contains(t, read, fmt.Sprintf(line, 0))
			require.NotContains(t, read, fmt.Sprintf(line, 4999))
			require.Contains(t, read, "were dropped, since nobody read them")
			for _, l := range strings.Split(strings.TrimSpace(read), "\n") {
				require.Equal(t, name == "JSON", json.Valid([]byte(l)), l)
			}
		})
	}
}

func TestWhatIsReadIsNotDropped(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	u := newUnwaited(&out)
	for i := range 500 {
		fmt.Fprintln(u, i)
	}
	u.flush(10 * time.Second)
	require.Equal(t, 500, strings.Count(out.String(), "\n"))
}

// A client that never reads the log, or has closed it, is served on, and the end of its input ends the
// process.
func TestAssistantThatDoesNotReadTheLog(t *testing.T) {
	t.Parallel()
	for name, leave := range map[string]func(log *os.File){
		"not read": func(*os.File) {},
		"closed":   func(log *os.File) { log.Close() },
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t)
			b.env["VPSBOT_LOG_LEVEL"] = "debug"
			log, logs, err := os.Pipe()
			require.NoError(t, err)
			defer log.Close()
			a := b.assistant(t, func(cmd *exec.Cmd) { cmd.Stderr = logs })
			logs.Close()
			leave(log)
			for range 400 {
				a.ask("tools/call", `{"name":"servers_list","arguments":{}}`)
			}
			require.NoError(t, a.in.Close())
			ended := make(chan error, 1)
			go func() { ended <- a.cmd.Wait() }()
			select {
			case err := <-ended:
				require.NoError(t, err)
			case <-time.After(20 * time.Second):
				require.Fail(t, "it does not end with its input")
			}
		})
	}
}

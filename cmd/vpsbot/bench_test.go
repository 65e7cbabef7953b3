package main

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// BenchmarkStart starts "vpsbot mcp" as an editor does, and waits for the answer to
// initialize. It reports the median in milliseconds, and the memory held then.
//
//	go test ./cmd/vpsbot -run '^$' -bench Start
func BenchmarkStart(b *testing.B) {
	program := filepath.Join(b.TempDir(), "vpsbot")
	out, err := exec.Command("go", "build", "-o", program, ".").CombinedOutput()
	require.NoError(b, err, string(out))
	env := []string{"VPS_API_URL=simulator", "XDG_STATE_HOME=" + b.TempDir()}
	var took []time.Duration
	var rss, peak int
	b.ResetTimer()
	for b.Loop() {
		d, status := start(b, program, env)
		took = append(took, d)
		rss, peak = max(rss, kilobytes(status, "VmRSS:")), max(peak, kilobytes(status, "VmHWM:"))
	}
	slices.Sort(took)
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(float64(took[len(took)/2].Microseconds())/1000, "ms-median")
	b.ReportMetric(float64(rss)/1024, "MB-resident")
	b.ReportMetric(float64(peak)/1024, "MB-peak")
}

// start returns how long the program took to answer, and what the system then said of it.
func start(b *testing.B, program string, env []string) (time.Duration, string) {
	cmd := exec.Command(program, "mcp")
	cmd.Env = env
	in, err := cmd.StdinPipe()
	require.NoError(b, err)
	out, err := cmd.StdoutPipe()
	require.NoError(b, err)
	began := time.Now()
	require.NoError(b, cmd.Start())
	_, err = io.WriteString(in, `{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-06-18","capabilities":{},"clientInfo":{"name":"b","version":"1"}}}`+"\n")
	require.NoError(b, err)
	_, err = bufio.NewReader(out).ReadString('\n')
	took := time.Since(began)
	require.NoError(b, err)
	status, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", cmd.Process.Pid)) // Linux alone
	require.NoError(b, in.Close())
	require.NoError(b, cmd.Wait())
	return took, string(status)
}

func kilobytes(status, field string) int {
	var kb int
	_, after, _ := strings.Cut(status, field)
	_, _ = fmt.Sscan(after, &kb)
	return kb
}

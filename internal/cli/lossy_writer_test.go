package cli

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestLossyWriterDropsUnreadLines(t *testing.T) {
	t.Parallel()
	for name, line := range map[string]string{"text": "level=INFO msg=%d\n", "JSON": `{"msg":"%d"}` + "\n"} {
		t.Run(name, func(t *testing.T) {
			r, w := io.Pipe() // takes nothing until it is read
			u := newLossyWriter(w)
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

func TestLossyWriterKeepsReadLines(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	u := newLossyWriter(&out)
	for i := range 500 {
		fmt.Fprintln(u, i)
	}
	u.flush(10 * time.Second)
	require.Equal(t, 500, strings.Count(out.String(), "\n"))
}

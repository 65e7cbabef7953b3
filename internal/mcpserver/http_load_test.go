package mcpserver

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mark3labs/mcp-go/mcp"
	"github.com/stretchr/testify/require"

	"github.com/vpsbot/vpsbot/internal/approval"
	"github.com/vpsbot/vpsbot/internal/backoff"
)

// A caller has ten calls a second, whatever they are, and takes none from another caller.
func TestTenCallsASecond(t *testing.T) {
	s := newSite(t, func(o *HTTPOptions) { o.Limits = Limits{} })
	for _, message := range []string{
		ping, `{"jsonrpc":"2.0","method":"notifications/initialized"}`, `{"jsonrpc":"2.0","id":"x","result":{}}`, `{`, `[` + ping + `,` + ping + `]`,
		`[]`, `{"jsonrpc":"2.0","id":1,"method":"nothing"}`, `{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-06-18"}}`, ping,
	} {
		require.NotEqual(t, 429, s.do(func(r *http.Request) { body(r, message) }).status, message)
	}
	refused := func() {
		got := s.do(nil)
		require.Equal(t, 429, got.status)
		require.Equal(t, "too many calls by key:alice: 10 a second", got.says)
		require.Equal(t, "1", got.header.Get("Retry-After"))
	}
	refused()
	require.Equal(t, 200, s.do(header("Authorization", "Bearer "+bobKey)).status)
	s.clock.Advance(100 * time.Millisecond)
	require.Equal(t, 200, s.do(nil).status)
	refused()
	s.clock.Advance(-time.Hour)
	refused()
	s.clock.Advance(2 * time.Hour)
	for range 10 {
		require.Equal(t, 200, s.do(nil).status, "a clock that jumps gives nobody more")
	}
	refused()
}

// An answer to a question is no call: it is taken where the caller's calls are used up, and no flood of answers is.
func TestAnswersAreNoCalls(t *testing.T) {
	s := newSite(t, func(o *HTTPOptions) { o.Limits = Limits{} })
	k := s.client(aliceKey).initialize(older, forms)
	var questions []*said
	var asked []message
	for range 16 {
		s.clock.Advance(time.Second)
		call, q := k.asks()
		questions, asked = append(questions, call), append(asked, q)
	}
	s.clock.Advance(readTime)
	for s.do(nil).status != 429 {
	}
	for i, call := range questions {
		require.Equal(t, 202, k.answer(asked[i], decline), i)
		require.Equal(t, "declined", call.outcome().is())
	}
	for _, message := range []string{`{"jsonrpc":"2.0","id":"x","result":{}}`, ping, `[` + ping + `]`, `{"jsonrpc":"2.0","id":"x","result":"` + strings.Repeat("y", mostAnswer) + `"}`} {
		require.Equal(t, 429, s.do(func(r *http.Request) { body(r, message) }).status)
	}
}

func readOf(id int) string {
	return fmt.Sprintf(`{"jsonrpc":"2.0","id":%d,"method":"tools/call","params":{"name":"servers_get","arguments":{"server":12345}}}`, id)
}

// reads begins n reads that do not end, and waits until they have begun.
func (s *site) reads(key string, n int, arrived *atomic.Int64) (ended *sync.WaitGroup) {
	s.Helper()
	ended, before := &sync.WaitGroup{}, arrived.Load()
	for i := range n {
		ended.Go(func() {
			s.do(func(r *http.Request) {
				r.Header.Set("Authorization", "Bearer "+key)
				body(r, readOf(i))
			})
		})
	}
	s.eventually(func() bool { return arrived.Load() == before+int64(n) }, "they have begun")
	return ended
}

// A caller has sixteen calls at once, of which those that wait for a person are none: their answers need a place.
func TestSixteenCallsAtOnce(t *testing.T) {
	s := newSite(t, func(o *HTTPOptions) { o.Limits = Limits{PerSecond: 1_000_000} })
	k := s.client(aliceKey).initialize(older, forms)
	var questions []*said
	var asked []message
	for range 16 {
		call, q := k.asks()
		questions, asked = append(questions, call), append(asked, q)
	}
	o := k.tool("servers_delete", web).outcome()
	require.Equal(t, "approval_required", o.is())
	require.Contains(t, o.text(), "So many questions wait", "nobody takes the places of all")
	got := s.do(func(r *http.Request) { body(r, "["+ping+strings.Repeat(","+ping, 16)+"]") })
	require.Equal(t, "too many calls by key:alice: 16 at once", got.says, "seventeen in a list")
	arrived, goOn := s.holdReads()
	list := make(chan reply, 1)
	go func() {
		list <- s.do(func(r *http.Request) { body(r, "["+readOf(0)+strings.Repeat(","+readOf(0), 9)+"]") })
	}()
	s.eventually(func() bool { return arrived.Load() == 10 }, "a list of ten")
	ended := s.reads(aliceKey, 6, arrived)
	got = s.do(nil)
	require.Equal(t, 429, got.status)
	require.Equal(t, "too many calls by key:alice: 16 at once", got.says)
	require.Equal(t, 200, s.do(header("Authorization", "Bearer "+bobKey)).status)
	goOn()
	ended.Wait()
	require.Equal(t, 200, (<-list).status)
	s.clock.Advance(readTime)
	for i, call := range questions {
		require.Equal(t, 202, k.answer(asked[i], decline))
		require.Equal(t, "declined", call.outcome().is())
	}
	s.eventually(s.idle, "no place is lost")
}

// One replica serves 256 calls at once.
func TestRoomOfOneReplica(t *testing.T) {
	s := newSite(t, func(o *HTTPOptions) { o.Limits = Limits{PerSecond: 1_000_000, AtOnce: 1000} })
	arrived, goOn := s.holdReads()
	ended := s.reads(aliceKey, 256, arrived)
	for _, key := range []string{aliceKey, bobKey} {
		got := s.do(header("Authorization", "Bearer "+key))
		require.Equal(t, 503, got.status)
		require.Equal(t, "vpsbot is busy", got.says)
		require.Equal(t, "1", got.header.Get("Retry-After"))
	}
	goOn()
	ended.Wait()
	s.eventually(s.idle, "no place is lost")
	require.Equal(t, 200, s.do(nil).status)
}

// 200 calls wait for people at one replica; the question of one more is left to other ways.
func TestTwoHundredQuestions(t *testing.T) {
	s := newSite(t, nil)
	k := s.client(aliceKey).initialize(older, forms)
	var asked []message
	var questions []*said
	for range 200 {
		call, q := k.asks()
		questions, asked = append(questions, call), append(asked, q)
	}
	o := s.client(bobKey).initialize(older, forms).tool("servers_reboot", `{"server":"db-server-01"}`).outcome()
	require.Equal(t, "approval_required", o.is())
	require.Contains(t, o.text(), "So many questions wait")
	require.Equal(t, 200, s.do(nil).status)
	s.clock.Advance(readTime)
	require.Equal(t, 202, k.answer(asked[0], yes))
	for _, call := range questions {
		require.Equal(t, "done", call.outcome().is(), "all hear of the one record's end")
	}
	require.Len(t, s.sent(), 1)
	s.eventually(func() bool { return s.server.waiting.Load() == 0 && s.watching() == 0 }, "nothing is left")
}

// A message has one MiB, however it is sent.
func TestLongMessages(t *testing.T) {
	s := newSite(t, nil)
	for name, c := range map[string]struct {
		length, chunked int64
		status          int
	}{
		"as long as may": {mostBody, 0, 200}, "one more": {mostBody + 1, 0, 413}, "50 MiB": {50 << 20, 0, 413},
		"in chunks": {0, mostBody, 200}, "one more, in chunks": {0, mostBody + 1, 413}, "50 MiB in chunks": {0, 50 << 20, 413},
	} {
		t.Run(name, func(t *testing.T) {
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			got := httptest.NewRecorder()
			s.http.ServeHTTP(got, longMessage(s, c.length+c.chunked, c.chunked > 0))
			require.Equal(t, c.status, got.Code)
			if c.status == 413 {
				require.Equal(t, "a message may have 1 MiB\n", got.Body.String())
			}
			runtime.ReadMemStats(&after)
			require.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(20<<20), "what is too long is not read")
		})
	}
	r := longMessage(s, 50<<20, true)
	r.Header.Set("Content-Encoding", "gzip")
	got := httptest.NewRecorder()
	s.http.ServeHTTP(got, r)
	require.Equal(t, 413, got.Code)
}

// longMessage is a ping that is as long as wanted.
func longMessage(s *site, length int64, chunked bool) *http.Request {
	rest := length - int64(len(ping))
	r := httptest.NewRequest(http.MethodPost, "/mcp", io.MultiReader(strings.NewReader(ping), io.LimitReader(spaces{}, rest)))
	r.Host = "localhost"
	r.ContentLength = length
	if chunked {
		r.ContentLength = -1
	}
	r.Header = http.Header{"Authorization": {"Bearer " + aliceKey}, "Content-Type": {"application/json"}}
	return r
}

type spaces struct{}

func (spaces) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = ' '
	}
	return len(p), nil
}

// Sessions take no memory.
func TestManySessionsTakeNoMemory(t *testing.T) {
	s := newSite(t, nil)
	initialize := func(n int) {
		for range n {
			r := httptest.NewRequest(http.MethodPost, "/mcp", strings.NewReader(`{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-06-18","capabilities":`+forms+`}}`))
			r.Host = "localhost"
			r.Header = http.Header{"Authorization": {"Bearer " + aliceKey}, "Content-Type": {"application/json"}}
			got := httptest.NewRecorder()
			s.http.ServeHTTP(got, r)
			require.Equal(t, 200, got.Code)
		}
	}
	heap := func() uint64 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	initialize(200)
	before, goroutines := heap(), runtime.NumGoroutine()
	initialize(20_000)
	require.Less(t, heap(), before+500_000, "25 bytes a session, and noise")
	require.LessOrEqual(t, runtime.NumGoroutine(), goroutines+5)
}

// A call over HTTP has a minute beside the time in which it waits for a person.
func TestTimeOfACall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		parent, end := context.WithCancel(t.Context())
		defer end()
		ctx, limit := limitCall(parent)
		time.Sleep(59 * time.Second)
		limit.pause()
		time.Sleep(time.Hour)
		require.NoError(t, ctx.Err())
		limit.resume()
		time.Sleep(59 * time.Second)
		require.NoError(t, ctx.Err())
		time.Sleep(2 * time.Second)
		require.ErrorIs(t, context.Cause(ctx), context.DeadlineExceeded)
	})
}

// pipes is a listener whose connections are in memory, so that time can be skipped.
type pipes struct {
	dialled chan net.Conn
	closed  chan struct{}
	once    sync.Once
}

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.dialled:
		return c, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Close() error {
	p.once.Do(func() { close(p.closed) })
	return nil
}

func (p *pipes) Addr() net.Addr { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 1} }

// fromLoopback is a connection that has the address of this machine.
type fromLoopback struct{ net.Conn }

func (fromLoopback) RemoteAddr() net.Addr { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 2} }

func (p *pipes) dial() net.Conn {
	client, server := net.Pipe()
	p.dialled <- fromLoopback{server}
	return client
}

// slowly answers every request after a while, or when nobody waits any more.
type slowly time.Duration

func (d slowly) HandleMessage(ctx context.Context, _ json.RawMessage) mcp.JSONRPCMessage {
	_ = backoff.Sleep(ctx, time.Duration(d))
	return mcp.JSONRPCResponse{Result: map[string]string{"it is": "late"}}
}

// inNoTime serves in a bubble in which time is skipped. An answer takes a while.
func inNoTime(t *testing.T, slow time.Duration, test func(t *testing.T, h *HTTP, dial func() net.Conn)) {
	w := newWorld(t)
	w.server.Runner.Policy = mayAll
	w.server.protocol.mcp = slowly(slow)
	synctest.Test(t, func(t *testing.T) {
		s := w.bare(w.server, nil)
		p := &pipes{dialled: make(chan net.Conn), closed: make(chan struct{})}
		server := &http.Server{Handler: s.http, WriteTimeout: 10 * time.Second, ReadTimeout: 10 * time.Second, ReadHeaderTimeout: 5 * time.Second, IdleTimeout: 2 * time.Minute}
		go func() { _ = server.Serve(p) }()
		defer func() {
			s.http.Stop()
			require.NoError(t, server.Close())
		}()
		test(t, s.http, p.dial)
	})
}

func send(t *testing.T, conn net.Conn, accept, message string) {
	t.Helper()
	_, err := fmt.Fprintf(conn, "POST /mcp HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer %s\r\nContent-Type: application/json\r\nAccept: %s\r\nContent-Length: %d\r\n\r\n%s", aliceKey, accept, len(message), message)
	require.NoError(t, err)
}

// After 15 s of silence a client that takes event streams hears a comment; one that does not gets its JSON later. No
// limit of the server for writes cuts either.
func TestSilence(t *testing.T) {
	for accept, c := range map[string]struct {
		kind     string
		comments int
	}{
		"application/json, text/event-stream": {"text/event-stream", 1},
		"application/json":                    {"application/json", 0},
		"*/*":                                 {"application/json", 0},
	} {
		t.Run(accept, func(t *testing.T) {
			inNoTime(t, 22*time.Second, func(t *testing.T, _ *HTTP, dial func() net.Conn) {
				conn := dial()
				began := time.Now()
				send(t, conn, accept, ping)
				answer, err := http.ReadResponse(bufio.NewReader(conn), nil)
				require.NoError(t, err)
				headers := time.Since(began)
				all, err := io.ReadAll(answer.Body)
				require.NoError(t, err)
				require.Equal(t, c.kind, answer.Header.Get("Content-Type"))
				require.Equal(t, c.comments, strings.Count(string(all), ":\n\n"))
				require.Contains(t, string(all), "late")
				require.Equal(t, 22*time.Second, time.Since(began))
				if c.comments > 0 {
					require.Equal(t, 15*time.Second, headers)
					require.Equal(t, "no", answer.Header.Get("X-Accel-Buffering"))
				}
				conn.Close()
			})
		})
	}
}

// A client that never reads is cut after 30 s, and its call ends.
func TestReaderThatNeverReads(t *testing.T) {
	inNoTime(t, 2*time.Minute, func(t *testing.T, h *HTTP, dial func() net.Conn) {
		conn := dial()
		send(t, conn, "text/event-stream", ping)
		time.Sleep(keepAlive + writeTime - time.Second)
		synctest.Wait()
		require.False(t, h.idle())
		time.Sleep(2 * time.Second)
		synctest.Wait()
		require.True(t, h.idle(), "the first comment could not be written")
		all, err := io.ReadAll(conn)
		require.NoError(t, err)
		require.NotContains(t, string(all), "late")
	})
}

// A thousand connections that say nothing, or half of a request, keep nobody out.
func TestSilentConnections(t *testing.T) {
	inNoTime(t, 0, func(t *testing.T, h *HTTP, dial func() net.Conn) {
		for i := range 1000 {
			conn := dial()
			defer conn.Close()
			switch i % 3 {
			case 1:
				_, _ = io.WriteString(conn, "POST /mcp HTTP/1.1\r\nHost:")
			case 2:
				_, _ = fmt.Fprintf(conn, "POST /mcp HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer %s\r\n", strangeKey)
			}
		}
		conn := dial()
		defer conn.Close()
		began := time.Now()
		send(t, conn, "application/json", ping)
		answer, err := http.ReadResponse(bufio.NewReader(conn), nil)
		require.NoError(t, err)
		require.Equal(t, 200, answer.StatusCode)
		require.Less(t, time.Since(began), time.Second)
		require.NoError(t, answer.Body.Close())
	})
}

// Hundreds of questions, answers by two replicas, cancels and lost streams at the same time: each yes is one call at
// most, and nothing stays behind.
func TestManyQuestionsAtOnce(t *testing.T) {
	s := newSite(t, nil)
	there := s.another("process-2")
	var all sync.WaitGroup
	var done atomic.Int64
	for i := range 60 {
		all.Go(func() {
			k := s.client([]string{aliceKey, bobKey}[i%2]).initialize(older, forms)
			call := k.tool([]string{"servers_reboot", "servers_stop", "servers_start"}[i%3], `{"server":"`+[]string{"web-server-01", "db-server-01"}[i/2%2]+`"}`)
			q := call.next()
			if q.Method != "elicitation/create" {
				return
			}
			s.clock.Advance(time.Second)
			switch i % 5 {
			case 0:
				call.response.Body.Close()
			case 1:
				k.post(`{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":1}}`)
			case 2:
				go k.at(there).answer(q, choose("yes"))
				fallthrough
			default:
				k.answer(q, choose("yes"))
				if call.outcome().is() == "done" {
					done.Add(1)
				}
			}
		})
	}
	all.Wait()
	s.eventually(s.idle, "all calls have ended")
	s.eventually(func() bool {
		for _, rec := range s.records() {
			if rec.State == approval.Approved || rec.State == approval.Executing {
				return false
			}
		}
		return true
	}, "what was agreed to is over")
	ended := 0
	for _, rec := range s.records() {
		if rec.State == approval.Done {
			ended++
		}
	}
	require.Len(t, s.sent(), ended)
	require.Zero(t, s.server.waiting.Load())
	open := 0
	s.server.questions.open.Range(func(any, any) bool { open++; return true })
	s.server.requests.Range(func(any, any) bool { open++; return true })
	require.Zero(t, open)
	require.Zero(t, s.watching())
}

// Over HTTP/2 a question and its answer share a connection.
func TestHTTP2(t *testing.T) {
	s := newSite(t, nil)
	listener := httptest.NewUnstartedServer(s.http)
	listener.EnableHTTP2 = true
	listener.StartTLS()
	defer listener.Close()
	session := s.client(aliceKey).initialize(older, forms).session
	post := func(message string) *http.Response {
		r, err := http.NewRequest(http.MethodPost, listener.URL, strings.NewReader(message))
		require.NoError(t, err)
		r.Header = http.Header{"Authorization": {"Bearer " + aliceKey}, "Content-Type": {"application/json"}, "Accept": {"application/json, text/event-stream"}, "Mcp-Session-Id": {session}}
		answer, err := listener.Client().Do(r)
		require.NoError(t, err)
		require.Equal(t, 2, answer.ProtoMajor)
		t.Cleanup(func() { answer.Body.Close() })
		return answer
	}
	stream := post(`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":` + call("servers_delete", web) + `}`)
	asked := &said{t, stream, bufio.NewReader(stream.Body)}
	q := asked.next()
	s.clock.Advance(readTime)
	require.Equal(t, 202, post(`{"jsonrpc":"2.0","id":`+string(q.ID)+`,"result":`+yes+`}`).StatusCode)
	require.Equal(t, "done", asked.outcome().is())
	require.Equal(t, 413, post(strings.Repeat(" ", mostBody+1)).StatusCode)
	lost := post(`{"jsonrpc":"2.0","id":2,"method":"tools/call","params":` + call("servers_reboot", `{"server":"db-server-01"}`) + `}`)
	lost.Body.Close()
	s.eventually(s.idle, "a stream that is reset ends its call")
}

// watcher is an Observer that keeps what it hears.
type watcher struct {
	underWay, waiting atomic.Int64
	mu                sync.Mutex
	refused           map[string]int
	answered          map[string]int
}

func (o *watcher) UnderWay(change int) { o.underWay.Add(int64(change)) }
func (o *watcher) Waiting(change int)  { o.waiting.Add(int64(change)) }

func (o *watcher) Refused(why string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.refused[why]++
}

func (o *watcher) Answered(method, era string, status int, _ time.Duration) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.answered[fmt.Sprint(method, " ", era, " ", status)]++
}

func (o *watcher) count(answered string) int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.answered[answered]
}

// Each request is counted once, under a few names, none of which a client can choose.
func TestWhatIsObserved(t *testing.T) {
	w := newWorld(t)
	w.server.Runner.Policy = mayAll
	o := &watcher{refused: map[string]int{}, answered: map[string]int{}}
	w.server.Observe = o
	s := w.replica(w.server, nil)
	for _, change := range []func(*http.Request){
		host("evil.example"), header("Origin", "https://evil.example"), header("Authorization", "Bearer "+strangeKey), header("Authorization", "a", "b"),
		func(r *http.Request) { r.Method = "BREW" }, header("Content-Type", "text/plain"), header("Mcp-Session-Id", "x"), nil,
		func(r *http.Request) { body(r, `{"jsonrpc":"2.0","id":1,"method":"evil"}`) }, func(r *http.Request) { body(r, `[`+ping+`]`) }, func(r *http.Request) { body(r, `{`) },
	} {
		s.do(change)
	}
	k := s.client(aliceKey).initialize(older, forms)
	call, q := k.asks()
	require.Equal(t, int64(1), o.waiting.Load())
	s.clock.Advance(readTime)
	require.Equal(t, 202, k.answer(q, yes))
	require.Equal(t, "done", call.outcome().is())
	s.http.Stop()
	s.do(nil)
	s.eventually(func() bool { return o.count("tools/call older 200") == 1 }, "the call is counted once it has ended")
	require.Zero(t, o.underWay.Load())
	require.Zero(t, o.waiting.Load())
	require.Equal(t, map[string]int{"host": 1, "origin": 1, "bearer": 2, "method": 1, "body": 1, "session": 1, "stopping": 1}, o.refused)
	require.Equal(t, map[string]int{
		"other older 400": 2, "other older 401": 1, "other older 403": 2, "other older 405": 1, "other older 415": 1, "other older 503": 1, "other older 200": 1,
		"ping older 200": 1, "ping older 404": 1, "batch older 200": 1, "initialize older 200": 1, "response older 202": 1, "tools/call older 200": 1,
	}, o.answered)
}

// Two calls with one id are both answered; a cancellation ends the newer one.
func TestTwoCallsWithOneID(t *testing.T) {
	s := newSite(t, nil)
	k := s.client(aliceKey).initialize(older, forms)
	first, q := k.asks()
	second, _ := k.asks()
	k.post(`{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":1}}`)
	require.Equal(t, "notifications/cancelled", second.next().Method)
	require.True(t, second.outcome().IsError)
	k.post(`{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":1}}`)
	require.Equal(t, int64(1), s.server.waiting.Load())
	s.clock.Advance(readTime)
	require.Equal(t, 202, k.answer(q, yes))
	require.Equal(t, "done", first.outcome().is())
	require.Len(t, s.sent(), 1)
}

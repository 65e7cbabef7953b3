package e2e_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/vpsbot/vpsbot/permissions"
)

// httpClient is an assistant's MCP client over HTTP, whose requests reach whichever replica is next. Like released
// clients it initializes once, and does not recover from an answer of 401 or 404.
type httpClient struct {
	url     string
	key     string // access key
	modern  bool   // of the newer protocol revision, without a session
	session string
}

// actorOf is who calls with an access key of the tests.
func actorOf(key string) permissions.Actor {
	return permissions.Actor("key:" + strings.TrimPrefix(key, keyPrefix))
}

const keyPrefix = "vpsbot_"

// statusError is an answer that is not 200 or 202.
type statusError struct {
	status int
	text   string
}

func (e *statusError) Error() string { return fmt.Sprintf("HTTP %d: %s", e.status, e.text) }

// post sends a message. name is that of the tool, for the headers of the newer revision.
func (c *httpClient) post(ctx context.Context, message, name string) (*http.Response, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, c.url, strings.NewReader(message))
	if err != nil {
		return nil, err
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Accept", "application/json, text/event-stream")
	r.Header.Set("Authorization", "Bearer "+c.key)
	switch {
	case c.modern:
		r.Header.Set("Mcp-Protocol-Version", "2026-07-28")
		r.Header.Set("Mcp-Method", "tools/call")
		r.Header.Set("Mcp-Name", name)
	case c.session != "":
		r.Header.Set("Mcp-Session-Id", c.session)
		r.Header.Set("Mcp-Protocol-Version", "2025-06-18")
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		return nil, err
	}
	if resp.StatusCode != http.StatusOK && resp.StatusCode != http.StatusAccepted {
		text, _ := io.ReadAll(resp.Body)
		resp.Body.Close()
		return nil, &statusError{resp.StatusCode, strings.TrimSpace(string(text))}
	}
	return resp, nil
}

// initialize begins the session of a client of the older revision.
func (c *httpClient) initialize(ctx context.Context) error {
	if c.modern {
		return nil
	}
	resp, err := c.post(ctx, `{"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"2025-06-18","clientInfo":{"name":"t","version":"1"},"capabilities":{"elicitation":{}}}}`, "")
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	c.session = resp.Header.Get("Mcp-Session-Id")
	return nil
}

// httpCall is a call of a tool that was sent: it has its result, or the question that comes before.
type httpCall struct {
	client    *httpClient
	tool      string
	arguments string
	requestID string // "" for none

	response *http.Response
	lines    *bufio.Reader
	replica  string // that got the call
	question string // the id of the question, or the state of the newer revision; "" for none
	result   *toolResult
}

// call calls a tool, and returns when there is a question or a result.
func (c *httpClient) call(ctx context.Context, tool, arguments, requestID string) (*httpCall, error) {
	k := &httpCall{client: c, tool: tool, arguments: arguments, requestID: requestID}
	if err := k.send(ctx, ""); err != nil {
		return nil, err
	}
	return k, nil
}

// send sends the call, in the newer revision with an answer, and reads what comes back first.
func (k *httpCall) send(ctx context.Context, answer string) (err error) {
	meta := ""
	if k.client.modern {
		meta = strings.TrimSuffix(strings.TrimPrefix(modernRequestMeta, `"_meta":{`), "},")
	}
	if k.requestID != "" {
		meta = strings.TrimPrefix(meta+`,"org.vpsbot/request-id":"`+k.requestID+`"`, ",")
	}
	k.response, err = k.client.post(ctx, `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"`+k.tool+`","arguments":`+k.arguments+answer+`,"_meta":{`+meta+`}}}`, k.tool)
	if err != nil {
		return err
	}
	k.replica, k.lines = k.response.Header.Get(replicaHeader), bufio.NewReader(k.response.Body)
	return k.read()
}

// read reads up to a question or the result.
func (k *httpCall) read() error {
	for k.result == nil {
		raw, err := k.next()
		if err != nil {
			k.response.Body.Close()
			return err
		}
		var m mcpMessage
		if err := json.Unmarshal(raw, &m); err != nil {
			return fmt.Errorf("%q: %w", raw, err)
		}
		switch {
		case m.Method == "elicitation/create":
			k.question = strings.Trim(string(m.ID), `"`)
			return nil
		case m.Method != "":
		case m.Error != nil:
			return fmt.Errorf("an error: %s", m.Error)
		default:
			k.response.Body.Close()
			if k.question = m.Result.RequestState; k.question != "" {
				return nil
			}
			k.result = &m.Result
		}
	}
	return nil
}

// next returns the next message of the response.
func (k *httpCall) next() ([]byte, error) {
	if k.response.Header.Get("Content-Type") == "application/json" {
		return io.ReadAll(k.lines)
	}
	for {
		line, err := k.lines.ReadBytes('\n')
		if data, ok := strings.CutPrefix(string(line), "data: "); ok && err == nil {
			return []byte(data), nil
		}
		if err != nil {
			return nil, err
		}
	}
}

// answer answers the question with the result of an elicitation, and returns the replica that took it. In the newer
// revision the call has its result then.
func (k *httpCall) answer(ctx context.Context, answer string) (replica string, err error) {
	if k.client.modern {
		err = k.send(ctx, `,"requestState":"`+k.question+`","inputResponses":{"confirm":`+answer+`}`)
		return k.replica, err
	}
	resp, err := k.client.post(ctx, `{"jsonrpc":"2.0","id":"`+k.question+`","result":`+answer+`}`, "")
	if err != nil {
		return "", err
	}
	resp.Body.Close()
	return resp.Header.Get(replicaHeader), nil
}

// outcome waits for the result.
func (k *httpCall) outcome() (*toolResult, error) {
	err := k.read()
	return k.result, err
}

// replicaHeader names the replica that answered a request.
const replicaHeader = "X-Replica"

// roundRobin is the address of a proxy without affinity: each request goes to the next replica.
func roundRobin(t testing.TB, replicas ...string) (address string) {
	return proxied(t, nil, replicas)
}

// proxied is roundRobin with a transport of the proxy's own; nil: the usual one.
func proxied(t testing.TB, transport http.RoundTripper, replicas []string) (address string) {
	var next atomic.Int64
	proxy := &httputil.ReverseProxy{
		Transport: transport,
		Rewrite: func(r *httputil.ProxyRequest) {
			replica := replicas[int(next.Add(1))%len(replicas)]
			r.SetURL(&url.URL{Scheme: "http", Host: replica})
			r.Out.Header.Set(replicaHeader, replica)
		},
		ModifyResponse: func(r *http.Response) error {
			r.Header.Set(replicaHeader, r.Request.Header.Get(replicaHeader))
			return nil
		},
		ErrorLog:     log.New(io.Discard, "", 0), // a replica that is killed breaks its streams
		ErrorHandler: func(w http.ResponseWriter, _ *http.Request, _ error) { w.WriteHeader(http.StatusBadGateway) },
	}
	server := httptest.NewServer(proxy)
	t.Cleanup(server.Close)
	return server.URL + "/mcp"
}

// failover sends a request whose connection a replica refuses to the next one, as proxies do: nothing was sent yet.
type failover struct{ replicas []string }

// RoundTrip implements [http.RoundTripper].
func (f failover) RoundTrip(r *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	var resp *http.Response
	first := slices.Index(f.replicas, r.URL.Host)
	for i := range f.replicas {
		again := r.Clone(r.Context())
		again.URL.Host, again.Body = f.replicas[(first+i)%len(f.replicas)], io.NopCloser(bytes.NewReader(body))
		again.Header.Set(replicaHeader, again.URL.Host)
		if resp, err = http.DefaultTransport.RoundTrip(again); !errors.Is(err, syscall.ECONNREFUSED) {
			break
		}
	}
	return resp, err
}

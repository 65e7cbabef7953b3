package transport

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"github.com/vpsbot/vpsbot/internal/testkit"
)

const secret = "8f742231b10e8888abcd99yyyzzz85a5"

var noon = time.Unix(1_780_000_000, 999_000_000)

// recorder is a handler that keeps what it gets.
type recorder struct {
	mu     sync.Mutex
	got    []Delivery
	answer func(ctx context.Context, d Delivery) []byte
}

func (h *recorder) Handle(ctx context.Context, d Delivery) []byte {
	h.mu.Lock()
	h.got = append(h.got, d)
	h.mu.Unlock()
	if h.answer == nil {
		return nil
	}
	return h.answer(ctx, d)
}

func (h *recorder) all() []Delivery {
	h.mu.Lock()
	defer h.mu.Unlock()
	return append([]Delivery(nil), h.got...)
}

type site struct {
	*recorder
	http *HTTP
	mux  *http.ServeMux
	log  *testkit.Log
}

func newSite() *site {
	s := &site{recorder: &recorder{}, mux: http.NewServeMux(), log: &testkit.Log{}}
	s.http = &HTTP{
		Secret: func() (string, error) { return secret, nil }, Handler: s.recorder,
		Now: func() time.Time { return noon }, Log: slog.New(slog.NewTextHandler(s.log, nil)),
	}
	s.http.Routes(s.mux)
	return s
}

// send sends body signed as the headers say.
func (s *site) send(path, body string, headers http.Header) *httptest.ResponseRecorder {
	rw, r := httptest.NewRecorder(), httptest.NewRequest(http.MethodPost, path, strings.NewReader(body))
	r.Header = headers
	s.mux.ServeHTTP(rw, r)
	return rw
}

func signed(body string, at int64) http.Header {
	return SignedHeader(secret, time.Unix(at, 0), []byte(body))
}

func (s *site) signed(path, body string) *httptest.ResponseRecorder {
	return s.send(path, body, signed(body, noon.Unix()))
}

const aCommand = "token=legacy&team_id=T1&channel_id=C1&user_id=U1&command=%2Fvps&text=servers+list&trigger_id=1.2.x"

// Slack's own example, from its page on verifying requests.
func TestSignatureOfSlacksExample(t *testing.T) {
	body := "token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V&channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text=&response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN&trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c"
	require.Equal(t, "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503", sign(secret, "1531420618", []byte(body)))
}

func TestDeliveries(t *testing.T) {
	payload := func(json string) string { return url.Values{"payload": {json}}.Encode() }
	for name, c := range map[string]struct {
		path, body string
		kind       Kind
		want       string
	}{
		"a command": {
			"/slack/commands", aCommand, Command,
			`{"team_id":"T1","channel_id":"C1","user_id":"U1","command":"/vps","text":"servers list","trigger_id":"1.2.x"}`,
		},
		"the first of two counts": {
			"/slack/commands", "command=%2Fvps&user_id=U1&user_id=U2&text=a&text=b", Command,
			`{"command":"/vps","user_id":"U1","text":"a"}`,
		},
		"bytes that are no text": {
			"/slack/commands", "command=%2Fvps&text=%00%ff%fe", Command,
			`{"command":"/vps","text":"\u0000\ufffd\ufffd"}`,
		},
		"a check that somebody types is a command": {
			"/slack/commands", "command=%2Fvps&text=" + url.QueryEscape("x&ssl_check=1"), Command,
			`{"command":"/vps","text":"x&ssl_check=1"}`,
		},
		"a click": {
			"/slack/interactivity", payload(`{"type":"block_actions","token":"legacy","user":{"id":"U1"},"n":1e999}`), Interaction,
			`{"type":"block_actions","user":{"id":"U1"},"n":1e999}`,
		},
		"the token in capitals": {
			"/slack/interactivity", payload(`{"type":"view_submission","TOKEN":"legacy"}`), Interaction,
			`{"type":"view_submission"}`,
		},
		"an event with bytes that are no text": {
			"/slack/events", "{\"type\":\"event_callback\",\"event_id\":\"Ev1\",\"x\":\"\xff\"}", Event,
			`{"type":"event_callback","event_id":"Ev1","x":"\ufffd"}`,
		},
		"a menu": {
			"/slack/interactivity", payload(`{"type":"block_suggestion","value":"we"}`), Options,
			`{"type":"block_suggestion","value":"we"}`,
		},
		"an event": {
			"/slack/events", `{"type":"event_callback","token":"legacy","event_id":"Ev1","event":{"type":"app_home_opened"}}`, Event,
			`{"type":"event_callback","event_id":"Ev1","event":{"type":"app_home_opened"}}`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSite()
			rw := s.signed(c.path, c.body)
			require.Equal(t, http.StatusOK, rw.Code)
			require.Empty(t, rw.Body.String())
			require.Len(t, s.all(), 1)
			require.Equal(t, c.kind, s.got[0].Kind)
			sameJSON(t, c.want, string(s.got[0].Body))
			require.True(t, utf8.Valid(s.got[0].Body))
			if c.kind == Event {
				require.Equal(t, "evt:Ev1", s.got[0].ID)
			} else {
				require.Equal(t, "sig:"+digest(signed(c.body, noon.Unix()).Get(signatureHeader)), s.got[0].ID)
			}
		})
	}
}

// sameJSON compares numbers as they are written: some are too large to be read.
func sameJSON(t *testing.T, want, got string) {
	t.Helper()
	read := func(text string) (v any) {
		d := json.NewDecoder(strings.NewReader(text))
		d.UseNumber()
		require.NoError(t, d.Decode(&v))
		return v
	}
	require.Equal(t, read(want), read(got))
}

func TestRefusalsLookTheSame(t *testing.T) {
	want := newSite().send("/slack/commands", aCommand, http.Header{})
	require.Equal(t, http.StatusUnauthorized, want.Code)
	good := signed(aCommand, noon.Unix())
	changed := func(change func(h http.Header)) http.Header {
		h := good.Clone()
		change(h)
		return h
	}
	upper := strings.ToUpper(good.Get(signatureHeader)[3:])
	for name, h := range map[string]http.Header{
		"no signature":     changed(func(h http.Header) { h.Del(signatureHeader) }),
		"no time":          changed(func(h http.Header) { h.Del(timestampHeader) }),
		"empty signature":  changed(func(h http.Header) { h.Set(signatureHeader, "") }),
		"two signatures":   changed(func(h http.Header) { h.Add(signatureHeader, h.Get(signatureHeader)) }),
		"two times":        changed(func(h http.Header) { h.Add(timestampHeader, h.Get(timestampHeader)) }),
		"in capitals":      changed(func(h http.Header) { h.Set(signatureHeader, "v0="+upper) }),
		"longer":           changed(func(h http.Header) { h.Set(signatureHeader, h.Get(signatureHeader)+"0") }),
		"another version":  changed(func(h http.Header) { h.Set(signatureHeader, "v1="+h.Get(signatureHeader)[3:]) }),
		"301 s old":        signed(aCommand, noon.Unix()-301),
		"301 s ahead":      signed(aCommand, noon.Unix()+301),
		"the oldest time":  signed(aCommand, -1<<63),
		"the last time":    signed(aCommand, 1<<63-1),
		"no number":        signedAs(aCommand, "now"),
		"a larger number":  signedAs(aCommand, "99999999999999999999"),
		"an empty time":    signedAs(aCommand, ""),
		"a time and a bit": signedAs(aCommand, strconv.FormatInt(noon.Unix(), 10)+".5"),
	} {
		s := newSite()
		sameRefusal(t, name, want, s.send("/slack/commands", aCommand, h))
		require.Empty(t, s.all(), name)
	}
	for _, off := range []int64{-300, -1, 0, 300} {
		require.Equal(t, http.StatusOK, newSite().send("/slack/commands", aCommand, signed(aCommand, noon.Unix()+off)).Code, "%d s", off)
	}
}

func signedAs(body, stamp string) http.Header {
	return http.Header{signatureHeader: {sign(secret, stamp, []byte(body))}, timestampHeader: {stamp}}
}

func sameRefusal(t *testing.T, name string, want, got *httptest.ResponseRecorder) {
	t.Helper()
	require.Equal(t, http.StatusUnauthorized, got.Code, name)
	require.Equal(t, want.Body.String(), got.Body.String(), name)
	require.Equal(t, want.Header(), got.Header(), name)
}

func TestNoSigningSecretRefusesAll(t *testing.T) {
	for name, source := range map[string]func() (string, error){
		"empty":      func() (string, error) { return "", nil },
		"blank":      func() (string, error) { return " \n", nil },
		"unreadable": func() (string, error) { return "", errors.New("SLACK_SIGNING_SECRET_FILE cannot be read") },
	} {
		s := newSite()
		s.http.Secret = source
		used, _ := source()
		stamp := strconv.FormatInt(noon.Unix(), 10)
		h := http.Header{signatureHeader: {sign(used, stamp, []byte(aCommand))}, timestampHeader: {stamp}}
		for range 100 {
			require.Equal(t, http.StatusUnauthorized, s.send("/slack/commands", aCommand, h).Code, name)
		}
		require.Empty(t, s.all(), name)
		require.Equal(t, 1, strings.Count(s.log.String(), "SLACK_SIGNING_SECRET"), "%s: logged, but not a hundred times", name)
	}
}

func TestRefusals(t *testing.T) {
	form := func(payload string) string { return "payload=" + url.QueryEscape(payload) }
	for name, c := range map[string]struct {
		path, body string
		status     int
	}{
		"empty":                {"/slack/commands", "", http.StatusBadRequest},
		"no command":           {"/slack/commands", "text=x", http.StatusBadRequest},
		"not encoded":          {"/slack/commands", "command=%2Fvps&text=%zz", http.StatusBadRequest},
		"a semicolon":          {"/slack/commands", "command=%2Fvps;text=x", http.StatusBadRequest},
		"no payload":           {"/slack/interactivity", "x=1", http.StatusBadRequest},
		"payload not JSON":     {"/slack/interactivity", form(`{"type":`), http.StatusBadRequest},
		"payload null":         {"/slack/interactivity", form(`null`), http.StatusBadRequest},
		"payload a list":       {"/slack/interactivity", form(`[{"type":"block_actions"}]`), http.StatusBadRequest},
		"no type":              {"/slack/interactivity", form(`{"a":1}`), http.StatusBadRequest},
		"type a number":        {"/slack/interactivity", form(`{"type":7}`), http.StatusBadRequest},
		"more after it":        {"/slack/interactivity", form(`{"type":"a"} {"type":"b"}`), http.StatusBadRequest},
		"deep":                 {"/slack/events", `{"type":"event_callback","a":` + strings.Repeat("[", 20000) + strings.Repeat("]", 20000) + `}`, http.StatusBadRequest},
		"event not JSON":       {"/slack/events", "command=%2Fvps", http.StatusBadRequest},
		"the largest":          {"/slack/commands", largest(maxBody), http.StatusOK},
		"a byte too large":     {"/slack/commands", largest(maxBody + 1), http.StatusRequestEntityTooLarge},
		"a check, too large":   {"/slack/commands", "ssl_check=1&x=" + largest(maxBody), http.StatusRequestEntityTooLarge},
		"a notice of Slack's":  {"/slack/events", `{"type":"app_rate_limited"}`, http.StatusOK},
		"an event without id":  {"/slack/events", `{"type":"event_callback"}`, http.StatusOK},
		"another address":      {"/slack/other", aCommand, http.StatusNotFound},
		"a slash at the end":   {"/slack/commands/", aCommand, http.StatusNotFound},
		"a check, not command": {"/slack/events", "ssl_check=1", http.StatusBadRequest},
	} {
		rw := newSite().signed(c.path, c.body)
		require.Equal(t, c.status, rw.Code, name)
		if c.status == http.StatusBadRequest || c.status == http.StatusRequestEntityTooLarge {
			require.Equal(t, "refused\n", rw.Body.String(), name)
		}
	}
}

func largest(n int) string {
	start := "command=%2Fvps&text="
	return start + strings.Repeat("x", n-len(start))
}

func TestOnlyPost(t *testing.T) {
	for _, path := range []string{"/slack/commands", "/slack/interactivity", "/slack/events"} {
		rw := httptest.NewRecorder()
		newSite().mux.ServeHTTP(rw, httptest.NewRequest(http.MethodGet, path, nil))
		require.Equal(t, http.StatusMethodNotAllowed, rw.Code)
	}
}

func TestCertificateCheckAndURLVerification(t *testing.T) {
	s := newSite()
	for _, h := range []http.Header{{}, signed("ssl_check=1&token=legacy", noon.Unix())} {
		rw := s.send("/slack/commands", "ssl_check=1&token=legacy", h)
		require.Equal(t, http.StatusOK, rw.Code)
		require.Empty(t, rw.Body.String())
	}
	require.Equal(t, http.StatusUnauthorized, s.send("/slack/interactivity", "ssl_check=1", http.Header{}).Code, "of commands alone")
	require.Equal(t, http.StatusUnauthorized, s.send("/slack/commands", "xssl_check=1&ssl_check=10", http.Header{}).Code)

	question := `{"type":"url_verification","token":"legacy","challenge":"3eZbrw1aB\"<"}`
	require.Equal(t, http.StatusUnauthorized, s.send("/slack/events", question, http.Header{}).Code)
	rw := s.signed("/slack/events", question)
	require.Equal(t, "application/json", rw.Header().Get("Content-Type"))
	require.JSONEq(t, `{"challenge":"3eZbrw1aB\"<"}`, rw.Body.String())
	require.Empty(t, s.all())
}

func TestIDs(t *testing.T) {
	s := newSite()
	odd := `{"type":"event_callback","event_id":"Ev\u0000 1"}`
	s.signed("/slack/events", odd)
	s.signed("/slack/events", `{"type":"event_callback"}`)
	require.Equal(t, "evt:"+digest("Ev\x00 1"), s.got[0].ID, "a store need not take any character")
	require.True(t, strings.HasPrefix(s.got[1].ID, "sig:"))

	s = newSite() // Slack sends an event again a minute later, under another signature
	event := `{"type":"event_callback","event_id":"Ev1"}`
	s.send("/slack/events", event, signed(event, noon.Unix()))
	s.send("/slack/events", event, signed(event, noon.Unix()+60))
	require.Equal(t, s.got[0].ID, s.got[1].ID)
}

func TestAnswerGoesBack(t *testing.T) {
	s := newSite()
	s.answer = func(context.Context, Delivery) []byte { return []byte(`{"text":"hello"}`) }
	rw := s.signed("/slack/commands", aCommand)
	require.Equal(t, http.StatusOK, rw.Code)
	require.Equal(t, `{"text":"hello"}`, rw.Body.String())
	require.Equal(t, http.Header{
		"Content-Type": {"application/json"}, "X-Content-Type-Options": {"nosniff"}, "Cache-Control": {"no-store"},
	}, rw.Header())
}

// The context of the handler has its own time limit and does not end with the request.
func TestHandlerTimeLimit(t *testing.T) {
	s := newSite()
	s.answer = func(ctx context.Context, _ Delivery) []byte {
		ends, ok := ctx.Deadline()
		require.True(t, ok)
		require.WithinDuration(t, time.Now().Add(handleTime), ends, time.Second)
		require.NoError(t, ctx.Err())
		return []byte(`{}`)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	r := httptest.NewRequest(http.MethodPost, "/slack/commands", strings.NewReader(aCommand)).WithContext(ctx)
	r.Header = signed(aCommand, noon.Unix())
	rw := httptest.NewRecorder()
	s.mux.ServeHTTP(rw, r)
	require.Equal(t, `{}`, rw.Body.String())
}

func TestPanicIsAnswered(t *testing.T) {
	const leak = "xoxb-secret"
	form := func(kind string) string { return "payload=" + url.QueryEscape(`{"type":"`+kind+`"}`) }
	for name, c := range map[string]struct {
		path, body, want string
		broken           any
	}{
		"command":  {"/slack/commands", aCommand, `"response_type":"ephemeral"`, errors.New(leak)},
		"form":     {"/slack/interactivity", form("view_submission"), `"response_action":"update"`, leak},
		"menu":     {"/slack/interactivity", form("block_suggestion"), `{"options":[]}`, []string{leak}},
		"click":    {"/slack/interactivity", form("block_actions"), "", http.ErrAbortHandler},
		"event":    {"/slack/events", `{"type":"event_callback"}`, "", leak},
		"by index": {"/slack/commands", aCommand, "Nothing is known to have been done", nil},
	} {
		s := newSite()
		s.answer = func(context.Context, Delivery) []byte {
			if c.broken == nil {
				return s.got[99].Body
			}
			panic(c.broken)
		}
		rw := s.signed(c.path, c.body)
		require.Equal(t, http.StatusOK, rw.Code, name)
		require.Contains(t, rw.Body.String(), c.want, name)
		require.Equal(t, c.want == "", rw.Body.Len() == 0, name)
		require.Contains(t, s.log.String(), "internal error", name)
		require.NotContains(t, s.log.String()+rw.Body.String(), leak, name)
		if c.broken == nil {
			require.Contains(t, s.log.String(), "index out of range", name)
		}
	}
}

// A slow body is refused after its time limit, which is not a part of the handler's.
func TestSlowBody(t *testing.T) {
	s := newSite()
	began := make(chan error, 1)
	s.answer = func(ctx context.Context, _ Delivery) []byte { began <- ctx.Err(); return nil }
	server := httptest.NewServer(s.mux)
	defer server.Close()
	defer server.Client().CloseIdleConnections()
	post := func(body io.Reader) int {
		req, err := http.NewRequest(http.MethodPost, server.URL+"/slack/commands", body)
		require.NoError(t, err)
		req.Header = signed(aCommand, noon.Unix())
		resp, err := server.Client().Do(req)
		require.NoError(t, err)
		defer resp.Body.Close()
		return resp.StatusCode
	}
	out, in := io.Pipe()
	defer in.Close()
	go func() { _, _ = io.WriteString(in, aCommand[:5]) }()
	start := time.Now()
	require.Equal(t, http.StatusBadRequest, post(out))
	require.Less(t, time.Since(start), 10*time.Second)
	require.Equal(t, http.StatusOK, post(strings.NewReader(aCommand)))
	require.NoError(t, <-began)
}

// The log has neither what a person typed nor what Slack signed.
func TestLogHoldsNoContents(t *testing.T) {
	s := newSite()
	s.signed("/slack/commands", "text=private%zz")
	s.send("/slack/commands", "text=private", signed("other", noon.Unix()))
	require.Contains(t, s.log.String(), "dropped")
	require.Contains(t, s.log.String(), "refused")
	require.NotContains(t, s.log.String(), "private")
	require.NotContains(t, s.log.String(), "v0=")
	require.NotContains(t, s.log.String(), secret)
}

// FuzzHTTP: whatever is signed, there is no panic and no failure of ours, and what comes out is
// what the contract says.
func FuzzHTTP(f *testing.F) {
	paths := []string{"/slack/commands", "/slack/interactivity", "/slack/events"}
	for i, body := range []string{
		aCommand, "payload=%7B%22type%22%3A%22block_actions%22%7D", `{"type":"event_callback","event_id":"\u0000"}`,
		`{"type":"url_verification","challenge":7}`, "payload=null", "payload=%7B%22type%22%3A%22view_submission%22%2C%22token%22%3A%22\xff%22%7D",
		"", "&&&;%00", "ssl_check=1", `{"type":"event_callback","a":` + strings.Repeat("[", 12000),
	} {
		f.Add(uint8(i), body)
	}
	f.Fuzz(func(t *testing.T, to uint8, body string) {
		s := newSite()
		rw := s.signed(paths[int(to)%len(paths)], body)
		require.Contains(t, []int{200, 400, 413}, rw.Code)
		for _, d := range s.got {
			require.Regexp(t, `^(sig|evt):[A-Za-z0-9_.-]{1,128}$`, d.ID)
			var members map[string]any
			read := json.NewDecoder(bytes.NewReader(d.Body))
			read.UseNumber()
			require.NoError(t, read.Decode(&members))
			require.True(t, utf8.Valid(d.Body))
			for name, value := range members {
				require.False(t, strings.EqualFold(name, "token"))
				if d.Kind == Command {
					require.IsType(t, "", value)
				}
			}
		}
	})
}

package apiclient

import (
	"errors"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestNewRefuses(t *testing.T) {
	token := func() (string, error) { return secret, nil }
	for base, want := range map[string]string{
		"":                                "no host",
		"admin.vps.org/api/v1":            "no host",
		"http://admin.vps.org/api/v1":     "must be https",
		"ftp://admin.vps.org":             "must be https",
		"http://127.0.0.1.example.com":    "must be https",
		"https://u:pass@admin.vps.org/":   "has a user",
		"https://admin.vps.org/?a=b":      "query",
		"https://admin.vps.org/#a":        "fragment",
		"https://admin.vps.org/?":         "query",
		"https://pass\x7f@admin.vps.org/": "cannot be read",
	} {
		_, err := New(Options{BaseURL: base, Token: token})
		require.ErrorContains(t, err, want, base)
		require.NotContains(t, err.Error(), "pass@")
	}
	_, err := New(Options{BaseURL: "https://admin.vps.org"})
	require.ErrorContains(t, err, "token")
}

func TestNewAccepts(t *testing.T) {
	for base, path := range map[string]string{
		"https://admin.vps.org/api/v1":  "/api/v1",
		"https://admin.vps.org/api/v1/": "/api/v1",
		"https://admin.vps.org":         "",
		"http://localhost:8080/":        "",
		"http://[::1]:8080/x":           "/x",
		"http://127.9.9.9":              "",
	} {
		_, err := New(Options{BaseURL: base, Token: func() (string, error) { return "", nil }})
		require.NoError(t, err, base)
		parsed, err := parseBase(base)
		require.NoError(t, err, base)
		require.Equal(t, path, parsed.Path)
	}
}

func TestRefusedBeforeSending(t *testing.T) {
	f := newFake(t, always(200, `{}`))
	c, ctx := f.client(t), t.Context()
	zero := ID{}
	for name, err := range map[string]error{
		"get":             second(c.Servers.Get(ctx, zero)),
		"update":          second(c.Servers.Update(ctx, zero, UpdateServer{})),
		"replace":         second(c.Servers.Replace(ctx, zero, ReplaceServer{})),
		"delete":          c.Servers.Delete(ctx, zero),
		"start":           second(c.Servers.Start(ctx, zero)),
		"restore":         second(c.Servers.Restore(ctx, someID, zero)),
		"create plan":     second(c.Servers.Create(ctx, CreateServer{OSID: someID})),
		"create os":       second(c.Servers.Create(ctx, CreateServer{PlanID: someID})),
		"backup":          second(c.Backups.Create(ctx, CreateBackup{})),
		"backup delete":   c.Backups.Delete(ctx, zero),
		"snapshot":        second(c.Snapshots.Create(ctx, CreateSnapshot{})),
		"snapshot delete": c.Snapshots.Delete(ctx, zero),
		"snapshot back":   second(c.Snapshots.Restore(ctx, zero)),
		"invalid UTF-8":   second(c.Servers.Update(ctx, someID, UpdateServer{Name: new("\xff")})),
	} {
		apiErr := asError(t, err)
		require.Equal(t, KindInvalid, apiErr.Kind, name)
		require.False(t, apiErr.Unknown, name)
		require.NotEmpty(t, apiErr.Path, name)
	}
	require.Empty(t, f.requests())
}

func second[T any](_ T, err error) error { return err }

func TestIDsInPaths(t *testing.T) {
	f := newFake(t, always(204, ``))
	for id, want := range map[ID]string{
		number("7"):       "/api/v1/servers/7/",
		word(someUUID):    "/api/v1/servers/" + someUUID + "/",
		word(`a"<b>;c@d`): "/api/v1/servers/a%22%3Cb%3E;c@d/",
	} {
		require.NoError(t, f.client(t).Servers.Delete(t.Context(), id))
		got := f.requests()
		require.Equal(t, want, got[len(got)-1].path)
	}
}

func TestIDsInBodiesKeepTheirForm(t *testing.T) {
	f := newFake(t, always(200, ``))
	for id, want := range map[ID]string{
		number("501"):  `{"backup_id":501}`,
		word("501"):    `{"backup_id":"501"}`,
		word(someUUID): `{"backup_id":"` + someUUID + `"}`,
	} {
		_, err := f.client(t).Servers.Restore(t.Context(), someID, id)
		require.NoError(t, err)
		got := f.requests()
		require.Equal(t, want, got[len(got)-1].body)
	}
}

func TestErrorTexts(t *testing.T) {
	cause := errors.New("boom")
	e := &Error{
		Kind: KindInvalid, Status: 400, Method: "POST", Path: "/servers/", Message: "no", cause: cause,
		Fields: []FieldError{{"name", []string{"too long", "odd"}}}, Unknown: true,
	}
	require.ErrorIs(t, e, cause)
	require.Equal(t, "POST /servers/: the request was refused as wrong (status 400); whether it was done is unknown: "+
		"no; name: too long, odd: boom", e.Error())
	require.Equal(t, nextUnknown, e.Next())
	for wait, says := range map[time.Duration]string{90 * time.Second: "90 seconds", time.Second: "1 second", 300 * time.Millisecond: "1 second", 1100 * time.Millisecond: "2 seconds"} {
		require.Equal(t, "Wait "+says+" and try again.", (&Error{Kind: KindRateLimited, RetryAfter: wait}).Next())
	}
	for kind, words := range kindTexts {
		require.Equal(t, words.next, (&Error{Kind: kind}).Next())
		require.NotEmpty(t, words.next)
		require.Contains(t, (&Error{Kind: kind}).Error(), words.what)
	}
}

func TestTemporary(t *testing.T) {
	for kind := range kindTexts {
		_, want := map[Kind]bool{KindRateLimited: true, KindServer: true, KindNetwork: true, KindTimeout: true, KindUnavailable: true}[kind]
		require.Equal(t, want, (&Error{Kind: kind}).Temporary(), kind)
		require.False(t, (&Error{Kind: kind, Unknown: true}).Temporary(), kind)
	}
}

func TestStatusKinds(t *testing.T) {
	for status, want := range map[int]Kind{
		301: KindRedirect, 304: KindRedirect, 400: KindInvalid, 401: KindUnauthorized, 402: KindPaymentRequired,
		403: KindForbidden, 404: KindNotFound, 405: KindNoRoute, 408: KindTimeout, 409: KindConflict, 410: KindNotFound,
		422: KindInvalid, 429: KindRateLimited, 418: KindInvalid, 500: KindServer, 503: KindServer, 599: KindServer, 199: KindDecode,
	} {
		require.Equal(t, want, statusKind(status), status)
	}
}

func TestDryRun(t *testing.T) {
	f := newFake(t, always(200, `{}`))
	c, ctx := f.client(t, func(o *Options) {
		o.Token = func() (string, error) { panic("a dry run needs no token") }
		o.Observe = func(Call) { panic("a dry run is no call") }
	}), t.Context()
	for name, tc := range map[string]struct {
		run          func(*Client) error
		method, path string
		body         string
	}{
		"create": {func(c *Client) error {
			return second(c.Servers.Create(ctx, CreateServer{Name: "a", PlanID: number("1"), OSID: word("x"), Location: "us"}))
		}, "POST", "/servers/", `{"name":"a","plan_id":1,"os_id":"x","location":"us"}`},
		"no body": {func(c *Client) error { return second(c.Servers.Start(ctx, someID)) }, "POST", "/servers/12345/start/", ``},
		"delete":  {func(c *Client) error { return c.Backups.Delete(ctx, someID) }, "DELETE", "/backups/12345/", ``},
		"after a read": {func(c *Client) error {
			_, _ = c.Servers.Get(ctx, someID)
			return c.Snapshots.Delete(ctx, someID)
		}, "DELETE", "/snapshots/12345/", ``},
		"the first of two": {func(c *Client) error {
			_ = c.Servers.Delete(ctx, someID)
			return c.Snapshots.Delete(ctx, someID)
		}, "DELETE", "/servers/12345/", ``},
		"patch": {func(c *Client) error {
			return second(c.Servers.Update(ctx, someID, UpdateServer{BackupsEnabled: new(false)}))
		}, "PATCH", "/servers/12345/", `{"backups_enabled":false}`},
	} {
		got, err := c.DryRun(tc.run)
		require.NoError(t, err, name)
		require.Equal(t, tc.method, got.Method, name)
		require.Equal(t, tc.path, got.Path, name)
		require.Equal(t, tc.body, string(got.Body), name)
		require.Equal(t, tc.body == "", got.Body == nil, name)
	}
	require.Empty(t, f.requests())
}

func TestDryRunWithoutAWrite(t *testing.T) {
	c := testClient(t)
	_, err := c.DryRun(func(*Client) error { return nil })
	require.ErrorIs(t, err, errNoWrite)
	boom := errors.New("boom")
	_, err = c.DryRun(func(*Client) error { return boom })
	require.ErrorIs(t, err, boom)
	_, err = c.DryRun(func(c *Client) error { return second(c.Servers.Get(t.Context(), someID)) })
	require.ErrorIs(t, err, errDryRun)
	_, err = c.DryRun(func(c *Client) error { return c.Servers.Delete(t.Context(), ID{}) })
	require.ErrorIs(t, err, errNoID)
}

// Connections are counted as long as they are open, one that the other side closes too.
func TestStatsCountOpenConnections(t *testing.T) {
	server := httptest.NewServer(always(200, `{"id":1}`))
	defer server.Close()
	c := testClient(t, func(o *Options) { o.BaseURL, o.Transport = server.URL, nil })
	require.Zero(t, c.Stats())
	for range 3 {
		require.NoError(t, second(c.Servers.Get(t.Context(), someID)))
		require.Equal(t, Stats{Connections: 1}, c.Stats())
	}
	server.CloseClientConnections()
	require.Eventually(t, func() bool { return c.Stats().Connections == 0 }, 10*time.Second, time.Millisecond)
}

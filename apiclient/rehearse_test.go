package apiclient

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestRehearse(t *testing.T) {
	f := newFake(t, always(200, `{}`))
	c, ctx := f.client(t, func(o *Options) {
		o.Token = func() (string, error) { panic("a rehearsal needs no token") }
		o.Observe = func(Call) { panic("a rehearsal is no call") }
	}), t.Context()
	for name, tc := range map[string]struct {
		run          func(*Client) error
		method, path string
		body         string
	}{
		"create": {func(c *Client) error {
			return second(c.Servers.Create(ctx, CreateServer{Name: "a", PlanID: number("1"), OSID: ID{text: "x"}, Location: "us"}))
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
		got, err := c.Rehearse(tc.run)
		require.NoError(t, err, name)
		require.Equal(t, tc.method, got.Method, name)
		require.Equal(t, tc.path, got.Path, name)
		require.Equal(t, tc.body, string(got.Body), name)
		require.Equal(t, tc.body == "", got.Body == nil, name)
	}
	require.Empty(t, f.requests())
}

func TestRehearseWithoutAWrite(t *testing.T) {
	c := testClient(t)
	_, err := c.Rehearse(func(*Client) error { return nil })
	require.ErrorIs(t, err, errNoWrite)
	boom := errors.New("boom")
	_, err = c.Rehearse(func(*Client) error { return boom })
	require.ErrorIs(t, err, boom)
	_, err = c.Rehearse(func(c *Client) error { return second(c.Servers.Get(t.Context(), someID)) })
	require.ErrorIs(t, err, errRehearsal)
	_, err = c.Rehearse(func(c *Client) error { return c.Servers.Delete(t.Context(), ID{}) })
	require.ErrorIs(t, err, errNoID)
}

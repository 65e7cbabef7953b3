package apiclient

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/require"
)

// answers returns a client of an API that answers everything with one body.
func answers(t *testing.T, status int, body string) (*Client, *http.Header) {
	t.Helper()
	seen := new(http.Header)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		*seen = r.Header.Clone()
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		_, _ = w.Write([]byte(body))
	}))
	t.Cleanup(server.Close)
	client, err := New(Options{BaseURL: server.URL, Token: func() (string, error) { return "from-the-file", nil }})
	require.NoError(t, err)
	return client, seen
}

func TestASuccessThatSaysItFailedIsNone(t *testing.T) {
	id, err := ParseID("7")
	require.NoError(t, err)
	for body, failed := range map[string]bool{
		`{"status":"error","message":"not possible now"}`:  true,
		`{"status":"failed","detail":"not possible now"}`:  true,
		`{"status":"success","message":"starting"}`:        false,
		`{"status":"queued"}`:                              false,
		`{"message":"not possible now"}`:                   false,
		`{"status":"success","server":{"status":"error"}}`: false,
	} {
		client, _ := answers(t, 200, body)
		_, startErr := client.Servers.Start(t.Context(), id)
		for _, err := range []error{startErr, client.Servers.Delete(t.Context(), id)} {
			require.Equal(t, failed, err != nil, body)
			var apiErr *Error
			if errors.As(err, &apiErr) {
				require.False(t, apiErr.Unknown)
				require.Equal(t, "not possible now", apiErr.Message)
			}
		}
	}
}

func TestATokenCanBePinned(t *testing.T) {
	client, seen := answers(t, 200, `[]`)
	_, err := client.Servers.List(UseToken(t.Context(), "pinned"), ServerFilter{})
	require.NoError(t, err)
	require.Equal(t, "Bearer pinned", seen.Get("Authorization"))
	_, err = client.Servers.List(t.Context(), ServerFilter{})
	require.NoError(t, err)
	require.Equal(t, "Bearer from-the-file", seen.Get("Authorization"))
}

func TestNumbersThatNobodyKnowsKeepTheirDigits(t *testing.T) {
	client, _ := answers(t, 200, `[{"id":1,"owner_id":12345678901234567,"small":5,"odd":1e999,"deep":{"n":9007199254740993}}]`)
	servers, err := client.Servers.List(t.Context(), ServerFilter{})
	require.NoError(t, err)
	require.Equal(t, map[string]any{
		"owner_id": "12345678901234567", "small": 5.0, "odd": "1e999", "deep": map[string]any{"n": "9007199254740993"},
	}, servers[0].Extra)
}

func TestAnAnswerThatDoesNotFitIsSaidPlainly(t *testing.T) {
	client, _ := answers(t, 200, `{"count":1,"results":[{"id":[1],"plan":{}}]}`)
	_, err := client.Servers.List(t.Context(), ServerFilter{})
	require.ErrorContains(t, err, "id is not what it should be")
	require.NotContains(t, err.Error(), "Go ")
	require.NotContains(t, err.Error(), "apiclient")
}

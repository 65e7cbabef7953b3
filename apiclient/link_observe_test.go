package apiclient

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestTraceTellsTheStatusOfOneCall(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) }))
	defer server.Close()
	client, err := New(Options{BaseURL: server.URL, Token: func() (string, error) { return "t", nil }})
	require.NoError(t, err)
	id, err := ParseID("7")
	require.NoError(t, err)
	var seen []Call
	require.NoError(t, client.Servers.Delete(Trace(t.Context(), func(c Call) { seen = append(seen, c) }), id))
	require.NoError(t, client.Servers.Delete(t.Context(), id))
	require.Len(t, seen, 1)
	require.Equal(t, http.StatusNoContent, seen[0].Status)
}

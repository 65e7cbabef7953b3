package transport

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"
)

// BenchmarkCommand is what one command costs from its request to the handler, beside a handler
// that does nothing but read a form as large and write it as JSON.
//
//	go test ./slackbot/transport -run '^$' -bench Command
func BenchmarkCommand(b *testing.B) {
	body := aCommand + "&response_url=" + url.QueryEscape("https://hooks.slack.com/commands/T1/2/3") + "&channel_name=ops&user_name=alice&team_domain=acme"
	mux := http.NewServeMux()
	h := &HTTP{Secret: func() (string, error) { return secret, nil }, Handler: silent{}, Now: func() time.Time { return noon }, Log: slog.New(slog.DiscardHandler)}
	h.Routes(mux)
	mux.HandleFunc("POST /bare", func(w http.ResponseWriter, r *http.Request) {
		if err := r.ParseForm(); err != nil {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		_ = json.NewEncoder(w).Encode(r.PostForm)
	})
	headers := signed(body, noon.Unix())
	headers.Set("Content-Type", "application/x-www-form-urlencoded")
	for name, path := range map[string]string{"verified": "/slack/commands", "bare": "/bare"} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				rw, r := httptest.NewRecorder(), httptest.NewRequest(http.MethodPost, path, strings.NewReader(body))
				r.Header = headers
				mux.ServeHTTP(rw, r)
				if rw.Code != http.StatusOK {
					b.Fatal(rw.Code)
				}
			}
		})
	}
}

type silent struct{}

func (silent) Handle(context.Context, Delivery) []byte { return nil }

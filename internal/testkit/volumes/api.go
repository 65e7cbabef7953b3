package volumes

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
)

// API answers the requests about volumes, and hands all others to the API behind it. Its fields are
// set before the first request.
type API struct {
	Behind    http.Handler
	LoseWrite bool            // a write is carried out, and its answer is an error of the server
	Hold      <-chan struct{} // writes wait until it is closed; nil: they do not

	mu      sync.Mutex
	volumes []Volume
	writes  []string
}

// Writes lists the writes that arrived, as "DELETE /volumes/1/".
func (a *API) Writes() []string {
	a.mu.Lock()
	defer a.mu.Unlock()
	return slices.Clone(a.writes)
}

// RoundTrip makes the API a transport inside the process.
func (a *API) RoundTrip(req *http.Request) (*http.Response, error) {
	w := httptest.NewRecorder()
	a.ServeHTTP(w, req)
	return w.Result(), nil
}

func (a *API) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	_, path, ours := strings.Cut(req.URL.Path, "/volumes/")
	if !ours {
		a.Behind.ServeHTTP(w, req)
		return
	}
	if req.Method != http.MethodGet && a.Hold != nil {
		<-a.Hold
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if req.Method != http.MethodGet {
		a.writes = append(a.writes, req.Method+" /volumes/"+path)
	}
	var answer any = page{append([]Volume{}, a.volumes...)}
	switch req.Method {
	case http.MethodPost:
		v := Volume{ID: number(len(a.volumes) + 1), Status: "active"}
		var in newVolume
		_ = json.NewDecoder(req.Body).Decode(&in)
		v.Name, v.Location = in.Name, in.Location
		a.volumes, answer = append(a.volumes, v), v
	case http.MethodDelete:
		a.volumes = slices.DeleteFunc(a.volumes, func(v Volume) bool { return fmt.Sprintf("%s/", v.ID) == path })
		answer = struct{}{}
	}
	w.Header().Set("Content-Type", "application/json")
	if a.LoseWrite && req.Method != http.MethodGet {
		w.WriteHeader(http.StatusBadGateway)
		return
	}
	_ = json.NewEncoder(w).Encode(answer)
}

package apiclient

import "net/http"

// refuseRedirects makes a 3xx an answer like any other. Without the header
// nothing further out has an address to follow, to report or to send a token to.
type refuseRedirects struct{ next http.RoundTripper }

func (l refuseRedirects) RoundTrip(req *http.Request) (*http.Response, error) {
	resp, err := l.next.RoundTrip(req)
	if err == nil {
		resp.Header.Del("Location")
	}
	return resp, err
}

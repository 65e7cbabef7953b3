package apiclient

import "net/http"

const defaultUserAgent = "vpsbot"

// userAgent says who is asking.
type userAgent struct {
	next  http.RoundTripper
	value []string
}

func newUserAgent(next http.RoundTripper, name string) userAgent {
	if name == "" {
		name = defaultUserAgent
	}
	return userAgent{next, []string{name}}
}

func (l userAgent) RoundTrip(req *http.Request) (*http.Response, error) {
	req.Header["User-Agent"] = l.value
	return l.next.RoundTrip(req)
}

package apiclient

import (
	"net"
	"net/http"
	"time"
)

const connectLimit = 3 * time.Second

// newTransport returns the pooled transport. It speaks HTTP/1.1 alone: there,
// net/http repeats a write only if it wrote nothing of it, while under HTTP/2
// it repeats what a server says it has not processed.
func newTransport() *http.Transport {
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	return &http.Transport{
		Proxy:                  http.ProxyFromEnvironment,
		DialContext:            (&net.Dialer{Timeout: connectLimit, KeepAlive: 30 * time.Second}).DialContext,
		TLSHandshakeTimeout:    connectLimit,
		MaxIdleConns:           64,
		MaxIdleConnsPerHost:    32,
		IdleConnTimeout:        90 * time.Second,
		MaxResponseHeaderBytes: 1 << 20,
		Protocols:              protocols,
	}
}

package apiclient

import (
	"context"
	"net/url"
)

// step takes a call through everything that is left to do with it.
type step func(ctx context.Context, c *call) error

// assemble puts the links together, the innermost first. What is above retry
// happens once for each attempt, what is below once for each call.
func assemble(o Options, base *url.URL) step {
	transport := o.Transport
	if transport == nil {
		transport = newTransport()
	}
	transport = departure{transport}               // counts, and notes when a write may have left
	transport = headerTimeout{transport}           // a read waits 10 s for an answer to begin
	transport = refuseRedirects{transport}         // a 3xx is an answer like any other
	transport = reception{transport}               // the body: at most 8 MiB, without the token
	transport = newAttemptLog(transport, o.Logger) // one debug line
	transport = newBreaker(transport)              // pauses after 10 failures in a row
	transport = newRateLimit(transport, o, base)   // 50 a second
	transport = newRetry(transport)                // reads alone, 3 tries
	transport = newUserAgent(transport, o.UserAgent)
	transport = auth{transport, base, o.Token}

	run := step(sender{transport, base}.send)
	run = deadline(run) // a read 15 s in all, a write 60 s
	run = decode(run)   // a success becomes the result
	run = explain(run)  // a failure becomes an *Error
	return observe(run, o.Observe, isLoopback(base))
}

package apiclient

import "net/http"

// Kind says what sort of failure an Error is.
type Kind string

// The kinds of failure.
const (
	KindInvalid         Kind = "invalid"          // the request is wrong: 400, 422 and other 4xx, or refused before sending
	KindUnauthorized    Kind = "unauthorized"     // 401
	KindPaymentRequired Kind = "payment_required" // 402
	KindForbidden       Kind = "forbidden"        // 403
	KindNotFound        Kind = "not_found"        // 404, 410
	KindNoRoute         Kind = "no_route"         // 405, and a 404 that is not the API's own: nothing is said of any object
	KindConflict        Kind = "conflict"         // 409
	KindRateLimited     Kind = "rate_limited"     // 429
	KindServer          Kind = "server"           // 5xx
	KindRedirect        Kind = "redirect"         // 3xx, never followed
	KindNetwork         Kind = "network"          // no connection, or one that broke
	KindTimeout         Kind = "timeout"          // ours or the caller's
	KindUnavailable     Kind = "unavailable"      // held back here: breaker open, or no room under the rate limit
	KindDecode          Kind = "decode"           // an answer that cannot be understood
	KindCanceled        Kind = "canceled"         // by the caller
	KindToken           Kind = "token"            // there is no token to send
)

var statusKinds = map[int]Kind{
	http.StatusUnauthorized:     KindUnauthorized,
	http.StatusPaymentRequired:  KindPaymentRequired,
	http.StatusForbidden:        KindForbidden,
	http.StatusNotFound:         KindNotFound,
	http.StatusGone:             KindNotFound,
	http.StatusMethodNotAllowed: KindNoRoute,
	http.StatusRequestTimeout:   KindTimeout,
	http.StatusConflict:         KindConflict,
	http.StatusTooManyRequests:  KindRateLimited,
}

func statusKind(status int) Kind {
	if kind, ok := statusKinds[status]; ok {
		return kind
	}
	switch status / 100 {
	case 3:
		return KindRedirect
	case 4:
		return KindInvalid
	case 5:
		return KindServer
	}
	return KindDecode
}

// about says in a few words what happened, and in a sentence what to do.
var about = map[Kind]struct{ what, next string }{
	KindInvalid:         {"the request was refused as wrong", "Correct what the message names and try again."},
	KindUnauthorized:    {"the token was not accepted", "Check that the token is right, not revoked and not expired; tokens are made at admin.vps.org/account/developers/."},
	KindPaymentRequired: {"the account lacks credits", "Add credits to the account in the VPS.org panel and try again."},
	KindForbidden:       {"the token lacks a permission", "Give the token the permission at admin.vps.org/account/developers/, or use another token."},
	KindNotFound:        {"there is no such object", "List what exists and check the id; it may have been deleted."},
	KindNoRoute:         {"VPS.org's API does not take this request", "Check that the base URL is that of the API itself, and look for a newer version of this program."},
	KindConflict:        {"the object is in a state that does not allow this", "Read its state, wait until what is running has ended, and try again."},
	KindRateLimited:     {"too many requests", "Wait a moment and try again."},
	KindServer:          {"the API failed", "Wait a minute and try again; if it goes on, ask VPS.org's support."},
	KindRedirect:        {"the API answered with a redirect, which is never followed", "Check that the base URL is that of the API itself."},
	KindNetwork:         {"the API could not be reached, or the connection broke", "Check the network and the base URL, and try again."},
	KindTimeout:         {"the API did not answer in time", "Wait a moment and try again."},
	KindUnavailable:     {"held back without sending, because of too many failures or requests", "Wait a few seconds and try again."},
	KindDecode:          {"the answer could not be understood", "Check that the base URL is that of the API itself, and look for a newer version of this program."},
	KindCanceled:        {"cancelled", "Ask again if it is still wanted."},
	KindToken:           {"there is no token to send", "Set the VPS.org API token; tokens are made at admin.vps.org/account/developers/."},
}

const nextUnknown = "Do not send it again: read back whether the change was made, and decide then."

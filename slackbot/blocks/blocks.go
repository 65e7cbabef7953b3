// Package blocks makes what Slack shows from our own values: messages, modals, the Home tab.
//
// It is the only place that escapes. Every function is pure: no request, no clock, no store.
// Whatever comes in, what goes out keeps Slack's limits and shows text that others wrote as
// text alone: it mentions nobody, links nowhere and looks like no button of ours.
package blocks

import (
	"github.com/slack-go/slack"
)

// Message is what is posted. Text is what a notification shows: the essence in a sentence.
type Message struct {
	Text   string
	Blocks []slack.Block
}

// Token is an opaque value for a button, made by the bot: at most 1900 characters. A button
// whose token is empty is not shown.
type Token string

// The ids of what can be pressed. The value of the first four is a record's id and nothing
// else, of Suggest, the pages and CSV a token.
const (
	ActConfirm = "confirm" // the requester's yes; where a name must be typed it opens the modal
	ActCancel  = "cancel"
	ActApprove = "approve" // a second person's yes
	ActDeny    = "deny"
	ActPage    = "page"
	ActPrev    = "page_prev" // ids within one block must differ
	ActSuggest = "suggest"
	ActCSV     = "csv"
	ActServer  = "server" // the picker of servers in a form, filled by an options load

	ActHomePage   = "home_page"
	ActHomePrev   = "home_page_prev"
	ActHomeFilter = "home_filter"
	ActRefresh    = "home_refresh"
)

// The callback ids of the modals that are submitted.
const (
	CallbackName = "name"
	CallbackDeny = "deny"
	CallbackForm = "form"
)

// The ids of input blocks. The one element of each has the same action id as its block, but
// for a server's, which has ActServer.
const (
	BlockName   = "name"
	BlockReason = "reason"
	blockField  = "field:"
)

// FieldBlock returns the id of the block in which a form asks for a field.
func FieldBlock(field string) string { return blockField + field }

// PageRows is how many rows of a list fit one message with ease.
const PageRows = 20

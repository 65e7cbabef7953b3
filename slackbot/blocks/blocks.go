// Package blocks renders what Slack shows from our own values: messages, modals, the Home tab.
//
// It is the only place that escapes. Every function is pure: no request, no clock, no store.
// The result always keeps Slack's limits and shows text by others as plain text: it mentions nobody, has no
// links and looks like no button.
package blocks

import "github.com/slack-go/slack"

// Message is what is posted. Text is what a notification shows: the essence in a sentence.
type Message struct {
	Text   string
	Blocks []slack.Block
}

// Token is an opaque value for a button, made by the bot: at most 1900 characters. A button
// whose token is empty is not shown.
type Token string

// The action ids of buttons and inputs. The value of the first four is a record's id and nothing
// else, of ActSuggest, the pages and ActCSV a token.
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

// PageRows is how many rows of a list fit one message.
const PageRows = 20

// Slack's limits, in code points of what is sent. Only layout.go makes blocks, and keeps them.
const (
	mostBlocks     = 50  // of a message
	mostViewBlocks = 100 // of a modal or a Home tab
	mostText       = 12_000
	mostSection    = 3000
	mostField      = 2000
	mostFields     = 10
	mostContext    = 2000
	mostButton     = 75 // its text
	mostValue      = 2000
	mostOptions    = 100
	mostOption     = 75 // text and value
	mostTitle      = 24 // of a modal, and its buttons
	mostMeta       = 3000
	mostLabel      = 2000 // of an input, and its hint
	mostInitial    = 3000
	mostFallback   = 300  // ourMarkup: a notification shows no more
	mostBare       = 3000 // of a text without blocks: Slack cuts longer ones off
)

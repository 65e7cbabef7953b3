package blocks

// Slack's limits, in code points of what is sent. Nothing in this package makes a block but
// through layout.go, which keeps them.
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
	mostButtons    = 25
	mostOptions    = 100
	mostOption     = 75 // text and value
	mostTitle      = 24 // of a modal, and its buttons
	mostMeta       = 3000
	mostLabel      = 2000 // of an input, and its hint
	mostInitial    = 3000
	mostFallback   = 300 // ours: a notification shows no more
)

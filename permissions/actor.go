package permissions

// Actor is who asks, as "kind:name": "local:alice" is the user of this machine whose
// process asks.
type Actor string

// Local returns the actor for a user of this machine.
func Local(user string) Actor { return Actor("local:" + user) }

// Surface is where somebody asks, and where somebody answers.
type Surface string

// The surfaces.
const (
	MCP      Surface = "mcp"
	Terminal Surface = "terminal"
	Slack    Surface = "slack"
)

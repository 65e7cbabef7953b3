package permissions

import "strings"

// Actor is an identity that asks or answers, as "kind:name": "local:alice" is the user of
// this machine whose process asks, "key:laptop" whoever holds that access key,
// "slack:U024BE7LH" a Slack user. Several may be one person: see [Policy.Person].
type Actor string

// Local returns the actor for a user of this machine.
func Local(user string) Actor { return Actor("local:" + user) }

// Key returns the actor for the holder of an access key, by the key's name.
func Key(name string) Actor { return Actor("key:" + name) }

// SlackUser returns the actor for a Slack user, by the id that Slack gives ("U…").
func SlackUser(id string) Actor { return Actor("slack:" + id) }

// IsKey reports whether the actor is known by an access key.
func (a Actor) IsKey() bool { return strings.HasPrefix(string(a), "key:") }

// IsLocal reports whether the actor is known as a user of this machine.
func (a Actor) IsLocal() bool { return strings.HasPrefix(string(a), "local:") }

// anyLocal is a user of this machine where the users cannot be told apart. No policy can name it.
const anyLocal Actor = "local:*"

// Surface is where somebody asks, and where somebody answers.
type Surface string

// The surfaces.
const (
	MCP      Surface = "mcp"
	Terminal Surface = "terminal"
	Slack    Surface = "slack"

	// Script is a word of a policy's confirm alone: a flag of a command answers, for the asker and
	// nobody else, where no person is. Nobody asks from there; the surface stays [Terminal].
	Script Surface = "script"
)

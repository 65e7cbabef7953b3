package approval

import "strings"

// Origin is where a record was asked for, with what the policy asks of it later.
type Origin struct {
	Surface  string   // "mcp", "slack", "terminal"
	Channel  string   // id of the Slack channel; slack only
	Groups   []string // ids of the Slack user groups that the asker was in then; slack only
	External bool     // the asker is of another workspace, and in no group of this one
}

// external stands in the place of the groups of somebody of another workspace. It is no group's id.
const external = "external"

// String is the form in which a record keeps it: "slack:C123 S1 S2".
func (o Origin) String() string {
	groups := strings.Join(o.Groups, " ")
	if o.External {
		groups = external
	}
	if o.Channel == "" && groups == "" {
		return o.Surface
	}
	return strings.TrimSpace(o.Surface + ":" + o.Channel + " " + groups)
}

// ParseOrigin reads what String wrote.
func ParseOrigin(s string) Origin {
	surface, place, _ := strings.Cut(s, ":")
	channel, groups, _ := strings.Cut(place, " ")
	o := Origin{Surface: surface, Channel: channel, External: groups == external}
	if !o.External {
		o.Groups = strings.Fields(groups)
	}
	return o
}

// Origin is where the record was asked for.
func (r Record) Origin() Origin { return ParseOrigin(r.Surface) }

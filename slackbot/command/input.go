package command

import (
	"strconv"

	"github.com/go-json-experiment/json"

	"github.com/vpsbot/vpsbot/tools"
)

// JSON returns the input object for tools.Call: booleans and whole numbers as such where the
// field wants them, all else as strings for the Runner to judge. What settles later is waited
// for unless the command says otherwise, because Slack shows the progress. It fails on text
// that is not UTF-8, which Parse lets nobody type.
func (c Command) JSON() ([]byte, error) {
	object := map[string]any{}
	for name, text := range c.Input {
		object[name] = text
	}
	if c.Op != nil {
		c.typed(object)
	}
	return json.Marshal(object, json.Deterministic(true))
}

func (c Command) typed(object map[string]any) {
	for _, field := range c.Op.Fields {
		if text, ok := c.Input[field.Name]; ok {
			object[field.Name] = valueOf(field.Kind, text)
		}
	}
	if c.waits() {
		object["wait"] = true
	}
}

func valueOf(kind tools.Kind, text string) any {
	switch kind {
	case tools.Boolean:
		if text == "true" || text == "false" {
			return text == "true"
		}
	case tools.Integer:
		if n, err := strconv.Atoi(text); err == nil {
			return n
		}
	}
	return text
}

// waits reports whether waiting is to be asked for.
func (c Command) waits() bool {
	_, given := c.Input["wait"]
	dry, isDry := c.Input["dry_run"]
	return c.Kind == Operation && c.Op.Settles && !c.Op.IsRead() && !given && (!isDry || dry == "false")
}

// Missing returns the required fields that were not given, in the operation's order.
func (c Command) Missing() []tools.Field {
	if c.Op == nil {
		return nil
	}
	var missing []tools.Field
	for _, field := range c.Op.Fields {
		if _, given := c.Input[field.Name]; field.Required && !given {
			missing = append(missing, field)
		}
	}
	return missing
}

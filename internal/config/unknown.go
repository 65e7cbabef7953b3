package config

import (
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strings"

	"github.com/sethvargo/go-envconfig"

	"github.com/vpsbot/vpsbot/internal/text"
)

// Lister is an environment that can say which variables it has. One that cannot is not
// searched for misspelt names.
type Lister interface {
	Names() []string
}

// Unknown is a variable that looks like one of vpsbot's and is none.
type Unknown struct {
	Name  string
	Meant string // the variable whose name comes close; empty: none does
}

// String says what is wrong in a sentence.
func (u Unknown) String() string {
	if u.Meant == "" {
		return u.Name + " is no variable of vpsbot and changes nothing"
	}
	return u.Name + " is no variable of vpsbot; " + u.Meant + " is"
}

// Unknown returns the variables that vpsbot does not know, sorted: all that begin with VPSBOT_, and those
// that begin with SLACK_ and come close to one of its own. [Read] refuses the other close ones.
func (c Config) Unknown() []Unknown { return slices.Clone(c.unknown) }

// guards are the variables that protect the account or say who somebody is.
var guards = []string{"VPSBOT_READ_ONLY", "VPSBOT_POLICY_FILE", "VPSBOT_KEY", "VPSBOT_KEY_FILE", "VPSBOT_AUDIT_KEY_FILE"}

// Empty returns those of the variables that protect the account which are set, and hold nothing: they
// count as not set, as where a program filled in a variable of its own that it does not have.
func (c Config) Empty() []string { return slices.Clone(c.empty) }

func (c *Config) takeEmpty(env envconfig.Lookuper) {
	for _, name := range guards {
		if text, given := env.Lookup(name); given && strings.TrimSpace(text) == "" {
			c.empty = append(c.empty, name)
		}
	}
}

// kubernetes are the variables that Kubernetes gives each container for a service called vpsbot.
var kubernetes = regexp.MustCompile(`^VPSBOT_(PORT|SERVICE)(_.*)?$`)

// takeNames looks for misspelt names. A setting that silently counts for nothing may be the one that
// was to protect the account.
func (c *Config) takeNames(env envconfig.Lookuper) error {
	ours := known()
	for _, name := range namesOf(env) {
		own, slack := strings.HasPrefix(name, "VPSBOT_"), strings.HasPrefix(name, "SLACK_")
		if !own && !slack && !strings.HasPrefix(name, "VPS_") || slices.Contains(ours, name) || kubernetes.MatchString(name) {
			continue
		}
		found := Unknown{name, nearest(name, ours)}
		switch {
		case found.Meant != "" && !slack:
			return fmt.Errorf("%s: correct the name, or unset it", found)
		case own || found.Meant != "":
			c.unknown = append(c.unknown, found)
		}
	}
	return nil
}

func namesOf(env envconfig.Lookuper) []string {
	lister, ok := env.(Lister)
	if !ok {
		return nil
	}
	return slices.Sorted(slices.Values(lister.Names()))
}

// known are the names of the variables that are read.
func known() []string {
	var names []string
	for _, field := range reflect.VisibleFields(reflect.TypeFor[variables]()) {
		names = append(names, field.Tag.Get("env"))
	}
	return names
}

// nearest returns the one of our names that a name comes close to: one letter away, or the same
// with or without _FILE.
func nearest(name string, ours []string) string {
	bare, isFile := strings.CutSuffix(name, fileSuffix)
	for _, known := range ours {
		if name+fileSuffix == known || isFile && bare == known {
			return known
		}
	}
	if near := text.Nearest(name, ours, 1); near != nil {
		return near[0]
	}
	return ""
}

const fileSuffix = "_FILE"

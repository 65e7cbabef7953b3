package slackbot

import "encoding/json"

// Features are the parts of vpsbot that an app in Slack has. The zero value is the least: the
// command, cards and forms, over HTTP.
type Features struct {
	URL    string // where Slack reaches serve, without a slash at its end; not needed with Socket
	Socket bool   // vpsbot calls Slack: no public address is needed
	Home   bool   // the Home tab
	Files  bool   // whole lists as a CSV file
	Groups bool   // Slack's user groups in the policy
}

// The scopes of the bot. These two are needed by all it does.
const (
	ScopeCommands = "commands"
	ScopeWrite    = "chat:write"
	ScopeFiles    = "files:write"     // for Files
	ScopeGroups   = "usergroups:read" // for Groups
)

// Scopes lists the scopes that these features need, and no more.
func (f Features) Scopes() []string {
	scopes := []string{ScopeCommands, ScopeWrite}
	if f.Files {
		scopes = append(scopes, ScopeFiles)
	}
	if f.Groups {
		scopes = append(scopes, ScopeGroups)
	}
	return scopes
}

const (
	appName    = "vpsbot"
	appSummary = "Runs VPS.org servers by command, and asks a person before it hurts."
	appColour  = "#1f2937"
	usageHint  = "servers list | servers reboot web-1 | why servers.delete web-1 | help"
)

// The shape of a manifest. slack-go's omits what is false: then Slack decides what it means.
type (
	manifest struct {
		Display struct {
			Name        string `json:"name"`
			Description string `json:"description"`
			Background  string `json:"background_color"`
		} `json:"display_information"`
		Features struct {
			Home struct {
				Home     bool `json:"home_tab_enabled"`
				Messages bool `json:"messages_tab_enabled"`
				ReadOnly bool `json:"messages_tab_read_only_enabled"`
			} `json:"app_home"`
			Bot struct {
				Name   string `json:"display_name"`
				Online bool   `json:"always_online"`
			} `json:"bot_user"`
			Commands [1]struct {
				Command     string `json:"command"`
				URL         string `json:"url,omitempty"`
				Description string `json:"description"`
				Hint        string `json:"usage_hint"`
				Escape      bool   `json:"should_escape"`
			} `json:"slash_commands"`
		} `json:"features"`
		OAuth struct {
			Scopes struct {
				Bot []string `json:"bot"`
			} `json:"scopes"`
		} `json:"oauth_config"`
		Settings struct {
			Events        *manifestEvents `json:"event_subscriptions,omitempty"`
			Interactivity struct {
				Enabled    bool   `json:"is_enabled"`
				URL        string `json:"request_url,omitempty"`
				OptionsURL string `json:"message_menu_options_url,omitempty"`
			} `json:"interactivity"`
			OrgDeploy     bool `json:"org_deploy_enabled"`
			SocketMode    bool `json:"socket_mode_enabled"`
			TokenRotation bool `json:"token_rotation_enabled"`
		} `json:"settings"`
	}
	manifestEvents struct {
		URL string   `json:"request_url,omitempty"`
		Bot []string `json:"bot_events"`
	}
)

// Manifest returns the manifest of an app with these features, as JSON.
func Manifest(f Features) []byte {
	raw, err := json.MarshalIndent(f.manifest(), "", "  ")
	if err != nil {
		panic(err) // it is made of texts and booleans
	}
	return append(raw, '\n')
}

func (f Features) manifest() (m manifest) {
	m.Display.Name, m.Display.Description, m.Display.Background = appName, appSummary, appColour
	// The messages tab has the direct messages; without it Slack refuses to
	// send them. In a read-only tab no command can be typed.
	m.Features.Home.Home, m.Features.Home.Messages = f.Home, true
	m.Features.Bot.Name, m.Features.Bot.Online = appName, true
	c := &m.Features.Commands[0]
	c.Command, c.URL, c.Description, c.Hint = "/vps", f.at("/slack/commands"), "Run VPS.org servers", usageHint
	m.OAuth.Scopes.Bot = f.Scopes()
	if f.Home {
		m.Settings.Events = &manifestEvents{URL: f.at("/slack/events"), Bot: []string{"app_home_opened"}}
	}
	i := &m.Settings.Interactivity
	i.Enabled, i.URL, i.OptionsURL = true, f.at("/slack/interactivity"), f.at("/slack/interactivity")
	m.Settings.SocketMode = f.Socket
	return m
}

// at is where Slack sends something; in Socket Mode nowhere.
func (f Features) at(path string) string {
	if f.Socket {
		return ""
	}
	return f.URL + path
}

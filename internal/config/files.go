package config

import "strings"

// File is a file that a variable or a credential of systemd's names.
type File struct {
	Of   string // "VPS_API_TOKEN_FILE", "the credential VPSBOT_KEY"
	Path string
}

// SecretFiles returns the files that hold the token, the access key and Slack's secrets. What looks like
// a secret that was pasted in the place of a file is left out.
func (c Config) SecretFiles() []File {
	var files []File
	for _, s := range []struct{ name, given, file string }{
		{"VPS_API_TOKEN", c.vars.Token.Reveal(), c.vars.TokenFile},
		{"VPSBOT_KEY", c.vars.Key.Reveal(), c.vars.KeyFile},
		{"SLACK_BOT_TOKEN", c.vars.BotToken.Reveal(), c.vars.BotTokenFile},
		{"SLACK_SIGNING_SECRET", c.vars.SigningSecret.Reveal(), c.vars.SigningSecretFile},
		{"SLACK_APP_TOKEN", c.vars.AppToken.Reveal(), c.vars.AppTokenFile},
	} {
		credential, ok := c.credential(s.name)
		switch file := strings.TrimSpace(s.file); {
		case c.pasted(file):
		case file != "":
			files = append(files, File{s.name + fileSuffix, file})
		case ok && strings.TrimSpace(s.given) == "":
			files = append(files, File{"the credential " + s.name, credential})
		}
	}
	return files
}

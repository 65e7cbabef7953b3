package config

// variables is the environment as it is written. What the texts mean is decided in check.
type variables struct {
	Token                Secret `env:"VPS_API_TOKEN"`
	TokenFile            string `env:"VPS_API_TOKEN_FILE"`
	CredentialsDirectory string `env:"CREDENTIALS_DIRECTORY"`
	URL                  string `env:"VPS_API_URL"`
	ReadOnly             string `env:"VPSBOT_READ_ONLY"`
	Operations           string `env:"VPSBOT_OPERATIONS"`
	DatabaseURL          Secret `env:"VPSBOT_DATABASE_URL"`
	AuditReads           string `env:"VPSBOT_AUDIT_READS"`
	AuditKeyFile         string `env:"VPSBOT_AUDIT_KEY_FILE"`
	AuditState           string `env:"VPSBOT_AUDIT_STATE"`
	LogLevel             string `env:"VPSBOT_LOG_LEVEL"`
	LogFormat            string `env:"VPSBOT_LOG_FORMAT"`
	PolicyFile           string `env:"VPSBOT_POLICY_FILE"`
	Key                  Secret `env:"VPSBOT_KEY"`
	KeyFile              string `env:"VPSBOT_KEY_FILE"`
	BotToken             Secret `env:"SLACK_BOT_TOKEN"`
	BotTokenFile         string `env:"SLACK_BOT_TOKEN_FILE"`
	SigningSecret        Secret `env:"SLACK_SIGNING_SECRET"`
	SigningSecretFile    string `env:"SLACK_SIGNING_SECRET_FILE"`
	AppToken             Secret `env:"SLACK_APP_TOKEN"`
	AppTokenFile         string `env:"SLACK_APP_TOKEN_FILE"`
	SlackURL             string `env:"SLACK_API_URL"`
	Listen               string `env:"VPSBOT_LISTEN"`
	PublicURL            string `env:"VPSBOT_PUBLIC_URL"`

	StateHome    string `env:"XDG_STATE_HOME"`
	Home         string `env:"HOME"`
	LocalAppData string `env:"LOCALAPPDATA"`
}

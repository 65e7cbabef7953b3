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
	LogLevel             string `env:"VPSBOT_LOG_LEVEL"`
	LogFormat            string `env:"VPSBOT_LOG_FORMAT"`
	PolicyFile           string `env:"VPSBOT_POLICY_FILE"`
	Key                  Secret `env:"VPSBOT_KEY"`
	KeyFile              string `env:"VPSBOT_KEY_FILE"`

	StateHome    string `env:"XDG_STATE_HOME"`
	Home         string `env:"HOME"`
	LocalAppData string `env:"LOCALAPPDATA"`
}

package config

import (
	"path/filepath"
	"strings"
)

// AuditKeyFile returns the file of the private key that signs the audit log: what
// VPSBOT_AUDIT_KEY_FILE says, else audit.key beside the SQLite file. It is empty where there is no
// such place. Only a file that was named must exist: without the other, nothing is signed.
func (c Config) AuditKeyFile() (path string, named bool) {
	if given := strings.TrimSpace(c.vars.AuditKeyFile); given != "" && !strings.HasPrefix(given, "PRIVATE+KEY+") {
		return given, true
	}
	url, err := c.Database()
	database, isFile := strings.CutPrefix(url, "sqlite:")
	if err != nil || !isFile || database == "" {
		return "", false
	}
	return filepath.Join(filepath.Dir(database), "audit.key"), false
}

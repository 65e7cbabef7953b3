package config

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"net/url"
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

// AuditStateFile returns the file that keeps the newest checkpoint of the audit log outside its
// database: one for each database, in the folder that VPSBOT_AUDIT_STATE names, else in the
// state folder. It is empty where there is no such place, or no database.
func (c Config) AuditStateFile() string {
	folder := strings.TrimSpace(c.vars.AuditState)
	if state := c.stateFolder(); folder == "" && state != "" {
		folder = filepath.Join(state, "vpsbot")
	}
	place, err := c.databasePlace()
	if folder == "" || err != nil {
		return ""
	}
	sum := sha256.Sum256([]byte(place))
	return filepath.Join(folder, "audit-"+hex.EncodeToString(sum[:8])+".checkpoint")
}

// databasePlace says where the database is, the same way however its URL is written: by whom and
// with which password it is opened makes no difference.
func (c Config) databasePlace() (string, error) {
	text, err := c.Database()
	if err != nil {
		return "", err
	}
	file, isFile := strings.CutPrefix(text, "sqlite:")
	if !isFile {
		u, err := url.Parse(text)
		if err != nil {
			return "", errors.New("the database URL is not understood")
		}
		return strings.ToLower("postgres://"+u.Host) + u.Path + "?" + u.Query().Get("host"), nil
	}
	path, err := filepath.Abs(file)
	if err != nil {
		return "", err
	}
	if folder, err := filepath.EvalSymlinks(filepath.Dir(path)); err == nil {
		path = filepath.Join(folder, filepath.Base(path))
	}
	return "sqlite:" + path, nil
}

package config

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/url"
	"path"
	"path/filepath"
	"strings"
)

var errNoFolder = errors.New("VPSBOT_DATABASE_URL is not set, and the environment names no home folder by its whole path: write sqlite:PATH")

// Database returns the URL of the database: VPSBOT_DATABASE_URL, its file or credential, else a SQLite file in the
// user's state folder. The built-in simulator and each profile have a file of their own. The database need not exist.
func (c Config) Database() (string, error) {
	if given, err := c.givenDatabase(); given != "" || err != nil {
		return given, err
	}
	folder := c.stateFolder()
	if folder == "" {
		return "", errNoFolder
	}
	name := "vpsbot.db"
	if profile := c.Profile().Name; profile != "" {
		name = "profiles/" + profile + ".db"
	} else if c.IsSimulator() {
		name = "simulator.db"
	}
	return "sqlite:" + path.Join(folder, "vpsbot", name), nil
}

// givenDatabase returns the URL that is set; empty: none is.
func (c Config) givenDatabase() (string, error) {
	source := c.secretSource(databaseURL)
	path, namedBy := source.filePath()
	if path == "" {
		return source.value, nil
	}
	url, err := source.reader()()
	if err == nil && checkDatabase(url) != nil {
		err = fmt.Errorf("%s: what the file holds %w", namedBy, checkDatabase(url))
	}
	return url, err
}

// databasePassword returns the password in the URL of the database; empty: it has none.
func (c Config) databasePassword() string {
	given, _ := c.givenDatabase()
	if u, err := url.Parse(given); err == nil && u.User != nil {
		password, _ := u.User.Password()
		return password
	}
	return ""
}

// stateFolder is the folder of this system for the state of programs; empty: there is none. A home that is not
// absolute, such as a ~ that nobody expanded, does not count: it would be another folder in each working folder.
func (c Config) stateFolder() string {
	v := c.vars
	switch {
	case c.goos == "windows":
		return windowsFolder(v.LocalAppData)
	case path.IsAbs(v.StateHome):
		return v.StateHome
	case !path.IsAbs(v.Home):
		return ""
	case c.goos == "darwin":
		return path.Join(v.Home, "Library", "Application Support")
	}
	return path.Join(v.Home, ".local", "state")
}

// windowsFolder returns an absolute path, C:\Users, with the slashes of URLs; "" for other paths.
func windowsFolder(folder string) string {
	folder = strings.ReplaceAll(folder, `\`, "/")
	drive := len(folder) > 2 && folder[1] == ':' && folder[2] == '/'
	if drive || strings.HasPrefix(folder, "//") {
		return folder
	}
	return ""
}

// IsShared reports whether other machines can reach the database too: then the name of a user of this machine
// proves nothing. A URL that cannot be read counts as such.
func (c Config) IsShared() bool {
	url, err := c.Database()
	if err != nil {
		return c.secretSource(databaseURL).isSet()
	}
	return strings.HasPrefix(strings.ToLower(url), "postgres")
}

// checkDatabase does not repeat the text in an error: it may hold a password.
func checkDatabase(text string) error {
	path, isFile := strings.CutPrefix(text, "sqlite:")
	switch {
	case isFile && (path == "~" || strings.HasPrefix(path, "~/")):
		return errors.New("has a path that begins with ~, which only a shell replaces: write the whole path")
	case text == "", isFile, strings.HasPrefix(text, "postgres://"), strings.HasPrefix(text, "postgresql://"):
		return nil
	}
	return errors.New("names no database that is known: write sqlite:PATH")
}

// AuditKeyFile returns the file of the private key that signs the audit log: VPSBOT_AUDIT_KEY_FILE, else the credential
// VPSBOT_AUDIT_KEY, else audit.key beside the SQLite file, one for all profiles; empty where there is
// neither. A file that is named must exist; without the other, nothing is signed.
func (c Config) AuditKeyFile() (path string, isNamed bool) {
	if given := strings.TrimSpace(c.vars.AuditKeyFile); given != "" && !strings.HasPrefix(given, "PRIVATE+KEY+") {
		return given, true
	}
	if path := c.credential(auditKey); path != "" {
		return path, true
	}
	url, err := c.Database()
	database, isFile := strings.CutPrefix(url, "sqlite:")
	if err != nil || !isFile || database == "" {
		return "", false
	}
	folder := filepath.Dir(database)
	if given, err := c.givenDatabase(); c.Profile().Name != "" && given == "" && err == nil {
		folder = filepath.Dir(folder)
	}
	return filepath.Join(folder, "audit.key"), false
}

// AuditStateFile returns the file that keeps the newest checkpoint of the audit log outside its database: one
// for each database, in the folder VPSBOT_AUDIT_STATE, else in the state folder. It is empty where there is
// neither, or no database.
func (c Config) AuditStateFile() string {
	folder := strings.TrimSpace(c.vars.AuditState)
	if state := c.stateFolder(); folder == "" && state != "" {
		folder = filepath.Join(state, "vpsbot")
	}
	place, err := c.DatabasePlace()
	if folder == "" || err != nil {
		return ""
	}
	sum := sha256.Sum256([]byte(place))
	return filepath.Join(folder, "audit-"+hex.EncodeToString(sum[:8])+".checkpoint")
}

// DatabasePlace names the database in one way however its URL is written. User and password do not count.
func (c Config) DatabasePlace() (string, error) {
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

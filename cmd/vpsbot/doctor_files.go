package main

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/vpsbot/vpsbot/internal/config"
	"github.com/vpsbot/vpsbot/internal/store"
)

// checkFiles looks at who else can read the files that hold secrets, and who can write the policy.
// Links are followed: systems that hand out secrets use them. A file that is not there is the business of
// whatever needs it.
func (a *app) checkFiles(cfg config.Config) []finding {
	if a.goos == "windows" {
		return nil // its modes say nothing
	}
	var found []finding
	secrets := cfg.SecretFiles()
	if path, _ := cfg.AuditKeyFile(); path != "" {
		secrets = append(secrets, config.File{Of: "the key that signs the log", Path: path})
	}
	for _, file := range secrets {
		found = append(found, checkSecret(file)...)
	}
	if path := cfg.PolicyFile(); path != "" {
		if who := writable(path); who != "" {
			found = append(found, broken("files", "the policy "+path+": "+who+", and so decide what is allowed", "Run: chmod go-w on it and on its folder."))
		}
	}
	return found
}

func checkSecret(file config.File) []finding {
	const name = "files"
	info, err := os.Stat(file.Path)
	switch {
	case err != nil || info.IsDir():
		return nil
	case info.Mode().Perm()&0o077 != 0:
		return []finding{warn(name, fmt.Sprintf("%s: others can read %s (mode %04o)", file.Of, file.Path, info.Mode().Perm()), "Run: chmod 600 "+shellWord(file.Path))}
	}
	if who := writable(file.Path); who != "" {
		return []finding{warn(name, file.Of+": "+who+", and so replace "+file.Path, "Keep it in a folder of your own.")}
	}
	return nil
}

// writable says who else can write a file or replace it, or nothing.
func writable(path string) string {
	real, err := filepath.EvalSymlinks(path)
	if err != nil {
		return ""
	}
	info, err := os.Stat(real)
	if err != nil {
		return ""
	}
	if info.Mode().Perm()&0o022 != 0 {
		return fmt.Sprintf("others can write it (mode %04o)", info.Mode().Perm())
	}
	for folder := filepath.Dir(real); ; folder = filepath.Dir(folder) {
		info, err := os.Stat(folder)
		if err != nil || store.OthersWrite(info) {
			return "others can write in " + folder
		}
		if folder == filepath.Dir(folder) {
			return ""
		}
	}
}

// checkPlace looks at where the database is. What the store refuses is broken; that a group can write in
// its folder may be meant.
func (a *app) checkPlace(file string) (found finding, bad bool) {
	const name = "store"
	path, err := filepath.Abs(file)
	if err == nil {
		err = store.CheckPlace(path)
	}
	if err != nil {
		return broken(name, err.Error(), "Correct what the line says, or set VPSBOT_DATABASE_URL to sqlite:PATH, a file in a folder of your own."), true
	}
	info, err := os.Stat(filepath.Dir(path))
	if err == nil && a.goos != "windows" && info.Mode().Perm()&0o020 != 0 && info.Mode()&fs.ModeSticky == 0 {
		return warn(name, fmt.Sprintf("a group can write in the folder %s (mode %04o), and so replace the database", filepath.Dir(path), info.Mode().Perm()),
			"Unless the group is yours alone, run: chmod g-w "+shellWord(filepath.Dir(path))), false
	}
	return finding{}, false
}

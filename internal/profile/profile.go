// Package profile keeps what makes vpsbot work for one of several accounts: profiles, which are files of variables, and the
// tokens that a person has entered.
package profile

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/sethvargo/go-envconfig"

	"github.com/vpsbot/vpsbot/internal/config"
	"github.com/vpsbot/vpsbot/internal/text"
)

const (
	maxFile  = 64 << 10 // bytes of a profile
	maxName  = 40       // of its name
	letters  = "abcdefghijklmnopqrstuvwxyz0123456789"
	suffix   = ".env"
	inUse    = "profile" // the file with the name of the profile that profile use has kept
	variable = "VPSBOT_PROFILE"
)

// CheckName says what is wrong with the name of a profile; nil for nothing.
func CheckName(s string) error {
	if strings.HasPrefix(s, "vps_") || strings.HasPrefix(s, "vpsbot_") { // it is not repeated
		return errors.New("what stands in the place of a profile's name looks like a token: vpsbot login asks for that")
	}
	if s == "" || len(s) > maxName || strings.Trim(s, letters+"_-") != "" || !strings.Contains(letters, s[:1]) {
		return fmt.Errorf("%q is no name of a profile: write small letters, digits, - and _, 40 at most", text.Cut(text.Clean(s), 60))
	}
	return nil
}

// Dir is the folder of vpsbot's configuration. Empty: the environment names no home.
type Dir string

// Path is the file of a profile, which need not exist.
func (d Dir) Path(name string) string { return filepath.Join(string(d), "profiles", name+suffix) }

func (d Dir) usedPath() string { return filepath.Join(string(d), inUse) }

// Check fails where there is no folder for profiles and tokens.
func (d Dir) Check() error {
	if d == "" {
		return errors.New("the environment names no home folder by its whole path, so there is no place for profiles and tokens: set HOME")
	}
	return nil
}

// Names returns the names of all profiles, sorted.
func (d Dir) Names() (names []string) {
	for _, file := range d.glob("profiles/*" + suffix) {
		if found := strings.TrimSuffix(filepath.Base(file), suffix); CheckName(found) == nil {
			names = append(names, found)
		}
	}
	slices.Sort(names) // without their ends
	return names
}

// Files are the files of profiles and tokens that exist.
func (d Dir) Files() []string {
	return slices.Concat(d.glob("token*"), d.glob("profiles/*"+suffix), d.glob("profiles/*.token"))
}

// glob returns the files that a pattern matches, sorted. The folder is no part of the pattern: it may have any name.
func (d Dir) glob(pattern string) (paths []string) {
	found, _ := fs.Glob(os.DirFS(string(d)), pattern) // in no folder there is nothing
	for _, file := range found {
		paths = append(paths, filepath.Join(string(d), filepath.FromSlash(file)))
	}
	return paths
}

// Used returns the name of the profile that [Dir.Use] has kept; "" if there is none.
func (d Dir) Used() (string, error) {
	raw, err := os.ReadFile(d.usedPath())
	if d == "" || errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	used := strings.TrimSpace(string(raw))
	if err == nil && CheckName(used) != nil {
		err = fmt.Errorf("the file %s holds no name of a profile: write one with vpsbot profile use NAME", d.usedPath())
	}
	return used, err
}

// Use keeps the name of the profile that counts where none is given; "" for none.
func (d Dir) Use(name string) error {
	if err := d.Check(); err != nil {
		return err
	}
	if name == "" {
		if err := os.Remove(d.usedPath()); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		return nil
	}
	if _, err := d.Load(name); err != nil {
		return err
	}
	return text.WriteFile(d.usedPath(), name+"\n")
}

// Load reads a profile.
func (d Dir) Load(name string) (config.Profile, error) {
	if err := errors.Join(d.Check(), CheckName(name)); err != nil {
		return config.Profile{}, err
	}
	p := config.Profile{Name: name, Path: d.Path(name)}
	file, err := os.Open(p.Path)
	if errors.Is(err, fs.ErrNotExist) {
		return p, &Unknown{p, text.Suggest(name, d.Names())}
	} else if err != nil {
		return p, config.Denied(err, string(d))
	}
	defer file.Close() //nolint:errcheck // it was only read
	info, err := file.Stat()
	if err == nil {
		err = config.CheckPrivate(p.Path, info)
	}
	if err != nil {
		return p, err
	}
	raw, err := io.ReadAll(io.LimitReader(file, maxFile+1))
	if err == nil {
		p.Variables, err = Parse(raw)
	}
	if err != nil {
		err = fmt.Errorf("%s: %w", p.Path, err)
	}
	return p, err
}

// Unknown is the error for a profile that does not exist.
type Unknown struct {
	Profile config.Profile
	near    string // the profile that may be meant
}

func (e *Unknown) Error() string {
	next := fmt.Sprintf("vpsbot login --profile %s makes it", e.Profile.Name)
	if e.near != "" {
		next = "did you mean " + e.near + "? Else " + next
	}
	return fmt.Sprintf("there is no profile %s (%s): %s", e.Profile.Name, e.Profile.Path, next)
}

// Create makes a profile with variables, unless it exists.
func (d Dir) Create(name string, variables map[string]string) error {
	if _, err := os.Stat(d.Path(name)); err == nil || !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	lines := "# The profile " + name + " of vpsbot: NAME=VALUE, one a line. vpsbot help environment lists the names.\n"
	for key, value := range variables {
		lines += key + "=" + value + "\n"
	}
	return text.WriteFile(d.Path(name), lines)
}

// Parse reads the lines NAME=VALUE of a profile. A value goes to the end of its line. The errors name lines, and have no
// value.
func Parse(raw []byte) (map[string]string, error) {
	variables, at := map[string]string{}, map[string]int{}
	switch raw = bytes.TrimPrefix(raw, []byte("\ufeff")); {
	case len(raw) > maxFile:
		return nil, fmt.Errorf("it is longer than %d bytes, which no profile is", maxFile)
	case !utf8.Valid(raw) || bytes.IndexByte(raw, 0) >= 0:
		return nil, errors.New("it is no text in UTF-8")
	}
	number := 0
	for line := range strings.Lines(string(raw)) {
		number++
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' {
			continue
		}
		name, value, ok := strings.Cut(line, "=")
		var err error
		switch {
		case strings.HasPrefix(line, "export "):
			err = errors.New("leave out the word export: write NAME=VALUE")
		case !ok:
			err = errors.New("this is not NAME=VALUE")
		case name != strings.TrimSpace(name):
			err = errors.New("leave out the space before =")
		default:
			err = config.CheckVariable(name, value)
		}
		if first := at[name]; err == nil && first > 0 {
			err = fmt.Errorf("%s is in line %d too: remove one of them", name, first)
		}
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", number, err)
		}
		variables[name], at[name] = strings.TrimSpace(value), number
	}
	return variables, nil
}

// Choose returns the profile of --profile, else that of VPSBOT_PROFILE, else that of profile use; the zero Profile if
// there is none. What profile use has kept does not count where the environment names a token or an API: a program that
// was set up by variables goes on with them.
func Choose(env envconfig.Lookuper, dir Dir, flag string) (config.Profile, error) {
	by := config.GivenBy(env, "VPS_API_TOKEN")
	if flag != "" {
		if by != "" && !strings.Contains(by, "credential") {
			return config.Profile{}, fmt.Errorf("--profile %s and %s are both given, and each names a token: unset %[2]s, or leave --profile out", text.Clean(flag), by)
		}
		return load(dir, flag, "--profile")
	}
	given, _ := env.Lookup(variable)
	if given = strings.TrimSpace(given); given != "" {
		return load(dir, given, variable)
	}
	api, _ := env.Lookup("VPS_API_URL")
	if by != "" || strings.TrimSpace(api) != "" {
		return config.Profile{}, nil
	}
	used, err := dir.Used()
	if used == "" || err != nil {
		return config.Profile{}, err
	}
	return load(dir, used, "vpsbot profile use")
}

func load(dir Dir, name, by string) (config.Profile, error) {
	p, err := dir.Load(name)
	p.ChosenBy = by
	if unknown, ok := errors.AsType[*Unknown](err); ok {
		unknown.Profile.ChosenBy = by
	}
	if err != nil {
		return config.Profile{}, fmt.Errorf("%s: %w", by, err)
	}
	return p, nil
}

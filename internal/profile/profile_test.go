package profile

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/sethvargo/go-envconfig"
	"github.com/stretchr/testify/require"
)

func TestParse(t *testing.T) {
	got, err := Parse([]byte("\ufeff# prod\r\n\r\n VPS_API_URL = \n"))
	require.Nil(t, got)
	require.EqualError(t, err, "line 3: leave out the space before =")
	got, err = Parse([]byte("\ufeff# prod\r\n\r\nVPS_API_URL=https://a.example.com?x=y\r\n  VPSBOT_OPERATIONS= servers.* \nVPSBOT_DATABASE_URL=\n"))
	require.NoError(t, err)
	require.Equal(t, map[string]string{"VPS_API_URL": "https://a.example.com?x=y", "VPSBOT_OPERATIONS": "servers.*", "VPSBOT_DATABASE_URL": ""}, got)
}

// A mistake is named with its line, and without a value.
func TestMistakesOfAProfile(t *testing.T) {
	for line, want := range map[string]string{
		"hush4711":                               "line 2: this is not NAME=VALUE",
		"export VPS_API_TOKEN=hush4711":          "line 2: leave out the word export: write NAME=VALUE",
		"hush4711=1":                             "line 2: what stands before = is no variable of vpsbot: vpsbot help environment lists them",
		"VPS_API_TOKN=hush4711":                  "line 2: VPS_API_TOKN is no variable of vpsbot; VPS_API_TOKEN is",
		"VPS_API_TOKEN='hush4711'":               "line 2: VPS_API_TOKEN begins with a quotation mark: leave the quotation marks out",
		"VPS_API_TOKEN_FILE=vps_hush4711":        "line 2: VPS_API_TOKEN_FILE holds what looks like a secret, and must name a file: for the secret itself write VPS_API_TOKEN",
		"VPS_API_TOKEN_FILE=~/token":             "line 2: VPS_API_TOKEN_FILE must name its place by the whole path, beginning with /",
		"VPSBOT_POLICY_FILE=hush4711":            "line 2: VPSBOT_POLICY_FILE must name its place by the whole path, beginning with /",
		"VPSBOT_AUDIT_STATE=hush4711":            "line 2: VPSBOT_AUDIT_STATE must name its place by the whole path, beginning with /",
		"VPSBOT_DATABASE_URL=sqlite:hush4711.d":  "line 2: VPSBOT_DATABASE_URL must name its place by the whole path, beginning with /",
		"VPSBOT_DATABASE_URL= sqlite:~/hush4711": "line 2: VPSBOT_DATABASE_URL must name its place by the whole path, beginning with /",
		"VPSBOT_READ_ONLY=false":                 "line 2: VPSBOT_READ_ONLY is in line 1 too: remove one of them",
		"HOME=/hush4711":                         "line 2: HOME is for the environment, not for a profile: remove the line",
		"VPSBOT_PROFILE=hush4711":                "line 2: VPSBOT_PROFILE is for the environment, not for a profile: remove the line",
		"VPSBOT_KEY=\xffhush4711":                "it is no text in UTF-8",
		"VPSBOT_KEY=hush4711" + string(rune(0)):  "it is no text in UTF-8",
	} {
		_, err := Parse([]byte("VPSBOT_READ_ONLY=true\n" + line))
		require.EqualError(t, err, want)
		require.NotContains(t, err.Error(), "hush")
	}
	_, err := Parse([]byte("VPSBOT_AUDIT_STATE=/var/x\nVPSBOT_DATABASE_URL=sqlite::memory:\nVPSBOT_POLICY_FILE=\n"))
	require.NoError(t, err)
	_, err = Parse(make([]byte, maxFile+1))
	require.ErrorContains(t, err, "it is longer than")
}

func TestNames(t *testing.T) {
	for _, good := range []string{"a", "prod", "prod-2", "p_1", "0"} {
		require.NoError(t, CheckName(good))
	}
	for _, bad := range []string{"", "-a", "Prod", "a.b", "a/b", "..", "a b", "é", "a\n", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"} {
		require.ErrorContains(t, CheckName(bad), "is no name of a profile", bad)
	}
}

// The folder of a home may have any name, and without a home nothing is read, or removed, where the process happens to be.
func TestAnyFolder(t *testing.T) {
	for _, name := range []string{"a [b]*?", "\\", "[", "plain"} {
		dir := Dir(filepath.Join(t.TempDir(), name))
		require.NoError(t, dir.Create("prod", nil))
		require.NoError(t, os.WriteFile(filepath.Join(string(dir), "token"), nil, 0o600))
		require.Equal(t, []string{"prod"}, dir.Names(), name)
		require.Equal(t, []string{filepath.Join(string(dir), "token"), dir.Path("prod")}, dir.Files(), name)
	}
	t.Chdir(t.TempDir())
	require.NoError(t, os.MkdirAll("profiles", 0o700))
	for _, file := range []string{"profile", "token", "profiles/prod.env"} {
		require.NoError(t, os.WriteFile(file, []byte("prod"), 0o600))
	}
	require.Empty(t, Dir("").Names())
	require.Empty(t, Dir("").Files())
	for _, name := range []string{"", "prod"} {
		require.ErrorContains(t, Dir("").Use(name), "set HOME")
	}
	used, err := Dir("").Used()
	require.NoError(t, err)
	require.Empty(t, used)
	require.FileExists(t, "profile")
}

func newDir(t *testing.T, profiles ...string) Dir {
	t.Helper()
	dir := Dir(filepath.Join(t.TempDir(), "vpsbot"))
	for _, name := range profiles {
		require.NoError(t, dir.Create(name, map[string]string{"VPS_API_URL": "https://" + name + ".example.com"}))
	}
	return dir
}

func TestChoose(t *testing.T) {
	dir, credentials := newDir(t, "flag", "variable", "used"), t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(credentials, "VPS_API_TOKEN"), []byte("x"), 0o600))
	require.NoError(t, dir.Use("used"))
	for name, test := range map[string]struct {
		env      map[string]string
		flag     string
		want, by string // by: also what the error says
	}{
		"the flag":                  {map[string]string{"VPSBOT_PROFILE": "variable"}, "flag", "flag", "--profile"},
		"the variable":              {map[string]string{"VPSBOT_PROFILE": " variable "}, "", "variable", "VPSBOT_PROFILE"},
		"what is kept":              {map[string]string{"VPSBOT_PROFILE": " "}, "", "used", "vpsbot profile use"},
		"kept, and a token":         {map[string]string{"VPS_API_TOKEN": "t"}, "", "", ""},
		"kept, and a token's file":  {map[string]string{"VPS_API_TOKEN_FILE": "/t"}, "", "", ""},
		"kept, and a credential":    {map[string]string{"CREDENTIALS_DIRECTORY": credentials}, "", "", ""},
		"kept, and an API":          {map[string]string{"VPS_API_URL": "simulator"}, "", "", ""},
		"the variable and a token":  {map[string]string{"VPSBOT_PROFILE": "variable", "VPS_API_TOKEN": "t"}, "", "variable", "VPSBOT_PROFILE"},
		"the flag and a credential": {map[string]string{"CREDENTIALS_DIRECTORY": credentials}, "flag", "flag", "--profile"},
		"the flag and a token":      {map[string]string{"VPS_API_TOKEN": "hush"}, "flag", "", "--profile flag and VPS_API_TOKEN are both given, and each names a token: unset VPS_API_TOKEN, or leave --profile out"},
		"the flag and a file":       {map[string]string{"VPS_API_TOKEN_FILE": "/hush"}, "flag", "", "--profile flag and VPS_API_TOKEN_FILE are both given"},
		"a misspelt one":            {nil, "fleg", "", "did you mean flag? Else vpsbot login --profile fleg makes it"},
		"no name":                   {map[string]string{"VPSBOT_PROFILE": "../x"}, "", "", `VPSBOT_PROFILE: "../x" is no name of a profile`},
	} {
		t.Run(name, func(t *testing.T) {
			p, err := Choose(envconfig.MapLookuper(test.env), dir, test.flag)
			require.Equal(t, test.want, p.Name)
			if test.want == "" && test.by != "" {
				require.ErrorContains(t, err, test.by)
				require.NotContains(t, err.Error(), "hush")
				return
			}
			require.NoError(t, err)
			require.Equal(t, test.by, p.ChosenBy)
			if test.want != "" {
				require.Equal(t, "https://"+test.want+".example.com", p.Variables["VPS_API_URL"])
			}
		})
	}
	_, err := Choose(envconfig.MapLookuper(nil), "", "flag")
	require.ErrorContains(t, err, "set HOME")
	p, err := Choose(envconfig.MapLookuper(nil), "", "")
	require.NoError(t, err)
	require.Empty(t, p.Name)
}

func TestUse(t *testing.T) {
	dir := newDir(t, "stage", "prod-2", "prod")
	require.Equal(t, []string{"prod", "prod-2", "stage"}, dir.Names())
	require.Empty(t, Dir("").Names())
	require.ErrorContains(t, dir.Use("prot"), "did you mean prod?")
	require.NoError(t, dir.Use("stage"))
	used, err := dir.Used()
	require.NoError(t, err)
	require.Equal(t, "stage", used)
	for range 2 {
		require.NoError(t, dir.Use(""))
	}
	used, err = dir.Used()
	require.NoError(t, err)
	require.Empty(t, used)
	require.NoError(t, os.WriteFile(dir.usedPath(), []byte("../x\n"), 0o600))
	_, err = dir.Used()
	require.ErrorContains(t, err, "write one with vpsbot profile use NAME")
}

// A profile says where the token is sent: nobody else may write it, and nobody else may read what may have secrets.
func TestProfileMustBePrivate(t *testing.T) {
	dir := newDir(t, "prod")
	path := dir.Path("prod")
	info, err := os.Stat(filepath.Dir(path))
	require.NoError(t, err)
	require.Equal(t, "drwx------", info.Mode().String())
	for _, mode := range []os.FileMode{0o640, 0o602, 0o604} {
		require.NoError(t, os.Chmod(path, mode))
		_, err = dir.Load("prod")
		require.ErrorContains(t, err, "run: chmod 600 "+path)
	}
	require.NoError(t, os.Chmod(path, 0o600))
	_, err = dir.Load("prod")
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(path, []byte("\nVPS_API_TOKEN hush\n"), 0o600))
	_, err = dir.Load("prod")
	require.EqualError(t, err, path+": line 2: this is not NAME=VALUE")
	require.NoError(t, dir.Create("prod", nil), "it stays as it is")
	_, err = dir.Load("prod")
	require.Error(t, err)
	require.Equal(t, []string{path}, dir.Files())
	require.Empty(t, Dir("").Files())
}

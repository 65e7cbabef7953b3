package doctor

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/vpsbot/vpsbot/internal/app"
	"github.com/vpsbot/vpsbot/internal/approval"
	"github.com/vpsbot/vpsbot/internal/audit"
	"github.com/vpsbot/vpsbot/internal/config"
	"github.com/vpsbot/vpsbot/internal/store"
	"github.com/vpsbot/vpsbot/internal/text"
)

const setDatabase = "Set VPSBOT_DATABASE_URL to sqlite:PATH, a file that you may write to. Without a store nothing is changed."

// maxRecords bounds how many open approvals are counted.
const maxRecords = 10_000

// checkStore checks the database's file, and opens the database if that neither makes nor changes a file;
// then it tries a write that changes nothing, and verifies the audit log.
func (d *doctor) checkStore(ctx context.Context) []Finding {
	const name = "store"
	file, ready := d.checkFile()
	if !ready {
		return []Finding{file}
	}
	db, err := d.Store.Open(ctx)
	if err != nil {
		next := setDatabase
		if d.Config.IsShared() { // another would split the approvals and the log
			next = "Bring that database back: is it running, can this machine reach it, is the password right? Until then nothing is changed; do not set another."
		}
		return []Finding{fail(name, err.Error(), next)}
	}
	// A record that does not exist takes the write lock, and no row is written.
	if _, err := db.MarkDelivered(ctx, "doctor", d.env.Clock()); !errors.Is(err, approval.ErrNotFound) {
		return []Finding{fail(name, fmt.Sprintf("it cannot be written to: %v", err), "Check the disk and who owns the database.")}
	}
	if err := db.CheckDirect(ctx); err != nil {
		return []Finding{fail(name, err.Error(), "Set VPSBOT_DATABASE_URL to the address of the server itself.")}
	}
	return append(append([]Finding{file}, d.checkLog(ctx)...), d.checkOpen(ctx, db))
}

// checkFile checks whether the database's file exists, and who else may read it. It is ready to be opened
// unless that would make it, or narrow its mode.
func (d *doctor) checkFile() (found Finding, ready bool) {
	const name = "store"
	url, err := d.Config.Database()
	if err != nil {
		return fail(name, err.Error(), setDatabase), false
	}
	file, isFile := strings.CutPrefix(url, "sqlite:")
	if !isFile {
		return pass(name, "open and writable"), true
	}
	folder := d.checkFolder(file)
	if folder.Status == StatusFail {
		return folder, false
	}
	info, err := os.Stat(file)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return d.checkMissing(file), false
	case err != nil:
		return fail(name, fmt.Sprintf("the database's file cannot be read: %v", err), setDatabase), false
	}
	if mode := info.Mode().Perm(); mode&0o077 != 0 && d.env.GOOS != "windows" {
		return fail(name, fmt.Sprintf("%s can be read by others (mode %04o)", file, mode), "Run: chmod 600 "+text.ShellWord(file)), false
	}
	if folder.Status != "" {
		return folder, true
	}
	return pass(name, "%s, writable, for you alone", file), true
}

// checkFolder fails for a folder that the store refuses, and warns where a group can write in it, which may
// be meant. The zero Finding is none.
func (d *doctor) checkFolder(file string) Finding {
	const name = "store"
	path, err := filepath.Abs(file)
	if err == nil {
		err = store.CheckPlace(path)
	}
	if err != nil {
		return fail(name, err.Error(), "Correct what the line says, or set VPSBOT_DATABASE_URL to sqlite:PATH, a file in a folder of your own.")
	}
	folder := filepath.Dir(path)
	info, err := os.Stat(folder)
	if err == nil && d.env.GOOS != "windows" && info.Mode().Perm()&0o020 != 0 && info.Mode()&fs.ModeSticky == 0 {
		return warn(name, fmt.Sprintf("a group can write in the folder %s (mode %04o), and so replace the database", folder, info.Mode().Perm()),
			"Unless the group is yours alone, run: chmod g-w "+text.ShellWord(folder))
	}
	return Finding{}
}

// checkMissing fails for a database that was removed, with its freeze and its log. One that never was can be
// made if the nearest folder that exists is writable.
func (d *doctor) checkMissing(file string) Finding {
	const name = "store"
	if kept, err := app.CheckpointKeeper(d.Config).Newest(); err == nil && kept.Seq > 0 {
		return fail(name, fmt.Sprintf("%s is not there, and its log had %d rows: it was removed", file, kept.Seq),
			"Find out who removed it, and put it back from a copy.")
	}
	for folder := filepath.Dir(file); ; folder = filepath.Dir(folder) {
		info, err := os.Stat(folder)
		switch {
		case err == nil && info.IsDir() && info.Mode().Perm()&0o222 != 0:
			return pass(name, "%s is not there yet; it will be made when first needed", file)
		case errors.Is(err, fs.ErrNotExist) && folder != filepath.Dir(folder):
			continue
		}
		return fail(name, fmt.Sprintf("%s is not there, and cannot be made in %s", file, folder), setDatabase)
	}
}

// checkLog verifies the newest rows of the audit log, and all of it if there is a fault in them; and checks that its newest checkpoint can be kept
// outside the database.
func (d *doctor) checkLog(ctx context.Context) []Finding {
	const name = "audit log"
	const next = "Keep the database as it is and find out who can write to it; vpsbot audit verify says more."
	check, err := d.env.LogCheck(d.Config, nil)
	var report audit.Report
	if err == nil {
		report, err = app.VerifyNewest(ctx, d.Config, check)
	}
	found := []Finding{pass(name, "whole, %s", text.Plural(int(report.Rows), "row"))}
	if report.First > 1 {
		found = []Finding{pass(name, "whole from row %d to its last, %d; vpsbot audit verify reads all of it", report.First, report.Rows)}
	}
	if _, unsigned := errors.AsType[*audit.UnsignedError](err); unsigned {
		found = []Finding{fail(name, err.Error(), "Give every process the key (VPSBOT_AUDIT_KEY_FILE); vpsbot audit verify says more.")}
	} else if err != nil {
		found = []Finding{fail(name, err.Error(), next)}
	}
	if key, err := app.SigningKey(d.Config); err != nil || key.Verifier() == "" {
		return found // nothing is signed, so no checkpoint is kept
	}
	if err := app.CheckpointKeeper(d.Config).CheckWritable(); err != nil {
		found = append(found, warn(name, fmt.Sprintf("its newest checkpoint is not kept outside the database: %v", err),
			"Set VPSBOT_AUDIT_STATE to a folder that you may write to; else nothing shows that a database was put back to an earlier state."))
	}
	return found
}

// checkOpen counts the open approvals of this account: a database may have those of others. An API that
// cannot be reached is not asked whose account it is: that would wait for it once more.
func (d *doctor) checkOpen(ctx context.Context, db approval.Store) Finding {
	const name = "approvals"
	if d.address.Status == StatusFail {
		return warn(name, "not counted: the API cannot be reached", "")
	}
	q, err := d.Runner.Scope(ctx)
	if err != nil { // the next step is with the token
		return warn(name, "not counted: whose account it is cannot be read", "")
	}
	q.States, q.Limit = approval.Open, maxRecords
	records, err := db.Find(ctx, q)
	if err != nil {
		return fail(name, err.Error(), "Check the database.")
	}
	open, unknown := 0, ""
	for _, rec := range records {
		if !rec.Overdue(d.Now()) {
			open++
		}
		if rec.State == approval.Unknown && unknown == "" {
			unknown = rec.ID
		}
	}
	if unknown != "" {
		return warn(name, fmt.Sprintf("%d open; of one it is not known whether it happened", open),
			"Look at the server, then: vpsbot approvals settle "+unknown+" done|not_applied")
	}
	return pass(name, "%d open on the account %s", open, q.Account)
}

// checkFiles checks who else can read the files of secrets, and who can write the policy file. It follows
// links: systems that hand out secrets use them. A file that does not exist fails where it is needed.
func (d *doctor) checkFiles() []Finding {
	if d.env.GOOS == "windows" {
		return nil // its modes say nothing
	}
	secrets := d.Config.SecretFiles()
	if path, _ := d.Config.AuditKeyFile(); path != "" {
		secrets = append(secrets, config.File{Of: "the key that signs the log", Path: path})
	}
	var found []Finding
	for _, path := range d.env.Dir().Files() {
		secrets = append(secrets, config.File{Of: "what vpsbot login and profiles keep", Path: path})
		if info, err := os.Stat(path); err == nil && info.Mode().Perm()&0o077 == 0 {
			if err := config.CheckPrivate(path, info); err != nil {
				found = append(found, warn("files", err.Error(), "Do what the line says; until then the file is not read."))
			}
		}
	}
	for _, file := range secrets {
		found = append(found, checkSecret(file)...)
	}
	if path := d.Config.PolicyFile(); path != "" {
		if who := otherWriters(path); who != "" {
			found = append(found, fail("files", "the policy "+path+": "+who+", and so decide what is allowed", "Run: chmod go-w on it and on its folder."))
		}
	}
	return found
}

func checkSecret(file config.File) []Finding {
	const name = "files"
	info, err := os.Stat(file.Path)
	switch {
	case err != nil || info.IsDir():
		return nil
	case info.Mode().Perm()&0o077 != 0:
		return []Finding{warn(name, fmt.Sprintf("%s: others can read %s (mode %04o)", file.Of, file.Path, info.Mode().Perm()), "Run: chmod 600 "+text.ShellWord(file.Path))}
	}
	if who := otherWriters(file.Path); who != "" {
		return []Finding{warn(name, file.Of+": "+who+", and so replace "+file.Path, "Keep it in a folder of your own.")}
	}
	return nil
}

// otherWriters says who else can write or replace a file; "" if nobody can.
func otherWriters(path string) string {
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

package tools

import "github.com/vpsbot/vpsbot/apiclient"

// Inputs that several operations share. A field's doc tag is its description on every
// surface, its rule tag names its entry in rules; omitzero makes it optional.

type noIn struct{}

type serverIn struct {
	Server string `json:"server" doc:"Server id or exact name"`
}

type backupIn struct {
	BackupID apiclient.ID `json:"backup_id" doc:"Backup id"`
}

type snapshotIn struct {
	SnapshotID apiclient.ID `json:"snapshot_id" doc:"Snapshot id"`
}

// None is the result of an operation that answers nothing but success.
type None struct{}

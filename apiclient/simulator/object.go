package simulator

import "time"

// Server is a server of the world.
type Server struct {
	ID int
	// Name may be anything here; only the API insists on letters, digits and hyphens.
	Name string
	// Hostname, IPAddress and IPv6Address are shown as null where they are empty.
	Hostname, IPAddress, IPv6Address string
	// Status is any word. One of the transitional words moves on at SettlesAt.
	Status         string
	Location       string
	Plan           Plan
	OS             OS
	BackupsEnabled bool
	Usage          Usage
	CreatedAt      time.Time
	UpdatedAt      time.Time
	// SettlesAt is when a transitional status ends. Zero: never, which a test sets to have a server that is stuck.
	SettlesAt time.Time
}

// Usage is what a server uses: processor in percent, memory in MB, disk and bandwidth in GB.
type Usage struct {
	CPUPercent                          float64
	MemoryUsed, DiskUsed, BandwidthUsed int
	// MeasuredAt counts for the updated_at of the detail, which shows the usage, but not of the list: so it is
	// in the documentation's samples, where the two differ for one server.
	MeasuredAt time.Time
}

// OS is an operating system.
type OS struct {
	ID   int
	Name string
}

// Plan is a plan: memory in MB, storage and bandwidth in GB.
type Plan struct {
	ID                                int
	Name, Slug                        string
	VCPUs, Memory, Storage, Bandwidth int
	PriceMonthly, PriceHourly         float64
	Available                         bool
	Locations                         []string
	Description                       string
}

// Image is what backups and snapshots have in common.
type Image struct {
	ID       int
	ServerID int
	// ServerName is shown where the server no longer exists.
	ServerName  string
	Status      string
	SizeMB      int // 0 is shown as null
	CreatedAt   time.Time
	Description string
	// SettlesAt is when it stops being in progress. Zero: never.
	SettlesAt time.Time
}

// Backup is a backup of a server; ExpiresAt zero is shown as null.
type Backup struct {
	Image
	BackupType string
	ExpiresAt  time.Time
}

// Snapshot is a snapshot of a server.
type Snapshot struct {
	Image
	Name string
}

// Domain is a registered domain.
type Domain struct {
	ID                               int
	DomainName, Status               string
	RegistrationDate, ExpirationDate time.Time
	AutoRenew, Locked                bool
	Nameservers                      []string
	PrivacyProtection                bool
	DNSManagedBy                     string
}

// Zone is a DNS zone.
type Zone struct {
	UUID, Domain string
	CreatedAt    time.Time
	RecordCount  int
}

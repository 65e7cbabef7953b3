package apiclient

// Summary is what an answer says of itself, whatever it is about. What it does not say is zero.
type Summary struct {
	ID        ID     // of the object
	Message   string // the API's own words
	Status    string // of the object that the work is done on
	Address   string // of a server
	NoAddress bool   // a server has none yet; it may get one a moment after it is active
}

// Summary returns the API's words, and the status of the server.
func (a ActionResult) Summary() Summary { return Summary{Message: a.Message, Status: a.Server.Status} }

// Summary returns what a server says of itself.
func (s Server) Summary() Summary {
	return Summary{ID: s.ID, Message: s.Message, Status: s.Status, Address: s.Address(), NoAddress: s.Address() == ""}
}

// Summary returns what a backup says of itself.
func (b Backup) Summary() Summary { return Summary{ID: b.ID, Message: b.Message, Status: b.Status} }

// Summary returns what a snapshot says of itself.
func (s Snapshot) Summary() Summary { return Summary{ID: s.ID, Message: s.Message, Status: s.Status} }

package simulator

import "slices"

type imageServer struct {
	idWire
	Name string `json:"name"`
}

// imageServer names the server of an image as it is called now, or was when it was last there.
func (w *World) imageServer(i *Image) imageServer {
	name := i.ServerName
	if s := w.Servers[i.ServerID]; s != nil {
		name = s.Name
	}
	return imageServer{w.wireID(i.ServerID), name}
}

// newestFirst are the values of a map by descending key.
func newestFirst[V any](m map[int]*V) []*V {
	values := ordered(m)
	slices.Reverse(values)
	return values
}

// newImage reads what the forms of backups and snapshots have in common.
func (c *call) newImage() (Image, *answer) {
	id := c.idField("server_id", true)
	description := field[string](&c.form, "description", false, notText)
	if refusal := c.form.refusal(); refusal != nil {
		return Image{}, refusal
	}
	if c.Servers[*id] == nil {
		return Image{}, notFound()
	}
	image := Image{ServerID: *id, Status: InProgress, SettlesAt: c.due(InProgress)}
	set(&image.Description, description)
	return image, nil
}

func count[V any](m map[int]*V, wanted func(*V) bool) (n int) {
	for _, v := range m {
		if wanted(v) {
			n++
		}
	}
	return n
}

package fakeslack

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"path"
	"slices"
	"strconv"
)

// File is a file that the app uploaded. Title and Channel are empty until it is shared.
type File struct {
	ID, Name, Title, Channel string
	Content                  []byte

	length   int
	uploaded bool
}

// Files are all files whose content arrived, in the order of their uploads.
func (s *Slack) Files() (all []File) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, f := range s.files {
		if f.uploaded {
			all = append(all, *f)
		}
	}
	return all
}

func uploadURL(s *Slack, p params) answer {
	length, err := strconv.Atoi(p.str("length"))
	if p.str("filename") == "" || err != nil || length <= 0 {
		return no("invalid_arguments")
	}
	f := &File{ID: fmt.Sprintf("F%06d", s.next()), Name: p.str("filename"), length: length}
	s.files = append(s.files, f)
	return ok(answer{"upload_url": s.server.URL + "/upload/" + f.ID, "file_id": f.ID})
}

// upload takes the bytes of a file, which are a part of a form.
func (s *Slack) upload(q request) {
	id := path.Base(q.r.URL.Path)
	q.r.Body = io.NopCloser(bytes.NewReader(q.body))
	var content []byte
	part, _, err := q.r.FormFile("file")
	if err == nil {
		content, err = io.ReadAll(part)
	}
	s.guard("an uploaded file", string(content))
	s.log(Call{Method: "upload", Params: params{"file": id}})
	s.mu.Lock()
	defer s.mu.Unlock()
	f := findFile(s, id)
	if f == nil || err != nil {
		http.Error(q.w, "no_file", http.StatusBadRequest)
		return
	}
	if len(content) != f.length {
		s.fail("file %s was announced with %d bytes and has %d", f.Name, f.length, len(content))
	}
	f.Content, f.uploaded = content, true
	_, _ = io.WriteString(q.w, "OK - "+strconv.Itoa(len(content)))
}

func findFile(s *Slack, id string) *File {
	i := slices.IndexFunc(s.files, func(f *File) bool { return f.ID == id })
	if i < 0 {
		return nil
	}
	return s.files[i]
}

// completeUpload shares a file with a channel.
func completeUpload(s *Slack, p params) answer {
	var wanted []struct{ ID, Title string }
	if _, err := p.value("files", &wanted); err != nil || len(wanted) != 1 {
		return no("invalid_arguments")
	}
	c := s.channels[p.str("channel_id")]
	if a := c.writable(s.o.BotUser); a != nil {
		return a
	}
	f := findFile(s, wanted[0].ID)
	if f == nil || !f.uploaded {
		return no("file_not_found")
	}
	f.Title, f.Channel = wanted[0].Title, c.id
	v := Version{Fallback: p.str("initial_comment"), At: s.now()}
	if bad := check(s).text(v.Fallback); len(bad) > 0 {
		return s.refuse("files.completeUploadExternal", "invalid_arguments", bad)
	}
	s.add(c, &Message{From: s.o.BotUser, Thread: p.str("thread_ts"), Files: []File{*f}}, v)
	return ok(answer{"files": []any{map[string]any{"id": f.ID, "title": f.Title}}})
}

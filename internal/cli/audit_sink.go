package cli

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/vpsbot/vpsbot/internal/app"
	"github.com/vpsbot/vpsbot/internal/audit"
	"github.com/vpsbot/vpsbot/internal/runner"
)

// sink takes the lines of a log that is followed.
type sink interface {
	write(at time.Time, line []byte) error
	sync() error // what was written is there, as far as can be known
	close()      // a socket is connected to again by the next write
}

const sinkForms = "a file, - for stdout, syslog:///dev/log, unix:PATH or tcp://HOST:PORT"

func newSink(to string, stdout io.Writer) (sink, error) {
	scheme, place, hasScheme := strings.Cut(to, ":")
	switch {
	case to == "-":
		return &streamSink{Writer: stdout}, nil
	case hasScheme && scheme == "syslog", hasScheme && scheme == "unix":
		path := strings.TrimPrefix(place, "//")
		if !strings.HasPrefix(path, "/") {
			return nil, app.Errorf(runner.Invalid, "--to: %s needs the whole path of a socket: --to takes %s", scheme, sinkForms)
		}
		return &syslog{address: path}, nil
	case hasScheme && scheme == "tcp":
		address := strings.TrimPrefix(place, "//")
		_, port, _ := net.SplitHostPort(address)
		if _, err := strconv.ParseUint(port, 10, 16); err != nil { // no port is none either
			return nil, app.Errorf(runner.Invalid, "--to: tcp needs HOST:PORT: --to takes %s", sinkForms)
		}
		return &syslog{network: "tcp", address: address}, nil
	case hasScheme && strings.HasPrefix(place, "//"), to == "":
		return nil, app.Errorf(runner.Invalid, "--to takes %s", sinkForms)
	}
	return openFileSink(to)
}

// local is what sinks on this machine have in common.
type local struct{}

func (local) sync() error { return nil }
func (local) close()      {}

type streamSink struct {
	local
	io.Writer
}

func (s *streamSink) write(_ time.Time, line []byte) error {
	if _, err := s.Write(line); err != nil {
		return permanent("stdout cannot be written to: %v", err)
	}
	return nil
}

// fileSink appends to a file, and to a new one where it was rotated.
type fileSink struct {
	local
	path string
	file *os.File
}

func openFileSink(path string) (*fileSink, error) {
	s := &fileSink{path: path}
	return s, s.reopen()
}

func (s *fileSink) reopen() (err error) {
	s.close()
	s.file, err = os.OpenFile(s.path, os.O_RDWR|os.O_APPEND|os.O_CREATE, 0o600)
	return err
}

func (s *fileSink) write(_ time.Time, line []byte) error {
	here, err := s.file.Stat()
	there, pathErr := os.Stat(s.path)
	if err == nil && (pathErr != nil || !os.SameFile(here, there)) {
		err = errors.Join(s.file.Sync(), s.reopen())
	}
	if err == nil {
		_, err = s.file.Write(line)
	}
	if err != nil {
		return permanent("%s cannot be written to: %v", s.path, err) // whoever starts it anew continues after the last whole line
	}
	return nil
}

func (s *fileSink) sync() error {
	if err := s.file.Sync(); err != nil {
		return permanent("%s cannot be written to: %v", s.path, err) // another try would not write it again
	}
	return nil
}

func (s *fileSink) close() { _ = s.file.Close() } // it was synced, or is nil

// recover cuts off a line of ours that was not written whole, and returns the last row of the file; none for a file that
// has none.
func (s *fileSink) recover() (last cursor, err error) {
	info, err := s.file.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = app.Errorf(runner.Invalid, "--to: %s is no file: --to takes %s", s.path, sinkForms)
	}
	if err != nil {
		return last, err
	}
	end := info.Size()
	for size := int64(64 << 10); ; size *= 4 {
		from := max(end-size, 0)
		tail := make([]byte, end-from)
		if _, err := s.file.ReadAt(tail, from); err != nil && !errors.Is(err, io.EOF) {
			return last, err
		}
		whole := bytes.LastIndexByte(tail, '\n') + 1
		if whole == 0 && from > 0 {
			continue
		}
		last, ok := lastRow(tail[:whole])
		if !ok && from > 0 {
			continue
		}
		rest := tail[whole:]
		if n := min(len(rest), 7); string(rest[:n]) != `{"seq":`[:n] && string(rest[:n]) != `{"check`[:n] {
			return last, app.Errorf(runner.Invalid, "--to: %s ends with something else than rows of the log, and is left as it is: name another file", s.path)
		}
		return last, s.file.Truncate(from + int64(whole))
	}
}

// lastRow returns the last row of whole lines, and whether a checkpoint follows it.
func lastRow(lines []byte) (last cursor, ok bool) {
	for len(lines) > 0 {
		start := bytes.LastIndexByte(lines[:len(lines)-1], '\n') + 1
		var line struct {
			audit.Row
			Checkpoint string `json:"checkpoint"`
		}
		err := json.Unmarshal(lines[start:], &line)
		switch {
		case err == nil && line.Checkpoint != "":
			last.Checkpointed = true
		case err == nil && line.Seq > 0:
			last.Seq, last.Hash = line.Seq, line.Hash
			return last, true
		default:
			return cursor{}, false
		}
		lines = lines[:start]
	}
	return cursor{}, false
}

const syslogTime = 10 * time.Second // to connect, and for one write

// syslog sends lines in the form of RFC 5424: over a stream with their length before them, as RFC 6587 has it; as a
// datagram alone.
type syslog struct {
	network, address string // empty network: a socket of this machine, of either kind
	conn             net.Conn
	gone             chan struct{} // closed when the other side has closed a stream
}

func (s *syslog) write(at time.Time, line []byte) error {
	if err := s.connect(); err != nil {
		return err
	}
	host, _ := os.Hostname()
	message := fmt.Appendf(nil, "<110>1 %s %s vpsbot %d audit - ", at.UTC().Format("2006-01-02T15:04:05.000Z"), cmp.Or(host, "-"), os.Getpid())
	message = append(message, bytes.TrimRight(line, "\n")...)
	if s.isStream() {
		message = append(fmt.Appendf(nil, "%d ", len(message)), message...)
	}
	_ = s.conn.SetWriteDeadline(time.Now().Add(syslogTime)) // a socket that cannot have one blocks
	_, err := s.conn.Write(message)
	return err
}

func (s *syslog) isStream() bool { return s.conn.LocalAddr().Network() != "unixgram" }

func (s *syslog) connect() (err error) {
	if s.conn != nil {
		return s.sync()
	}
	networks := []string{"unixgram", "unix"}
	if s.network != "" {
		networks = []string{s.network}
	}
	for _, network := range networks {
		if s.conn, err = net.DialTimeout(network, s.address, syslogTime); err == nil {
			break
		}
	}
	if err != nil {
		return err
	}
	if s.isStream() {
		s.gone = make(chan struct{})
		go func(conn net.Conn, gone chan struct{}) {
			_, _ = io.Copy(io.Discard, conn) // ends when the other side closes it, or we do
			close(gone)
		}(s.conn, s.gone)
	}
	return nil
}

// sync fails if the other side has closed the connection meanwhile: it may not have read all. More it does not say.
func (s *syslog) sync() error {
	select {
	case <-s.gone: // nil for datagrams
		return errors.New("the connection was closed by the other side")
	default:
		return nil
	}
}

func (s *syslog) close() {
	if s.conn != nil {
		_ = s.conn.Close() // nothing is buffered here
		s.conn, s.gone = nil, nil
	}
}

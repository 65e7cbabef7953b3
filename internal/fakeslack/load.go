package fakeslack

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// Load is commands at a steady rate over HTTP, each with a response_url of its own. It is also the transport to
// Slack for the app under load: it counts what is posted to those addresses, and passes on the rest.
type Load struct {
	Slack *Slack
	Rate  int // commands a second
	// Text is the nth command with what is typed after it, User who types it, and Channel where.
	Text          func(n int) string
	User, Channel string
	// Answer is a part of each right answer.
	Answer string

	answers         sync.Map // how often each address was answered, by its path
	answered, wrong atomic.Int64
}

// loadPath begins the paths of the response_urls.
const loadPath = "/load/"

// Times are how long the acknowledgements took, the shortest first.
type Times []time.Duration

// Within is the time that a share of all took at most, in milliseconds.
func (t Times) Within(share float64) float64 {
	return float64(t[int(share*float64(len(t)-1))].Microseconds()) / 1000
}

// Send sends commands number from to to-1 to the app at an address, each when it is due, whether or not those before
// are acknowledged. A time begins when the command is due. An acknowledgement that is not empty is an error.
func (l *Load) Send(address string, from, to int) (Times, error) {
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 1024}}
	defer client.CloseIdleConnections()
	took, began := make(Times, to-from), time.Now()
	var failed atomic.Value
	var all sync.WaitGroup
	for i := range took {
		due := began.Add(time.Duration(i) * time.Second / time.Duration(l.Rate))
		time.Sleep(time.Until(due))
		all.Go(func() {
			if err := l.send(client, address, from+i); err != nil {
				failed.CompareAndSwap(nil, fmt.Errorf("command %d: %w", from+i, err))
			}
			took[i] = time.Since(due)
		})
	}
	all.Wait()
	slices.Sort(took)
	err, _ := failed.Load().(error)
	return took, err
}

// fields are those of the nth command's form.
func (l *Load) fields(n int) map[string]string {
	return map[string]string{
		"command": "/vps", "text": l.Text(n), "user_id": l.User, "channel_id": l.Channel, "team_id": l.Slack.o.Team,
		"trigger_id": strconv.Itoa(n), "response_url": l.Slack.server.URL + loadPath + strconv.Itoa(n),
	}
}

// Body is the nth command as the app keeps it, for one that was acknowledged long ago.
func (l *Load) Body(n int) []byte {
	raw, err := json.Marshal(l.fields(n))
	if err != nil {
		panic(err) // texts always encode
	}
	return raw
}

// Command is the nth command, signed now, as a request to the app at an address.
func (l *Load) Command(address string, n int) (*http.Request, error) {
	form := url.Values{}
	for name, value := range l.fields(n) {
		form.Set(name, value)
	}
	to, err := url.Parse(address)
	if err != nil {
		return nil, err
	}
	req := l.Slack.Signed("/slack/commands", []byte(form.Encode()), l.Slack.now())
	req.URL.Scheme, req.URL.Host, req.Host = to.Scheme, to.Host, to.Host
	return req, nil
}

func (l *Load) send(client *http.Client, address string, n int) error {
	req, err := l.Command(address, n)
	if err != nil {
		return err
	}
	resp, err := client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err == nil && (resp.StatusCode != http.StatusOK || len(body) > 0) {
		err = fmt.Errorf("acknowledged with %d %s", resp.StatusCode, body)
	}
	return err
}

// RoundTrip implements [http.RoundTripper].
func (l *Load) RoundTrip(req *http.Request) (*http.Response, error) {
	if !strings.HasPrefix(req.URL.Path, loadPath) {
		return http.DefaultTransport.RoundTrip(req)
	}
	body, err := io.ReadAll(req.Body)
	if err != nil {
		return nil, err
	}
	counter, _ := l.answers.LoadOrStore(req.URL.Path, new(atomic.Int64))
	if counter.(*atomic.Int64).Add(1) > 1 || !bytes.Contains(body, []byte(l.Answer)) { //nolint:errcheck // of that type alone
		l.wrong.Add(1)
	}
	l.answered.Add(1)
	return &http.Response{StatusCode: http.StatusOK, Header: http.Header{}, Body: io.NopCloser(strings.NewReader("ok")), Request: req}, nil
}

// Answered is how many answers the app has posted, and how many of them are not the first to their command, or lack
// what a right answer has.
func (l *Load) Answered() (all, wrong int) { return int(l.answered.Load()), int(l.wrong.Load()) }

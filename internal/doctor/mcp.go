package doctor

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"strings"

	"github.com/vpsbot/vpsbot/internal/text"
)

const checkNameMCP = "mcp"

// checkMCP checks the settings of /mcp, and calls it as a client does if serve runs. It finds nothing where no
// variable is about it.
func (d *doctor) checkMCP(ctx context.Context) []Finding {
	if !d.Config.IsMCPSetUp() {
		return nil
	}
	if err := d.CheckExposure(); err != nil {
		says, lines, _ := strings.Cut(err.Error(), "\n\n")
		return []Finding{fail(checkNameMCP, says, "Write a policy, such as:\n"+lines)}
	}
	address := d.Config.PublicURL
	if address == "" {
		host, port, _ := net.SplitHostPort(d.Config.Listen) // it was checked
		if port == "0" {
			return []Finding{pass(checkNameMCP, "not called: VPSBOT_LISTEN takes any free port")}
		}
		if ip, err := netip.ParseAddr(host); host == "" || err == nil && ip.IsUnspecified() {
			host = "127.0.0.1"
		}
		address = "http://" + net.JoinHostPort(host, port)
	}
	ctx, cancel := context.WithTimeout(ctx, probeTimeout)
	defer cancel()
	return []Finding{d.callMCP(ctx, address+"/mcp")}
}

const passMCP = "Start vpsbot serve, and let the proxy at VPSBOT_PUBLIC_URL pass /mcp on to VPSBOT_LISTEN."

// callMCP calls without a key first: one is given to nobody who does not answer as /mcp does.
func (d *doctor) callMCP(ctx context.Context, url string) Finding {
	resp, says, err := d.postMCP(ctx, url, http.Header{}, `{"jsonrpc":"2.0","id":1,"method":"ping"}`)
	_, isUntrusted := errors.AsType[*tls.CertificateVerificationError](err)
	switch {
	case err != nil && d.Config.PublicURL == "":
		return warn(checkNameMCP, url+" "+unreachable(err), "Start vpsbot serve.")
	case isUntrusted:
		return fail(checkNameMCP, url+" "+unreachable(err), "Give the proxy a certificate that this machine and those of your people trust, for the name in VPSBOT_PUBLIC_URL.")
	case err != nil:
		return fail(checkNameMCP, url+" "+unreachable(err), passMCP)
	case resp.StatusCode/100 == 3:
		return fail(checkNameMCP, url+" leads to another address, on the way to which clients drop their key", "Set VPSBOT_PUBLIC_URL to the address that answers itself.")
	case resp.StatusCode == http.StatusServiceUnavailable && strings.HasPrefix(strings.TrimSpace(says)+"<", "<"): // nothing, or a page
		return fail(checkNameMCP, url+" refuses every call (status 503, no text of vpsbot): the proxy itself answers", "See that a replica of vpsbot serve is up and ready, and that the proxy reaches it.")
	case resp.StatusCode == http.StatusForbidden || resp.StatusCode == http.StatusServiceUnavailable:
		return fail(checkNameMCP, fmt.Sprintf("%s refuses every call (status %d): %s", url, resp.StatusCode, short(says)), "Correct what it says, or what the proxy adds to calls.")
	case resp.StatusCode != http.StatusUnauthorized || !strings.Contains(resp.Header.Get("WWW-Authenticate"), `realm="vpsbot"`):
		return fail(checkNameMCP, fmt.Sprintf("%s answers, but not as vpsbot serve does (status %d)", url, resp.StatusCode), passMCP)
	}
	key, err := d.Config.Key()()
	if err != nil || key == "" { // an error is a finding of its own
		return pass(checkNameMCP, "%s answers, and wants an access key; with VPSBOT_KEY_FILE one is tried", url)
	}
	return d.callMCPWith(ctx, url, key)
}

func (d *doctor) callMCPWith(ctx context.Context, url, key string) Finding {
	headers := http.Header{"Authorization": {"Bearer " + key}}
	var answer struct {
		Result struct {
			ServerInfo struct{ Version string }
			Tools      []struct{ Name string }
		}
	}
	for _, message := range []string{
		`{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"vpsbot doctor","version":"1"}}}`,
		`{"jsonrpc":"2.0","id":2,"method":"tools/list","params":{}}`,
	} {
		resp, says, err := d.postMCP(ctx, url, headers, message)
		switch {
		case err != nil:
			return fail(checkNameMCP, url+" "+unreachable(err), "Try again later.")
		case resp.StatusCode == http.StatusUnauthorized:
			return fail(checkNameMCP, url+" refuses your access key: "+short(says), "Make a key in the database that vpsbot serve uses: vpsbot keys create NAME. Let the proxy pass the header Authorization on.")
		case resp.StatusCode != http.StatusOK || json.Unmarshal([]byte(says), &answer) != nil:
			return fail(checkNameMCP, fmt.Sprintf("%s does not answer with your access key as vpsbot serve does (status %d): %s", url, resp.StatusCode, short(says)), "Try again later; the log of vpsbot serve says more.")
		}
		headers.Set("Mcp-Session-Id", resp.Header.Get("Mcp-Session-Id"))
	}
	return pass(checkNameMCP, "%s answers: vpsbot %s, with %s for your access key", url, text.Clean(answer.Result.ServerInfo.Version), text.Plural(len(answer.Result.Tools), "tool"))
}

func (d *doctor) postMCP(ctx context.Context, url string, headers http.Header, message string) (*http.Response, string, error) {
	headers.Set("Content-Type", "application/json")
	headers.Set("Accept", "application/json")
	resp, body, err := d.send(ctx, http.MethodPost, url, headers, []byte(message))
	return resp, string(body), err
}

// short is the beginning of what a server says.
func short(says string) string { return text.Cut(text.Clean(strings.TrimSpace(says)), 200) }

package config

import (
	"cmp"
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// Traces say where traces are sent: by the variables that all programs with OpenTelemetry have.
type Traces struct {
	Endpoint string            // the URL that spans are posted to; empty: there are no traces
	Headers  map[string]Secret // of each request
	Timeout  time.Duration     // of one; 0: not given
	Plain    bool              // nothing is compressed
	Service  string            // name of this program; empty: not given
}

const defaultCollector = "http://localhost:4318"

// Traces reads the settings of traces. Its errors repeat no value that may be a secret. Where one is wrong there are no
// traces, and everything else goes on: the variables may be meant for other programs as well.
func (c Config) Traces() (Traces, error) {
	v := c.vars
	word := func(given ...string) string { return strings.ToLower(strings.TrimSpace(cmp.Or(given...))) } // as the specification has it
	exporter, general, endpoint := word(v.TracesExporter), strings.TrimSpace(v.CollectorEndpoint), strings.TrimSpace(v.TracesEndpoint)
	switch {
	case word(v.TracesDisabled) == "true", exporter == "none", exporter == "" && general == "" && endpoint == "":
		return Traces{}, nil
	case exporter != "" && exporter != "otlp":
		return Traces{}, errors.New("OTEL_TRACES_EXPORTER must be otlp or none")
	}
	if protocol := word(v.TracesProtocol, v.CollectorProtocol); protocol != "" && protocol != "http/protobuf" {
		return Traces{}, errors.New("OTEL_EXPORTER_OTLP_PROTOCOL must be http/protobuf, which collectors take on port 4318: set OTEL_EXPORTER_OTLP_TRACES_PROTOCOL to it, and OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
	}
	u, err := url.Parse(cmp.Or(endpoint, general, defaultCollector))
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.User != nil {
		return Traces{}, errors.New("OTEL_EXPORTER_OTLP_ENDPOINT must be a URL such as http://localhost:4318, without a user: a password goes into OTEL_EXPORTER_OTLP_HEADERS")
	}
	if endpoint == "" {
		u = u.JoinPath("v1/traces")
	}
	t := Traces{Endpoint: u.String(), Plain: word(v.TracesCompression, v.CollectorCompression) == "none", Service: strings.TrimSpace(v.TracesService)}
	if text := cmp.Or(v.TracesTimeout, v.CollectorTimeout); text != "" {
		millis, err := strconv.ParseUint(strings.TrimSpace(text), 10, 31)
		if err != nil {
			return Traces{}, errors.New("OTEL_EXPORTER_OTLP_TIMEOUT must be milliseconds, such as 10000")
		}
		t.Timeout = time.Duration(millis) * time.Millisecond
	}
	t.Headers, err = parseHeaders(c.traceHeaders())
	return t, err
}

func (c Config) traceHeaders() string {
	return cmp.Or(c.vars.TracesHeaders.Reveal(), c.vars.CollectorHeaders.Reveal())
}

// parseHeaders reads name=value,name=value, where values are encoded as in a URL.
func parseHeaders(text string) (map[string]Secret, error) {
	headers := map[string]Secret{}
	for i, pair := range strings.Split(text, ",") {
		if strings.TrimSpace(pair) == "" {
			continue
		}
		name, value, ok := strings.Cut(pair, "=")
		value, err := url.PathUnescape(strings.TrimSpace(value))
		name = strings.TrimSpace(name)
		if !ok || err != nil || name == "" || strings.ContainsAny(name+value, "\r\n\x00") || strings.ContainsAny(name, " :\t") {
			return nil, fmt.Errorf("OTEL_EXPORTER_OTLP_HEADERS: header %d cannot be read: write name=value, with commas between", i+1)
		}
		headers[name] = Secret{func() string { return value }}
	}
	return headers, nil
}

// traceSecrets lists the values of headers, also of those that cannot be read.
func (c Config) traceSecrets() (secrets []string) {
	for _, given := range []Secret{c.vars.TracesHeaders, c.vars.CollectorHeaders} {
		for pair := range strings.SplitSeq(given.Reveal(), ",") {
			_, value, _ := strings.Cut(pair, "=")
			decoded, _ := url.PathUnescape(value)
			for _, text := range []string{cmp.Or(value, pair), decoded} {
				words := strings.Fields(text)
				if len(words) > 0 { // the word before a token is its scheme
					secrets = append(secrets, words[len(words)-1])
				}
			}
		}
	}
	return secrets
}

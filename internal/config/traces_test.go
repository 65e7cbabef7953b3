package config_test

import (
	"fmt"
	"maps"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/vpsbot/vpsbot/internal/config"
)

const (
	collector = "OTEL_EXPORTER_OTLP_ENDPOINT"
	protocol  = "OTEL_EXPORTER_OTLP_PROTOCOL"
	headers   = "OTEL_EXPORTER_OTLP_HEADERS"
)

// The variables of traces mean what OpenTelemetry's specification says: an address is completed unless it is that of
// traces, what belongs to traces outranks what is general, and words are read whatever their case.
func TestTraces(t *testing.T) {
	const there = "http://collector:4318/v1/traces"
	for _, test := range []struct {
		env  vars
		want config.Traces // without the headers
	}{
		{vars{}, config.Traces{}},
		{vars{collector: " "}, config.Traces{}},
		{vars{collector: "http://collector:4318"}, config.Traces{Endpoint: there}},
		{vars{collector: "http://collector:4318/"}, config.Traces{Endpoint: there}},
		{vars{collector: "https://collector/otlp/"}, config.Traces{Endpoint: "https://collector/otlp/v1/traces"}},
		{vars{collector: "https://collector/a?tenant=1"}, config.Traces{Endpoint: "https://collector/a/v1/traces?tenant=1"}},
		{vars{"OTEL_TRACES_EXPORTER": "OTLP"}, config.Traces{Endpoint: "http://localhost:4318/v1/traces"}},
		{vars{"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://collector:4318/mine/"}, config.Traces{Endpoint: "http://collector:4318/mine/"}},
		{vars{collector: "http://other", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": there}, config.Traces{Endpoint: there}},
		{vars{collector: there, "OTEL_TRACES_EXPORTER": "None"}, config.Traces{}},
		{vars{collector: there, "OTEL_SDK_DISABLED": " TRUE"}, config.Traces{}},
		{vars{collector: "http://collector:4318", "OTEL_SDK_DISABLED": "1"}, config.Traces{Endpoint: there}},
		{vars{collector: "http://collector:4318", protocol: " HTTP/protobuf"}, config.Traces{Endpoint: there}},
		{vars{collector: "http://collector:4318", protocol: "grpc", "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL": "http/protobuf"}, config.Traces{Endpoint: there}},
		{vars{collector: "http://collector:4318", "OTEL_EXPORTER_OTLP_COMPRESSION": "NONE"}, config.Traces{Endpoint: there, Plain: true}},
		{vars{collector: "http://collector:4318", "OTEL_EXPORTER_OTLP_COMPRESSION": "none", "OTEL_EXPORTER_OTLP_TRACES_COMPRESSION": "gzip"}, config.Traces{Endpoint: there}},
		{vars{collector: "http://collector:4318", "OTEL_EXPORTER_OTLP_TIMEOUT": "1", "OTEL_EXPORTER_OTLP_TRACES_TIMEOUT": " 2000 "}, config.Traces{Endpoint: there, Timeout: 2 * time.Second}},
		{vars{collector: "http://collector:4318", "OTEL_SERVICE_NAME": " mine "}, config.Traces{Endpoint: there, Service: "mine"}},
	} {
		c, err := read(t, test.env, "linux")
		require.NoError(t, err)
		got, err := c.Traces()
		require.NoError(t, err, test.env)
		got.Headers = nil
		require.Equal(t, test.want, got, test.env)
	}
}

func TestHeadersOfTraces(t *testing.T) {
	for given, want := range map[string]vars{
		"a=b":                          {"a": "b"},
		" a = b%20c ,, d=e=f,":         {"a": "b c", "d": "e=f"},
		"Authorization=Bearer%20hush4": {"Authorization": "Bearer hush4"},
		"a=":                           {"a": ""},
	} {
		c, err := read(t, vars{collector: "http://collector", headers: given}, "linux")
		require.NoError(t, err)
		traces, err := c.Traces()
		require.NoError(t, err, given)
		got := vars{}
		for name, value := range maps.All(traces.Headers) {
			got[name] = value.Reveal()
		}
		require.Equal(t, want, got, given)
	}
}

// A wrong setting is named, and no value is repeated: each may be a secret.
func TestMistakesInTraces(t *testing.T) {
	for name, given := range map[string][]string{
		collector:                    {"hush4:4318", "ftp://hush4", "http://hush4:hush4@collector", "http://[hush4", "http://"},
		protocol:                     {"hush4", "grpc", "http/json"},
		headers:                      {"hush4", "=hush4", "a=%zzhush4", "a b=hush4", "a=hush4%0d%0ab: c"},
		"OTEL_EXPORTER_OTLP_TIMEOUT": {"hush4", "-1", "1s", "99999999999"},
		"OTEL_TRACES_EXPORTER":       {"hush4", "console", "otlp,console"},
	} {
		for _, value := range given {
			env := vars{collector: "http://collector"}
			env[name] = value
			c, err := read(t, env, "linux")
			require.NoError(t, err)
			traces, err := c.Traces()
			require.ErrorContains(t, err, name, value)
			require.NotContains(t, err.Error(), "hush4")
			require.NotContains(t, fmt.Sprintf("%+v", traces), "hush4")
		}
	}
}

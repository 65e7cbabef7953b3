package observe

import (
	"slices"

	"github.com/vpsbot/vpsbot/internal/store"
	"github.com/vpsbot/vpsbot/slackbot/transport"
	"github.com/vpsbot/vpsbot/slackbot/webapi"
)

// metric is one metric. All of them are here, as data: code, page, dashboard and alerts cannot differ.
type metric struct {
	name   string
	kind   kind
	labels []label // in the order of their names
	help   string
}

type kind string

const (
	counter   kind = "counter"
	histogram kind = "histogram" // of seconds
	gauge     kind = "gauge"     // read at each scrape
)

// label is a label with all the values it may have: none comes from outside.
type label struct {
	name   string
	values []string
}

// other is the value for all that a label does not list.
const other = "other"

// bounded replaces the values that a label does not list.
func (m *metric) bounded(values []string) []string {
	for i, l := range m.labels {
		if !slices.Contains(l.values, values[i]) {
			values[i] = other
		}
	}
	return values
}

var (
	mcpMethods = []string{
		"initialize", "ping", "server/discover", "tools/list", "tools/call", "resources/list", "resources/templates/list", "resources/read",
		"prompts/list", "prompts/get", "completion/complete", "response", other,
	}
	mcpCodes     = []string{"200", "202", "400", "401", "403", "404", "405", "413", "415", "429", "500", "503", other}
	refusals     = []string{"host", "origin", "bearer", "method", "rate", "room", "body", "session", "stopping", "store", other}
	slackKinds   = []string{string(transport.Command), string(transport.Interaction), string(transport.Options), string(transport.Event), other}
	slackMethods = []string{
		"auth.test", "chat.postMessage", "chat.update", "files.completeUploadExternal", "files.getUploadURLExternal", "usergroups.users.list",
		"views.open", "views.publish", "views.update", webapi.ResponseURL, other,
	}
	upstreamMethods = []string{"GET", "POST", "PUT", "PATCH", "DELETE", other}
	upstreamCodes   = []string{"2xx", "3xx", "4xx", "5xx", noAnswer, notSent, other}
	slackOutcomes   = []string{string(webapi.OK), string(webapi.RateLimited), string(webapi.BadToken), string(webapi.Refused), string(webapi.Unavailable), other}
	storeFailures   = []string{string(store.Away), string(store.Slow), string(store.Unknown), string(store.Other)}
	accesses        = []string{string(store.Read), string(store.Write)}
)

const (
	noAnswer = "no_answer"
	notSent  = "not_sent"
)

var (
	mcpRequests = &metric{"vpsbot_mcp_requests_total", counter, []label{{"code", mcpCodes}, {"era", []string{"2026", "older", other}}, {"method", mcpMethods}},
		"Messages over MCP by HTTP that were answered, refused ones among them: `code` is the HTTP status, `era` the protocol's"}
	mcpSeconds  = &metric{"vpsbot_mcp_seconds", histogram, []label{{"method", mcpMethods}}, "Time from a message to the end of its answer, the wait for a person included"}
	mcpUnderWay = &metric{"vpsbot_mcp_under_way", gauge, nil, "Messages that are being answered"}
	mcpWaiting  = &metric{"vpsbot_mcp_waiting", gauge, nil, "Calls of these that wait for a person"}
	refused     = &metric{"vpsbot_refused_total", counter, []label{{"why", refusals}}, "Requests to /mcp that were refused before their message was read"}

	slackReceived     = &metric{"vpsbot_slack_received_total", counter, []label{{"kind", slackKinds}}, "Deliveries of Slack's that were received and verified, repeated ones too"}
	slackAcknowledged = &metric{"vpsbot_slack_acknowledged_seconds", histogram, []label{{"kind", slackKinds}}, "Time until a delivery was acknowledged; Slack waits three seconds"}
	slackNotStored    = &metric{"vpsbot_slack_not_stored_total", counter, nil, "Deliveries that could not be stored: their senders were told to repeat them, but for commands that only read"}
	slackCalls        = &metric{"vpsbot_slack_calls_total", counter, []label{{"method", slackMethods}, {"outcome", slackOutcomes}},
		"Requests to Slack's Web API, and to its response_urls"}
	slackConnected = &metric{"vpsbot_slack_connected", gauge, nil, "1 while Slack takes the bot's token and, in Socket Mode, a connection is open; absent where Slack is not served"}

	storeUp          = &metric{"vpsbot_store_up", gauge, nil, "1 if the store answered this scrape, or one less than 5 seconds ago, within 2 seconds; 0: what is read from it is absent"}
	storeSeconds     = &metric{"vpsbot_store_transaction_seconds", histogram, []label{{"kind", accesses}}, "Time of a transaction, the wait for its turn and repetitions included"}
	storeErrors      = &metric{"vpsbot_store_errors_total", counter, []label{{"why", storeFailures}}, "Transactions that failed because of the store: no connection, no answer in time, a commit of unknown outcome, another error"}
	storeConnections = &metric{"vpsbot_store_connections", gauge, []label{{"pool", accesses}, {"state", []string{"in_use", "idle"}}}, "Connections to the database, but for the one that shows that the process exists"}

	upstreamCalls = &metric{"vpsbot_upstream_calls_total", counter, []label{{"code", upstreamCodes}, {"method", upstreamMethods}},
		"Calls to VPS.org's API by the class of the last answer. `no_answer`: a request was sent in vain; `not_sent`: none was"}
	upstreamRetries     = &metric{"vpsbot_upstream_retries_total", counter, nil, "Requests to VPS.org's API that repeated one; only reads are repeated"}
	upstreamSeconds     = &metric{"vpsbot_upstream_seconds", histogram, []label{{"method", upstreamMethods}}, "Time of a call to VPS.org's API, with its repetitions and the wait of the rate limit"}
	upstreamConnections = &metric{"vpsbot_upstream_connections", gauge, nil, "Open connections to VPS.org's API"}
	upstreamCircuit     = &metric{"vpsbot_upstream_circuit_open", gauge, []label{{"kind", accesses}}, "1 from ten failed requests in a row until one succeeds: in between one is tried every 5 seconds"}

	approvals = &metric{"vpsbot_approvals", gauge, []label{{"state", []string{"pending", "approved", "executing", "unknown"}}},
		"Open approvals of all accounts in the store: of the oldest 10,000, without those whose time is over"}
	approvalsOldest = &metric{"vpsbot_approvals_oldest_pending_seconds", gauge, nil, "Age of the oldest approval that waits for a person; 0: none does"}
	approvalsHuman  = &metric{"vpsbot_approvals_needs_human", gauge, nil, "Approvals that within a day ended without an outcome that could be read back: a person must look at the server. Of the newest 1,000 that changed"}

	auditRows       = &metric{"vpsbot_audit_rows", gauge, nil, "Rows of the audit log, archived ones too"}
	auditCheckpoint = &metric{"vpsbot_audit_checkpoint_age_seconds", gauge, nil, "Age of the newest signed checkpoint; absent where there is none"}
	auditUnsigned   = &metric{"vpsbot_audit_unsigned_rows", gauge, nil, "Rows after the newest checkpoint; absent where nothing is signed. More than 100 fail a verification"}
	auditBehind     = &metric{"vpsbot_audit_unsigned_seconds", gauge, nil, "Time from the newest checkpoint to the last row; absent where there is none. More than 600 fail a verification"}
)

// all are the metrics in the order of the page.
var all = []*metric{
	mcpRequests, mcpSeconds, mcpUnderWay, mcpWaiting, refused,
	slackReceived, slackAcknowledged, slackNotStored, slackCalls, slackConnected,
	upstreamCalls, upstreamRetries, upstreamSeconds, upstreamConnections, upstreamCircuit,
	approvals, approvalsOldest, approvalsHuman,
	storeUp, storeSeconds, storeErrors, storeConnections,
	auditRows, auditCheckpoint, auditUnsigned, auditBehind,
}

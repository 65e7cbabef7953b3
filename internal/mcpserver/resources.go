package mcpserver

import (
	"context"
	"encoding/json"
	"slices"
	"strings"

	"github.com/mark3labs/mcp-go/mcp"
	"github.com/mark3labs/mcp-go/server"

	"github.com/vpsbot/vpsbot/internal/runner"
	"github.com/vpsbot/vpsbot/permissions"
	"github.com/vpsbot/vpsbot/tools"
)

// mcpResource is a JSON document that clients read at an address.
type mcpResource struct {
	uri                      string // or, for many, a template with one variable
	name, title, description string
	needs                    []string // operations, of which one must be allowed to list it; none: any
	forAll                   bool     // whoever may do nothing at all sees it too
	read                     func(s *Server, ctx context.Context, which string) (any, error)
}

const (
	serverURI   = "vps://servers/{server}"
	approvalURI = "vps://approvals/{id}"
	jsonType    = "application/json"
)

var resources = []mcpResource{
	{
		uri: "vps://me", name: "me", title: "What you may do", forAll: true, read: (*Server).readCaller,
		description: "Who you are to vpsbot, the account, which tools you may call, and why not the others.",
	},
	{
		uri: "vps://servers", name: "servers", title: "Servers", needs: []string{"servers.list"}, read: readBy("servers.list"),
		description: "The account's servers, the first 500.",
	},
	{
		uri: serverURI, name: "server", title: "A server", needs: []string{"servers.get"}, read: readBy("servers.get"),
		description: "One server in full, with its resource usage, by its id or exact name.",
	},
	{
		uri: serverURI + "/copies", name: "copies", title: "Copies of a server", needs: []string{"backups.list", "snapshots.list"}, read: (*Server).readCopies,
		description: "The backups and snapshots of one server, by its id or exact name.",
	},
	{
		uri: "vps://approvals", name: "approvals", title: "Approvals", read: (*Server).readApprovals,
		description: "Changes that you asked for, open or of the last week, and those that wait for your answer.",
	},
	{
		uri: approvalURI, name: "approval", title: "An approval", read: (*Server).readApproval,
		description: "One of those approvals, with the card that a person sees.",
	},
}

func (s *Server) addResources(m *server.MCPServer) {
	for _, r := range resources {
		read := func(ctx context.Context, req mcp.ReadResourceRequest) ([]mcp.ResourceContents, error) {
			return guard(s, "reading "+r.uri, func() ([]mcp.ResourceContents, error) { return s.readResource(ctx, r, req) })
		}
		if !strings.Contains(r.uri, "{") {
			m.AddResource(mcp.Resource{URI: r.uri, Name: r.name, Title: r.title, Description: r.description, MIMEType: jsonType}, read)
			continue
		}
		template := mcp.NewResourceTemplate(r.uri, r.name, mcp.WithTemplateTitle(r.title), mcp.WithTemplateDescription(r.description), mcp.WithTemplateMIMEType(jsonType))
		m.AddResourceTemplate(template, read)
	}
}

func (s *Server) readResource(ctx context.Context, r mcpResource, req mcp.ReadResourceRequest) ([]mcp.ResourceContents, error) {
	which := ""
	for _, value := range req.Params.Arguments { // one, which mcp-go has found in the address
		if found, ok := value.([]string); ok && len(found) == 1 {
			which = found[0]
		}
	}
	document, err := r.read(s, ctx, which)
	if err != nil {
		return nil, err
	}
	raw, err := json.Marshal(document)
	return []mcp.ResourceContents{mcp.TextResourceContents{URI: req.Params.URI, MIMEType: jsonType, Text: string(raw)}}, err
}

// filterResources and filterTemplates remove from the lists what is refused to the caller.
func (s *Server) filterResources(ctx context.Context, _ any, _ *mcp.ListResourcesRequest, result *mcp.ListResourcesResult) {
	defer s.recoverPanic("listing the resources")
	hidden := s.hiddenResources(ctx)
	result.Resources = slices.DeleteFunc(result.Resources, func(r mcp.Resource) bool { return hidden(r.URI) })
}

func (s *Server) filterTemplates(ctx context.Context, _ any, _ *mcp.ListResourceTemplatesRequest, result *mcp.ListResourceTemplatesResult) {
	defer s.recoverPanic("listing the resources")
	hidden := s.hiddenResources(ctx)
	result.ResourceTemplates = slices.DeleteFunc(result.ResourceTemplates, func(t mcp.ResourceTemplate) bool { return hidden(t.URITemplate.Raw()) })
}

func (s *Server) hiddenResources(ctx context.Context) func(uri string) bool {
	offered, _ := s.offered(ctx)
	may := func(needs []string) bool {
		return slices.ContainsFunc(offered, func(op *tools.Op) bool { return len(needs) == 0 || slices.Contains(needs, op.Name) })
	}
	return func(uri string) bool {
		return slices.ContainsFunc(resources, func(r mcpResource) bool { return r.uri == uri && !r.forAll && !may(r.needs) })
	}
}

func readBy(operation string) func(*Server, context.Context, string) (any, error) {
	return func(s *Server, ctx context.Context, which string) (any, error) {
		reply := s.run(ctx, operation, which, tools.MaxLimit)
		return reply.Structured(), s.asError(reply)
	}
}

// run runs a read for the caller, of one server or of as many as limit.
func (s *Server) run(ctx context.Context, operation, which string, limit int) runner.Reply {
	call := callBy(ctx)
	call.Operation, call.Limit = operation, limit
	if which != "" {
		call.Input = []byte(`{"server":` + string(tools.QuotedJSON(which)) + `}`)
	}
	return s.Runner.Run(ctx, call)
}

// readCopies reads the backups and the snapshots of a server; where one of the two cannot be read, it says why.
func (s *Server) readCopies(ctx context.Context, which string) (any, error) {
	copies, missing, failed := map[string]any{}, map[string]string{}, error(nil)
	for _, kind := range []string{"snapshots", "backups"} {
		reply := s.run(ctx, kind+".list", which, tools.MaxLimit)
		if err := s.asError(reply); err != nil {
			missing[kind], failed = err.Error(), err
			continue
		}
		copies[kind] = reply.Structured()
	}
	switch len(missing) {
	case 0:
		return copies, nil
	case 1:
		copies["missing"] = missing
		return copies, nil
	}
	return nil, failed
}

// readCaller says who the caller is, what they may do, by risk, and why not the rest.
func (s *Server) readCaller(ctx context.Context, _ string) (any, error) {
	var me struct {
		Actor   string                        `json:"actor"`
		Person  string                        `json:"person,omitempty"` // in the policy
		Account json.RawMessage               `json:"account,omitempty"`
		May     map[permissions.Risk][]string `json:"may"`
		MayNot  map[string]string             `json:"may_not"` // why, by tool
		Notice  string                        `json:"notice,omitempty"`
	}
	actor := callerOf(ctx)
	me.Actor, me.May, me.MayNot = string(actor), map[permissions.Risk][]string{}, map[string]string{}
	if person, known := s.Runner.Policy().Person(actor); known && person != me.Actor {
		me.Person = person
	}
	offered, refused := s.offered(ctx)
	for _, op := range offered {
		me.May[op.Risk] = append(me.May[op.Risk], op.ToolName())
	}
	for _, t := range recordTools() {
		if len(offered) > 0 {
			me.May[permissions.Read] = append(me.May[permissions.Read], t.Name)
		}
	}
	for name, why := range refused {
		me.MayNot[s.toolNames(name)] = s.toolNames(why)
	}
	if _, no := refused["account.get"]; !no { // whoever only asks is no row of the log
		account := s.run(ctx, "account.get", "", 0)
		me.Account, me.Notice = account.Structured(), s.toolNames(account.Message)
		if account.Class != runner.OK {
			me.Notice = "The token cannot be asked, so that this is what the policy allows: " + me.Notice
		}
	}
	me.Notice = strings.TrimSpace(me.Notice + " " + s.frozen(ctx, offered))
	return me, nil
}

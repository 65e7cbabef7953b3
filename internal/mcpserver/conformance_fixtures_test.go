package mcpserver

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mark3labs/mcp-go/mcp"
	"github.com/mark3labs/mcp-go/server"
)

// The tools, resources and prompts that MCP's conformance suite uses by name. What each must do stands in the suite's
// sources, beside the scenario that uses it.

const (
	onePixelPNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8BQDwAEhQGAhKmMIQAAAABJRU5ErkJggg=="
	emptyWAV    = "UklGRiQAAABXQVZFZm10IBAAAAABAAEARKwAAIhYAQACABAAZGF0YQAAAAA="
	aFixture    = "A fixture of the conformance suite."
	// stepPause is the suite's pause between two notifications of a call.
	stepPause = 50 * time.Millisecond
)

// serveFixtures serves a front that has the fixtures beside the tools, resources and prompts of the product. To
// clients of the older revision it has what that set of requirements wants and the product lacks: log messages and
// subscriptions.
func serveFixtures(t *testing.T, revision string) (url string) {
	s := newSite(t, nil)
	m := s.server.build()
	if revision < mcp.ProtocolVersion20260728 {
		server.WithLogging()(m)
		server.WithResourceCapabilities(true, false)(m)
	}
	server.WithPromptCompletionProvider(&server.DefaultPromptCompletionProvider{})(m)
	added := fixtures{tools: fixtureTools(), prompts: fixturePrompts(), resources: fixtureResources()}
	m.AddTools(added.tools...)
	m.AddPrompts(added.prompts...)
	m.AddResources(added.resources...)
	m.AddResourceTemplate(fixtureTemplate, readFixtureTemplate)
	s.server.protocol.mcp = fixtureProtocol{m, &s.server.questions, added}
	return serveConformance(t, s.http)
}

// fixtures are what is added.
type fixtures struct {
	tools     []server.ServerTool
	prompts   []server.ServerPrompt
	resources []server.ServerResource
}

// addTo adds the fixtures to a list, from which the product has removed all that the caller's permissions do not name.
func (f fixtures) addTo(response mcp.JSONRPCMessage) mcp.JSONRPCMessage {
	r, ok := response.(mcp.JSONRPCResponse)
	if !ok {
		return response
	}
	switch list := r.Result.(type) {
	case mcp.ListToolsResult:
		for _, f := range f.tools {
			list.Tools = append(list.Tools, f.Tool)
		}
		r.Result = list
	case mcp.ListPromptsResult:
		for _, f := range f.prompts {
			list.Prompts = append(list.Prompts, f.Prompt)
		}
		r.Result = list
	case mcp.ListResourcesResult:
		for _, f := range f.resources {
			list.Resources = append(list.Resources, f.Resource)
		}
		r.Result = list
	}
	return r
}

// fixtureProtocol is mcp-go's server, with a session that can ask older clients, and with the two refusals that a tool
// cannot express.
type fixtureProtocol struct {
	*server.MCPServer
	questions *questions
	added     fixtures
}

func (f fixtureProtocol) HandleMessage(ctx context.Context, message json.RawMessage) mcp.JSONRPCMessage {
	var call struct {
		Params struct {
			Name         string
			RequestState string
			Meta         struct {
				Capabilities mcp.ClientCapabilities `json:"io.modelcontextprotocol/clientCapabilities"`
			} `json:"_meta"`
		}
	}
	_ = json.Unmarshal(message, &call) // mcp-go returns the error
	refuse := func(code int, text string, data any) mcp.JSONRPCMessage {
		return mcp.JSONRPCError{Error: mcp.NewJSONRPCErrorDetails(code, text, data)}
	}
	p := call.Params
	switch {
	case p.Name == "test_missing_capability" && p.Meta.Capabilities.Sampling == nil:
		return refuse(mcp.MISSING_REQUIRED_CLIENT_CAPABILITY, "sampling is required", map[string]any{"requiredCapabilities": map[string]any{"sampling": struct{}{}}})
	case p.Name == "test_input_required_result_tampered_state" && p.RequestState != "" && p.RequestState != fixtureState(p.Name):
		return refuse(mcp.INVALID_PARAMS, "the state is not one of this server", nil)
	}
	return f.added.addTo(f.MCPServer.HandleMessage(f.WithContext(ctx, fixtureSession{f.questions, clientOf(ctx)}), message))
}

// fixtureSession lets mcp-go ask a client of the older era as the product asks it: by a request on the stream of the
// call, whose answer another POST brings.
type fixtureSession struct {
	questions *questions
	client    client
}

func (s fixtureSession) RequestElicitation(ctx context.Context, req mcp.ElicitationRequest) (*mcp.ElicitationResult, error) {
	return ask[mcp.ElicitationResult](ctx, s, mcp.MethodElicitationCreate, req.Params)
}

func (s fixtureSession) RequestSampling(ctx context.Context, req mcp.CreateMessageRequest) (*mcp.CreateMessageResult, error) {
	return ask[mcp.CreateMessageResult](ctx, s, mcp.MethodSamplingCreateMessage, req.CreateMessageParams)
}

func ask[Result any](ctx context.Context, s fixtureSession, method mcp.MCPMethod, params any) (*Result, error) {
	raw, err := s.questions.put(ctx, s.client, serverRequest{rand.Text(), method, params})
	if err != nil {
		return nil, err
	}
	var result Result
	return &result, json.Unmarshal(raw, &result)
}

func (fixtureSession) Initialize()                                         {}
func (fixtureSession) Initialized() bool                                   { return true }
func (fixtureSession) NotificationChannel() chan<- mcp.JSONRPCNotification { return nil }
func (fixtureSession) SessionID() string                                   { return "" }
func (fixtureSession) SetLogLevel(mcp.LoggingLevel)                        {}
func (fixtureSession) GetLogLevel() mcp.LoggingLevel                       { return mcp.LoggingLevelDebug }

// fixtureTools are all tools that the suite calls.
func fixtureTools() (all []server.ServerTool) {
	for name, content := range fixtureContents {
		all = append(all, fixtureTool(name, func(context.Context, mcp.CallToolRequest) (*mcp.CallToolResult, error) {
			return &mcp.CallToolResult{Content: content, IsError: name == "test_error_handling"}, nil
		}))
	}
	for _, q := range fixtureQuestions {
		all = append(all, fixtureTool(q.tool, q.call))
	}
	all = append(
		all,
		fixtureTool("test_tool_with_progress", reportProgress),
		fixtureTool("test_tool_with_logging", sendLog),
		fixtureTool("test_logging_tool", sendLog),
		fixtureTool("test_input_required_result_capabilities", askWhatIsDeclared),
		fixtureTool("test_input_required_result_multi_round", askTwice),
	)
	slices.SortFunc(all, func(a, b server.ServerTool) int { return strings.Compare(a.Tool.Name, b.Tool.Name) })
	return all
}

func fixtureTool(name string, handler server.ToolHandlerFunc) server.ServerTool {
	schema := `{"type":"object"}`
	if name == "json_schema_2020_12_tool" {
		schema = schema202012
	}
	return server.ServerTool{Tool: mcp.Tool{Name: name, Description: aFixture, RawInputSchema: json.RawMessage(schema)}, Handler: handler}
}

var fixtureContents = map[string][]mcp.Content{
	"test_simple_text":       {mcp.NewTextContent("This is a simple text response for testing.")},
	"test_image_content":     {mcp.NewImageContent(onePixelPNG, "image/png")},
	"test_audio_content":     {mcp.NewAudioContent(emptyWAV, "audio/wav")},
	"test_embedded_resource": {embeddedText("test://embedded-resource", "text/plain", "This is an embedded resource content.")},
	"test_multiple_content_types": {
		mcp.NewTextContent("Multiple content types test:"),
		mcp.NewImageContent(onePixelPNG, "image/png"),
		embeddedText("test://mixed-content-resource", "application/json", `{"test":"data","value":123}`),
	},
	"test_error_handling":      {mcp.NewTextContent("This tool intentionally returns an error for testing")},
	"test_missing_capability":  {mcp.NewTextContent("The client can sample.")},
	"json_schema_2020_12_tool": {mcp.NewTextContent("The schema is in the list.")},
}

func embeddedText(uri, mimeType, text string) mcp.EmbeddedResource {
	return mcp.NewEmbeddedResource(mcp.TextResourceContents{URI: uri, MIMEType: mimeType, Text: text})
}

const schema202012 = `{"$schema":"https://json-schema.org/draft/2020-12/schema","type":"object",
"$defs":{"address":{"$anchor":"addressDef","type":"object","properties":{"street":{"type":"string"},"city":{"type":"string"}}}},
"properties":{"name":{"type":"string"},"address":{"$ref":"#/$defs/address"},"contactMethod":{"type":"string","enum":["phone","email"]},
"phone":{"type":"string"},"email":{"type":"string"}},"allOf":[{"anyOf":[{"required":["phone"]},{"required":["email"]}]}],
"if":{"properties":{"contactMethod":{"const":"phone"}},"required":["contactMethod"]},"then":{"required":["phone"]},"else":{"required":["email"]},
"additionalProperties":false}`

// reportProgress sends three notifications of progress, if the client requested them.
func reportProgress(ctx context.Context, req mcp.CallToolRequest) (*mcp.CallToolResult, error) {
	for _, progress := range []int{0, 50, 100} {
		if req.Params.Meta != nil && req.Params.Meta.ProgressToken != nil {
			params := map[string]any{"progressToken": req.Params.Meta.ProgressToken, "progress": progress, "total": 100}
			if err := clientOf(ctx).notify("notifications/progress", params); err != nil {
				return nil, err
			}
		}
		time.Sleep(stepPause)
	}
	return mcp.NewToolResultText("done"), nil
}

// sendLog sends three log messages: always to older clients, whose level is of a session that this server does not
// have, and to others only if the request has a level.
func sendLog(ctx context.Context, _ mcp.CallToolRequest) (*mcp.CallToolResult, error) {
	info := server.RequestProtocolInfoFromContext(ctx)
	for _, message := range []string{"Tool execution started", "Tool processing data", "Tool execution completed"} {
		if !info.Modern || info.LogLevel != "" {
			if err := clientOf(ctx).notify("notifications/message", map[string]any{"level": "info", "data": message}); err != nil {
				return nil, err
			}
		}
		time.Sleep(stepPause)
	}
	return mcp.NewToolResultText("done"), nil
}

// fixtureQuestion is a tool that asks the client once: a modern client by its result, an older one, for which
// mcp-go translates, by requests of its own.
type fixtureQuestion struct {
	tool     string
	requests mcp.InputRequests
	state    bool // an answer counts only with the state that came with the requests
}

var fixtureQuestions = []fixtureQuestion{
	{tool: "test_sampling", requests: mcp.InputRequests{"answer": sample("Test prompt for sampling")}},
	{tool: "test_elicitation", requests: mcp.InputRequests{"answer": elicitForm("Please provide your information",
		`"username":{"type":"string","description":"User's response"},"email":{"type":"string","description":"User's email address"}`, "username", "email")}},
	{tool: "test_streaming_elicitation", requests: mcp.InputRequests{"answer": elicitForm("Please confirm", `"ok":{"type":"boolean"}`, "ok")}},
	{tool: "test_elicitation_sep1034_defaults", requests: mcp.InputRequests{"answer": elicitForm("Please check the defaults",
		`"name":{"type":"string","default":"John Doe"},"age":{"type":"integer","default":30},"score":{"type":"number","default":95.5},`+
			`"status":{"type":"string","enum":["active","inactive","pending"],"default":"active"},"verified":{"type":"boolean","default":true}`)}},
	{tool: "test_elicitation_sep1330_enums", requests: mcp.InputRequests{"answer": elicitForm("Please choose",
		`"untitledSingle":{"type":"string","enum":["option1","option2","option3"]},`+
			`"titledSingle":{"type":"string","oneOf":[{"const":"value1","title":"First Option"},{"const":"value2","title":"Second Option"}]},`+
			`"legacyEnum":{"type":"string","enum":["opt1","opt2"],"enumNames":["Option One","Option Two"]},`+
			`"untitledMulti":{"type":"array","items":{"type":"string","enum":["option1","option2","option3"]}},`+
			`"titledMulti":{"type":"array","items":{"anyOf":[{"const":"value1","title":"First Choice"},{"const":"value2","title":"Second Choice"}]}}`)}},
	{tool: "test_input_required_result_elicitation", requests: mcp.InputRequests{"user_name": askName("What is your name?")}},
	{tool: "test_input_required_result_sampling", requests: mcp.InputRequests{"capital_question": sample("What is the capital of France?")}},
	{tool: "test_input_required_result_list_roots", requests: mcp.InputRequests{"client_roots": mcp.NewRootsInputRequest()}},
	{tool: "test_input_required_result_request_state", state: true, requests: mcp.InputRequests{"confirm": elicitForm("Please confirm", `"ok":{"type":"boolean"}`, "ok")}},
	{tool: "test_input_required_result_tampered_state", state: true, requests: mcp.InputRequests{"confirm": elicitForm("Please confirm", `"ok":{"type":"boolean"}`, "ok")}},
	{tool: "test_input_required_result_multiple_inputs", state: true, requests: mcp.InputRequests{
		"user_name": askName("What is your name?"), "greeting": sample("Generate a greeting"), "client_roots": mcp.NewRootsInputRequest(),
	}},
}

func (q fixtureQuestion) call(_ context.Context, req mcp.CallToolRequest) (*mcp.CallToolResult, error) {
	state := ""
	if q.state {
		state = fixtureState(q.tool)
	}
	if req.Params.RequestState != state || !answered(q.requests, req.Params.InputResponses) {
		return askAgain(state, q.requests), nil
	}
	return mcp.NewToolResultText(fmt.Sprintf("state-ok: %d answers", len(q.requests))), nil
}

// answered reports whether each request has an answer of its own form. Any other answer is ignored.
func answered(requests mcp.InputRequests, responses mcp.InputResponses) bool {
	for id, request := range requests {
		if response, ok := responses[id]; !ok || response.DecodeFor(request.Method) != nil {
			return false
		}
	}
	return true
}

func askAgain(state string, requests mcp.InputRequests) *mcp.CallToolResult {
	result := server.NewInputRequestBuilder(state).ToolResult()
	result.InputRequests = requests
	return result
}

// fixtureState returns a state that a client cannot make up.
func fixtureState(of string) string {
	mac := hmac.New(sha256.New, []byte("the key of the fixtures"))
	mac.Write([]byte(of))
	return of + "." + hex.EncodeToString(mac.Sum(nil))
}

func elicitForm(message, properties string, required ...string) mcp.InputRequest {
	schema := `{"type":"object","properties":{` + properties + `}`
	if len(required) > 0 {
		schema += `,"required":["` + strings.Join(required, `","`) + `"]`
	}
	return mcp.NewElicitationInputRequest(mcp.ElicitationParams{Message: message, RequestedSchema: json.RawMessage(schema + `}`)})
}

func askName(message string) mcp.InputRequest {
	return elicitForm(message, `"name":{"type":"string"}`, "name")
}

func sample(text string) mcp.InputRequest {
	return mcp.NewSamplingInputRequest(mcp.CreateMessageParams{
		Messages:  []mcp.SamplingMessage{{Role: mcp.RoleUser, Content: mcp.NewTextContent(text)}},
		MaxTokens: 100,
	})
}

// askWhatIsDeclared asks for what the client has declared that it can do.
func askWhatIsDeclared(ctx context.Context, req mcp.CallToolRequest) (*mcp.CallToolResult, error) {
	can, requests := server.RequestProtocolInfoFromContext(ctx).ClientCapabilities, mcp.InputRequests{}
	if can.Sampling != nil {
		requests["greeting"] = sample("Generate a greeting")
	}
	if can.Elicitation != nil {
		requests["user_name"] = askName("What is your name?")
	}
	if answered(requests, req.Params.InputResponses) {
		return mcp.NewToolResultText("done"), nil
	}
	return askAgain("", requests), nil
}

// askTwice asks for a name, and after its answer for a color.
func askTwice(_ context.Context, req mcp.CallToolRequest) (*mcp.CallToolResult, error) {
	first := mcp.InputRequests{"step1": askName("Step 1: What is your name?")}
	second := mcp.InputRequests{"step2": elicitForm("Step 2: What is your favorite color?", `"color":{"type":"string"}`, "color")}
	switch state := req.Params.RequestState; {
	case state == fixtureState("round 1") && answered(first, req.Params.InputResponses):
		return askAgain(fixtureState("round 2"), second), nil
	case state == fixtureState("round 2") && answered(second, req.Params.InputResponses):
		return mcp.NewToolResultText("done"), nil
	}
	return askAgain(fixtureState("round 1"), first), nil
}

func fixtureResources() (all []server.ServerResource) {
	for _, contents := range []mcp.ResourceContents{
		mcp.TextResourceContents{URI: "test://static-text", MIMEType: "text/plain", Text: "This is the content of the static text resource."},
		mcp.BlobResourceContents{URI: "test://static-binary", MIMEType: "image/png", Blob: onePixelPNG},
		mcp.TextResourceContents{URI: "test://watched-resource", MIMEType: "text/plain", Text: "This is watched."},
	} {
		uri := uriOfContents(contents)
		all = append(all, server.ServerResource{
			Resource: mcp.NewResource(uri, uri, mcp.WithResourceDescription(aFixture)),
			Handler: func(context.Context, mcp.ReadResourceRequest) ([]mcp.ResourceContents, error) {
				return []mcp.ResourceContents{contents}, nil
			},
		})
	}
	return all
}

func uriOfContents(contents mcp.ResourceContents) string {
	if text, ok := contents.(mcp.TextResourceContents); ok {
		return text.URI
	}
	return contents.(mcp.BlobResourceContents).URI
}

var fixtureTemplate = mcp.NewResourceTemplate("test://template/{id}/data", "template", mcp.WithTemplateDescription(aFixture))

func readFixtureTemplate(_ context.Context, req mcp.ReadResourceRequest) ([]mcp.ResourceContents, error) {
	id := strings.TrimSuffix(strings.TrimPrefix(req.Params.URI, "test://template/"), "/data")
	text := fmt.Sprintf(`{"id":%q,"templateTest":true,"data":"Data for ID: %s"}`, id, id)
	return []mcp.ResourceContents{mcp.TextResourceContents{URI: req.Params.URI, MIMEType: "application/json", Text: text}}, nil
}

func fixturePrompts() (all []server.ServerPrompt) {
	for name, p := range map[string]struct {
		arguments []string
		contents  func(given map[string]string) []mcp.Content
	}{
		"test_simple_prompt": {nil, func(map[string]string) []mcp.Content {
			return []mcp.Content{mcp.NewTextContent("This is a simple prompt for testing.")}
		}},
		"test_prompt_with_arguments": {[]string{"arg1", "arg2"}, func(given map[string]string) []mcp.Content {
			return []mcp.Content{mcp.NewTextContent(fmt.Sprintf("Prompt with arguments: arg1='%s', arg2='%s'", given["arg1"], given["arg2"]))}
		}},
		"test_prompt_with_embedded_resource": {[]string{"resourceUri"}, func(given map[string]string) []mcp.Content {
			resource := embeddedText(given["resourceUri"], "text/plain", "Embedded resource content for testing.")
			return []mcp.Content{resource, mcp.NewTextContent("Please process the embedded resource above.")}
		}},
		"test_prompt_with_image": {nil, func(map[string]string) []mcp.Content {
			return []mcp.Content{mcp.NewImageContent(onePixelPNG, "image/png"), mcp.NewTextContent("Please analyze the image above.")}
		}},
	} {
		options := []mcp.PromptOption{mcp.WithPromptDescription(aFixture)}
		for _, argument := range p.arguments {
			options = append(options, mcp.WithArgument(argument, mcp.RequiredArgument()))
		}
		all = append(all, server.ServerPrompt{
			Prompt: mcp.NewPrompt(name, options...),
			Handler: func(_ context.Context, req mcp.GetPromptRequest) (*mcp.GetPromptResult, error) {
				return fixturePrompt(p.contents(req.Params.Arguments)), nil
			},
		})
	}
	all = append(all, server.ServerPrompt{
		Prompt: mcp.NewPrompt("test_input_required_result_prompt", mcp.WithPromptDescription(aFixture)), Handler: askForPrompt,
	})
	slices.SortFunc(all, func(a, b server.ServerPrompt) int { return strings.Compare(a.Prompt.Name, b.Prompt.Name) })
	return all
}

func fixturePrompt(contents []mcp.Content) *mcp.GetPromptResult {
	result := &mcp.GetPromptResult{}
	for _, c := range contents {
		result.Messages = append(result.Messages, mcp.NewPromptMessage(mcp.RoleUser, c))
	}
	return result
}

// askForPrompt is the one prompt that asks the client.
func askForPrompt(_ context.Context, req mcp.GetPromptRequest) (*mcp.GetPromptResult, error) {
	requests := mcp.InputRequests{"user_context": elicitForm("What context should the prompt use?", `"context":{"type":"string"}`, "context")}
	if answered(requests, req.Params.InputResponses) {
		return fixturePrompt([]mcp.Content{mcp.NewTextContent("The context is known.")}), nil
	}
	result := server.NewInputRequestBuilder("").PromptResult()
	result.InputRequests = requests
	return result, nil
}

package fakeslack

import (
	"fmt"
	"maps"
)

// commandPayload is what a slash command sends; the caller holds the lock.
func (p *Person) commandPayload(command, text string) map[string]any {
	u, c := p.s.users[p.user], p.s.channels[p.channel]
	return map[string]any{
		"token": legacy, "team_id": u.Team, "team_domain": domain, "channel_id": c.id, "channel_name": c.name,
		"user_id": u.ID, "user_name": u.Name, "command": command, "text": text, "api_app_id": appID,
		"is_enterprise_install": "false", "response_url": p.s.newResponseURL(u.ID, c.id, nil),
		"trigger_id": p.s.newTrigger(u.ID),
	}
}

// interaction is what all interactions have; the caller holds the lock.
func (p *Person) interaction(kind string) map[string]any {
	u := p.s.users[p.user]
	if p.team != "" {
		u.Team = p.team
	}
	return map[string]any{
		"type": kind, "token": legacy, "api_app_id": appID, "enterprise": nil, "is_enterprise_install": false,
		"team": map[string]any{"id": p.s.o.Team, "domain": domain},
		"user": map[string]any{"id": u.ID, "username": u.Name, "name": u.Name, "team_id": u.Team},
	}
}

// addSurface adds where an interaction happened; the caller holds the lock.
func (p *Person) addSurface(payload map[string]any, at Surface) {
	switch at := at.(type) {
	case *View:
		payload["container"] = map[string]any{"type": "view", "view_id": at.ID}
		payload["view"] = at.payload()
	case *Message:
		payload["container"] = map[string]any{
			"type": "message", "message_ts": at.TS, "channel_id": at.Channel, "is_ephemeral": at.To != "",
		}
		payload["channel"] = map[string]any{"id": at.Channel, "name": p.s.channels[at.Channel].name}
		if at.To == "" { // of an ephemeral message Slack sends nothing but where it is
			payload["message"] = at.payload()
		}
	}
}

// blockActions is what a press or a choice sends; the caller holds the lock.
func (p *Person) blockActions(at Surface, e element, value map[string]any) map[string]any {
	payload := p.interaction("block_actions")
	p.addSurface(payload, at)
	payload["trigger_id"] = p.s.newTrigger(p.user)
	values := map[string]any{"values": at.surface().entered.values(at.surface().latest().Blocks)}
	if m, isMessage := at.(*Message); isMessage {
		payload["state"] = values
		payload["response_url"] = p.s.newResponseURL(p.user, m.Channel, m)
	}
	action := map[string]any{
		"type": e.kind(), "action_id": e.action(), "block_id": e.in(), "action_ts": p.s.ts(),
	}
	for _, key := range []string{"text", "value", "style", "url", "placeholder"} {
		if e.kind() == "button" && e.source[key] != nil {
			action[key] = e.source[key]
		}
	}
	maps.Copy(action, value)
	payload["actions"] = []any{action}
	return payload
}

// submission is what a modal sends when it is submitted; the caller holds the lock.
func (p *Person) submission(v *View) map[string]any {
	payload := p.interaction("view_submission")
	payload["view"], payload["trigger_id"], payload["response_urls"] = v.payload(), p.s.newTrigger(p.user), []any{}
	return payload
}

// suggestion is what typing into an external select sends; the caller holds the lock.
func (p *Person) suggestion(at Surface, e element, text string) map[string]any {
	payload := p.interaction("block_suggestion")
	p.addSurface(payload, at)
	payload["action_id"], payload["block_id"], payload["value"] = e.action(), e.in(), text
	return payload
}

// event wraps what happened as the Events API sends it; the caller holds the lock.
func (p *Person) event(object map[string]any) map[string]any {
	object["event_ts"] = p.s.ts()
	return map[string]any{
		"token": legacy, "team_id": p.s.o.Team, "api_app_id": appID, "event": object, "type": "event_callback",
		"event_id": fmt.Sprintf("Ev%08d", p.s.next()), "event_time": p.s.now().Unix(), "is_ext_shared_channel": false,
		"authorizations": []any{map[string]any{
			"enterprise_id": nil, "team_id": p.s.o.Team, "user_id": p.s.o.BotUser, "is_bot": true, "is_enterprise_install": false,
		}},
	}
}

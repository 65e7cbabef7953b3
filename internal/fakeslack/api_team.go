package fakeslack

import (
	"maps"
	"slices"
	"strings"
)

func (s *Slack) authTest(params) answer {
	return ok(answer{
		"url": "https://" + domain + ".slack.com/", "team": domain, "user": "vpsbot", "team_id": s.o.Team,
		"user_id": s.o.BotUser, "bot_id": botID, "is_enterprise_install": false,
	})
}

func (s *Slack) conversationsOpen(p params) answer {
	users := strings.Split(p.str("users"), ",")
	u, known := s.users[users[0]]
	if len(users) != 1 || !known || u.Team != s.o.Team {
		return no("user_not_found")
	}
	return ok(answer{"channel": map[string]any{"id": s.dm(u.ID).id}})
}

func (s *Slack) conversationsInfo(p params) answer {
	c := s.channels[p.str("channel")]
	if c == nil || c.private() && !c.has(s.o.BotUser) {
		return no("channel_not_found")
	}
	shared := slices.ContainsFunc(c.members, func(u string) bool { return s.users[u].Team != s.o.Team && s.users[u].ID != "" })
	return ok(answer{"channel": map[string]any{
		"id": c.id, "name": c.name, "is_channel": !c.direct(), "is_im": c.direct(), "is_private": c.private(),
		"is_archived": c.archived, "is_member": c.has(s.o.BotUser), "is_shared": shared, "is_ext_shared": shared,
		"num_members": len(c.members), "context_team_id": s.o.Team,
	}})
}

func (s *Slack) usersInfo(p params) answer {
	u, known := s.users[p.str("user")]
	if !known {
		return no("user_not_found")
	}
	return ok(answer{"user": map[string]any{
		"id": u.ID, "team_id": u.Team, "name": u.Name, "real_name": u.Name, "deleted": false, "is_bot": u.bot,
		"is_stranger": u.Team != s.o.Team, "is_restricted": false, "is_ultra_restricted": false, "tz": "Etc/UTC",
		"profile": map[string]any{"display_name": u.Name, "real_name": u.Name},
	}})
}

// mostGroupReads is how often a minute usergroups.users.list may be called.
const mostGroupReads = 20

func (s *Slack) userGroupUsers(p params) answer {
	if s.often("usergroups.users.list", mostGroupReads) {
		return no("ratelimited")
	}
	users, known := s.groups[p.str("usergroup")]
	if !known {
		return no("no_such_subteam")
	}
	return ok(answer{"users": users})
}

func (s *Slack) userGroups(p params) answer {
	groups := []any{}
	for _, id := range slices.Sorted(maps.Keys(s.groups)) {
		g := map[string]any{
			"id": id, "team_id": s.o.Team, "is_usergroup": true, "handle": strings.ToLower(id), "name": id,
			"user_count": len(s.groups[id]),
		}
		if p.str("include_users") == "true" || p.str("include_users") == "1" {
			g["users"] = s.groups[id]
		}
		groups = append(groups, g)
	}
	return ok(answer{"usergroups": groups})
}

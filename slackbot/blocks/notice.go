package blocks

import "github.com/vpsbot/vpsbot/internal/audit"

// Expiry warns that a token expires.
func Expiry(says string) Message {
	m := "⏰ " + said(says)
	return message(m, sections(m))
}

// Mirror is a row of the audit log for the channel that follows it.
func Mirror(row audit.Row) Message {
	m := auditLine(row)
	return message(m, append(sections(join(" · ", m, date(row.At))), remark(clip(said(short(row.Reason, longestText)), longestText), surface(row.Surface), sequence(row))...))
}

// sequence is a row's number, by which the log is searched.
func sequence(row audit.Row) md {
	if row.Seq <= 0 {
		return ""
	}
	return "row " + digits(row.Seq)
}

// NobodyAsked tells an asker that those who must agree could not be asked in their channel.
func NobodyAsked(channel, why string) Message {
	where := channelLink(channel)
	if where == "" {
		where = "the approvals channel"
	}
	m := join("", "⚠️ Nobody was asked: ", where, " takes no messages from vpsbot (", code(why), "). ",
		"Whoever may approve it sees your request by `/vps approvals`. Whoever runs vpsbot can invite it to the channel, or name another in the policy.")
	return message(m, sections(m))
}

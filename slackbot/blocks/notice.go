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
	return message(m, append(sections(join(" · ", m, date(row.At))), remark(esc(short(row.Reason, longestText)), surface(row.Surface), sequence(row))...))
}

// sequence is a row's number, by which the log is searched.
func sequence(row audit.Row) md {
	if row.Seq <= 0 {
		return ""
	}
	return "row " + digits(row.Seq)
}

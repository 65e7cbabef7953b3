package cli

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/mattn/go-runewidth"

	"github.com/vpsbot/vpsbot/internal/text"
)

// detail is a line of an object's details, indented by how deep its field lies.
type detail struct {
	depth        int
	label, value string
}

const widestLabel = 24 // a longer one, of a field that nobody knows, moves its own value alone

// details are the fields of an object in JSON, each with a label: made from the JSON alone, so that a field that is
// new in VPS.org's answer shows as well.
func (s style) details(object jsontext.Value, now time.Time) string {
	lines := detailsOf(membersOf(object), 0, now)
	indent := func(l detail) string { return strings.Repeat("  ", l.depth) + l.label + ":" }
	width := 0
	for _, l := range lines {
		width = max(width, min(widestLabel, runewidth.StringWidth(indent(l))))
	}
	var b strings.Builder
	for _, l := range lines {
		label, value := indent(l), l.value
		if value != "" {
			label += strings.Repeat(" ", max(0, width-runewidth.StringWidth(label))+between)
		}
		if l.label == "Status" || l.label == "State" {
			value = s.word(value)
		}
		b.WriteString(label + value + "\n")
	}
	return strings.TrimSuffix(b.String(), "\n")
}

func detailsOf(members []member, depth int, now time.Time) (lines []detail) {
	for _, m := range members {
		label := labelOf(m.name)
		elements := elementsOf(m.value)
		switch {
		case m.value.Kind() == '{':
			lines = append(lines, nested(label, m.value, depth, now)...)
		case slices.ContainsFunc(elements, func(e jsontext.Value) bool { return e.Kind() == '{' }):
			for i, element := range elements {
				lines = append(lines, nested(fmt.Sprintf("%s %d", label, i+1), element, depth, now)...)
			}
		default:
			lines = append(lines, detail{depth, label, valueOf(m, now)})
		}
	}
	return lines
}

// nested are the details of an object inside another: its name and id stand in the line of its label.
func nested(label string, object jsontext.Value, depth int, now time.Time) []detail {
	name, id, rest := "", "", []member(nil)
	for _, m := range membersOf(object) {
		switch m.name {
		case "name":
			name = cellOf(m.value)
		case "id":
			id = cellOf(m.value)
		default:
			rest = append(rest, m)
		}
	}
	heading := cmp.Or(name, id)
	if name != "" && id != "" {
		heading += " (id " + id + ")"
	}
	return append([]detail{{depth, label, heading}}, detailsOf(rest, depth+1, now)...)
}

// valueOf is the value of a field as a person reads it.
func valueOf(m member, now time.Time) string {
	cell := cellOf(m.value)
	switch m.value.Kind() {
	case 't':
		return "yes"
	case 'f':
		return "no"
	}
	at, isDay, ok := timeOf(cell)
	switch {
	case ok && isDay:
		return cell + " (" + relative(now.Sub(at)) + ")"
	case ok:
		return at.Local().Format("2006-01-02 15:04 MST") + " (" + relative(now.Sub(at)) + ")"
	}
	if per := strings.TrimPrefix(m.name, "price_"); per != m.name {
		return withUnit(m.name, cell) + map[string]string{"monthly": " a month", "hourly": " an hour"}[per]
	}
	return withUnit(m.name, cell)
}

const day = 24 * time.Hour

// age is a unit in which it is said how long ago something was, for what is shorter than its end.
type age struct {
	end, unit time.Duration
	noun      string
}

var ages = []age{{time.Hour, time.Minute, "minute"}, {day, time.Hour, "hour"}, {60 * day, day, "day"}, {365 * day, 30 * day, "month"}, {math.MaxInt64, 365 * day, "year"}}

// relative says how long ago something was, or in how long it will be.
func relative(ago time.Duration) string {
	of := ago.Abs()
	if of < time.Minute {
		return "now"
	}
	age := ages[slices.IndexFunc(ages, func(a age) bool { return of < a.end })]
	says := text.Plural(int(of/age.unit), age.noun)
	if ago < 0 {
		return "in " + says
	}
	return says + " ago"
}

// labelOf makes a label of a field's name: created_at is "Created", cpu_percent "CPU".
func labelOf(name string) string {
	name = strings.TrimPrefix(name, "is_")
	for _, suffix := range []string{"_at", "_mb", "_percent", "_monthly", "_hourly"} {
		if short := strings.TrimSuffix(name, suffix); short != "" {
			name = short
		}
	}
	return text.Title(name)
}

// units are those of amounts without one, by the name of their field: section 1.4 of VPS.org's API names MB for
// size_mb; for the others the values fit these.
var units = map[string]string{
	"size_mb": "MB", "memory": "MB", "memory_used": "MB", "storage": "GB", "disk_used": "GB", "bandwidth": "GB", "bandwidth_used": "GB",
	"cpu_percent": "%",
}

// withUnit adds the unit of a field to a number; a price has two decimals at least.
func withUnit(field, cell string) string {
	number, err := strconv.ParseFloat(cell, 64)
	if err != nil {
		return cell
	}
	switch unit := units[field]; {
	case unit == "MB" && number >= 1024:
		return strings.TrimSuffix(strconv.FormatFloat(number/1024, 'f', 1, 64), ".0") + " GB"
	case unit == "%":
		return cell + "%"
	case unit != "":
		return cell + " " + unit
	case strings.HasPrefix(field, "price_") && len(cell)-strings.IndexByte(cell+".", '.') <= 2:
		return strconv.FormatFloat(number, 'f', 2, 64)
	}
	return cell
}

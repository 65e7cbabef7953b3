package slackbot

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/vpsbot/vpsbot/internal/background"
	"github.com/vpsbot/vpsbot/internal/runner"
	"github.com/vpsbot/vpsbot/internal/text"
	"github.com/vpsbot/vpsbot/slackbot/blocks"
	"github.com/vpsbot/vpsbot/tools"
)

// pickers are the fields that are picked from what several lists have, or in words of their own: which lists are read, and how.
var pickers = map[string]picker{
	"plan_id":  {[]string{"plans.list"}, planChoices},
	"location": {[]string{"plans.list", "servers.list"}, locationChoices},
	"os_id":    {[]string{"servers.list"}, systemChoices},
}

// pickerOf returns how a field is picked; one without lists is typed.
func pickerOf(field tools.Field) picker {
	if p, ok := pickers[field.Name]; ok || field.List == "" {
		return p
	}
	return picker{[]string{field.List}, itemChoices(field.List)}
}

type picker struct {
	lists []string
	from  func(lists replies) []blocks.Choice // a list that could not be read is empty
}

// replies are the replies of lists by the operation's name.
type replies map[string]runner.Reply

// choices reads what the fields of a command can be picked from, with the person's rights. A field
// without choices is typed.
func (f form) choices(ctx context.Context, offered []*tools.Op) blocks.Choices {
	wanted := map[string]*tools.Op{}
	for _, field := range f.Op.Fields {
		for _, name := range pickerOf(field).lists {
			if op, ok := f.Runner.Catalogue.Lookup(name); ok && slices.Contains(offered, op) {
				wanted[name] = op
			}
		}
	}
	lists := f.lists(ctx, wanted)
	choices := blocks.Choices{}
	for _, field := range f.Op.Fields {
		if p := pickerOf(field); p.lists != nil {
			choices[field.Name] = p.from(lists)
		}
	}
	return choices
}

// lists reads several lists at once and returns the replies that succeeded in time.
func (f form) lists(ctx context.Context, wanted map[string]*tools.Op) replies {
	ctx, cancel := context.WithTimeout(ctx, choiceWithin)
	defer cancel()
	var mu sync.Mutex
	var reading sync.WaitGroup
	read := replies{}
	for _, op := range wanted {
		reading.Go(func() {
			err := background.Safely(ctx, func(ctx context.Context) error {
				reply := f.wholeList(ctx, op, f.filter(op), allRows)
				mu.Lock()
				defer mu.Unlock()
				if reply.Class == runner.OK {
					read[op.Name] = reply
				}
				return nil
			})
			if err != nil {
				f.Log.Error("Slack: reading the choices of a form", "operation", op.Name, "error", err)
			}
		})
	}
	reading.Wait()
	return read
}

// filter narrows a list to the command's server, if the list can be.
func (f form) filter(op *tools.Op) map[string]string {
	server := f.Input["server"]
	if server != "" && slices.ContainsFunc(op.Fields, func(field tools.Field) bool { return field.Kind == tools.Ref }) {
		return map[string]string{"server": server}
	}
	return nil
}

// planChoices show the price first: the person agrees to it.
func planChoices(lists replies) []blocks.Choice {
	return text.Map(rowsOf(lists["plans.list"]), func(r map[string]string) blocks.Choice {
		return blocks.Choice{Value: r["id"], Label: parts(
			r["name"], price(r["price_monthly"]), withUnit(r["vcpus"], " vCPU"), withUnit(r["memory"], " MB"), withUnit(r["storage"], " GB"),
		)}
	})
}

func price(monthly string) string {
	amount, err := strconv.ParseFloat(monthly, 64)
	if err != nil {
		return ""
	}
	return strconv.FormatFloat(amount, 'f', 2, 64) + " a month"
}

func withUnit(value, unit string) string {
	if value == "" || value == "0" {
		return ""
	}
	return value + unit
}

func parts(all ...string) string {
	return strings.Join(slices.DeleteFunc(all, func(s string) bool { return s == "" }), " · ")
}

func locationChoices(lists replies) []blocks.Choice {
	all := tools.Locations(lists["plans.list"].Value, lists["servers.list"].Value)
	return text.Map(all, func(location string) blocks.Choice { return blocks.Choice{Value: location, Label: location} })
}

func systemChoices(lists replies) (all []blocks.Choice) {
	for _, system := range tools.Systems(lists["servers.list"].Value) {
		all = append(all, blocks.Choice{Value: system.ID.Key(), Label: system.Name})
	}
	return all
}

// itemChoices are the objects of a list, such as backups, in its order.
func itemChoices(list string) func(replies) []blocks.Choice {
	return func(lists replies) []blocks.Choice {
		return text.Map(rowsOf(lists[list]), func(r map[string]string) blocks.Choice {
			status := r["status"]
			if status == "completed" || status == "available" {
				status = ""
			}
			return blocks.Choice{Value: r["id"], Label: parts(
				r["name"], onDay(r["created_at"]), r["server"], r["backup_type"], status, withUnit(r["size_mb"], " MB"),
			)}
		})
	}
}

func onDay(at string) string {
	t, err := time.Parse(time.RFC3339, at)
	if err != nil {
		return ""
	}
	return text.Moment(t)
}

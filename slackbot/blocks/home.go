package blocks

import (
	"slices"
	"time"

	"github.com/slack-go/slack"

	"github.com/vpsbot/vpsbot/internal/approval"
	"github.com/vpsbot/vpsbot/internal/audit"
	"github.com/vpsbot/vpsbot/internal/runner"
	"github.com/vpsbot/vpsbot/tools"
)

// HomeView is what the Home tab shows. What is empty is left out.
type HomeView struct {
	Now        time.Time
	Notice     string       // in a sentence, on top: a freeze, a token that expires
	Fleet      runner.Reply // of servers.list, one page of it
	Filter     string       // as it was typed
	Next, Prev Token
	Running    []approval.Record
	Mine       []approval.Record // wait for the reader's own consent
	Waiting    []approval.Record // wait for the reader as a second person
	May        []*tools.Op       // what the reader may run here
	Audit      []audit.Row       // the reader's own, newest first
}

// How much of each the Home tab shows, so that all of it fits a hundred blocks.
const (
	homeRecords = 10
	homeAudit   = 10
	homeText    = 40_000 // a view may be longer than a message
	mostFilter  = 100
)

// Home is the Home tab: what needs the reader first, then the fleet, then the rest.
func Home(o HomeView) slack.HomeTabViewRequest {
	body := slices.Concat(
		actions(button(ActRefresh, "refresh", "Refresh", "")),
		contextLine(asOf(o.Now)),
		sections(labelled("📣 ", sentence(o.Notice))),
		questions("Wait for your approval", openRecords(o.Waiting, o.Now), Second),
		questions("Wait for your own confirmation", openRecords(o.Mine, o.Now), Own),
		running(o.Running),
		fleet(o),
	)
	if len(o.May) > 0 {
		body = slices.Concat(body, homePart("What you may do"), menu(o.May))
	}
	if len(o.Audit) > 0 {
		body = slices.Concat(body, homePart("What you did lately"), sections(auditLines(o.Audit, homeAudit)...))
	}
	return slack.HomeTabViewRequest{Type: slack.VTHomeTab, Blocks: slack.Blocks{BlockSet: fit(body, nil, mostViewBlocks, homeText)}}
}

func homePart(heading md) []slack.Block {
	return append([]slack.Block{slack.NewDividerBlock()}, header(heading)...)
}

func running(records []approval.Record) []slack.Block {
	if len(records) == 0 {
		return nil
	}
	var all []md
	for _, rec := range records[:min(homeRecords, len(records))] {
		all = append(all, summary(rec)...)
	}
	return slices.Concat(header("Running"), sections(all...), contextLine(moreOf(len(records)-homeRecords, "change")))
}

// fleet is a page of the servers, with what filters and turns it.
func fleet(o HomeView) []slack.Block {
	blocks := append(homePart("Servers"), filter(o.Filter))
	if t, ok := o.Fleet.Table(); ok {
		shown, left := rows(t)
		blocks = slices.Concat(blocks, shown, contextLine(note(t, o.Next), leftOut(left)))
	} else if o.Fleet.Message != "" {
		blocks = append(blocks, sections(classMarks[o.Fleet.Class]+sentence(o.Fleet.Message))...)
	}
	return append(blocks, actions(
		button(ActHomePrev, string(o.Prev), "Previous", ""),
		button(ActHomePage, string(o.Next), "Next", ""),
	)...)
}

// filter is sent when Enter is pressed.
func filter(typed string) slack.Block {
	e := slack.NewPlainTextInputBlockElement(plain("A part of a name, an address or a status", mostOption), ActHomeFilter).WithMaxLength(mostFilter)
	e.DispatchActionConfig = &slack.DispatchActionConfig{TriggerActionsOn: []string{"on_enter_pressed"}}
	e.InitialValue = truncate(typed, mostFilter)
	return slack.NewInputBlock(ActHomeFilter, plain("Filter", mostLabel), nil, e).WithOptional(true).WithDispatchAction(true)
}

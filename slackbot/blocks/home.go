package blocks

import (
	"github.com/slack-go/slack"

	"github.com/vpsbot/vpsbot/internal/approval"
	"github.com/vpsbot/vpsbot/tools"
)

// How much of each the Home tab shows, so that all of it fits a hundred blocks.
const (
	homeRecords = 10
	homeAudit   = 10
	homeText    = 40_000 // a view may be longer than a message
)

// Home is the Home tab: what needs the reader first, then the fleet, then the rest.
func Home(o HomeView) slack.HomeTabViewRequest {
	body := actions(button(ActRefresh, "refresh", "Refresh", ""))
	body = append(body, remark(asOf(o.Now))...)
	body = append(body, sections(told("📣 ", o.Notice))...)
	body = append(body, questions("Wait for your approval", open(o.Waiting, o.Now), Second)...)
	body = append(body, questions("Wait for your own confirmation", open(o.Mine, o.Now), Own)...)
	body = append(body, running(o.Running)...)
	body = append(body, fleet(o)...)
	body = append(body, may(o.May)...)
	body = append(body, recent(o)...)
	if len(body) == 0 {
		body = sections("Nothing to show.")
	}
	return slack.HomeTabViewRequest{Type: slack.VTHomeTab, Blocks: slack.Blocks{BlockSet: fit(body, nil, mostViewBlocks, homeText)}}
}

func running(records []approval.Record) []slack.Block {
	if len(records) == 0 {
		return nil
	}
	var all []md
	for _, rec := range records[:min(homeRecords, len(records))] {
		all = append(all, brief(rec)...)
	}
	blocks := append(header("Running"), sections(all...)...)
	return append(blocks, remark(moreOf(len(records)-homeRecords, "change"))...)
}

// fleet is a page of the servers, with what filters and turns it.
func fleet(o HomeView) []slack.Block {
	blocks := append([]slack.Block{slack.NewDividerBlock()}, header("Servers")...)
	blocks = append(blocks, filter(o.Filter))
	if t, ok := o.Fleet.Table(); ok {
		shown, left := rows(t)
		blocks = append(append(blocks, shown...), remark(note(t, o.Next), leftOut(left))...)
	} else if o.Fleet.Message != "" {
		blocks = append(blocks, sections(classMarks[o.Fleet.Class]+said(o.Fleet.Message))...)
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
	e.InitialValue = short(typed, mostFilter)
	return slack.NewInputBlock(ActHomeFilter, plain("Filter", mostLabel), nil, e).WithOptional(true).WithDispatchAction(true)
}

const mostFilter = 100

func may(ops []*tools.Op) []slack.Block {
	if len(ops) == 0 {
		return nil
	}
	blocks := append([]slack.Block{slack.NewDividerBlock()}, header("What you may do")...)
	return append(blocks, menu(ops)...)
}

func recent(o HomeView) []slack.Block {
	if len(o.Audit) == 0 {
		return nil
	}
	blocks := append([]slack.Block{slack.NewDividerBlock()}, header("What you did lately")...)
	return append(blocks, sections(auditLines(o.Audit, homeAudit)...)...)
}

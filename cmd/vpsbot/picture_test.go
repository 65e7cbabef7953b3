package main

import (
	"fmt"
	"html"
	"os/exec"
	"regexp"
	"runtime"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
)

// docs/card.svg is what this command shows in a terminal of 80 columns. go test ./cmd/vpsbot -run Picture -update draws it anew.
func TestPictureOfACard(t *testing.T) {
	t.Parallel()
	if runtime.GOOS != "linux" && runtime.GOOS != "darwin" {
		t.Skip("needs a terminal of its own")
	}
	b := newSandbox(t)
	cmd := exec.Command(programOfTests(t), "delete", "web-server-01")
	cmd.Env = []string{"TERM=xterm-256color", quickExit}
	for name, value := range b.env {
		cmd.Env = append(cmd.Env, name+"="+value)
	}
	screen, err := runDialogueAt(cmd, pictureColumns, []step{{question: true}, {text: "web-server-01"}})
	require.NoError(t, err, screen)
	for _, differs := range []struct{ what, with string }{
		{`newest is \d+ days old`, "newest is 3 days old"}, {`local:[^ ]+`, "local:ada"}, {`until \d\d:\d\d UTC`, "until 14:35 UTC"},
		{`\r\x1b\[K[^\r\n]*\r\x1b\[K`, ""}, // a line that says how long it has waited
	} {
		screen = regexp.MustCompile(differs.what).ReplaceAllString(screen, differs.with)
	}
	golden(t, "../../docs/card.svg", []byte(drawTerminal("$ vpsbot delete web-server-01\n"+strings.ReplaceAll(screen, "\r\n", "\n"))))
}

// programOfTests finds the program of the tests.
func programOfTests(t *testing.T) string {
	path, err := exec.LookPath("vpsbot")
	require.NoError(t, err)
	return path
}

const (
	pictureColumns = 80
	letterWidth    = 8.4 // of 14 pixels of a font whose letters are equally wide
	lineHeight     = 20
)

var (
	sgr     = regexp.MustCompile(`\x1b\[([0-9;]*)m`)
	colours = map[string]string{"1": ` font-weight="bold"`, "31": ` fill="#ff7b72"`, "33": ` fill="#e3b341"`, "2": ` fill="#8b949e"`}
)

// drawTerminal draws a screen of colours and text as an image.
func drawTerminal(screen string) string {
	var lines []string
	style := ""
	for line := range strings.SplitSeq(strings.TrimRight(screen, "\n"), "\n") {
		lines = append(lines, wrapped(line, &style)...)
	}
	width, height := int(pictureColumns*letterWidth)+32, len(lines)*lineHeight+32
	var b strings.Builder
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" viewBox="0 0 %[1]d %[2]d" role="img" aria-label="vpsbot delete web-server-01 shows what it would delete, and asks for the name">`+"\n", width, height)
	fmt.Fprintf(&b, `<rect width="%d" height="%d" rx="8" fill="#0d1117"/>`+"\n"+`<g font-family="ui-monospace,SFMono-Regular,Menlo,Consolas,monospace" font-size="14" fill="#e6edf3">`+"\n", width, height)
	for i, line := range lines {
		fmt.Fprintf(&b, `<text x="16" y="%d" xml:space="preserve">%s</text>`+"\n", 30+i*lineHeight, line)
	}
	b.WriteString("</g>\n</svg>\n")
	return b.String()
}

// wrapped breaks a line where a terminal does, as elements of SVG. Style is that of the text that comes next.
func wrapped(line string, style *string) (lines []string) {
	var b strings.Builder
	column := 0
	write := func(text string) {
		for text != "" {
			end := min(len(string([]rune(text)[:min(utf8.RuneCountInString(text), pictureColumns-column)])), len(text))
			fmt.Fprintf(&b, "<tspan%s>%s</tspan>", *style, html.EscapeString(text[:end]))
			column += utf8.RuneCountInString(text[:end])
			if text = text[end:]; text != "" {
				lines, column = append(lines, b.String()), 0
				b.Reset()
			}
		}
	}
	at := 0
	for _, code := range sgr.FindAllStringSubmatchIndex(line, -1) {
		write(line[at:code[0]])
		*style, at = colours[line[code[2]:code[3]]], code[1]
	}
	write(line[at:])
	return append(lines, b.String())
}

// Command vpsbot is one guarded door to a VPS.org account: for assistants over MCP, and for
// people in Slack and at a terminal.
package main

import (
	"os"

	"github.com/vpsbot/vpsbot/internal/cli"
)

func main() { os.Exit(cli.Main(nil)) }

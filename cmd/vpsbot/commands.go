package main

import "github.com/spf13/cobra"

// commands are those beside "run".
func (a *app) commands() []*cobra.Command {
	return []*cobra.Command{
		a.approvalsCommand(),
		a.auditCommand(),
		a.doctorCommand(),
		a.freezeCommand(),
		a.keysCommand(),
		a.mcpCommand(),
		a.operationsCommand(),
		a.policyCommand(),
		a.serveCommand(),
		a.simulatorCommand(),
		a.slackCommand(),
		a.storeCommand(),
		a.unfreezeCommand(),
		a.versionCommand(),
	}
}

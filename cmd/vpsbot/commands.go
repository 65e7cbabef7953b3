package main

import "github.com/spf13/cobra"

// commands are those beside "run".
func (a *app) commands() []*cobra.Command {
	return []*cobra.Command{
		a.approvalsCommand(),
		a.auditCommand(),
		a.doctorCommand(),
		a.mcpCommand(),
		a.operationsCommand(),
		a.simulatorCommand(),
		a.versionCommand(),
	}
}

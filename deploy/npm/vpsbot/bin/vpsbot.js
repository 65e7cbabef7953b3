#!/usr/bin/env node
// Starts the program of this system, which an optional dependency brings, as if it had been called itself: with the
// same arguments, stdin, stdout and stderr, signals and exit code.
"use strict";

const { spawn } = require("node:child_process");
const { constants } = require("node:os");
const tty = require("node:tty");

const platform = `@vpsbot/cli-${process.platform}-${process.arch}`;
const file = process.platform === "win32" ? "vpsbot.exe" : "vpsbot";

function fail(text) {
  process.stderr.write(`vpsbot: ${text}\n`);
  process.exit(1);
}

let program;
try {
  program = require.resolve(`${platform}/bin/${file}`);
} catch {
  fail(
    `the package ${platform} is not installed. Install vpsbot again without --omit=optional; ` +
      "for a system that has no such package see https://github.com/vpsbot/vpsbot",
  );
}

const child = spawn(program, process.argv.slice(2), { stdio: "inherit", windowsHide: true });

// A terminal sends Ctrl-C to the program too: it must not come twice, as the second one ends it at once.
const atTerminal = [0, 1, 2].some((fd) => tty.isatty(fd));
const signals = process.platform === "win32" ? ["SIGINT", "SIGTERM"] : ["SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT", "SIGUSR2"];
for (const signal of signals) {
  process.on(signal, () => {
    if (!(atTerminal && (signal === "SIGINT" || signal === "SIGQUIT"))) child.kill(signal);
  });
}

child.on("error", (error) => fail(`${program} cannot be started: ${error.message}`));
child.on("exit", (code, signal) => {
  if (!signal) process.exit(code);
  for (const name of signals) process.removeAllListeners(name);
  process.kill(process.pid, signal);
  process.exit(128 + (constants.signals[signal] || 1)); // for a signal that does not end this process
});

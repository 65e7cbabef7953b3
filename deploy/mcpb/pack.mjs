// Makes a bundle for desktop clients (MCPB) from a built program:
//
//   node deploy/mcpb/pack.mjs VERSION FILE.mcpb PLATFORM PROGRAM      PLATFORM is linux, darwin or win32
//
// A manifest cannot tell processors apart, so there is a bundle for each. The CLI mcpb validates and packs it: that of
// @anthropic-ai/mcpb, in the PATH or as MCPB names it.
import { execFileSync } from "node:child_process";
import { chmodSync, copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

const here = dirname(fileURLToPath(import.meta.url));
const [version, file, platform, program] = process.argv.slice(2);
if (!program || !["linux", "darwin", "win32"].includes(platform)) {
  console.error("usage: node deploy/mcpb/pack.mjs VERSION FILE.mcpb linux|darwin|win32 PROGRAM");
  process.exit(2);
}
const manifest = JSON.parse(readFileSync(join(here, "manifest.json"), "utf8"));
const binary = platform === "win32" ? "vpsbot.exe" : "vpsbot";
manifest.version = version;
manifest.server.entry_point = `server/${binary}`;
manifest.server.mcp_config.command = "${__dirname}/server/" + binary;
delete manifest.server.mcp_config.platform_overrides;
manifest.compatibility.platforms = [platform];

const work = mkdtempSync(join(tmpdir(), "vpsbot-mcpb-"));
try {
  mkdirSync(join(work, "server"));
  copyFileSync(program, join(work, "server", binary));
  chmodSync(join(work, "server", binary), 0o755);
  copyFileSync(join(here, "..", "..", "LICENSE"), join(work, "LICENSE"));
  writeFileSync(join(work, "manifest.json"), JSON.stringify(manifest, null, 2) + "\n");
  mkdirSync(dirname(resolve(file)), { recursive: true });
  execFileSync(process.env.MCPB || "mcpb", ["pack", work, resolve(file)], { stdio: ["ignore", "ignore", "inherit"] });
  console.log(resolve(file));
} finally {
  rmSync(work, { recursive: true, force: true });
}

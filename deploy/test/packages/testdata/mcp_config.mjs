// Prints how a desktop client starts a bundle that was unpacked, by the library that clients use:
// node mcp_config.mjs NODE_MODULES FOLDER USER_CONFIG-as-JSON
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

const [modules, folder, given] = process.argv.slice(2);
const { getMcpConfigForManifest } = await import(pathToFileURL(join(modules, "@anthropic-ai/mcpb/dist/index.js")));
const config = await getMcpConfigForManifest({
  manifest: JSON.parse(readFileSync(join(folder, "manifest.json"), "utf8")),
  extensionPath: folder, systemDirs: {}, userConfig: JSON.parse(given), pathSeparator: "/",
  logger: { warn: console.error, error: console.error, log: console.error },
});
console.log(JSON.stringify(config ?? null));

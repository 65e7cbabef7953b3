// A client of the TypeScript SDK, of which most assistants are made, starts a server over stdio and prints what it
// learned:  node client.mjs NODE_MODULES COMMAND [ARGUMENTS]
import { createRequire } from "node:module";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

const [modules, command, ...args] = process.argv.slice(2);
const require = createRequire(join(modules, "x.js"));
const load = (path) => import(pathToFileURL(require.resolve(`@modelcontextprotocol/sdk/${path}`)));
const { Client } = await load("client/index.js");
const { StdioClientTransport } = await load("client/stdio.js");

const client = new Client({ name: "packages-test", version: "1" });
await client.connect(new StdioClientTransport({ command, args, env: process.env, stderr: "inherit" }));
const { tools } = await client.listTools();
const result = await client.callTool({ name: "servers_list", arguments: {} });
console.log(JSON.stringify({ server: client.getServerVersion(), tools: tools.map((t) => t.name), isError: result.isError ?? false }));
await client.close();

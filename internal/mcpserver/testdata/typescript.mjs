// Connects a client of one of the TypeScript SDKs, uses what the server offers, and prints as JSON what it got.
// node typescript.mjs FOLDER-OF-NODE-MODULES sdk|client VERSION URL KEY
import { createRequire } from 'node:module';

const [folder, sdk, version, url, key] = process.argv.slice(2);
const load = createRequire(`${folder}/package.json`);
const of = (path) => load(`@modelcontextprotocol/${sdk}${sdk === 'sdk' ? path : ''}`);
const { Client } = of('/client/index.js');
const { StreamableHTTPClientTransport } = of('/client/streamableHttp.js');

const options = { capabilities: { elicitation: {} } };
if (version >= '2026') options.versionNegotiation = { mode: { pin: version } };
const client = new Client({ name: 'test', version: '1' }, options);
client.onerror = (error) => { throw error; };

const asked = [];
let answer;
client.setRequestHandler(sdk === 'sdk' ? of('/types.js').ElicitRequestSchema : 'elicitation/create', async ({ params }) => {
	asked.push(params.message.split('\n').at(-1));
	return answer;
});
const call = async (name, given) => {
	answer = given;
	const { content, structuredContent } = await client.callTool({ name, arguments: { server: 'web-server-01' } });
	return structuredContent?.outcome ?? content[0].text;
};

const transport = new StreamableHTTPClientTransport(new URL(url), { requestInit: { headers: { Authorization: `Bearer ${key}` } } });
await client.connect(transport);
const got = {
	version: transport.protocolVersion,
	tools: (await client.listTools()).tools.length,
	resources: (await client.listResources()).resources.length,
	prompts: (await client.listPrompts()).prompts.length,
	me: JSON.parse((await client.readResource({ uri: 'vps://me' })).contents[0].text).actor,
	prompt: (await client.getPrompt({ name: 'safe_reboot', arguments: { server: 'web-server-01' } })).messages.length,
	completed: (await client.complete({ ref: { type: 'ref/prompt', name: 'safe_reboot' }, argument: { name: 'server', value: 'web' } })).completion.values,
	read: await call('servers_get'),
	declined: await call('servers_reboot', { action: 'decline' }),
	accepted: await call('servers_delete', { action: 'accept', content: { name: 'web-server-01' } }),
	asked,
};
client.onerror = undefined; // closing aborts what is still read
await client.close();
console.log(JSON.stringify(got));

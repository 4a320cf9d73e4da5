/** The process: `node main.ts` speaks ACP on its standard streams. */
import { runScriptAgent } from "./agent.ts";

const stopping = new AbortController();
for (const name of ["SIGTERM", "SIGINT", "SIGHUP"] as const) process.once(name, () => stopping.abort());
process.exit(await runScriptAgent({ signal: stopping.signal }));

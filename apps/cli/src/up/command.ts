/** `samovar up`: runs everything on this machine until Ctrl-C. */
import { spawn } from "node:child_process";
import { type Stack, readModelCredential, startStack, waitForStopSignal } from "./stack.ts";

export interface UpOptions {
  readonly port?: number | undefined;
  readonly dataDir: string;
  readonly open: boolean;
  readonly json: boolean;
}

/** Resolves with the exit code once everything has stopped. */
export async function runUp(options: UpOptions): Promise<number> {
  const { dataDir } = options;
  const stopped = waitForStopSignal();
  const stack = await startStack({ dataDir, port: options.port, env: process.env });
  try {
    await announce(stack, dataDir, options);
    await stopped;
    if (!options.json) console.error("\nStopping …");
  } finally {
    await stack.stop();
  }
  if (options.json) console.log(JSON.stringify({ event: "stopped" }));
  return 0;
}

async function announce(stack: Stack, dataDir: string, options: UpOptions): Promise<void> {
  const link = await stack.client.createLink();
  if (options.json) {
    const { url, cloud } = stack;
    const ready = { event: "ready", url, signInUrl: link.url, cloudUrl: cloud.url, dataDir, pid: process.pid };
    console.log(JSON.stringify(ready));
    return;
  }
  const agent =
    readModelCredential(process.env) === null
      ? "script (set ANTHROPIC_API_KEY or CLAUDE_CODE_OAUTH_TOKEN for Claude Code)"
      : "Claude Code";
  console.log(`Samovar is running at ${stack.url}

  Sign in      ${link.url}
               (works once, for 15 minutes; \`samovar login\` prints another)
  Run a task   samovar run --repo PATH "what to do"
  Agent        ${agent}
  Data         ${dataDir}

Agents run with your user's permissions on this machine. Ctrl-C stops everything.`);
  if (options.open) openBrowser(link.url);
}

/** Best effort: a machine without a desktop has no browser to open. */
function openBrowser(url: string): void {
  if (!process.stdout.isTTY) return;
  const program = process.platform === "darwin" ? "open" : "xdg-open";
  const child = spawn(program, [url], { stdio: "ignore", detached: true });
  child.on("error", () => {});
  child.unref();
}

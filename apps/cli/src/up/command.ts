/** `samovar up`: runs everything on this machine until Ctrl-C. */
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { writeAtomically } from "../files.ts";
import { openBrowser } from "../open-browser.ts";
import { describeRuntime, findNodeRuntime } from "../node-runtime.ts";
import { type Deployment, type DeploymentOptions, parseDeployment } from "./deployment.ts";
import { type Stack, readModelCredential, startStack, waitForStopSignal } from "./stack.ts";

export interface UpOptions extends DeploymentOptions {
  readonly port?: number | undefined;
  readonly dataDir: string;
  readonly open: boolean;
  readonly json: boolean;
}

/** Resolves with the exit code once everything has stopped. */
export async function runUp(options: UpOptions): Promise<number> {
  const { dataDir } = options;
  const deployment = parseDeployment(options);
  const stopped = waitForStopSignal();
  const stack = await startStack({ dataDir, port: options.port, deployment, env: process.env });
  try {
    await announce(stack, deployment, options);
    await stopped;
    if (!options.json) console.error("\nStopping …");
  } finally {
    await stack.stop();
    await rm(getOpeningFile(dataDir), { force: true });
  }
  if (options.json) console.log(JSON.stringify({ event: "stopped" }));
  return 0;
}

async function announce(stack: Stack, deployment: Deployment, options: UpOptions): Promise<void> {
  const { dataDir } = options;
  const link = await stack.client.createLink();
  if (options.json) {
    const { url, pageUrl, cloud } = stack;
    const ready = {
      event: "ready",
      url,
      pageUrl,
      signInUrl: link.url,
      cloudUrl: cloud?.url ?? null,
      dataDir,
      pid: process.pid,
    };
    console.log(JSON.stringify(ready));
    return;
  }
  const hasNoKey = readModelCredential(process.env) === null;
  const isPublic = deployment.publicUrl !== null;
  const agent =
    hasNoKey && !isPublic ? "script (set ANTHROPIC_API_KEY or CLAUDE_CODE_OAUTH_TOKEN for Claude Code)" : "Claude Code";
  console.log(`Samovar is running at ${stack.pageUrl}

  Sign in      ${link.url}
               (works once, for 15 minutes; \`samovar login\` prints another)
  Run a task   samovar run --repo PATH "what to do"
  Agent        ${agent}
  Data         ${dataDir}

${await describeNodes(stack, deployment, dataDir)}

Ctrl-C stops everything.`);
  if (options.open && deployment.publicUrl === null) await openLink(link.url, dataDir);
}

async function describeNodes(stack: Stack, { cloud }: Deployment, dataDir: string): Promise<string> {
  if (cloud === "local") return describeRuntime(await findNodeRuntime(dataDir, process.env));
  if (stack.hasProvider) return `Nodes are made at ${cloud}.`;
  return `Nodes are made at ${cloud}, which needs its API token: samovar credentials set ${cloud}`;
}

/**
 * Opens the page from a private file that leads to the link: every user of the machine can read a program's arguments.
 */
async function openLink(link: string, dataDir: string): Promise<void> {
  const file = getOpeningFile(dataDir);
  await writeAtomically(file, createOpeningPage(link));
  openBrowser(file);
}

const getOpeningFile = (dataDir: string): string => join(dataDir, "open.html");

function createOpeningPage(link: string): string {
  return `<!doctype html><meta charset="utf-8"><title>Samovar</title><script>location.replace(${JSON.stringify(link)})</script>\n`;
}

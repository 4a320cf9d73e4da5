/** Runs wrangler with a plan's configuration and secrets in a private directory, which is removed afterwards. */
import { spawn } from "node:child_process";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { stripVTControlCharacters } from "node:util";
import { DeployError } from "./deploy-error.ts";
import type { WorkerPlan } from "./worker-plan.ts";

const PROGRAM = fileURLToPath(new URL("bin/wrangler.js", import.meta.resolve("wrangler/package.json")));
const REPORTED_LINES = 30;

export interface WranglerAccount {
  readonly accountId: string;
  readonly token: string;
  readonly baseUrl: string;
}

export interface Wrangler {
  /** Uploads and deploys, with the secrets in the same call. */
  deploy(plan: WorkerPlan, version: { readonly tag: string; readonly message: string }): Promise<void>;
  /** Checks and bundles without an account. Returns wrangler's report. */
  dryRun(plan: WorkerPlan): Promise<string>;
}

/** Without an account, only a dry run works. */
export function createWrangler(account: WranglerAccount | null): Wrangler {
  const env = {
    ...inheritEnvironment(),
    ...(account === null
      ? {}
      : {
          CLOUDFLARE_ACCOUNT_ID: account.accountId,
          CLOUDFLARE_API_TOKEN: account.token,
          CLOUDFLARE_API_BASE_URL: account.baseUrl,
        }),
  };
  const run = (args: readonly string[], directory: string) => runWrangler(args, env, directory);
  return {
    deploy: (plan, { tag, message }) =>
      inPrivateDirectory(plan, async (directory) => {
        const files = ["--config", join(directory, "wrangler.json"), "--secrets-file", join(directory, "secrets.json")];
        await run(["deploy", ...files, "--tag", tag, "--message", message], directory);
      }),
    dryRun: (plan) =>
      inPrivateDirectory(plan, (directory) => {
        const files = ["--config", join(directory, "wrangler.json"), "--secrets-file", join(directory, "secrets.json")];
        return run(["deploy", "--dry-run", ...files], directory);
      }),
  };
}

/** The variables of this process's environment that wrangler needs: no setting or secret of the deployment. */
function inheritEnvironment(): Record<string, string> {
  const names = ["PATH", "HOME", "TMPDIR", "LANG", "HTTPS_PROXY", "HTTP_PROXY", "NO_PROXY", "NODE_EXTRA_CA_CERTS"];
  return Object.fromEntries(
    names.flatMap((name) => (process.env[name] === undefined ? [] : [[name, process.env[name]]])),
  );
}

async function inPrivateDirectory<T>(plan: WorkerPlan, act: (directory: string) => Promise<T>): Promise<T> {
  const directory = await mkdtemp(join(tmpdir(), "samovar-deploy-"));
  const write = (name: string, content: unknown) =>
    writeFile(join(directory, name), JSON.stringify(content), { mode: 0o600, flag: "wx" });
  try {
    await write("wrangler.json", plan.wrangler);
    await write("secrets.json", plan.secrets);
    return await act(directory);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

/** Returns what it printed. Throws {@link DeployError} with its last lines if it fails. */
async function runWrangler(
  args: readonly string[],
  env: Readonly<Record<string, string>>,
  directory: string,
): Promise<string> {
  const home = join(directory, "home");
  await mkdir(home);
  const child = spawn(process.execPath, [PROGRAM, ...args], {
    cwd: directory,
    env: {
      ...env,
      // Keeps wrangler from a login of another account, and from logs that outlive this directory.
      XDG_CONFIG_HOME: home,
      WRANGLER_LOG_PATH: join(home, "wrangler.log"),
      WRANGLER_SEND_METRICS: "false",
      // With the banner it would ask npm's registry for a newer version.
      WRANGLER_HIDE_BANNER: "true",
      CI: "true",
      NO_COLOR: "1",
    },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let printed = "";
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding("utf8").on("data", (text) => (printed += text));
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", resolve);
  });
  if (code === 0) return printed;
  const lines = stripVTControlCharacters(printed).trim().split("\n").slice(-REPORTED_LINES).join("\n");
  throw new DeployError(
    `wrangler ${args[0]} failed:\n${lines}`,
    "Correct the cause, then run the same command again: it continues where this one ended.",
  );
}

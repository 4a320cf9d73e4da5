/** The stack through Pulumi's CLI: bundles the program in infra/, installs its packages, and runs the CLI there. */
import { spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { mkdir, rename, writeFile } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";
import { build } from "esbuild";
import { DeployError } from "./deploy-error.ts";
import type { DeploymentSettings } from "./deployment-settings.ts";
import { installProgram } from "./install-program.ts";
import { type Infrastructure, type StackSettings, stackOutputs } from "./infrastructure.ts";

const REPORTED_LINES = 30;

/** `env`: where `pulumi` is found, and what else it may need, such as the login to its backend. */
export function createPulumi(
  root: string,
  settings: DeploymentSettings,
  env: NodeJS.ProcessEnv = process.env,
): Infrastructure {
  const directory = join(root, "infra");
  const stack = ["--stack", settings.PULUMI_STACK];
  const run = (args: readonly string[]) => runPulumi(directory, args, settings, env);
  const prepare = async () => {
    await prepareProgram(directory);
    await run(["stack", "select", "--create", settings.PULUMI_STACK, "--secrets-provider", "passphrase"]);
  };
  let prepared: Promise<void> | null = null;
  const select = () => (prepared ??= prepare());
  const read: Infrastructure["read"] = async () => {
    const outputs = stackOutputs.safeParse(
      JSON.parse(await run(["stack", "output", "--json", "--show-secrets", ...stack])),
    );
    return outputs.success ? outputs.data : null;
  };
  return {
    async check() {
      const version = await runPulumi(directory, ["version"], settings, env).catch(() => null);
      if (version === null)
        throw new DeployError(
          "The program pulumi is not installed.",
          "Install it as https://www.pulumi.com/docs/install describes, then run the same command again. Nothing was changed.",
        );
    },
    async preview(wanted) {
      await select();
      return run(["preview", ...stack, ...toConfigArguments(wanted)]);
    },
    async update(wanted) {
      await select();
      await run(["up", "--yes", "--skip-preview", ...stack, ...toConfigArguments(wanted)]);
      const outputs = await read();
      if (outputs !== null) return outputs;
      throw new DeployError(
        `The stack ${settings.PULUMI_STACK} lacks outputs.`,
        "Is it the stack of another project? Choose another name with PULUMI_STACK.",
      );
    },
    async read() {
      await select();
      return read();
    },
    async remove() {
      await select();
      await run(["destroy", "--yes", ...stack]);
      await run(["stack", "rm", "--yes", settings.PULUMI_STACK]);
    },
  };
}

function toConfigArguments({ accountId, databaseName, databaseLocation, domain, keepData }: StackSettings): string[] {
  const values = {
    accountId,
    databaseName,
    databaseLocation,
    keepData: String(keepData),
    ...(domain === null ? {} : { domain: domain.name, zoneId: domain.zoneId }),
  };
  return Object.entries(values).flatMap(([name, value]) => ["--config", `samovar:${name}=${value}`]);
}

/** Pulumi runs JavaScript, so the program is bundled; its packages are installed as their lock file says. */
async function prepareProgram(directory: string): Promise<void> {
  installProgram(directory);
  const { outputFiles } = await build({
    entryPoints: [join(directory, "index.ts")],
    bundle: true,
    platform: "node",
    format: "cjs",
    packages: "external",
    logLevel: "warning",
    write: false,
  });
  await mkdir(join(directory, "dist"), { recursive: true });
  const target = join(directory, "dist/index.cjs");
  // Replaced at once: another command may be reading it.
  const partial = `${target}.${randomUUID()}`;
  await writeFile(partial, outputFiles[0]?.text ?? "");
  await rename(partial, target);
}

/** A directory of this user, outside the checkout: losing it means losing the installation's secrets. */
function getStateDirectory(): string {
  return join(process.env["XDG_DATA_HOME"] || join(homedir(), ".local/share"), "samovar/pulumi");
}

async function runPulumi(
  directory: string,
  args: readonly string[],
  { PULUMI_BACKEND_URL, PULUMI_CONFIG_PASSPHRASE, CLOUDFLARE_API_TOKEN }: DeploymentSettings,
  env: NodeJS.ProcessEnv,
): Promise<string> {
  const state = getStateDirectory();
  if (PULUMI_BACKEND_URL === null) await mkdir(state, { recursive: true, mode: 0o700 });
  const backend = PULUMI_BACKEND_URL ?? `file://${state}`;
  const own = { PULUMI_BACKEND_URL: backend, PULUMI_CONFIG_PASSPHRASE, CLOUDFLARE_API_TOKEN, NO_COLOR: "1" };
  return runProgram("pulumi", ["--non-interactive", ...args], { cwd: directory, env: { ...env, ...own } });
}

/** Returns its standard output. Throws {@link DeployError} with its last lines if it fails. */
async function runProgram(
  program: string,
  args: readonly string[],
  options: { readonly cwd: string; readonly env: NodeJS.ProcessEnv },
): Promise<string> {
  const child = spawn(program, args, { ...options, stdio: ["ignore", "pipe", "pipe"] });
  let [output, all] = ["", ""];
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    output += text;
    all += text;
  });
  child.stderr.setEncoding("utf8").on("data", (text: string) => (all += text));
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", resolve);
  });
  if (code === 0) return output;
  throw new DeployError(
    `${program} ${args.find((word) => !word.startsWith("--")) ?? ""} failed:\n${all.trim().split("\n").slice(-REPORTED_LINES).join("\n")}`,
    "Correct the cause, then run the same command again: it continues where this one ended.",
  );
}

/** The first boot, as cloud-init does it: lay the files, run the commands, see which services they asked for. */
import { spawn } from "node:child_process";
import { chmodSync, closeSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { errorMessage } from "@samovar/base";
import type { UserData } from "@samovar/cloud-init";
import { type CpuGroup, lowerArgv, lowerGroup } from "@samovar/processes";
import type { Environment } from "./environment.ts";
import { resolveInRoot, type Layout } from "./layout.ts";
import type { LogFile } from "./log-file.ts";
import { makePassable } from "./make-directory.ts";

export interface FirstBoot {
  readonly userData: UserData;
  readonly layout: Layout;
  readonly environment: Environment;
  readonly enterGroup: CpuGroup["enter"];
  readonly log: LogFile;
  readonly signal: AbortSignal;
}

export interface BootOutcome {
  /** Units to start now and at each power-on, by name. */
  readonly enabled: readonly string[];
  /** Units to start now only. */
  readonly started: readonly string[];
}

/** Like cloud-init it goes on after a command that failed. Null when it was aborted. */
export async function runFirstBoot(boot: FirstBoot): Promise<BootOutcome | null> {
  const { userData, layout, log, signal } = boot;
  rmSync(layout.requests, { force: true });
  layFiles(userData, layout);
  for (const argv of userData.runcmd) {
    if (signal.aborted) return null;
    log.line(`$ ${argv.join(" ")}`);
    const how = await runCommand(argv, boot);
    if (how !== "0") log.line(`ended with ${how}`);
  }
  return signal.aborted ? null : readRequestedUnits(readRequests(layout.requests));
}

/** Directories that every machine has, then the files with exactly their modes. */
function layFiles(userData: UserData, layout: Layout): void {
  for (const name of ["root", "run"]) mkdirSync(join(layout.root, name), { recursive: true, mode: 0o700 });
  for (const name of ["tmp", "var"]) makePassable(join(layout.root, name));
  for (const { path, mode, content } of userData.files) {
    const target = join(layout.root, path);
    mkdirSync(dirname(target), { recursive: true });
    writeFileSync(target, content, { mode: 0o600 });
    chmodSync(target, mode);
  }
}

function runCommand(argv: readonly string[], { layout, environment, log, enterGroup }: FirstBoot): Promise<string> {
  const [command = "", ...args] = argv.map((word) => resolveInRoot(layout, word));
  // cloud-init gives commands no HOME.
  const { HOME: _, ...env } = environment;
  const [file, ...words] = enterGroup(lowerArgv([command, ...args], env["PATH"]), env["PATH"]);
  return new Promise((resolve) => {
    const output = log.open();
    try {
      const child = spawn(file, words, { cwd: layout.root, env, detached: true, stdio: ["ignore", output, output] });
      child.unref();
      lowerGroup(child);
      child.once("error", (error) => resolve(error.message));
      child.once("exit", (code, signal) => resolve(String(signal ?? code)));
    } catch (error) {
      resolve(errorMessage(error));
    } finally {
      closeSync(output);
    }
  });
}

/**
 * Replacements for programs of a server. `systemctl` records requests, which the machine carries out after all commands. The
 * others do nothing: they would change the packages and accounts of the computer that the server runs on.
 */
export const SHIMS: Readonly<Record<string, string>> = {
  systemctl: `#!/bin/sh
printf '%s\\n' "$*" >>"$SAMOVAR_ROOT/run/systemctl"
`,
  "apt-get": "#!/bin/sh\n",
  chage: "#!/bin/sh\n",
};

function readRequests(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}

/** Reads lines such as `enable --now x.service`; verbs and units that a server here has not are nothing to it. */
export function readRequestedUnits(requests: string): BootOutcome {
  const enabled = new Set<string>();
  const started = new Set<string>();
  for (const line of requests.split("\n")) {
    const words = line.split(/\s+/).filter((word) => word !== "");
    const now = words.includes("--now");
    const [verb, ...names] = words.filter((word) => !word.startsWith("-"));
    for (const name of names) {
      const unit = name.includes(".") ? name : `${name}.service`;
      if (verb === "enable") enabled.add(unit);
      if (verb === "disable") enabled.delete(unit);
      if (verb === "start" || verb === "restart" || (verb === "enable" && now)) started.add(unit);
      if (verb === "stop" || (verb === "disable" && now)) started.delete(unit);
    }
  }
  return { enabled: [...enabled], started: [...started] };
}

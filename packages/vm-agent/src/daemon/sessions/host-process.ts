/** Starts a session-host as a process of its own, so that it goes on when the daemon ends. */
import { spawn } from "node:child_process";
import { closeSync, openSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { lowerGroup, markProcess, type ProcessMark } from "@samovar/processes";

/** What a host's command line ends with. */
export const hostArguments = (directory: string) => ["session-host", directory] as const;

/** `onExit` is called when the host ends while we still live. Throws when it cannot be started at all. */
export function startHost(
  directory: string,
  self: readonly [string, string],
  onExit: () => void,
): Promise<ProcessMark> {
  const log = openSync(join(directory, "host.log"), "a", 0o600);
  try {
    const [node, module] = self;
    const child = spawn(node, [module, ...hostArguments(directory)], {
      cwd: directory,
      env: process.env,
      stdio: ["ignore", log, log],
      detached: true,
    });
    child.unref();
    lowerGroup(child, 0);
    child.on("exit", onExit);
    return new Promise((resolve, reject) => {
      child.on("error", reject);
      child.on("spawn", () => resolve(markProcess(child.pid ?? 0)));
    });
  } finally {
    closeSync(log);
  }
}

/** The end of the host's log, for a failure's message. */
export function hostLastWords(directory: string): string {
  try {
    const lines = readFileSync(join(directory, "host.log"), "utf8").trimEnd().split("\n");
    return lines.slice(-5).join("\n").slice(-1500);
  } catch {
    return "";
  }
}

/** Starts a session host as a detached process, so that it outlives the daemon. */
import { spawn } from "node:child_process";
import { closeSync, openSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { lowerGroup, markProcess, type ProcessMark } from "@samovar/processes";

/** The last arguments of a host's command line. */
export const getHostArguments = (directory: string) => ["session-host", directory] as const;

/** `onExit` is called when the host exits while this process runs. Throws when the host cannot be started. */
export function startHost(
  directory: string,
  [file, ...words]: readonly [string, ...string[]],
  onExit: () => void,
): Promise<ProcessMark> {
  const log = openSync(join(directory, "host.log"), "a", 0o600);
  try {
    const child = spawn(file, [...words, ...getHostArguments(directory)], {
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

/** The last lines of the host's log, for a failure's message. */
export function readHostLogTail(directory: string): string {
  try {
    const lines = readFileSync(join(directory, "host.log"), "utf8").trimEnd().split("\n");
    return lines.slice(-5).join("\n").slice(-1500);
  } catch {
    return "";
  }
}

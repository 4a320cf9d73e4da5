/** Opens a browser on this machine. */
import { spawn } from "node:child_process";

/**
 * `target`: a file or an address without a secret, since every user of the machine can read a program's arguments. Best
 * effort: a machine without a desktop has no browser to open.
 */
export function openBrowser(target: string): void {
  if (!process.stdout.isTTY) return;
  const program = process.platform === "darwin" ? "open" : "xdg-open";
  const child = spawn(program, [target], { stdio: "ignore", detached: true });
  child.on("error", () => {});
  child.unref();
}

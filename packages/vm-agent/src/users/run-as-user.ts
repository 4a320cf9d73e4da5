/** Runs small programs as a workspace's user: wherever links lead, they change only what the workspace could change itself. */
import { spawn } from "node:child_process";
import { text } from "node:stream/consumers";
import type { HostUser } from "@samovar/contracts";
import { becomeUser } from "./become-user.ts";

const PATH = "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin";

/** Throws with the end of its output when it fails. */
export async function runAsUser(
  user: HostUser | null,
  argv: readonly [file: string, ...args: string[]],
  input = "",
): Promise<void> {
  const [file, ...words] = becomeUser(user, argv);
  const child = spawn(file, words, { cwd: "/", env: { PATH }, stdio: ["pipe", "ignore", "pipe"] });
  const exited = new Promise<number | null>((resolve, reject) => {
    child.once("error", reject);
    child.once("exit", (code) => resolve(code));
  });
  // A program that does not read its input closes the pipe.
  child.stdin.on("error", () => {});
  child.stdin.end(input);
  const [code, errors] = await Promise.all([exited, text(child.stderr)]);
  if (code !== 0) throw new Error(errors.trim().split("\n").at(-1) ?? `${argv[0]} ended with ${code}`);
}

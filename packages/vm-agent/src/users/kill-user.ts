/** Kills everything of a workspace's user at one instant, whatever it does about it. Keeps T1. */
import { spawnSync } from "node:child_process";
import type { HostUser } from "@samovar/contracts";

/**
 * The real user of whoever kills, for each workspace's user another one: above what systems give to users and containers. A process
 * may signal one whose real or saved user is its own, so a killer that only had the workspace's user could be stopped by it.
 */
const KILLERS = 2_000_000_000;
/** Keeps the right to change users alone, and keeps it after the first change: without it, all of root's would be killed. */
const KILLER_RIGHTS = ["--inh-caps=-all", "--ambient-caps=-all", "--bounding-set=-all,+setuid"];
const SCRIPT = `const [killer, user, signal] = process.argv.slice(1).map(Number);
process.setuid(killer);
process.seteuid(user);
if (process.getuid() !== killer || process.geteuid() !== user) throw new Error("the user did not change");
try { process.kill(-1, signal); } catch (error) { if (error.code !== "ESRCH") throw error; }`;
const SIGKILL = 9;
/** Two killers of one user end each other. */
const TRIES = 5;

/**
 * The kernel signals all that may be signalled before any of them can start another. So once it returns, none of their code runs.
 * Throws when that was not possible. `signal`: 0 to try whether it is.
 */
export function killUser({ id, setpriv }: HostUser, signal: 0 | typeof SIGKILL = SIGKILL): void {
  const node = [process.execPath, "-e", SCRIPT, "--", String(KILLERS + id), String(id), String(signal)];
  const words = ["--securebits=+no_setuid_fixup", ...KILLER_RIGHTS, "--clear-groups", "--", ...node];
  for (let tries = 1; ; tries++) {
    const { status, stderr, error } = spawnSync(setpriv, words, { cwd: "/", env: {}, encoding: "utf8" });
    if (status === 0) return;
    if (status !== null || tries === TRIES)
      throw error ?? new Error(`the processes of user ${id} could not be ended: ${stderr.trim().slice(-500)}`);
  }
}

/** Where agents run on this machine's nodes: asks the vm-agent, which tries a sandbox as a node does. */
import { execFile } from "node:child_process";
import { join } from "node:path";
import { parseJson } from "@samovar/base";
import { agentRelease, type NodeRuntime, nodeRuntime } from "@samovar/contracts";
import { root } from "./checkout-root.ts";
import { readJson } from "./files.ts";

/** Longer than the trial of a sandbox may take. */
const TIMEOUT_MS = 150_000;

/** Null when the vm-agent did not say, for example because Samovar is not built. */
export async function findNodeRuntime(
  dataDir: string,
  env: Readonly<Record<string, string | undefined>>,
): Promise<NodeRuntime | null> {
  const release = agentRelease.safeParse(await readJson(join(root, "dist/release.json")).catch(() => null));
  if (!release.success) return null;
  const args = [join(root, "dist/web", release.data.path), "runtime", dataDir];
  const output = await new Promise<string>((resolve) => {
    execFile(process.execPath, args, { env: { ...env }, timeout: TIMEOUT_MS }, (_error, stdout) => resolve(stdout));
  });
  return nodeRuntime.safeParse(parseJson(output)).data ?? null;
}

/** A sentence for people. */
export function describeRuntime(runtime: NodeRuntime | null): string {
  switch (runtime?.kind) {
    case "sandbox":
      return "Agents run in a sandbox: they see their workspace, not your files, and reach outside only as the project allows.";
    case "docker":
      return "Agents run in docker containers: they see their workspace, not your files, and reach outside only as the project allows.";
    case "unavailable":
      return `No task can run, because what WORKSPACE_RUNTIME demands does not work: ${runtime.reason ?? ""}`;
    case "process":
      if (runtime.users === "separate")
        return `Agents run without a sandbox, each workspace as its own user: they cannot read or change your files or those of other workspaces, but reach your network and what every user may read: ${runtime.reason ?? ""}`;
      return `Agents run with your user's permissions on this machine: ${runtime.reason ?? ""}`;
    case undefined:
      return "Agents may run with your user's permissions on this machine: the vm-agent did not say whether a sandbox works.";
  }
}

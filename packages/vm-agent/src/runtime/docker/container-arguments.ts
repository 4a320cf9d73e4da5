/**
 * The engine's arguments for a workspace's container. The root is the image, read-only; writable are the checkout, the home and
 * a private `/tmp`. No capability, no new privileges, no network, no socket of the node, a filter of system calls, limits. Pure. No secret is in them.
 */
import { basename } from "node:path";
import type { HostContainer, WorkspaceLimits } from "@samovar/contracts";
import { SEEN } from "../sandbox-arguments.ts";
import { CONTAINER_PROGRAMS } from "./container-environment.ts";

/** Of every container: the state directory of its node, and the mark of its session. */
export const LABELS = { node: "samovar.node", mark: "samovar.mark" } as const;

export const CONTAINER_NODE = `${CONTAINER_PROGRAMS}/node`;
const MODULES = "/opt/samovar/modules";

export interface ContainerPlan {
  readonly container: HostContainer;
  readonly name: string;
  readonly mark: string;
  /** On the node. */
  readonly home: string;
  /** {@link createCallProfile}: a file of the node. */
  readonly callProfile: string;
  /** Directories of the kernel that are shown empty. */
  readonly emptied: readonly string[];
  /** More files that programs see read-only: by the path that they see, the node's path. */
  readonly files: Readonly<Record<string, string>>;
  /** Of the programs. */
  readonly niceness: number;
}

/** Up to and with the command; `image` is one that the engine has. */
export function getContainerArguments(plan: ContainerPlan): string[] {
  const { container, name, mark, home, callProfile, emptied, files, niceness } = plan;
  const { checkout, tmp, nodeBinary, module, readOnlyPaths, image, user, limits, cpuShares } = container;
  const seenModule = `${MODULES}/${basename(module)}`;
  const isolation = ["--network", "none", "--cap-drop", "ALL", "--security-opt", "no-new-privileges", "--read-only"];
  const calls = ["--security-opt", `seccomp=${callProfile}`];
  return [
    ["run", "--rm", "--interactive", "--init", "--pull", "never", "--log-driver", "none"],
    ["--name", name, "--hostname", "workspace"],
    ["--label", `${LABELS.node}=${container.owner}`, "--label", `${LABELS.mark}=${mark}`],
    isolation,
    calls,
    emptied.flatMap((path) => ["--tmpfs", `${path}:ro,nosuid,nodev,noexec,size=4k`]),
    ["--tmpfs", "/run:rw,nosuid,nodev,mode=1777", "--tmpfs", "/var/tmp:rw,nosuid,nodev,mode=1777"],
    ["--cpu-shares", String(cpuShares), "--ulimit", "core=0"],
    getLimitArguments(limits),
    ["--user", user, "--workdir", SEEN.checkout],
    mount(tmp, "/tmp"),
    mount(checkout, SEEN.checkout),
    mount(home, SEEN.home),
    mount(nodeBinary, CONTAINER_NODE, true),
    mount(module, seenModule, true),
    readOnlyPaths.flatMap((path) => mount(path, path, true)),
    Object.entries(files).flatMap(([seen, file]) => mount(file, seen, true)),
    // What the image sets for the programs of Node and the loader must not reach the first program.
    ["--env", "NODE_OPTIONS=", "--env", "LD_PRELOAD=", "--env", "LD_LIBRARY_PATH="],
    ["--entrypoint", CONTAINER_NODE, image, seenModule, "container-init", String(niceness)],
  ].flat();
}

/** `diskBytes` is the limit of one file here. */
function getLimitArguments({ processes, memoryBytes, diskBytes }: WorkspaceLimits): string[] {
  return [
    processes === null ? [] : ["--pids-limit", String(processes)],
    memoryBytes === null ? [] : ["--memory", String(memoryBytes), "--memory-swap", String(memoryBytes)],
    diskBytes === null ? [] : ["--ulimit", `fsize=${diskBytes}`],
  ].flat();
}

/** Fails when the source does not exist, instead of making it. */
function mount(source: string, target: string, isReadOnly = false): string[] {
  const fields = ["type=bind", `source=${source}`, `target=${target}`, ...(isReadOnly ? ["readonly"] : [])];
  return ["--mount", fields.map(quoteField).join(",")];
}

/** The value is a line of CSV. */
function quoteField(field: string): string {
  return /[",\n]/.test(field) ? `"${field.replaceAll('"', '""')}"` : field;
}

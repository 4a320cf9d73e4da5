/** Creates the runtime of one session. */
import type { Timers } from "@samovar/base";
import type { HostContainer, HostSandbox, HostUser } from "@samovar/contracts";
import type { EnterLimits } from "../limits/entry.ts";
import { DockerRuntime } from "./docker/docker-runtime.ts";
import { ProcessRuntime } from "./process-runtime.ts";
import type { ProgramNetwork } from "./network/workspace-network.ts";
import type { WorkspacePlaces, WorkspaceRuntime } from "./runtime.ts";
import { SandboxRuntime } from "./sandbox-runtime.ts";

export interface RuntimeOptions {
  readonly places: WorkspacePlaces;
  /** The workspace's user; absent or null: the user of this process. */
  readonly user?: HostUser | null;
  /** False for a shell beside a running session. Otherwise, without a sandbox, all processes of the user end with it. */
  readonly endsUser?: boolean;
  /** Null: without a sandbox. */
  readonly sandbox: HostSandbox | null;
  /** Null and absent: without a container. */
  readonly container?: HostContainer | null;
  /** Of a workspace with a sandbox or container; without one, programs share the node's network. */
  readonly network: { readonly programs: ProgramNetwork } | null;
  /** The session's mark, which its processes have in their environment. */
  readonly mark: string;
  readonly timers: Timers;
  /** How programs enter their workspace's limits; without it they have none. */
  readonly enter?: EnterLimits;
}

export function createRuntime({
  places,
  user = null,
  endsUser = true,
  sandbox,
  network,
  container = null,
  mark,
  timers,
  enter = (argv) => argv,
}: RuntimeOptions): WorkspaceRuntime {
  if (container !== null) {
    if (network === null) throw new Error("a container needs a separate network");
    // The engine enforces its limits, because its programs are not this process's.
    return new DockerRuntime({ home: places.home, container, user, network, mark, timers });
  }
  if (sandbox === null) return new ProcessRuntime({ places, mark, enter, user, endsUser });
  if (network === null) throw new Error("a sandbox needs a separate network");
  return new SandboxRuntime({ home: places.home, sandbox, network, timers, enter, user });
}

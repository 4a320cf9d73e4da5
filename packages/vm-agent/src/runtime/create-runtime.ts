/** Creates the runtime of one session. */
import type { Timers } from "@samovar/base";
import type { HostContainer, HostSandbox } from "@samovar/contracts";
import { DockerRuntime } from "./docker/docker-runtime.ts";
import { ProcessRuntime } from "./process-runtime.ts";
import type { WorkspacePlaces, WorkspaceRuntime } from "./runtime.ts";
import { SandboxRuntime } from "./sandbox-runtime.ts";

export interface RuntimeOptions {
  readonly places: WorkspacePlaces;
  /** Null: without a sandbox. */
  readonly sandbox: HostSandbox | null;
  /** Null and absent: without a container. */
  readonly container?: HostContainer | null;
  /** The session's mark, which its processes have in their environment. */
  readonly mark: string;
  readonly timers: Timers;
}

export function createRuntime({ places, sandbox, container = null, mark, timers }: RuntimeOptions): WorkspaceRuntime {
  if (container !== null) return new DockerRuntime({ home: places.home, container, mark, timers });
  if (sandbox === null) return new ProcessRuntime(places, mark);
  return new SandboxRuntime({ home: places.home, sandbox, timers });
}

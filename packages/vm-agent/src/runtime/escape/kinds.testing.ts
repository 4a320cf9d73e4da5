/** For tests: the runtimes that work on this machine. A new kind of runtime is one line here. */
import { VM_AGENT_BUNDLE } from "@samovar/testing";
import { startTestEngine, type TestEngine } from "@samovar/testing/docker-engine";
import { type RuntimeChoice, chooseRuntime } from "../choose-runtime.ts";

export const SYSTEM_PATH = "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin";

const MODES = ["process", "sandbox", "docker"] as const;

export type RuntimeMode = (typeof MODES)[number];

/** What the probes call, beside the programs that every image of the tests has. */
const PROBES_CALL =
  "perl curl timeout npm nsenter setpriv prlimit renice mknod chmod chown dmesg pivot_root nohup sort xargs git-lfs date script";

/** Where the tests' engine answers, and its image. */
export type EngineAddress = Pick<TestEngine, "address" | "image">;

export interface ModePlace {
  /** Never shown to workspaces. */
  readonly stateDir: string;
  /** Shown to them. */
  readonly readOnlyPaths?: readonly string[];
  /** Of docker. */
  readonly engine: EngineAddress | null;
}

export function chooseMode(
  mode: RuntimeMode,
  { stateDir, readOnlyPaths = [], engine }: ModePlace,
): Promise<RuntimeChoice> {
  const docker = engine === null ? {} : { docker: { image: engine.image } };
  const env = { PATH: SYSTEM_PATH, DOCKER_HOST: engine?.address ?? undefined };
  return chooseRuntime({ mode, readOnlyPaths, ...docker }, stateDir, env, VM_AGENT_BUNDLE);
}

export interface FoundModes {
  readonly modes: readonly RuntimeMode[];
  readonly engine: EngineAddress | null;
  /** Why docker is left out, which the caller reports with the number of its tests; null where it is not. */
  readonly withoutDocker: string | null;
  stop(): Promise<void>;
}

/** Where user namespaces are restricted, the sandbox is left out; the runtimes' contract says so. Starts an engine; the caller stops it. */
export async function findModes(): Promise<FoundModes> {
  const found = await startTestEngine(PROBES_CALL.split(" "));
  const engine = typeof found === "string" ? null : found;
  const sandbox = await chooseMode("sandbox", { stateDir: "/nonexistent", engine });
  const works = { process: true, sandbox: sandbox.kind === "sandbox", docker: engine !== null };
  return {
    modes: MODES.filter((mode) => works[mode]),
    engine: engine === null ? null : { address: engine.address, image: engine.image },
    withoutDocker: typeof found === "string" ? found : null,
    stop: async () => engine?.stop(),
  };
}

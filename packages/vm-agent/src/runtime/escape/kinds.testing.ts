/** For tests: the runtimes that work on this machine. A new kind of runtime is one line here. */
import { VM_AGENT_BUNDLE } from "@samovar/testing";
import { startTestEngine, type TestEngine } from "@samovar/testing/docker-engine";
import { CAN_CHANGE_USERS, TRIAL_USER } from "../../users/users.testing.ts";
import { type RuntimeChoice, chooseRuntime } from "../choose-runtime.ts";
import type { Wall } from "./probe.ts";

export const SYSTEM_PATH = "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin";

export interface RuntimeMode {
  readonly name: string;
  readonly runtime: "process" | Wall;
  /** Whether each workspace has a user of its own. */
  readonly hasUsers: boolean;
}

/** The only one that lets everything through: what it shows of a probe is what the others are compared with. */
export const NO_WALL: RuntimeMode = { name: "process", runtime: "process", hasUsers: false };

const MODES: readonly RuntimeMode[] = [
  NO_WALL,
  { name: "sandbox", runtime: "sandbox", hasUsers: false },
  { name: "docker", runtime: "docker", hasUsers: false },
  { name: "process with users", runtime: "process", hasUsers: true },
  { name: "sandbox with users", runtime: "sandbox", hasUsers: true },
  { name: "docker with users", runtime: "docker", hasUsers: true },
];

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
  { runtime: mode, hasUsers }: RuntimeMode,
  { stateDir, readOnlyPaths = [], engine }: ModePlace,
): Promise<RuntimeChoice> {
  const docker = engine === null ? {} : { docker: { image: engine.image } };
  const env = { PATH: SYSTEM_PATH, DOCKER_HOST: engine?.address ?? undefined };
  const trial = { module: VM_AGENT_BUNDLE, user: hasUsers ? TRIAL_USER : null };
  return chooseRuntime({ mode, readOnlyPaths, ...docker }, stateDir, env, trial);
}

export interface FoundModes {
  readonly modes: readonly RuntimeMode[];
  readonly engine: EngineAddress | null;
  /** Why docker is left out, which the caller reports with the number of its tests; null where it is not. */
  readonly withoutDocker: string | null;
  stop(): Promise<void>;
}

/**
 * Where user namespaces are restricted, the sandbox is left out; the runtimes' contract says so. Users can be changed by root alone.
 * Starts an engine; the caller stops it.
 */
export async function findModes(): Promise<FoundModes> {
  const found = await startTestEngine(PROBES_CALL.split(" "));
  const engine = typeof found === "string" ? null : found;
  const tried = MODES.filter(({ runtime, hasUsers }) => {
    return (CAN_CHANGE_USERS || !hasUsers) && (runtime !== "docker" || engine !== null);
  });
  const choices = await Promise.all(tried.map((mode) => chooseMode(mode, { stateDir: "/nonexistent", engine })));
  return {
    // A container that does not work with an engine is a fault, which the tests then show.
    modes: tried.filter(({ runtime }, at) => runtime === "docker" || choices[at]?.kind !== "unavailable"),
    engine: engine === null ? null : { address: engine.address, image: engine.image },
    withoutDocker: typeof found === "string" ? found : null,
    stop: async () => engine?.stop(),
  };
}

/**
 * The vm-agent's settings: `agent.json` (written by the node's user data) and a few environment variables. Parsed once; all
 * errors are reported together.
 */
import type { NodeId } from "@samovar/base";
import { agentSettings, LONGEST_LIMIT_MS, TIME_LIMITS } from "@samovar/contracts";
import type { TimeLimitName } from "@samovar/contracts";
import { START_GATE_VARIABLE } from "@samovar/processes";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import * as z from "zod";
import { limitEnvironment, type LimitSettings } from "./limits/limits.ts";
import { DEFAULT_DOCKER_SETTINGS } from "./runtime/docker/choose-docker.ts";
import { imageReference } from "./runtime/docker/devcontainer.ts";
import { USER_MODES, type UserMode } from "./users/choose-users.ts";
import { RUNTIME_MODES, type RuntimeSettings } from "./runtime/choose-runtime.ts";
import manifest from "../package.json" with { type: "json" };

export const AGENT_VERSION: string = manifest.version;

/** The token is removed from the file after the first boot. */
const agentFile = agentSettings.extend({ bootstrapToken: agentSettings.shape.bootstrapToken.optional() });

/** A time limit that the control plane shares. */
const limit = (name: TimeLimitName) =>
  z.coerce.number().int().positive().max(LONGEST_LIMIT_MS).default(TIME_LIMITS[name].ms);

const runtimeEnvironment = {
  /** Where agents run; `auto`: in a sandbox if one works on this node, else in docker containers if they do. */
  WORKSPACE_RUNTIME: z.enum(RUNTIME_MODES).default("auto"),
  /**
   * Whether each workspace has a user of its own; `auto`: where the daemon is root; `separate`: otherwise no task runs, which is
   * the default on a server.
   */
  WORKSPACE_USERS: z.enum(USER_MODES).optional(),
  /** The image of containers, for projects without a devcontainer; it needs the GNU C library, libstdc++ and git. */
  WORKSPACE_IMAGE: imageReference.default(DEFAULT_DOCKER_SETTINGS.image),
  /** More files and directories that agents in a sandbox can read, separated by colons. */
  SANDBOX_READ_ONLY_PATHS: z
    .string()
    .default("")
    .transform((text) => text.split(":").filter((path) => path !== ""))
    .pipe(z.array(z.string().startsWith("/"))),
};

const environment = z.object({
  /** Prefix of absolute paths in `agent.json`: in the local cloud a server is a directory. */
  SAMOVAR_ROOT: z.string().startsWith("/").or(z.literal("")).default(""),
  /** Socket of the start gate, where several nodes share one computer. */
  [START_GATE_VARIABLE]: z.string().startsWith("/").optional(),
  /** Where agents are installed; several nodes on one computer may share it. */
  SAMOVAR_AGENTS_DIR: z.string().startsWith("/").optional(),
  /** Where startup snapshots of the vm-agent are kept; several nodes on one computer may share it. */
  SAMOVAR_SNAPSHOTS_DIR: z.string().startsWith("/").optional(),
  /** Where the users of workspaces are recorded; all nodes on one computer share it. */
  SAMOVAR_USERS_DIR: z.string().startsWith("/").default("/var/lib/samovar-users"),
  ...runtimeEnvironment,
  ...limitEnvironment,
  CLONE_TIMEOUT_MS: limit("CLONE_TIMEOUT_MS"),
  AGENT_INSTALL_TIMEOUT_MS: limit("AGENT_INSTALL_TIMEOUT_MS"),
  FINISH_TIMEOUT_MS: limit("FINISH_TIMEOUT_MS"),
  DRAIN_TIMEOUT_MS: limit("DRAIN_TIMEOUT_MS"),
  LOG_LEVEL: z.enum(["debug", "info", "warn", "error"]).default("info"),
});

export interface VmAgentSettings {
  /** Without a trailing slash. */
  readonly controlPlaneUrl: string;
  readonly nodeId: NodeId;
  /** Prefix of absolute paths; empty on a real server. */
  readonly root: string;
  /** Null once it has been used. */
  readonly bootstrapToken: string | null;
  readonly stateDir: string;
  readonly agentsDir: string;
  readonly snapshotsDir: string;
  readonly usersDir: string;
  readonly users: UserMode;
  /** Null: processes start without a gate. */
  readonly startGatePath: string | null;
  readonly runtime: RuntimeSettings;
  readonly limits: LimitSettings;
  readonly cloneTimeoutMs: number;
  readonly installTimeoutMs: number;
  readonly finishTimeoutMs: number;
  readonly drainTimeoutMs: number;
  readonly logLevel: "debug" | "info" | "warn" | "error";
  /** The path of `agent.json`. */
  readonly file: string;
}

/** Throws one error that names every invalid setting. */
export function readSettings(file: string, env: NodeJS.ProcessEnv): VmAgentSettings {
  const fromFile = agentFile.safeParse(JSON.parse(readFileSync(file, "utf8")));
  const fromEnv = environment.safeParse(env);
  if (!fromFile.success || !fromEnv.success) {
    const issues = [...(fromFile.error?.issues ?? []), ...(fromEnv.error?.issues ?? [])];
    throw new Error(
      `Invalid settings:\n  ${issues.map((issue) => `${issue.path.join(".")}: ${issue.message}`).join("\n  ")}`,
    );
  }
  const stateDir = join(fromEnv.data.SAMOVAR_ROOT, fromFile.data.stateDir);
  return {
    controlPlaneUrl: fromFile.data.controlPlaneUrl.replace(/\/+$/, ""),
    nodeId: fromFile.data.nodeId,
    root: fromEnv.data.SAMOVAR_ROOT,
    bootstrapToken: fromFile.data.bootstrapToken ?? null,
    stateDir,
    agentsDir: fromEnv.data.SAMOVAR_AGENTS_DIR ?? join(stateDir, "agents"),
    snapshotsDir: fromEnv.data.SAMOVAR_SNAPSHOTS_DIR ?? join(stateDir, "snapshots"),
    usersDir: fromEnv.data.SAMOVAR_USERS_DIR,
    users: fromEnv.data.WORKSPACE_USERS ?? (fromEnv.data.SAMOVAR_ROOT === "" ? "separate" : "auto"),
    startGatePath: fromEnv.data[START_GATE_VARIABLE] ?? null,
    runtime: toRuntimeSettings(fromEnv.data),
    limits: fromEnv.data,
    cloneTimeoutMs: fromEnv.data.CLONE_TIMEOUT_MS,
    installTimeoutMs: fromEnv.data.AGENT_INSTALL_TIMEOUT_MS,
    finishTimeoutMs: fromEnv.data.FINISH_TIMEOUT_MS,
    drainTimeoutMs: fromEnv.data.DRAIN_TIMEOUT_MS,
    logLevel: fromEnv.data.LOG_LEVEL,
    file,
  };
}

/** Throws when the setting is invalid. */
export function readUserMode(env: NodeJS.ProcessEnv): UserMode {
  return z.object({ WORKSPACE_USERS: runtimeEnvironment.WORKSPACE_USERS }).parse(env).WORKSPACE_USERS ?? "auto";
}

/** Throws when a setting is invalid. */
export function readRuntimeSettings(env: NodeJS.ProcessEnv): RuntimeSettings {
  return toRuntimeSettings(z.object(runtimeEnvironment).parse(env));
}

function toRuntimeSettings(env: z.infer<z.ZodObject<typeof runtimeEnvironment>>): RuntimeSettings {
  return {
    mode: env.WORKSPACE_RUNTIME,
    readOnlyPaths: env.SANDBOX_READ_ONLY_PATHS,
    docker: { image: env.WORKSPACE_IMAGE },
  };
}

/**
 * The vm-agent's settings: `agent.json` and environment variables, both from the node's user data. Parsed once; all errors
 * are reported together.
 */
import type { NodeId } from "@samovar/base";
import { agentSettings, type NodeEnvironment, nodeEnvironment } from "@samovar/contracts";
import { START_GATE_VARIABLE } from "@samovar/processes";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import * as z from "zod";
import type { LimitSettings } from "./limits/limits.ts";
import type { RuntimeSettings } from "./runtime/choose-runtime.ts";
import type { UserMode } from "./users/choose-users.ts";
import manifest from "../package.json" with { type: "json" };

export const AGENT_VERSION: string = manifest.version;

/** The token is removed from the file after the first boot. */
const agentFile = agentSettings.extend({ bootstrapToken: agentSettings.shape.bootstrapToken.optional() });

/** Variables that depend on where the node runs. The others are {@link nodeEnvironment}. */
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
  const fromUserData = nodeEnvironment.safeParse(env);
  if (!fromFile.success || !fromEnv.success || !fromUserData.success) {
    const issues = [fromFile, fromEnv, fromUserData].flatMap(({ error }) => error?.issues ?? []);
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
    users: fromUserData.data.WORKSPACE_USERS ?? (fromEnv.data.SAMOVAR_ROOT === "" ? "separate" : "auto"),
    startGatePath: fromEnv.data[START_GATE_VARIABLE] ?? null,
    runtime: toRuntimeSettings(fromUserData.data),
    limits: fromUserData.data,
    cloneTimeoutMs: fromUserData.data.CLONE_TIMEOUT_MS,
    installTimeoutMs: fromUserData.data.AGENT_INSTALL_TIMEOUT_MS,
    finishTimeoutMs: fromUserData.data.FINISH_TIMEOUT_MS,
    drainTimeoutMs: fromUserData.data.DRAIN_TIMEOUT_MS,
    logLevel: fromUserData.data.LOG_LEVEL,
    file,
  };
}

/** Throws when the setting is invalid. */
export function readUserMode(env: NodeJS.ProcessEnv): UserMode {
  return nodeEnvironment.parse(env).WORKSPACE_USERS ?? "auto";
}

/** Throws when a setting is invalid. */
export function readRuntimeSettings(env: NodeJS.ProcessEnv): RuntimeSettings {
  return toRuntimeSettings(nodeEnvironment.parse(env));
}

function toRuntimeSettings(env: NodeEnvironment): RuntimeSettings {
  return {
    mode: env.WORKSPACE_RUNTIME,
    readOnlyPaths: env.SANDBOX_READ_ONLY_PATHS.split(":").filter((path) => path !== ""),
    docker: { image: env.WORKSPACE_IMAGE },
  };
}

/**
 * What the vm-agent is told: `agent.json` (laid by the node's user data) and a few environment variables.
 * Parsed once; every fault is told at once.
 */
import type { NodeId } from "@samovar/base";
import { agentSettings, LONGEST_LIMIT_MS, TIME_LIMITS } from "@samovar/contracts";
import type { TimeLimitName } from "@samovar/contracts";
import { START_GATE_VARIABLE } from "@samovar/processes";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import * as z from "zod";
import manifest from "../package.json" with { type: "json" };

export const AGENT_VERSION: string = manifest.version;

/** After the first boot the token is taken out of the file. */
const agentFile = agentSettings.extend({ bootstrapToken: agentSettings.shape.bootstrapToken.optional() });

/** A limit of the table that both sides share. */
const limit = (name: TimeLimitName) =>
  z.coerce.number().int().positive().max(LONGEST_LIMIT_MS).default(TIME_LIMITS[name].ms);

const environment = z.object({
  /** Prefix of absolute paths in `agent.json`: on one machine a server is a directory. */
  SAMOVAR_ROOT: z.string().startsWith("/").or(z.literal("")).default(""),
  /** Socket of the machine's start gate, where several nodes share one machine. */
  [START_GATE_VARIABLE]: z.string().startsWith("/").optional(),
  /** Where agents install themselves; several nodes of one machine may share it. */
  SAMOVAR_AGENTS_DIR: z.string().startsWith("/").optional(),
  CLONE_TIMEOUT_MS: limit("CLONE_TIMEOUT_MS"),
  AGENT_INSTALL_TIMEOUT_MS: limit("AGENT_INSTALL_TIMEOUT_MS"),
  FINISH_TIMEOUT_MS: limit("FINISH_TIMEOUT_MS"),
  DRAIN_TIMEOUT_MS: limit("DRAIN_TIMEOUT_MS"),
  LOG_LEVEL: z.enum(["debug", "info", "warn", "error"]).default("info"),
});

export interface VmAgentSettings {
  /** Without a slash at its end. */
  readonly controlPlaneUrl: string;
  readonly nodeId: NodeId;
  /** Null once it has been used. */
  readonly bootstrapToken: string | null;
  readonly stateDir: string;
  readonly agentsDir: string;
  /** Null: processes start whenever they are needed. */
  readonly startGatePath: string | null;
  readonly cloneTimeoutMs: number;
  readonly installTimeoutMs: number;
  readonly finishTimeoutMs: number;
  readonly drainTimeoutMs: number;
  readonly logLevel: "debug" | "info" | "warn" | "error";
  /** The `agent.json` that this came from. */
  readonly file: string;
}

/** Throws one error that names every wrong setting. */
export function readSettings(file: string, env: NodeJS.ProcessEnv): VmAgentSettings {
  const told = agentFile.safeParse(JSON.parse(readFileSync(file, "utf8")));
  const around = environment.safeParse(env);
  if (!told.success || !around.success) {
    const issues = [...(told.error?.issues ?? []), ...(around.error?.issues ?? [])];
    throw new Error(
      `Settings are not usable:\n  ${issues.map((issue) => `${issue.path.join(".")}: ${issue.message}`).join("\n  ")}`,
    );
  }
  const stateDir = join(around.data.SAMOVAR_ROOT, told.data.stateDir);
  return {
    controlPlaneUrl: told.data.controlPlaneUrl.replace(/\/+$/, ""),
    nodeId: told.data.nodeId,
    bootstrapToken: told.data.bootstrapToken ?? null,
    stateDir,
    agentsDir: around.data.SAMOVAR_AGENTS_DIR ?? join(stateDir, "agents"),
    startGatePath: around.data[START_GATE_VARIABLE] ?? null,
    cloneTimeoutMs: around.data.CLONE_TIMEOUT_MS,
    installTimeoutMs: around.data.AGENT_INSTALL_TIMEOUT_MS,
    finishTimeoutMs: around.data.FINISH_TIMEOUT_MS,
    drainTimeoutMs: around.data.DRAIN_TIMEOUT_MS,
    logLevel: around.data.LOG_LEVEL,
    file,
  };
}

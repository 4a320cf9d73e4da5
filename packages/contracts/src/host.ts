/**
 * Daemon ⇄ session-host, over the host's unix socket: JSON lines. The host serves, so that a new
 * daemon finds a running host again. Everything that the host reports is state, sent again on each connection:
 * losing a connection loses nothing.
 */
import * as z from "zod";
import { agentKind, agentCapabilities, modelApi, repositorySettings, startingFile } from "./agents.ts";
import { meteredUsage, sessionBudget } from "./budget.ts";
import { egressPolicy, OPEN_EGRESS } from "./egress.ts";
import { failure } from "./errors.ts";
import { sessionOutcome } from "./events.ts";
import { messageId, millis, nodeId, projectId, sessionId, workspaceId } from "./ids.ts";
import { outboxStats } from "./nodes.ts";
import { transcriptDigestView, usage } from "./tasks.ts";

/** How the agent's part ended; the daemon adds commits and push. */
export const hostEnd = z.object({
  outcome: sessionOutcome,
  stopReason: z.string().nullable(),
  failure: failure.nullable(),
  summary: z.string().nullable(),
  usage: usage.nullable(),
  /** How often the agent was started again after it had died. */
  restarts: z.number().int().nonnegative(),
  /** How many secrets were redacted in the transcript and the failure; absent where it was not counted. */
  redactions: z.number().int().nonnegative().optional(),
});
export type HostEnd = z.infer<typeof hostEnd>;

/** The host's whole state. `phase` only moves forward. */
export const hostStatus = z.object({
  phase: z.enum(["starting", "running", "ended"]),
  pid: z.number().int().positive(),
  /** The first ACP update after the prompt. */
  startedAt: millis.nullable(),
  /** The agent's start has waited long for the start gate on a busy node; absent from earlier hosts. */
  startDelayed: z.boolean().optional(),
  /** What the agent offers; null until it has reported it. */
  capabilities: agentCapabilities.nullable(),
  end: hostEnd.nullable(),
  /** The transcript takes no more messages, so `digest` is final. */
  closed: z.boolean(),
  /** No unsent row is left (or only dead letters). */
  drained: z.boolean(),
  /** Milliseconds of pauses between consecutive refusals by the store; time without an answer is not counted. */
  refusedMs: z.number().int().nonnegative(),
  outbox: outboxStats,
  /** What the gateway has metered; absent from earlier hosts. */
  metered: meteredUsage.optional(),
  /** Over the messages finished so far. */
  digest: transcriptDigestView,
  /** Set when the store answered 401: the daemon must bring a new token. */
  needsToken: z.boolean(),
});
export type HostStatus = z.infer<typeof hostStatus>;

/** Host → daemon. An `ack` confirms that a command of this type was received, whatever its result. */
export const hostFrame = z.discriminatedUnion("type", [
  z.object({ type: z.literal("status"), status: hostStatus }),
  z.object({ type: z.literal("ack"), command: z.enum(["token", "cancel", "close", "shutdown"]) }),
]);
export type HostFrame = z.infer<typeof hostFrame>;

/** Daemon → host. */
export const hostCommand = z.discriminatedUnion("type", [
  z.object({ type: z.literal("token"), token: z.string(), expiresAt: millis }),
  z.object({ type: z.literal("cancel"), reason: z.string() }),
  /** After the agent's end: appends this system message, if any, and closes the transcript. Repeatable; the first counts. */
  z.object({ type: z.literal("close"), notice: z.string().nullable() }),
  /** Everything is reported: deliver the remaining messages, then exit. */
  z.object({ type: z.literal("shutdown") }),
]);
export type HostCommand = z.infer<typeof hostCommand>;

/** What the programs of one workspace may use together; null: no limit. */
export const workspaceLimits = z.object({
  /** Processes and threads. */
  processes: z.number().int().positive().nullable(),
  memoryBytes: z.number().int().nonnegative().nullable(),
  /** Of the checkout, the home and `/tmp`. */
  diskBytes: z.number().int().nonnegative().nullable(),
});
export type WorkspaceLimits = z.infer<typeof workspaceLimits>;
export const NO_LIMITS: WorkspaceLimits = { processes: null, memoryBytes: null, diskBytes: null };

/** The user of one workspace, whose programs are started through `setpriv`. */
export const hostUser = z.object({
  /** Its uid and its gid. */
  id: z.number().int().positive(),
  /** The path of util-linux's setpriv, which changes the user. */
  setpriv: z.string(),
});
export type HostUser = z.infer<typeof hostUser>;

/** A bubblewrap sandbox for the programs of one workspace; paths are absolute ones of the node. */
export const hostSandbox = z.object({
  /** bubblewrap's file. */
  program: z.string(),
  /** util-linux's program that enters the workspace's network. */
  nsenter: z.string().default("/usr/bin/nsenter"),
  /** Whether it can forbid further user namespaces inside. */
  disablesUserNamespaces: z.boolean(),
  /** Directories that no mount may show as a whole: the node's state, the user's home. */
  hidden: z.array(z.string()),
  /** What is shown besides, read-only. */
  readOnlyPaths: z.array(z.string()),
  checkout: z.string(),
  /** The programs' `/tmp`. */
  tmp: z.string(),
});
export type HostSandbox = z.infer<typeof hostSandbox>;

/** A docker container for the programs of one workspace; paths are absolute ones of the node. */
export const hostContainer = z.object({
  /** The engine's client. */
  program: z.string(),
  /** The engine's address; null: the client's default. */
  address: z.string().nullable(),
  /** Names the node on its containers: its state directory. */
  owner: z.string(),
  /** Names the project on images that are built for it. */
  project: z.string(),
  /** Where the project has no devcontainer. */
  image: z.string(),
  /** `uid:gid`, of the checkout's owner as the container sees it. */
  user: z.string(),
  /** Node and the vm-agent's module, which the first program in the container is. */
  nodeBinary: z.string(),
  module: z.string(),
  /** What is shown besides, read-only, at the same paths: the agent's files. */
  readOnlyPaths: z.array(z.string()),
  /** Those of {@link hostLaunch}, which the engine keeps as far as it can. */
  limits: workspaceLimits,
  /** Relative to the engine's default of 1024. */
  cpuShares: z.number().int().positive(),
  checkout: z.string(),
  /** The programs' `/tmp`. */
  tmp: z.string(),
});
export type HostContainer = z.infer<typeof hostContainer>;

/**
 * `standby.json`: what a standby host needs, which starts before its session, with its agent's process where the recipe allows
 * it. It gets its session as one JSON line on its standard input: the directory with the session's `host.json`. The end of
 * that input without a line ends it.
 */
export const hostStandby = z.object({
  protocol: z.number().int(),
  /** The mark of the session's processes, so that all of them can be found and ended. */
  mark: z.string(),
  home: z.string(),
  /** Null: programs run as the host's own user. */
  user: hostUser.nullable().default(null),
  /** Null: without a sandbox. */
  sandbox: hostSandbox.nullable().default(null),
  limits: workspaceLimits.default(NO_LIMITS),
  /** Null: only the host itself is started. */
  agent: z
    .object({
      kind: agentKind,
      command: z.array(z.string()).min(1),
      env: z.record(z.string(), z.string()),
      gateway: modelApi.nullable(),
    })
    .nullable(),
});
export type HostStandby = z.infer<typeof hostStandby>;

export const standbyAssignment = z.object({ directory: z.string() });
export type StandbyAssignment = z.infer<typeof standbyAssignment>;

/**
 * `host.json` in the session's directory, written by the daemon before it starts the host with
 * `vm-agent session-host <directory>`. No secret is in it; tokens come over the socket.
 * The host's other files there: `host.sqlite`, `host.sock`, `host.log`.
 */
export const hostLaunch = z.object({
  protocol: z.number().int(),
  controlPlaneUrl: z.string(),
  nodeId,
  epoch: z.number().int().nonnegative(),
  workspaceId,
  projectId,
  sessionId,
  /** The mark of the session's processes, so that all of them can be found and ended. */
  mark: z.string(),
  /** The checkout on the node; the agent's working directory. */
  cwd: z.string(),
  /** The workspace's HOME. */
  home: z.string(),
  /** Owns the checkout and the home. Null: programs run as the host's own user. */
  user: hostUser.nullable().default(null),
  /** Null: without a sandbox. The agent sees `cwd` and `home` at other paths in one. */
  sandbox: hostSandbox.nullable().default(null),
  limits: workspaceLimits.default(NO_LIMITS),
  /** Null: without a container. Never together with a sandbox. */
  container: hostContainer.nullable().default(null),
  agent: z.object({
    kind: agentKind,
    /** argv of the ACP agent; never a shell line. */
    command: z.array(z.string()).min(1),
    /** As in {@link agentRecipe}, with placeholders. */
    env: z.record(z.string(), z.string()),
    /** Which model API the loopback gateway fronts; null for an agent that needs none. */
    gateway: modelApi.nullable(),
    /** Whether the owner's secret variables are to be fetched for it. */
    secretEnv: z.boolean(),
    /** As in {@link agentRecipe}. */
    repositorySettings: repositorySettings.optional(),
    startingFiles: z.array(startingFile).optional(),
  }),
  model: z.string().nullable(),
  permissionMode: z.string().nullable(),
  /** Kept in a sandbox alone. */
  egress: egressPolicy.default(OPEN_EGRESS),
  /** Of the repository's address, which every policy allows; null for a path. */
  repositoryHost: z.string().nullable().default(null),
  setupTimeoutMs: z.number().int().positive(),
  prompt: z.object({ messageId, text: z.string() }),
  idleTimeoutMs: z.number().int().positive(),
  maxDurationMs: z.number().int().positive(),
  /** Absent: without a limit. */
  budget: sessionBudget.optional(),
});
export type HostLaunch = z.infer<typeof hostLaunch>;

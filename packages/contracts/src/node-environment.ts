/**
 * The settings of nodes. They are settings of the control plane, which writes them into a new node's user data as environment
 * variables of its vm-agent; the vm-agent parses them with the same schema. No secret is among them: any process on a server may
 * read its user data. A node keeps the settings that it was created with.
 */
import * as z from "zod";
import { LONGEST_LIMIT_MS, TIME_LIMITS, type TimeLimitName } from "./time-limits.ts";

/** `auto`: in a sandbox if one works on the node, else in docker containers if they work. */
export const RUNTIME_MODES = ["auto", "sandbox", "docker", "process"] as const;

/** Whether each workspace has its own user. */
const USER_MODES = ["auto", "separate", "shared"] as const;

/** A reference such as `debian:bookworm` or `registry.example.com/team/image@sha256:…`; never an option. */
export const imageReference = z
  .string()
  .max(300)
  .regex(/^[A-Za-z0-9][A-Za-z0-9._/:@-]*$/, "not the name of an image");

const integer = (fallback: number, min: number, max: number, about: string) =>
  z.coerce.number().int().min(min).max(max).default(fallback).describe(about);
const timeLimit = (name: TimeLimitName) => integer(TIME_LIMITS[name].ms, 1, LONGEST_LIMIT_MS, TIME_LIMITS[name].about);
const MAX_MEGABYTES = 2 ** 30;

const shape = {
  LOG_LEVEL: z.enum(["debug", "info", "warn", "error"]).default("info").describe("Lowest severity that is logged"),
  WORKSPACE_RUNTIME: z
    .enum(RUNTIME_MODES)
    .default("auto")
    .describe(
      "Where agents run; `auto`: in a sandbox if one works on the node, else in docker containers if they work, else with the node's rights",
    ),
  WORKSPACE_USERS: z
    .enum(USER_MODES)
    .optional()
    .describe(
      "Whether each workspace has its own user; `separate`: always, or no task runs; `auto`: where the daemon runs as root; `shared`: never; unset: `separate` on a server, `auto` on one computer",
    ),
  WORKSPACE_IMAGE: imageReference
    .default("buildpack-deps:bookworm")
    .describe(
      "Image of containers, for projects without a devcontainer; it needs the GNU C library, libstdc++ and git",
    ),
  SANDBOX_READ_ONLY_PATHS: z
    .string()
    .max(2_000)
    .regex(/^(\/[\x20-\x39\x3b-\x7e]*)?(:(\/[\x20-\x39\x3b-\x7e]*)?)*$/, "expected absolute paths, separated by colons")
    .default("")
    .describe("More files and directories that agents in a sandbox can read, separated by colons"),
  WORKSPACE_MAX_PROCESSES: integer(4_096, 0, 4_194_304, "Processes and threads of a workspace at once; 0: no limit"),
  WORKSPACE_MAX_MEMORY_MB: z.coerce
    .number()
    .int()
    .min(0)
    .max(MAX_MEGABYTES)
    .optional()
    .describe("Memory of a workspace's processes; 0: no limit, unset: three quarters of the node's"),
  WORKSPACE_MAX_DISK_MB: z.coerce
    .number()
    .int()
    .min(0)
    .max(MAX_MEGABYTES)
    .optional()
    .describe(
      "Disk space of a checkout with its home and `/tmp`; 0: no limit, unset: three quarters of the free space at the start of the vm-agent",
    ),
  CLONE_TIMEOUT_MS: timeLimit("CLONE_TIMEOUT_MS"),
  AGENT_INSTALL_TIMEOUT_MS: timeLimit("AGENT_INSTALL_TIMEOUT_MS"),
  FINISH_TIMEOUT_MS: timeLimit("FINISH_TIMEOUT_MS"),
  DRAIN_TIMEOUT_MS: timeLimit("DRAIN_TIMEOUT_MS"),
  MSG_BATCH_MAX_WAIT_MS: integer(2_000, 0, 60_000, "Longest time that a message waits for others before it is sent"),
  MSG_BATCH_MIN_INTERVAL_MS: integer(
    250,
    0,
    60_000,
    "Shortest time between two batches of a session. Each costs requests and rows; on one computer, `samovar up` uses 50",
  ),
  MSG_BATCH_MAX_SIZE: integer(50, 1, 100, "Messages in a batch"),
  MSG_BATCH_MAX_BYTES: integer(65_536, 1_024, 196_608, "Bytes in a batch"),
  MSG_OUTBOX_MAX_ROWS: integer(10_000, 10, 1_000_000, "Undelivered messages that a session's outbox holds"),
  MSG_OUTBOX_FULL_POLICY: z
    .enum(["pause", "drop_oldest"])
    .default("pause")
    .describe("With a full outbox: `pause` the agent, or `drop_oldest` finished messages and report it"),
  MSG_RETRY_INITIAL_MS: integer(1_000, 1, 600_000, "Wait after the first failed delivery; it doubles with each"),
  MSG_RETRY_MAX_MS: integer(30_000, 1, 3_600_000, "Longest wait after a failed delivery"),
};

/** Also refused: values that contradict each other. */
export function checkNodeEnvironment(
  settings: z.infer<z.ZodObject<typeof shape>>,
  addIssue: (name: keyof typeof shape, message: string) => void,
): void {
  if (settings.MSG_BATCH_MIN_INTERVAL_MS > settings.MSG_BATCH_MAX_WAIT_MS)
    addIssue("MSG_BATCH_MIN_INTERVAL_MS", "must not be more than MSG_BATCH_MAX_WAIT_MS");
  if (settings.MSG_RETRY_INITIAL_MS > settings.MSG_RETRY_MAX_MS)
    addIssue("MSG_RETRY_INITIAL_MS", "must not be more than MSG_RETRY_MAX_MS");
}

/** Parses a whole environment; unknown variables are ignored. */
export const nodeEnvironment = z
  .object(shape)
  .superRefine((settings, context) =>
    checkNodeEnvironment(settings, (name, message) => context.addIssue({ code: "custom", path: [name], message })),
  );
export type NodeEnvironment = z.infer<typeof nodeEnvironment>;

/** The variables of a node's environment. Those without a value are left out. */
export function toVariables(settings: NodeEnvironment): Record<string, string> {
  const names = Object.keys(shape).filter((name): name is keyof typeof shape => name in settings);
  return Object.fromEntries(
    names.flatMap((name) => (settings[name] === undefined ? [] : [[name, String(settings[name])]])),
  );
}

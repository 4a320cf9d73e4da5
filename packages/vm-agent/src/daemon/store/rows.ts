/** Rows of the daemon's store, parsed. */
import {
  hostEnd,
  millis,
  sessionEnd,
  sessionId,
  sessionStartArgs,
  workspaceCreateArgs,
  workspaceId,
} from "@samovar/contracts";
import type { ProcessMark } from "@samovar/processes";
import * as z from "zod";

const json = <T extends z.ZodType>(inner: T) =>
  z
    .string()
    .transform((text): unknown => JSON.parse(text))
    .pipe(inner);

export const workspaceRow = z
  .object({
    id: workspaceId,
    directory_name: z.string(),
    args: json(workspaceCreateArgs),
    state: z.enum(["creating", "ready", "failed", "destroying"]),
    branch: z.string().nullable(),
    base_commit: z.string().nullable(),
  })
  .transform(({ directory_name: directoryName, base_commit: baseCommit, ...row }) => ({
    ...row,
    directoryName,
    baseCommit,
  }));
/** A workspace that exists on the node, or is being created or removed. */
export type WorkspaceRow = z.infer<typeof workspaceRow>;

const processMark: z.ZodType<ProcessMark> = z.object({
  pid: z.number().int().positive(),
  startTime: z.string().nullable(),
});

const finishOutputs = sessionEnd.pick({
  branch: true,
  commits: true,
  diffStat: true,
  pushed: true,
  pushError: true,
  bundle: true,
  warning: true,
});

/** The end that the host reported first. It stands: a host that crashed later and was restarted reports another one. */
const reportedEnd = z.object({ at: millis, end: hostEnd });
export type ReportedEnd = z.infer<typeof reportedEnd>;

export const sessionRow = z
  .object({
    id: sessionId,
    workspace_id: workspaceId,
    args: json(sessionStartArgs),
    phase: z.enum(["accepted", "launched", "ended", "finalized"]),
    cancel_reason: z.string().nullable(),
    start_reported: z.number(),
    launches: z.number(),
    process: json(processMark).nullable(),
    mark: z.string().nullable(),
    reported_end: json(reportedEnd).nullable(),
    finish: json(finishOutputs).nullable(),
  })
  .transform((row) => ({
    id: row.id,
    workspaceId: row.workspace_id,
    args: row.args,
    phase: row.phase,
    cancelReason: row.cancel_reason,
    startReported: row.start_reported === 1,
    launches: row.launches,
    process: row.process,
    /** The mark that the session's processes carry; null before its launch. */
    mark: row.mark,
    reportedEnd: row.reported_end,
    finish: row.finish,
  }));
/**
 * A session: *accepted* (requested), *launched* (its host was started), *ended* (its end was reported), *finalized*
 * (its host is gone). The phase only moves forward.
 */
export type SessionRow = z.infer<typeof sessionRow>;

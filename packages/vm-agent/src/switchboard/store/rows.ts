/** Rows of the switchboard's store, parsed. */
import { sessionStartArgs, sessionEnd, workspaceCreateArgs, workspaceId, sessionId, millis } from "@samovar/contracts";
import * as z from "zod";

const json = <T extends z.ZodType>(inner: T) =>
  z
    .string()
    .transform((text): unknown => JSON.parse(text))
    .pipe(inner);

export const workspaceRow = z
  .object({
    id: workspaceId,
    place: z.string(),
    args: json(workspaceCreateArgs),
    state: z.enum(["creating", "ready", "failed", "destroying"]),
    branch: z.string().nullable(),
    base_commit: z.string().nullable(),
  })
  .transform(({ base_commit: baseCommit, ...row }) => ({ ...row, baseCommit }));
/** A workspace that exists on the node, or is being made or removed. */
export type WorkspaceRow = z.infer<typeof workspaceRow>;

/** A process that outlives us: its start time tells it from a later one with the same number. */
export const processMark = z.object({ pid: z.number().int().positive(), startTime: z.string().nullable() });
export type ProcessMark = z.infer<typeof processMark>;

export const finishOutputs = sessionEnd.pick({ branch: true, commits: true, diffStat: true, pushed: true, pushError: true });

export const sessionRow = z
  .object({
    id: sessionId,
    workspace_id: workspaceId,
    args: json(sessionStartArgs),
    phase: z.enum(["accepted", "launched", "ended", "dismissed"]),
    cancel_reason: z.string().nullable(),
    started_told: z.number(),
    launches: z.number(),
    process: json(processMark).nullable(),
    end_seen_at: millis.nullable(),
    finish: json(finishOutputs).nullable(),
  })
  .transform((row) => ({
    id: row.id,
    workspaceId: row.workspace_id,
    args: row.args,
    phase: row.phase,
    cancelReason: row.cancel_reason,
    startedTold: row.started_told === 1,
    launches: row.launches,
    process: row.process,
    endSeenAt: row.end_seen_at,
    finish: row.finish,
  }));
/**
 * A session: *accepted* (asked for), *launched* (its host was started), *ended* (its end is told), *dismissed*
 * (its host is gone). The phase only moves forward.
 */
export type SessionRow = z.infer<typeof sessionRow>;

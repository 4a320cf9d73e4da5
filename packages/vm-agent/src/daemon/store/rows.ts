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
    place: z.string(),
    args: json(workspaceCreateArgs),
    state: z.enum(["creating", "ready", "failed", "destroying"]),
    branch: z.string().nullable(),
    base_commit: z.string().nullable(),
  })
  .transform(({ base_commit: baseCommit, ...row }) => ({ ...row, baseCommit }));
/** A workspace that exists on the node, or is being made or removed. */
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

/** What the host told of its end, when we first heard of it: what it says after a crash of its own counts no more. */
const endSeen = z.object({ at: millis, end: hostEnd });
export type EndSeen = z.infer<typeof endSeen>;

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
    mark: z.string().nullable(),
    end_seen: json(endSeen).nullable(),
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
    /** What its processes carry; null before its launch. */
    mark: row.mark,
    endSeen: row.end_seen,
    finish: row.finish,
  }));
/**
 * A session: *accepted* (asked for), *launched* (its host was started), *ended* (its end is told), *dismissed*
 * (its host is gone). The phase only moves forward.
 */
export type SessionRow = z.infer<typeof sessionRow>;

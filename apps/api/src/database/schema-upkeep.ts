/** Tables for maintenance: repeated requests, finished workflows, and when the sweep ran. */
import type { RunId, UserId } from "@samovar/base";
import { index, integer, primaryKey, sqliteTable, text } from "drizzle-orm/sqlite-core";
import { time } from "./columns.ts";

export const idempotencyKeys = sqliteTable(
  "idempotency_keys",
  {
    ownerId: text("owner_id").$type<UserId>().notNull(),
    key: text("key").notNull(),
    /** SHA-256 of the request: the same key with another request is a conflict. */
    requestHash: text("request_hash").notNull(),
    resourceId: text("resource_id").notNull(),
    createdAt: time("created_at").notNull(),
  },
  (t) => [primaryKey({ columns: [t.ownerId, t.key] })],
);

/** Finished runs whose workflows must be deleted. */
export const finishedRuns = sqliteTable(
  "finished_runs",
  {
    runId: text("run_id").$type<RunId>().primaryKey(),
    finishedAt: time("finished_at").notNull(),
  },
  (t) => [index("finished_runs_age").on(t.finishedAt)],
);

export const sweepRuns = sqliteTable("sweep_runs", {
  phase: text("phase").primaryKey(),
  startedAt: time("started_at").notNull(),
  endedAt: time("ended_at"),
  lastSuccessAt: time("last_success_at"),
  ok: integer("ok", { mode: "boolean" }),
  found: integer("found").notNull().default(0),
  acted: integer("acted").notNull().default(0),
  error: text("error"),
});

/** A project's egress policy in D1: what its next session gets, and the addition of one host. */
import type { ProjectId } from "@samovar/base";
import type { EgressPolicy } from "@samovar/contracts";
import { MAX_EGRESS_HOSTS, OPEN_EGRESS, SamovarError } from "@samovar/contracts";
import { isClosedEntry } from "@samovar/domain/egress-permission";
import { and, eq, sql } from "drizzle-orm";
import { recordIfChanged } from "../audit/store.ts";
import type { AuditActor } from "../audit/store.ts";
import type { Database } from "../database/index.ts";
import { projects } from "../database/schema.ts";
import type { Deps } from "../deps.ts";
import { requireProject } from "./store.ts";
import type { ProjectRow } from "./store.ts";

/** As it is now. */
export async function readEgressPolicy(db: Database, projectId: ProjectId): Promise<EgressPolicy> {
  const [row] = await db.select({ egress: projects.egress }).from(projects).where(eq(projects.id, projectId));
  return row?.egress ?? OPEN_EGRESS;
}

/** Throws `invalid_request` for a host that no policy opens. */
export function assertHostsOpenable(policy: EgressPolicy | undefined): void {
  const closed = policy?.hosts.find(isClosedEntry);
  if (closed === undefined) return;
  const message = `${closed} cannot be allowed: it is the node itself or a link-local address.`;
  throw new SamovarError("invalid_request", message, { field: "egress" });
}

/**
 * Adds the host if it is missing. One statement, so that no addition is lost to another. Throws `conflict` for a project that
 * allows no host or has the most that it may have.
 */
export async function allowHost(deps: Deps, actor: AuditActor, project: ProjectRow, host: string): Promise<ProjectRow> {
  assertHostsOpenable({ mode: "open", hosts: [host] });
  const { db, clock } = deps;
  const now = sql`COALESCE(${projects.egress}, ${JSON.stringify(OPEN_EGRESS)})`;
  const change = db
    .update(projects)
    .set({ egress: sql`json_insert(${now}, '$.hosts[#]', ${host})`, updatedAt: clock.now() })
    .where(
      and(
        eq(projects.id, project.id),
        sql`json_extract(${now}, '$.mode') <> 'none'`,
        sql`json_array_length(${now}, '$.hosts') < ${MAX_EGRESS_HOSTS}`,
        sql`NOT EXISTS (SELECT 1 FROM json_each(${now}, '$.hosts') WHERE value = ${host})`,
      ),
    );
  const detail = { name: project.name, settings: "egress", allowed: host };
  await db.batch([change, recordIfChanged(deps, actor, { action: "project.changed", objectId: project.id, detail })]);
  const row = await requireProject(db, project.ownerId, project.id);
  const { mode, hosts } = row.egress ?? OPEN_EGRESS;
  if (mode === "none") throw new SamovarError("conflict", "This project allows no hosts. Change that in its settings.");
  if (hosts.includes(host)) return row;
  throw new SamovarError(
    "conflict",
    `This project allows ${MAX_EGRESS_HOSTS} hosts already. Remove some in its settings.`,
  );
}

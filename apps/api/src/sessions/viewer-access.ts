/**
 * Which projects' objects hold sockets of which access (a sign-in session or API token), in D1, so that the end of an access
 * reaches its sockets without asking every project. A row is written before its socket is accepted and goes once the object
 * has been notified that the access ended. Keeps S1.
 */
import type { ProjectId } from "@samovar/base";
import { errorMessage } from "@samovar/base";
import type { AccessEnd, AccessId } from "@samovar/contracts";
import { and, eq, isNull, lte, ne, or, sql } from "drizzle-orm";
import { apiTokens, projects, signInSessions, viewerAccess } from "../database/schema.ts";
import type { Deps } from "../deps.ts";
import { getProjectData } from "./durable-object/stub.ts";

export interface LostAccess {
  readonly accessId: AccessId;
  readonly projectId: ProjectId;
  readonly end: AccessEnd;
}

export async function recordViewerAccess({ db }: Deps, accessId: AccessId, projectId: ProjectId): Promise<void> {
  await db.insert(viewerAccess).values({ accessId, projectId }).onConflictDoNothing();
}

/** Accesses that may not see a project any more to which they opened sockets; `only` limits this to one access. */
export async function findLostAccess({ db, clock }: Deps, only: AccessId | null): Promise<readonly LostAccess[]> {
  const now = clock.now();
  const expiresAt = sql<number | null>`coalesce(${signInSessions.expiresAt}, ${apiTokens.expiresAt})`;
  const holder = sql`coalesce(${signInSessions.userId}, ${apiTokens.ownerId})`;
  const rows = await db
    .select({ accessId: viewerAccess.accessId, projectId: viewerAccess.projectId, holder, expiresAt })
    .from(viewerAccess)
    .innerJoin(projects, eq(projects.id, viewerAccess.projectId))
    .leftJoin(signInSessions, eq(signInSessions.id, sql`${viewerAccess.accessId}`))
    .leftJoin(apiTokens, eq(apiTokens.id, sql`${viewerAccess.accessId}`))
    .where(
      and(
        only === null ? undefined : eq(viewerAccess.accessId, only),
        or(isNull(holder), lte(expiresAt, now), ne(projects.ownerId, holder)),
      ),
    );
  return rows.map(({ accessId, projectId, holder, expiresAt: end }) => ({
    accessId,
    projectId,
    end: holder === null ? getRevocation(accessId) : end !== null && end <= now ? "expired" : "access_lost",
  }));
}

/** Throws when the object cannot be reached; the row stays and the sweep tries again. */
export async function notifyObject(deps: Deps, { accessId, projectId, end }: LostAccess): Promise<void> {
  await getProjectData(deps, projectId).closeViewers(accessId, end);
  await deps.db
    .delete(viewerAccess)
    .where(and(eq(viewerAccess.accessId, accessId), eq(viewerAccess.projectId, projectId)));
}

/** Closes the sockets of an access that has ended. Does not throw: what fails is left to the sweep. */
export async function closeLostViewers(deps: Deps, accessId: AccessId): Promise<void> {
  const lost = await findLostAccess(deps, accessId);
  await Promise.all(
    lost.map((each) =>
      notifyObject(deps, each).catch((error: unknown) =>
        deps.logger.error("viewers.not_closed", { ...each, error: errorMessage(error) }),
      ),
    ),
  );
}

const getRevocation = (accessId: AccessId): AccessEnd => (accessId.startsWith("tok_") ? "token_revoked" : "signed_out");

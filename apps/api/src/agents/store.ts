/** Agents that people have added, and what each agent last let its owner choose from, in D1. */
import type { UserId } from "@samovar/base";
import { SamovarError, TERMINAL_STATUSES } from "@samovar/contracts";
import type { AgentDefinition, AgentKind, AgentCapabilities, CredentialKind } from "@samovar/contracts";
import { and, asc, eq, notExists, notInArray, sql } from "drizzle-orm";
import { recordAction, recordIfChanged } from "../audit/store.ts";
import type { AuditActor } from "../audit/store.ts";
import type { Database } from "../database/index.ts";
import { agentDefinitions, agentCapabilities, credentials, projects, tasks } from "../database/schema.ts";
import type { Deps } from "../deps.ts";

/** Custom agents per person. */
const MAX_DEFINITIONS = 50;
/** How many projects or tasks that still use an agent an error lists. */
const MAX_NAMED = 3;

export async function findDefinition(db: Database, ownerId: UserId, kind: AgentKind): Promise<AgentDefinition | null> {
  const [row] = await db.select().from(agentDefinitions).where(isIts(ownerId, kind));
  return row?.definition ?? null;
}

/** In order of their names. */
export async function listDefinitions(db: Database, ownerId: UserId): Promise<readonly AgentDefinition[]> {
  const rows = await db
    .select()
    .from(agentDefinitions)
    .where(eq(agentDefinitions.ownerId, ownerId))
    .orderBy(asc(agentDefinitions.kind));
  return rows.map((row) => row.definition);
}

/** Takes the place of an older one. Throws `conflict` when the owner has as many as one may have. */
export async function putDefinition(deps: Deps, actor: AuditActor, definition: AgentDefinition): Promise<void> {
  const { db, clock } = deps;
  const { ownerId } = actor;
  const now = clock.now();
  const { kind, name } = definition;
  const known = await listDefinitions(db, ownerId);
  const others = known.filter((other) => other.kind !== kind);
  if (others.length >= MAX_DEFINITIONS) {
    throw new SamovarError(
      "conflict",
      `You have ${MAX_DEFINITIONS} custom agents, the most there can be. Delete one first.`,
    );
  }
  const action = others.length < known.length ? "agent.changed" : "agent.added";
  await db.batch([
    db
      .insert(agentDefinitions)
      .values({ ownerId, kind, definition, createdAt: now, updatedAt: now })
      .onConflictDoUpdate({
        target: [agentDefinitions.ownerId, agentDefinitions.kind],
        set: { definition, updatedAt: now },
      }),
    recordAction(deps, actor, { action, objectId: kind, detail: { name } }),
  ]);
}

/** Its credential goes with it. Throws `not_found`, and `conflict` while a project or an unfinished task names it. */
export async function deleteDefinition(deps: Deps, actor: AuditActor, kind: AgentKind): Promise<void> {
  const { db } = deps;
  const { ownerId } = actor;
  const credential: CredentialKind = `agent:${kind}`;
  const isGone = notExists(
    db
      .select({ one: sql`1` })
      .from(agentDefinitions)
      .where(isIts(ownerId, kind)),
  );
  // One transaction: the record is made, and the two others go, exactly when the first did.
  const [gone] = await db.batch([
    db
      .delete(agentDefinitions)
      .where(
        and(
          isIts(ownerId, kind),
          notExists(projectsNaming(db, ownerId, kind)),
          notExists(tasksNaming(db, ownerId, kind)),
        ),
      )
      .returning({ kind: agentDefinitions.kind }),
    recordIfChanged(deps, actor, { action: "agent.removed", objectId: kind }),
    db.delete(credentials).where(and(eq(credentials.ownerId, ownerId), eq(credentials.kind, credential), isGone)),
    db
      .delete(agentCapabilities)
      .where(and(eq(agentCapabilities.ownerId, ownerId), eq(agentCapabilities.kind, kind), isGone)),
  ]);
  if (gone.length > 0) return;
  if ((await findDefinition(db, ownerId, kind)) === null)
    throw new SamovarError("not_found", "Custom agent not found.");
  throw await stillNamed(db, ownerId, kind);
}

/** The capabilities that each of this owner's agents reported last. */
export async function listCapabilities(
  db: Database,
  ownerId: UserId,
): Promise<ReadonlyMap<AgentKind, AgentCapabilities>> {
  const rows = await db.select().from(agentCapabilities).where(eq(agentCapabilities.ownerId, ownerId));
  return new Map(rows.map((row) => [row.kind, row.capabilities]));
}

async function stillNamed(db: Database, ownerId: UserId, kind: AgentKind): Promise<SamovarError> {
  const [inProjects, inTasks] = await Promise.all([
    projectsNaming(db, ownerId, kind).limit(MAX_NAMED),
    tasksNaming(db, ownerId, kind).limit(MAX_NAMED),
  ]);
  const named = [
    ...inProjects.map(({ name }) => `the project "${name}"`),
    ...inTasks.map(({ title }) => `the task "${title}"`),
  ];
  return new SamovarError(
    "conflict",
    `${kind} is still the agent of ${named.join(", ")}. Give ${named.length === 1 ? "it" : "them"} another agent first.`,
    { projectIds: inProjects.map(({ id }) => id), taskIds: inTasks.map(({ id }) => id) },
  );
}

const isIts = (ownerId: UserId, kind: AgentKind) =>
  and(eq(agentDefinitions.ownerId, ownerId), eq(agentDefinitions.kind, kind));

const projectsNaming = (db: Database, ownerId: UserId, kind: AgentKind) =>
  db
    .select({ id: projects.id, name: projects.name })
    .from(projects)
    .where(and(eq(projects.ownerId, ownerId), eq(projects.defaultAgent, kind)));

/** Drafts too: they may run later. */
const tasksNaming = (db: Database, ownerId: UserId, kind: AgentKind) =>
  db
    .select({ id: tasks.id, title: tasks.title })
    .from(tasks)
    .innerJoin(projects, eq(projects.id, tasks.projectId))
    .where(and(eq(projects.ownerId, ownerId), eq(tasks.agent, kind), notInArray(tasks.status, [...TERMINAL_STATUSES])));

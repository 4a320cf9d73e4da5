/** Makes a project, once for each Idempotency-Key. */
import { projectId } from "@samovar/contracts";
import type { createProject } from "@samovar/contracts";
import type { UserId } from "@samovar/base";
import type * as z from "zod";
import type { Deps } from "../deps.ts";
import type { Intent } from "../idempotency.ts";
import { toIntent, toKeyRow, findCreated } from "../idempotency.ts";
import { assertAgentKnown } from "../agents/preconditions.ts";
import { assertHostsOpenable } from "./egress.ts";
import { assertRepoAllowed } from "./repo-policy.ts";
import { insertProject, requireProject } from "./store.ts";
import type { ProjectRow } from "./store.ts";

type Wanted = z.output<typeof createProject>;

/** The project as it is now: with a key that was used before, the one that was made then. */
export async function createNewProject(
  deps: Deps,
  ownerId: UserId,
  wanted: Wanted,
  idempotencyKey: string | null,
): Promise<ProjectRow> {
  const { config, db } = deps;
  const intent = await toIntent(idempotencyKey, "POST projects", wanted);
  const earlier = intent === null ? null : await findEarlierProject(deps, ownerId, intent);
  if (earlier !== null) return earlier;
  assertRepoAllowed(config, wanted.repoUrl);
  assertHostsOpenable(wanted.egress);
  await assertAgentKnown(db, ownerId, wanted.defaultAgent);
  const row = projectOf(deps, ownerId, wanted);
  try {
    await insertProject(db, row, intent === null ? null : toKeyRow(ownerId, intent, row.id, row.createdAt));
    return row;
  } catch (error) {
    // Of many who come with one key at once, one makes it; the others are given it.
    const made = intent === null ? null : await findEarlierProject(deps, ownerId, intent);
    if (made === null) throw error;
    return made;
  }
}

async function findEarlierProject({ db }: Deps, ownerId: UserId, intent: Intent): Promise<ProjectRow | null> {
  const id = await findCreated(db, ownerId, intent);
  return id === null ? null : requireProject(db, ownerId, projectId.parse(id));
}

function projectOf({ clock, ids }: Deps, ownerId: UserId, wanted: Wanted): ProjectRow {
  const now = clock.now();
  return {
    id: ids.make("prj"),
    ownerId,
    name: wanted.name,
    repoUrl: wanted.repoUrl,
    baseBranch: wanted.baseBranch ?? null,
    defaultVmSize: wanted.defaultVmSize ?? null,
    defaultAgent: wanted.defaultAgent ?? null,
    checkout: wanted.checkout ?? null,
    commitIdentity: wanted.commitIdentity ?? null,
    egress: wanted.egress ?? null,
    repositorySettings: wanted.repositorySettings ?? null,
    runtime: wanted.runtime ?? null,
    createdAt: now,
    updatedAt: now,
    archivedAt: null,
  };
}

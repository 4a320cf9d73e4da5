/** Nodes in D1. After the first version only the node's object writes its row. */
import type { NodeId, UserId } from "@samovar/base";
import { SamovarError } from "@samovar/contracts";
import type { NodeStateName, NodeView, Page, VmSize } from "@samovar/contracts";
import { and, asc, desc, eq, inArray, lt, ne, sql } from "drizzle-orm";
import type { Database } from "../database/index.ts";
import { nodes } from "../database/schema.ts";

export type NodeRow = typeof nodes.$inferSelect;

/** Throws `not_found` if there is none or it belongs to another user. */
export async function requireNode(db: Database, ownerId: UserId, nodeId: NodeId): Promise<NodeRow> {
  const row = await findNode(db, nodeId);
  if (row === null || row.ownerId !== ownerId)
    throw new SamovarError("not_found", "Node not found, or you don't have access to it.");
  return row;
}

export async function findNode(db: Database, nodeId: NodeId): Promise<NodeRow | null> {
  const [row] = await db.select().from(nodes).where(eq(nodes.id, nodeId));
  return row ?? null;
}

/** Newest first; without states, all that are not destroyed. */
export async function listNodes(
  db: Database,
  ownerId: UserId,
  query: {
    readonly states?: readonly NodeStateName[] | undefined;
    readonly cursor?: string | undefined;
    readonly limit: number;
  },
): Promise<Page<NodeRow>> {
  const rows = await db
    .select()
    .from(nodes)
    .where(
      and(
        eq(nodes.ownerId, ownerId),
        query.states === undefined ? ne(nodes.state, "destroyed") : inArray(nodes.state, [...query.states]),
        query.cursor === undefined ? undefined : lt(nodes.id, query.cursor as NodeId),
      ),
    )
    .orderBy(desc(nodes.id))
    .limit(query.limit + 1);
  const items = rows.slice(0, query.limit);
  return { items, nextCursor: rows.length > query.limit ? (items.at(-1)?.id ?? null) : null };
}

/** Nodes that seem to have an available slot: first warm, then active, then provisioning. */
export async function listCandidates(db: Database, ownerId: UserId, size: VmSize): Promise<readonly NodeRow[]> {
  const rank = sql`CASE ${nodes.state} WHEN 'warm' THEN 0 WHEN 'active' THEN 1 ELSE 2 END`;
  return db
    .select()
    .from(nodes)
    .where(
      and(
        eq(nodes.ownerId, ownerId),
        eq(nodes.size, size),
        inArray(nodes.state, ["warm", "active", "provisioning"]),
        sql`${nodes.taken} < ${nodes.slots}`,
      ),
    )
    .orderBy(rank, asc(nodes.id));
}

/**
 * Writes the first version of a row, in one statement that also checks the limits: refused if the owner already has
 * `maxNodes`, or if a node of this size that is not in `tried` is provisioning with an available slot (then that one is to
 * be shared). Repeating it for an existing row changes nothing and returns "inserted".
 */
export async function insertNode(
  db: Database,
  row: Pick<NodeRow, "id" | "ownerId" | "name" | "provider" | "size" | "slots" | "createdAt" | "maxLifetimeAt">,
  limits: { readonly maxNodes: number; readonly tried: readonly NodeId[] },
): Promise<"inserted" | "share" | "limit"> {
  const tried = JSON.stringify(limits.tried);
  await db.run(sql`
    INSERT INTO nodes (id, owner_id, name, provider, size, state, version, epoch, slots, task_ids, outbox, max_lifetime_at, created_at)
    SELECT ${row.id}, ${row.ownerId}, ${row.name}, ${row.provider}, ${row.size}, 'provisioning', 0, 0, ${row.slots}, '[]', ${EMPTY_OUTBOX}, ${row.maxLifetimeAt}, ${row.createdAt}
    WHERE (SELECT count(*) FROM nodes WHERE owner_id = ${row.ownerId} AND state <> 'destroyed') < ${limits.maxNodes}
      AND NOT EXISTS (
        SELECT 1 FROM nodes WHERE owner_id = ${row.ownerId} AND size = ${row.size} AND state = 'provisioning'
          AND taken < slots AND id NOT IN (SELECT value FROM json_each(${tried})))
    ON CONFLICT DO NOTHING`);
  if ((await findNode(db, row.id)) !== null) return "inserted";
  if ((await countAlive(db, row.ownerId)) < limits.maxNodes) return "share";
  const hasCandidate = (await listCandidates(db, row.ownerId, row.size)).some(
    (each) => !limits.tried.includes(each.id),
  );
  return hasCandidate ? "share" : "limit";
}

const countAlive = (db: Database, ownerId: UserId): Promise<number> =>
  db.$count(nodes, and(eq(nodes.ownerId, ownerId), ne(nodes.state, "destroyed")));

const EMPTY_OUTBOX = JSON.stringify({ pending: 0, deadLetters: 0, lastDeadLetterReason: null });

export function toNodeView({
  ownerId: _owner,
  objectDeletedAt: _deleted,
  priceAmount,
  priceCurrency,
  ...rest
}: NodeRow): NodeView {
  return {
    ...rest,
    pricePerHour:
      priceAmount === null || priceCurrency === null ? null : { amount: priceAmount, currency: priceCurrency },
  };
}

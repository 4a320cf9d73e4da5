/**
 * Where a workspace goes: a warm node of the size, else a working one with room, else one that is coming up, else a
 * new one. The intent is written before each attempt, so that a repeated call finds its own slot again. Keeps N1, N2.
 */
import type { NodeId, UserId } from "@samovar/base";
import { idSource } from "@samovar/base";
import type { VmSize } from "@samovar/contracts";
import { acceptsWork } from "@samovar/domain/task-queue";
import type { SlotLease } from "@samovar/domain/node-record";
import { configOf } from "../config.ts";
import type { Config } from "../config.ts";
import { database } from "../database/index.ts";
import type { Database } from "../database/index.ts";
import type { Ports } from "../deps.ts";
import { systemPorts } from "../deps.ts";
import type { Env } from "../env.ts";
import { within } from "../within.ts";
import { nodeObject } from "../nodes/durable-object/stub.ts";
import { serverName } from "../nodes/server-name.ts";
import type { NodeRow } from "../nodes/store.ts";
import { findNode, insertNode, listCandidates } from "../nodes/store.ts";
import { findWorkspace, forgetIntent, intendWorkspace } from "./store.ts";

export interface ChooseInput {
  readonly ownerId: UserId;
  readonly size: VmSize;
  readonly lease: SlotLease;
  /** Nodes that were of no use to this workspace. */
  readonly avoid?: readonly NodeId[];
}

export type NodeChoice = (
  | { readonly nodeId: NodeId; readonly how: "warm" | "active" | "new" }
  /** A node was written down for this workspace, and its object does not answer. */
  | { readonly unreachable: NodeId }
  /** Nothing is free and nothing may be made; ask again later. */
  | { readonly wait: string }
) & {
  /** Nodes whose object did not answer: a slot may have been taken there all the same. */
  readonly doubtful: readonly NodeId[];
};

/** An object that does not answer within this is of no use now. */
const ANSWER_MS = 10_000;

/** The slot is taken when it answers with a node. Idempotent by the lease's workspace. */
export async function chooseNode(env: Env, input: ChooseInput, ports: Ports = systemPorts): Promise<NodeChoice> {
  const db = database(env);
  const config = configOf(env);
  const ids = idSource(ports.clock, ports.random);
  const avoid = input.avoid ?? [];
  const tried: NodeId[] = [...avoid];
  const doubtful: NodeId[] = [];
  let intended: NodeId | null = null;
  const intend = async (nodeId: NodeId) => {
    if (intended === nodeId) return;
    await intendWorkspace(db, input, nodeId, ports.clock.now());
    intended = nodeId;
  };
  const take = async (row: NodeRow): Promise<NodeChoice | null> => {
    await intend(row.id);
    const taken = await within(ANSWER_MS, takeSlot(env, row, input)).catch(() => null);
    if (taken === true)
      return { nodeId: row.id, how: row.state === "warm" || row.state === "active" ? row.state : "new", doubtful };
    tried.push(row.id);
    if (taken === null) doubtful.push(row.id);
    // Another that nobody has begun would fare no better at once, and each leaves a row.
    return taken === null && row.version === 0 ? { unreachable: row.id, doubtful } : null;
  };

  const earlier = await earlierChoice(db, input, avoid);
  const kept = earlier.row === null ? null : await take(earlier.row);
  if (kept !== null) return kept;
  let newId = earlier.row === null ? (earlier.intended ?? ids.make("nod")) : ids.make("nod");

  for (;;) {
    for (const row of await listCandidates(db, input.ownerId, input.size)) {
      if (tried.includes(row.id)) continue;
      if (!acceptsWork(row, ports.clock.now())) {
        tried.push(row.id);
        continue;
      }
      const choice = await take(row);
      if (choice !== null) return choice;
    }
    await intend(newId);
    const verdict = await insertNode(db, newRow(newId, input, config, ports.clock.now()), {
      maxNodes: config.MAX_NODES_PER_USER,
      tried,
    });
    if (verdict === "limit") {
      await forgetIntent(db, input.lease.workspaceId);
      return { wait: `All ${config.MAX_NODES_PER_USER} machines that you may have are busy.`, doubtful };
    }
    if (verdict === "share") continue;
    const row = await findNode(db, newId);
    const choice = row === null ? null : await take(row);
    if (choice !== null) return choice;
    // Others were quicker to fill the machine that was made here; the next needs another name.
    newId = ids.make("nod");
  }
}

/** What an earlier call had in mind: its node's row, or the id of a node that it had not written down yet. */
async function earlierChoice(
  db: Database,
  { lease }: ChooseInput,
  avoid: readonly NodeId[],
): Promise<{ row: NodeRow | null; intended: NodeId | null }> {
  const workspace = await findWorkspace(db, lease.workspaceId);
  if (workspace === null || avoid.includes(workspace.nodeId)) return { row: null, intended: null };
  return { row: await findNode(db, workspace.nodeId), intended: workspace.nodeId };
}

/** A node that nobody has begun is begun by whoever comes first. */
async function takeSlot(env: Env, row: NodeRow, { lease }: ChooseInput): Promise<boolean> {
  const node = nodeObject(env, row.id);
  if (row.version === 0)
    await node.provision({ nodeId: row.id, ownerId: row.ownerId, name: row.name, size: row.size, lease });
  return (await node.reserve(lease)).granted;
}

function newRow(id: NodeId, { ownerId, size }: ChooseInput, config: Config, now: number) {
  return {
    id,
    ownerId,
    name: serverName(id),
    size,
    slots: config.NODE_SLOTS,
    createdAt: now,
    maxLifetimeAt: now + config.NODE_DRAIN_AFTER_MS,
  };
}

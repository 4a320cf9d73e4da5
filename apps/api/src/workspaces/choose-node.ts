/**
 * Chooses a workspace's node: a warm node of its size, else an active one with an available slot, else a provisioning one,
 * else a new one. The intent is written before each attempt, so that a repeated call finds the same slot. Keeps N1, N2.
 */
import type { NodeId, UserId } from "@samovar/base";
import { idSource } from "@samovar/base";
import { PROVIDERS } from "@samovar/contracts";
import type { ProviderName, VmSize } from "@samovar/contracts";
import { acceptsWork } from "@samovar/domain/task-queue";
import type { SlotLease } from "@samovar/domain/node-record";
import { getConfig } from "../config.ts";
import type { Config } from "../config.ts";
import { database } from "../database/index.ts";
import type { Database } from "../database/index.ts";
import type { Ports } from "../deps.ts";
import { systemPorts } from "../deps.ts";
import type { Env } from "../env.ts";
import { within } from "../within.ts";
import { getNodeObject } from "../nodes/durable-object/stub.ts";
import { chooseOwnersProvider } from "../nodes/provider.ts";
import { toServerName } from "../nodes/server-name.ts";
import type { NodeRow } from "../nodes/store.ts";
import { findNode, insertNode, listCandidates } from "../nodes/store.ts";
import { findWorkspace, deleteIntent, recordIntent } from "./store.ts";

export interface ChooseInput {
  readonly ownerId: UserId;
  readonly size: VmSize;
  readonly lease: SlotLease;
  /** Nodes that were lost by this run. */
  readonly avoid?: readonly NodeId[];
}

export type NodeChoice = (
  | { readonly nodeId: NodeId; readonly how: "warm" | "active" | "new" }
  /** A row was written for this workspace's new node, but the node's object does not answer. */
  | { readonly unreachable: NodeId }
  /** No slot is available and no node may be created; try again later. */
  | { readonly wait: string }
) & {
  /** Nodes whose object did not answer; a slot may have been taken there anyway. */
  readonly unanswered: readonly NodeId[];
};

/** An object that takes longer than this is passed over. */
const ANSWER_MS = 10_000;

/** If it returns a node, the slot is taken. Idempotent per workspace. */
export async function chooseNode(env: Env, input: ChooseInput, ports: Ports = systemPorts): Promise<NodeChoice> {
  const db = database(env);
  const config = getConfig(env);
  const ids = idSource(ports.clock, ports.random);
  const avoid = input.avoid ?? [];
  const tried: NodeId[] = [...avoid];
  const unanswered: NodeId[] = [];
  let intended: NodeId | null = null;
  const intend = async (nodeId: NodeId) => {
    if (intended === nodeId) return;
    await recordIntent(db, input, nodeId, ports.clock.now());
    intended = nodeId;
  };
  const take = async (row: NodeRow): Promise<NodeChoice | null> => {
    await intend(row.id);
    const taken = await within(ANSWER_MS, takeSlot(env, row, input)).catch(() => null);
    if (taken === true)
      return { nodeId: row.id, how: row.state === "warm" || row.state === "active" ? row.state : "new", unanswered };
    tried.push(row.id);
    if (taken === null) unanswered.push(row.id);
    // Another new node would fare no better right now, and each leaves a row.
    return taken === null && row.version === 0 ? { unreachable: row.id, unanswered } : null;
  };

  const earlier = await findEarlierChoice(db, input, avoid);
  const again = earlier.row === null ? null : await take(earlier.row);
  if (again !== null) return again;
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
    const provider = (await chooseOwnersProvider(env, config, input.ownerId)) ?? config.CLOUD_PROVIDER ?? PROVIDERS[0];
    const inserted = await insertNode(db, newRow(newId, provider, input, config, ports.clock.now()), {
      maxNodes: config.MAX_NODES_PER_USER,
      tried,
    });
    if (inserted === "limit") {
      await deleteIntent(db, input.lease.workspaceId);
      return { wait: `All ${config.MAX_NODES_PER_USER} nodes that you may have are busy.`, unanswered };
    }
    if (inserted === "share") continue;
    const row = await findNode(db, newId);
    const choice = row === null ? null : await take(row);
    if (choice !== null) return choice;
    // Other workspaces filled the new node first; the next one needs another id.
    newId = ids.make("nod");
  }
}

/** The choice of an earlier call: its node's row, or the id of a node whose row it had not written yet. */
async function findEarlierChoice(
  db: Database,
  { lease }: ChooseInput,
  avoid: readonly NodeId[],
): Promise<{ row: NodeRow | null; intended: NodeId | null }> {
  const workspace = await findWorkspace(db, lease.workspaceId);
  if (workspace === null || avoid.includes(workspace.nodeId)) return { row: null, intended: null };
  return { row: await findNode(db, workspace.nodeId), intended: workspace.nodeId };
}

/** Provisions the node first if its object has not started yet. */
async function takeSlot(env: Env, row: NodeRow, { lease }: ChooseInput): Promise<boolean> {
  const node = getNodeObject(env, row.id);
  if (row.version === 0)
    await node.provision({
      nodeId: row.id,
      ownerId: row.ownerId,
      name: row.name,
      provider: row.provider,
      size: row.size,
      lease,
    });
  return (await node.reserve(lease)).granted;
}

function newRow(id: NodeId, provider: ProviderName, { ownerId, size }: ChooseInput, config: Config, now: number) {
  return {
    id,
    ownerId,
    name: toServerName(id),
    provider,
    size,
    slots: config.NODE_SLOTS,
    createdAt: now,
    maxLifetimeAt: now + config.NODE_DRAIN_AFTER_MS,
  };
}

/**
 * The surface of a NodeLifecycle object: one per node, named by the node's id. It alone owns the node's state,
 * talks to the provider about its server, holds the link, and gathers the facts that runs wait for.
 * Every call is idempotent.
 */
import type { NodeId, UserId, WorkspaceId } from "@samovar/base";
import type {
  BootstrapReply,
  BootstrapRequest,
  CommandDraft,
  ErrorCode,
  NodeCall,
  NodeReply,
  NodeView,
  VmSize,
} from "@samovar/contracts";
import type { ReserveReply } from "@samovar/domain/node-lifecycle";
import type { SlotLease } from "@samovar/domain/node-record";
import type { RunObservation } from "@samovar/domain/run-observation";

export interface ProvisionInput {
  readonly nodeId: NodeId;
  readonly ownerId: UserId;
  readonly name: string;
  readonly size: VmSize;
  readonly lease: SlotLease;
}

export interface NodeLifecycleRpc extends Rpc.DurableObjectBranded {
  /** Begins a node's life with its first slot taken. Its D1 row exists already. The server is asked for from an alarm. */
  provision(input: ProvisionInput): Promise<void>;
  /** A slot on an active or warm node. Asking again for the same workspace grants again. */
  reserve(lease: SlotLease): Promise<ReserveReply>;
  /** Gives the slot back; the node decides by itself what that makes of it. */
  release(workspaceId: WorkspaceId): Promise<void>;
  /** Nothing works there any more, the workspace stays: its place is free for other work, and its node lives on until the release. */
  keep(workspaceId: WorkspaceId): Promise<void>;
  /** Queues a command for the node; the same id twice is one command. */
  enqueue(command: CommandDraft): Promise<void>;
  /** Asks the node itself; fails with `unavailable` when it is away or does not answer within 10 s. Nothing is stored. */
  call(question: NodeCall): Promise<NodeReply>;
  facts(workspaceId: WorkspaceId): Promise<RunObservation | null>;
  /** No new work; destroyed when the last slot is free. */
  drain(reason: string): Promise<void>;
  /** Destroyed as soon as the provider agrees; what runs there fails. */
  destroy(reason: string): Promise<void>;
  view(): Promise<NodeView | null>;
  /** Re-arms the alarm from the stored state; the sweep calls it. */
  ensureAlarm(): Promise<void>;
  /** Turns the single-use token into a node token; the same claim may repeat. */
  bootstrap(request: BootstrapRequest): Promise<BootstrapAnswer>;
  /** Whether a workspace token of this epoch still speaks for a slot of this node. */
  admits(workspaceId: WorkspaceId, epoch: number): Promise<boolean>;
  // fetch(): the link's WebSocket upgrade, already authenticated by the route; header `x-samovar-epoch`.
}

export type BootstrapAnswer =
  | { readonly ok: true; readonly reply: BootstrapReply }
  | { readonly ok: false; readonly code: ErrorCode; readonly message: string };

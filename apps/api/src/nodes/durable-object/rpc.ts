/**
 * The RPC interface of a NodeLifecycle object: one per node, named by the node's id. It alone owns the node's state, manages
 * its server at the provider, holds the link, and collects the facts that runs wait for. Every call is idempotent.
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
  ProviderName,
} from "@samovar/contracts";
import type { ReserveReply } from "@samovar/domain/node-lifecycle";
import type { SlotLease } from "@samovar/domain/node-record";
import type { RunObservation } from "@samovar/domain/run-observation";

export interface ProvisionInput {
  readonly nodeId: NodeId;
  readonly ownerId: UserId;
  readonly name: string;
  readonly provider: ProviderName;
  readonly size: VmSize;
  readonly lease: SlotLease;
}

export interface NodeLifecycleRpc extends Rpc.DurableObjectBranded {
  /** Starts a node with its first slot taken. Its D1 row exists already. An alarm requests the server. */
  provision(input: ProvisionInput): Promise<void>;
  /** Takes a slot on an active or warm node. A repeated request for the same workspace is granted again. */
  reserve(lease: SlotLease): Promise<ReserveReply>;
  /** Gives the slot back. The node may become warm or end. */
  release(workspaceId: WorkspaceId): Promise<void>;
  /** Retains the workspace after its work is over: its slot is available to other work, and the node stays until the release. */
  retain(workspaceId: WorkspaceId): Promise<void>;
  /** Queues a command for the node, once per id. */
  enqueue(command: CommandDraft): Promise<void>;
  /** Sends the node a request; fails with `unavailable` if it is disconnected or does not answer within 10 s. Nothing is stored. */
  call(request: NodeCall): Promise<NodeReply>;
  /** Null if this node has no such workspace. */
  observe(workspaceId: WorkspaceId): Promise<RunObservation | null>;
  /** Takes no new work; destroys the node once its last slot is free. */
  drain(reason: string): Promise<void>;
  /** Destroys the node as soon as the provider does; its running tasks fail. */
  destroy(reason: string): Promise<void>;
  view(): Promise<NodeView | null>;
  /** Re-arms the alarm from the stored state; the sweep calls it. */
  ensureAlarm(): Promise<void>;
  /**
   * Deletes everything that is stored here once the node was destroyed, all its effects are delivered, and the grace for late
   * deliveries is over. Returns whether the object is empty. Later calls find no node and store nothing.
   */
  forget(): Promise<boolean>;
  /** Exchanges the single-use token for a node token; the same claim may repeat. */
  bootstrap(request: BootstrapRequest): Promise<BootstrapAnswer>;
  /** Whether a workspace token of this epoch gives access to credentials: only while the run's work goes on here. */
  admits(workspaceId: WorkspaceId, epoch: number): Promise<boolean>;
  // fetch(): the link's WebSocket upgrade, already authenticated by the route; header `x-samovar-epoch`.
}

export type BootstrapAnswer =
  | { readonly ok: true; readonly reply: BootstrapReply }
  | { readonly ok: false; readonly code: ErrorCode; readonly message: string };

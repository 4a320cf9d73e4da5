/**
 * The surface of a NodeLifecycle object: one per node, named by the node's id. It alone owns the node's state,
 * talks to the provider about its server, holds the link, and gathers the facts that runs wait for.
 * Every call is idempotent.
 */
import type { NodeId, ProjectId, RunId, SessionId, TaskId, UserId, WorkspaceId } from "@samovar/base";
import type {
  BootstrapReply,
  BootstrapRequest,
  CommandDraft,
  ErrorCode,
  Failure,
  NodeCall,
  NodeReply,
  NodeView,
  SessionEnd,
  VmSize,
  WorkspaceState,
} from "@samovar/contracts";

/** A slot's holder: a workspace of a task run, and whom to nudge when its facts change. */
export interface SlotHolder {
  readonly workspaceId: WorkspaceId;
  readonly taskId: TaskId | null;
  readonly runId: RunId | null;
  readonly projectId: ProjectId;
  readonly sessionId: SessionId;
}

export interface ProvisionInput {
  readonly nodeId: NodeId;
  readonly ownerId: UserId;
  readonly name: string;
  readonly size: VmSize;
  readonly holder: SlotHolder;
}

export type ReserveReply =
  | { readonly granted: true }
  | { readonly granted: false; readonly reason: "full" | "not_accepting" | "gone" };

/** What a run can know of its node and workspace now. */
export interface RunFacts {
  readonly node: {
    readonly state: NodeView["state"];
    readonly connected: boolean;
    /** Since when the link is down; null when it is up, or was never. */
    readonly downSince: number | null;
    readonly failure: Failure | null;
  };
  readonly workspace: {
    readonly state: Extract<WorkspaceState, "creating" | "ready" | "failed" | "destroyed">;
    readonly branch: string | null;
    readonly failure: Failure | null;
  };
  readonly session: {
    readonly startedAt: number | null;
    /** Null when no process of its start has waited long for its turn. */
    readonly startDelayedAt: number | null;
    readonly end: SessionEnd | null;
  };
}

export interface NodeLifecycleRpc extends Rpc.DurableObjectBranded {
  /** Begins a node's life with its first slot taken. Its D1 row exists already. The server is asked for from an alarm. */
  provision(input: ProvisionInput): Promise<void>;
  /** A slot on an active or warm node. Asking again for the same workspace grants again. */
  reserve(holder: SlotHolder): Promise<ReserveReply>;
  /** Gives the slot back; the node decides by itself what that makes of it. */
  release(workspaceId: WorkspaceId): Promise<void>;
  /** Nothing works there any more, the workspace stays: its place is free for other work, and its node lives on until the release. */
  keep(workspaceId: WorkspaceId): Promise<void>;
  /** Queues a command for the node; the same id twice is one command. */
  enqueue(command: CommandDraft): Promise<void>;
  /** Asks the node itself; fails with `unavailable` when it is away or does not answer within 10 s. Nothing is stored. */
  call(question: NodeCall): Promise<NodeReply>;
  facts(workspaceId: WorkspaceId): Promise<RunFacts | null>;
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

/**
 * The RPC interface of a ProjectData object: one per project, named by the project's id. It owns the project's sessions and
 * messages and serves its viewers. Every call is idempotent.
 */
import type { MessageId, Millis, NodeId, ProjectId, SessionId, TaskId, WorkspaceId } from "@samovar/base";
import type {
  AccessEnd,
  AccessId,
  BundleView,
  DeliveryReply,
  MessageView,
  NodeView,
  Page,
  SearchPage,
  SearchRequest,
  SessionStatus,
  SessionView,
  TaskEvent,
  TaskView,
  TranscriptDigest,
  TranscriptVerification,
  WorkspaceClaims,
} from "@samovar/contracts";

/** Header of a viewer's upgrade, set by the route: the caller's access as JSON. */
export const ACCESS_HEADER = "x-samovar-access";

/** A workspace on one node, as the node's object reports it. */
export interface Deliverer {
  readonly workspaceId: WorkspaceId;
  readonly nodeId: NodeId;
  readonly sessionId: SessionId;
  /** The node's. */
  readonly epoch: number;
  /** Until when it may deliver; null while it holds its slot on a living node. */
  readonly deliverUntil: Millis | null;
  /** Grows with each report of this workspace on this node, so that a late report changes nothing. */
  readonly stamp: number;
}

export interface CreateSessionInput {
  readonly projectId: ProjectId;
  readonly sessionId: SessionId;
  readonly taskId: TaskId | null;
  /** The first user message; stored at position 0 in the same transaction. */
  readonly firstMessage: { readonly messageId: MessageId; readonly text: string } | null;
}

export interface ProjectDataRpc extends Rpc.DurableObjectBranded {
  createSession(input: CreateSessionInput): Promise<SessionView>;
  /** Links the session to the workspace whose token may deliver to it; refuses a second workspace only while the first delivers. */
  linkWorkspace(sessionId: SessionId, workspaceId: WorkspaceId): Promise<SessionView>;
  endSession(sessionId: SessionId, status: Exclude<SessionStatus, "active">): Promise<SessionView>;
  /** Appends a system notice, once per `messageId`. */
  addNotice(sessionId: SessionId, messageId: MessageId, text: string): Promise<void>;
  getSession(sessionId: SessionId): Promise<SessionView | null>;
  listSessions(query: {
    readonly taskId?: TaskId | undefined;
    /** Words that the topic contains, in any order and case. */
    readonly q?: string | undefined;
    readonly status?: SessionStatus | undefined;
    readonly cursor?: string | undefined;
    readonly limit: number;
  }): Promise<Page<SessionView>>;
  /** By position, ascending within the page. `before`/`after` exclusive; neither: the newest page. */
  listMessages(
    sessionId: SessionId,
    query: { readonly before?: number | undefined; readonly after?: number | undefined; readonly limit: number },
  ): Promise<{ readonly messages: readonly MessageView[]; readonly session: SessionView } | null>;
  /** Throws `invalid_request` for a query without words or with too many, and for an unknown cursor. */
  search(request: SearchRequest): Promise<SearchPage>;
  /** Records whether a workspace may deliver. An older report than the stored one changes nothing. */
  setDeliverer(deliverer: Deliverer): Promise<void>;
  /**
   * Applies one delivery in one transaction. `rows` are unparsed, and each gets its own result. Throws `unauthenticated` if
   * the workspace may not deliver any more.
   */
  deliver(claims: WorkspaceClaims, rows: readonly unknown[]): Promise<DeliveryReply>;
  /** Compares the digest of a closed transcript with that of the stored messages that the node delivered. If they agree, the transcript is complete. */
  verify(sessionId: SessionId, claimed: TranscriptDigest): Promise<TranscriptVerification>;
  /** The digest of the stored messages that the node delivered. */
  digest(sessionId: SessionId): Promise<TranscriptDigest>;
  /** Stores a git bundle with the session of the claims and replaces an older one. `data` was checked against `sha256` (hex). */
  storeBundle(claims: WorkspaceClaims, data: Uint8Array, sha256: string): Promise<BundleView>;
  findBundle(sessionId: SessionId): Promise<(BundleView & { readonly chunks: number }) | null>;
  /** Piece `n` (from 0) of the bundle with this SHA-256; null if it was replaced. */
  bundleChunk(sessionId: SessionId, sha256: string, n: number): Promise<Uint8Array | null>;
  /** Publishes to viewers; stores nothing. */
  publishTask(task: TaskView, events: readonly TaskEvent[]): Promise<void>;
  publishNode(node: NodeView): Promise<void>;
  /** Closes the sockets that were opened with an access; they receive nothing more. */
  closeViewers(accessId: AccessId, end: AccessEnd): Promise<void>;
}

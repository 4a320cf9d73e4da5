/** ProjectData: one object per project, named by the project's id. Wiring and RPC only. Keeps M1, M2, M3. */
import { DurableObject } from "cloudflare:workers";
import type { Clock, MessageId, Millis, SessionId, WorkspaceId } from "@samovar/base";
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
import { systemPorts } from "../../deps.ts";
import type { Env } from "../../env.ts";
import { ObjectParts } from "../../database/migrate-object.ts";
import { wakeBy } from "./alarm.ts";
import { bundleChunk, findBundle, storeBundle } from "./bundles.ts";
import type { StoredBundle } from "./bundles.ts";
import { applyDelivery } from "./deliver.ts";
import { PROJECT_MIGRATIONS } from "./migrations.ts";
import { readHistoryPage, syncFrames } from "./pages.ts";
import type { HistoryQuery } from "./pages.ts";
import { computeDigest } from "./digest.ts";
import { ACCESS_HEADER } from "./rpc.ts";
import type { CreateSessionInput, Deliverer, ProjectDataRpc } from "./rpc.ts";
import { SearchIndex } from "./search-index.ts";
import { searchMessages } from "./search.ts";
import { addNotice, createSession, endSession, linkWorkspace, requireSession } from "./sessions.ts";
import type { SessionStep } from "./sessions.ts";
import { ProjectStorage } from "./storage.ts";
import type { SessionQuery } from "./storage.ts";
import { Viewers } from "./viewers.ts";

/** How long final messages wait to be indexed together, unless somebody searches. */
const INDEX_AFTER_MS = 60_000;
/** What one alarm indexes; the next one follows at once, and other calls come between. */
const INDEX_STEP = { messages: 2_000, chars: 4 * 1024 * 1024 };

/** The parts of the object. */
interface Parts {
  readonly storage: ProjectStorage;
  readonly viewers: Viewers;
  readonly index: SearchIndex;
  readonly sql: SqlStorage;
}

export class ProjectData extends DurableObject<Env> implements ProjectDataRpc {
  readonly #clock: Clock = systemPorts.clock;
  readonly #parts: ObjectParts<Parts>;
  /** The alarm that will index, as far as this instance knows. */
  #indexesAt: Millis | null = null;

  constructor(context: DurableObjectState, env: Env) {
    super(context, env);
    this.#parts = new ObjectParts(context.storage, PROJECT_MIGRATIONS, () => this.#createParts());
    this.#parts.open();
  }

  #createParts(): Parts {
    const context = this.ctx;
    const storage = new ProjectStorage(context.storage);
    const viewers = new Viewers({
      context,
      clock: this.#clock,
      session: (id) => storage.session(id),
      sync: (session, afterVersion, tail) => syncFrames(storage, session, afterVersion, tail),
    });
    const index = new SearchIndex(context.storage);
    return { storage, viewers, index, sql: context.storage.sql };
  }

  get #storage(): ProjectStorage {
    return this.#parts.get().storage;
  }
  get #viewers(): Viewers {
    return this.#parts.get().viewers;
  }
  get #sql(): SqlStorage {
    return this.#parts.get().sql;
  }

  async createSession(input: CreateSessionInput): Promise<SessionView> {
    return this.#publish(createSession(this.#storage, input, this.#clock.now()));
  }

  async linkWorkspace(sessionId: SessionId, workspaceId: WorkspaceId): Promise<SessionView> {
    return this.#publish(linkWorkspace(this.#storage, sessionId, workspaceId));
  }

  async endSession(sessionId: SessionId, status: Exclude<SessionStatus, "active">): Promise<SessionView> {
    return this.#publish(endSession(this.#storage, sessionId, status, this.#clock.now()));
  }

  async addNotice(sessionId: SessionId, messageId: MessageId, text: string): Promise<void> {
    this.#publish(addNotice(this.#storage, sessionId, { messageId, text }, this.#clock.now()));
  }

  async getSession(sessionId: SessionId): Promise<SessionView | null> {
    return this.#storage.session(sessionId);
  }

  async listSessions(query: SessionQuery): Promise<Page<SessionView>> {
    return this.#storage.sessions(query);
  }

  async listMessages(
    sessionId: SessionId,
    query: HistoryQuery,
  ): Promise<{ readonly messages: readonly MessageView[]; readonly session: SessionView } | null> {
    const session = this.#storage.session(sessionId);
    return session === null ? null : { messages: readHistoryPage(this.#storage, session, query), session };
  }

  async search(request: SearchRequest): Promise<SearchPage> {
    const found = searchMessages(this.#parts.get(), request);
    if (!found.complete) await this.#indexBy(this.#clock.now());
    return found;
  }

  async setDeliverer(deliverer: Deliverer): Promise<void> {
    this.#storage.saveDeliverer(deliverer);
  }

  async deliver(claims: WorkspaceClaims, rows: readonly unknown[]): Promise<DeliveryReply> {
    const { reply, events, hasFinished } = applyDelivery(this.#storage, claims, rows, this.#clock.now());
    this.#viewers.publish(events);
    if (hasFinished) await this.#indexBy(this.#clock.now() + INDEX_AFTER_MS);
    return reply;
  }

  async verify(sessionId: SessionId, claimed: TranscriptDigest): Promise<TranscriptVerification> {
    const stored = computeDigest(this.#storage, requireSession(this.#storage, sessionId));
    const agreed = stored.count === claimed.count && stored.digest === claimed.digest;
    if (agreed) this.#storage.markComplete(sessionId, this.#clock.now());
    return { agreed, claimed, stored };
  }

  async digest(sessionId: SessionId): Promise<TranscriptDigest> {
    return computeDigest(this.#storage, requireSession(this.#storage, sessionId));
  }

  async storeBundle(claims: WorkspaceClaims, data: Uint8Array, sha256: string): Promise<BundleView> {
    return storeBundle(this.#storage, this.#sql, claims, data, { sha256, now: this.#clock.now() });
  }

  async findBundle(sessionId: SessionId): Promise<StoredBundle | null> {
    return findBundle(this.#sql, sessionId);
  }

  async bundleChunk(sessionId: SessionId, sha256: string, n: number): Promise<Uint8Array | null> {
    return bundleChunk(this.#sql, sessionId, sha256, n);
  }

  async publishTask(task: TaskView, events: readonly TaskEvent[]): Promise<void> {
    this.#viewers.publish([{ type: "task.updated", task, events: [...events] }]);
  }

  async publishNode(node: NodeView): Promise<void> {
    this.#viewers.publish([{ type: "node.updated", node }]);
  }

  /** A viewer's upgrade, which the route has authorised. */
  override async fetch(request: Request): Promise<Response> {
    if (request.headers.get("upgrade")?.toLowerCase() !== "websocket") return new Response(null, { status: 426 });
    return this.#viewers.accept(request.headers.get(ACCESS_HEADER));
  }

  async closeViewers(accessId: AccessId, end: AccessEnd): Promise<void> {
    this.#viewers.closeAll(accessId, end);
  }

  /** Closes sockets whose access has expired, and indexes what has become final. */
  override async alarm(): Promise<void> {
    if (this.#parts.isNewer) return this.#parts.postponeAlarm(this.#clock.now());
    this.#indexesAt = null;
    await this.#viewers.closeExpired();
    if (!this.#parts.get().index.catchUp(INDEX_STEP)) await this.#indexBy(this.#clock.now());
  }

  override async webSocketMessage(socket: WebSocket, data: string | ArrayBuffer): Promise<void> {
    if (this.#parts.isNewer) socket.close(1013, "try again later");
    else this.#viewers.receive(socket, data);
  }

  override async webSocketClose(socket: WebSocket): Promise<void> {
    // Closes this end too; the viewer's close code does not matter.
    socket.close();
  }

  async #indexBy(at: Millis): Promise<void> {
    if (this.#indexesAt !== null && this.#indexesAt <= at) return;
    this.#indexesAt = at;
    await wakeBy(this.ctx.storage, at);
  }

  /** Called after the commit, so that viewers never receive a change that is rolled back. */
  #publish({ session, events }: SessionStep): SessionView {
    this.#viewers.publish(events);
    return session;
  }
}

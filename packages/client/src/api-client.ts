/** The control plane's API for people: one method a route, typed by the contracts. */
import type {
  ApiTokenId,
  NodeId,
  ProjectId,
  Random,
  SessionId,
  SignInSessionId,
  TaskId,
  WorkspaceId,
} from "@samovar/base";
import { uuid } from "@samovar/base";
import type {
  AgentDefinition,
  AgentDetail,
  AgentKind,
  AgentView,
  ApiTokenView,
  AuditEntry,
  CreateApiToken,
  CreatedApiToken,
  CreateProject,
  CreateTask,
  CredentialCheck,
  CredentialKind,
  CredentialSecret,
  CredentialView,
  MessageView,
  MeView,
  NodeView,
  Page,
  PatchProject,
  PatchTask,
  ProjectView,
  SessionView,
  SetupReply,
  SignedOutOthers,
  SignInLink,
  SignInSessionView,
  TaskEvent,
  TaskView,
  TranscriptVerification,
  WorkspaceDiff,
  WorkspaceState,
  WorkspaceView,
} from "@samovar/contracts";
import {
  agentDetail,
  agentView,
  apiTokenView,
  auditEntry,
  createdApiToken,
  credentialCheck,
  credentialView,
  LIMITS,
  messageView,
  meView,
  nodeView,
  page,
  projectView,
  sessionView,
  setupReply,
  signedOutOthers,
  signInLink,
  signInSessionView,
  taskEvent,
  taskView,
  transcriptVerification,
  workspaceDiff,
  workspaceView,
} from "@samovar/contracts";
import * as z from "zod";
import type { ApiCall, Parser } from "./api-call.ts";

interface MessagesPage {
  readonly messages: MessageView[];
  readonly session: SessionView;
}

const messagesPage: Parser<MessagesPage> = z.object({ messages: z.array(messageView), session: sessionView });
const agentPage: Parser<Page<AgentView>> = page(agentView);
const apiTokenPage: Parser<Page<ApiTokenView>> = page(apiTokenView);
const auditPage: Parser<Page<AuditEntry>> = page(auditEntry);
const credentialPage: Parser<Page<CredentialView>> = page(credentialView);
const nodePage: Parser<Page<NodeView>> = page(nodeView);
const projectPage: Parser<Page<ProjectView>> = page(projectView);
const sessionPage: Parser<Page<SessionView>> = page(sessionView);
const signInSessionPage: Parser<Page<SignInSessionView>> = page(signInSessionView);
const taskEventPage: Parser<Page<TaskEvent>> = page(taskEvent);
const taskPage: Parser<Page<TaskView>> = page(taskView);
const workspacePage: Parser<Page<WorkspaceView>> = page(workspaceView);
const nothing: Parser<null> = z.null();

/** What a call is besides its method and body. */
export interface Extent {
  /** Samovar asks a node or a service before it answers. */
  readonly takesLong?: boolean;
}

/** How a client reaches the control plane. Whether and how long it asks again is up to it. */
export interface ApiPort {
  /** `path` begins with `/api`. A POST or PATCH has an idempotency key. */
  call<T>(path: string, schema: Parser<T>, call: ApiCall, extent: Extent): Promise<T>;
  /** The whole body of an answer that is not JSON, of at most `maxBytes`. */
  download(path: string, maxBytes: number): Promise<Uint8Array>;
  /** The client's own error for answers that do not fit together. */
  toError(message: string): Error;
}

export class ApiClient {
  readonly #port: ApiPort;
  readonly #random: Random;

  /** `random` makes idempotency keys. */
  constructor(port: ApiPort, random: Random) {
    this.#port = port;
    this.#random = random;
  }

  /**
   * With the operator's secret as the token: makes the owner at the first time, and each time a new API token, which takes the
   * place of those of earlier set-ups.
   */
  setup(): Promise<SetupReply> {
    const body = { revokeEarlier: true };
    return this.#call<SetupReply>("/api/identity/setup", setupReply, { method: "POST", body });
  }

  createLink(): Promise<SignInLink> {
    return this.#call<SignInLink>("/api/identity/links", signInLink, { method: "POST", body: {} });
  }

  me(): Promise<MeView> {
    return this.#call<MeView>("/api/me", meView);
  }

  apiTokens(): Promise<ApiTokenView[]> {
    return this.#all<ApiTokenView>("/api/tokens", apiTokenPage);
  }

  createApiToken(wanted: CreateApiToken): Promise<CreatedApiToken> {
    return this.#call<CreatedApiToken>("/api/tokens", createdApiToken, { method: "POST", body: wanted });
  }

  async revokeApiToken(id: ApiTokenId): Promise<void> {
    await this.#call<null>(`/api/tokens/${id}`, nothing, { method: "DELETE" });
  }

  signInSessions(): Promise<SignInSessionView[]> {
    return this.#all<SignInSessionView>("/api/sign-in-sessions", signInSessionPage);
  }

  async endSignInSession(id: SignInSessionId): Promise<void> {
    await this.#call<null>(`/api/sign-in-sessions/${id}`, nothing, { method: "DELETE" });
  }

  /** With an API token, all browsers. */
  signOutOthers(): Promise<SignedOutOthers> {
    const options: ApiCall = { method: "POST", body: {} };
    return this.#call<SignedOutOthers>("/api/identity/sign-out-others", signedOutOthers, options);
  }

  /** The newest entries, newest first; at most {@link LIMITS.pageMax}. */
  async auditLog(limit: number): Promise<readonly AuditEntry[]> {
    return (await this.#call<Page<AuditEntry>>(`/api/audit-log?limit=${limit}`, auditPage)).items;
  }

  credentials(): Promise<CredentialView[]> {
    return this.#all<CredentialView>("/api/credentials", credentialPage);
  }

  putCredential(secret: CredentialSecret): Promise<CredentialView> {
    const kind: CredentialKind = secret.kind === "agent" ? `agent:${secret.agent}` : secret.kind;
    return this.#call<CredentialView>(credentialPath(kind), credentialView, { method: "PUT", body: secret });
  }

  async removeCredential(kind: CredentialKind): Promise<void> {
    await this.#call<null>(credentialPath(kind), nothing, { method: "DELETE" });
  }

  checkCredential(kind: CredentialKind): Promise<CredentialCheck> {
    const path = `${credentialPath(kind)}/validate`;
    return this.#call<CredentialCheck>(path, credentialCheck, { method: "POST", body: {} }, { takesLong: true });
  }

  agents(): Promise<AgentView[]> {
    return this.#all<AgentView>("/api/agents", agentPage);
  }

  putAgent(definition: AgentDefinition): Promise<AgentDetail> {
    return this.#call<AgentDetail>(`/api/agents/${definition.kind}`, agentDetail, { method: "PUT", body: definition });
  }

  async removeAgent(kind: AgentKind): Promise<void> {
    await this.#call<null>(`/api/agents/${kind}`, nothing, { method: "DELETE" });
  }

  nodes(): Promise<NodeView[]> {
    return this.#all<NodeView>("/api/nodes", nodePage);
  }

  node(nodeId: NodeId): Promise<NodeView> {
    return this.#call<NodeView>(`/api/nodes/${nodeId}`, nodeView);
  }

  /** Without a state, all that there ever were, the newest first. */
  workspaces(state?: WorkspaceState): Promise<WorkspaceView[]> {
    const query: Record<string, string> = state === undefined ? {} : { state };
    return this.#all<WorkspaceView>("/api/workspaces", workspacePage, query);
  }

  workspace(id: WorkspaceId): Promise<WorkspaceView> {
    return this.#call<WorkspaceView>(`/api/workspaces/${id}`, workspaceView);
  }

  readWorkspaceDiff(id: WorkspaceId): Promise<WorkspaceDiff> {
    return this.#call<WorkspaceDiff>(`/api/workspaces/${id}/diff`, workspaceDiff, {}, { takesLong: true });
  }

  extendWorkspace(id: WorkspaceId, keepForMs: number): Promise<WorkspaceView> {
    const body = { keepForMs };
    return this.#call<WorkspaceView>(`/api/workspaces/${id}/extend`, workspaceView, { method: "POST", body });
  }

  destroyWorkspace(id: WorkspaceId): Promise<WorkspaceView> {
    return this.#call<WorkspaceView>(`/api/workspaces/${id}/destroy`, workspaceView, { method: "POST", body: {} });
  }

  projects(): Promise<ProjectView[]> {
    return this.#all<ProjectView>("/api/projects", projectPage);
  }

  createProject(project: CreateProject): Promise<ProjectView> {
    return this.#call<ProjectView>("/api/projects", projectView, { method: "POST", body: project });
  }

  patchProject(projectId: ProjectId, patch: PatchProject): Promise<ProjectView> {
    return this.#call<ProjectView>(`/api/projects/${projectId}`, projectView, { method: "PATCH", body: patch });
  }

  tasks(projectId: ProjectId): Promise<TaskView[]> {
    return this.#all<TaskView>(`/api/projects/${projectId}/tasks`, taskPage);
  }

  task(projectId: ProjectId, taskId: TaskId): Promise<TaskView> {
    return this.#call<TaskView>(`/api/projects/${projectId}/tasks/${taskId}`, taskView);
  }

  createTask(projectId: ProjectId, task: CreateTask): Promise<TaskView> {
    const options: ApiCall = { method: "POST", body: task };
    return this.#call<TaskView>(`/api/projects/${projectId}/tasks`, taskView, options);
  }

  patchTask(projectId: ProjectId, taskId: TaskId, changes: PatchTask): Promise<TaskView> {
    const options: ApiCall = { method: "PATCH", body: changes };
    return this.#call<TaskView>(`/api/projects/${projectId}/tasks/${taskId}`, taskView, options);
  }

  cancelTask(projectId: ProjectId, taskId: TaskId): Promise<TaskView> {
    return this.#change(projectId, taskId, "cancel");
  }

  /** Runs one that is stored and not run yet. */
  runTask(projectId: ProjectId, taskId: TaskId): Promise<TaskView> {
    return this.#change(projectId, taskId, "run");
  }

  /** Marks a failed task as acknowledged, or as needing attention again. */
  acknowledgeTask(projectId: ProjectId, taskId: TaskId, acknowledged: boolean): Promise<TaskView> {
    return this.#change(projectId, taskId, acknowledged ? "acknowledge" : "unacknowledge");
  }

  retryTask(projectId: ProjectId, taskId: TaskId): Promise<TaskView> {
    return this.#change(projectId, taskId, "retry");
  }

  /** The git bundle of what could not be pushed, whole. */
  bundle(projectId: ProjectId, taskId: TaskId): Promise<Uint8Array> {
    const path = `/api/projects/${projectId}/tasks/${taskId}/bundle`;
    return this.#port.download(path, LIMITS.bundleMaxBytes);
  }

  taskEvents(projectId: ProjectId, taskId: TaskId): Promise<TaskEvent[]> {
    return this.#all<TaskEvent>(`/api/projects/${projectId}/tasks/${taskId}/events`, taskEventPage);
  }

  verification(projectId: ProjectId, taskId: TaskId): Promise<TranscriptVerification> {
    const path = `/api/projects/${projectId}/tasks/${taskId}/verification`;
    return this.#call<TranscriptVerification>(path, transcriptVerification);
  }

  sessions(projectId: ProjectId): Promise<SessionView[]> {
    return this.#all<SessionView>(`/api/projects/${projectId}/sessions`, sessionPage);
  }

  session(projectId: ProjectId, sessionId: SessionId): Promise<SessionView> {
    return this.#call<SessionView>(`/api/projects/${projectId}/sessions/${sessionId}`, sessionView);
  }

  /**
   * The whole transcript, in order: pages from the newest back to the first. A page of long messages is a short one.
   * Throws the port's error when a page does not go further back than the one before it.
   */
  async messages(projectId: ProjectId, sessionId: SessionId): Promise<MessageView[]> {
    const pages: MessageView[][] = [];
    let before: number | null = null;
    do {
      const query: string = new URLSearchParams({
        limit: String(LIMITS.pageMax),
        ...(before === null ? {} : { before: String(before) }),
      }).toString();
      const path = `/api/projects/${projectId}/sessions/${sessionId}/messages?${query}`;
      const { messages }: MessagesPage = await this.#call<MessagesPage>(path, messagesPage);
      const first: number | null = messages[0]?.position ?? null;
      if (before !== null && (first === null || first >= before))
        throw this.#port.toError(`The messages before number ${before} of ${sessionId} could not be read.`);
      pages.push(messages);
      before = first;
    } while (before !== null && before > 0);
    return pages.toReversed().flat();
  }

  #change(
    projectId: ProjectId,
    taskId: TaskId,
    verb: "cancel" | "run" | "retry" | "acknowledge" | "unacknowledge",
  ): Promise<TaskView> {
    const options: ApiCall = { method: "POST", body: {} };
    return this.#call<TaskView>(`/api/projects/${projectId}/tasks/${taskId}/${verb}`, taskView, options);
  }

  /** One key for all tries, so that a lost answer makes no second of anything. */
  #call<T>(path: string, schema: Parser<T>, options: ApiCall = {}, extent: Extent = {}): Promise<T> {
    const needsKey = options.method === "POST" || options.method === "PATCH";
    const sent: ApiCall = needsKey ? { ...options, idempotencyKey: uuid(this.#random) } : options;
    return this.#port.call<T>(path, schema, sent, extent);
  }

  /** Every item of a list, page after page. */
  async #all<T>(path: string, schema: Parser<Page<T>>, filter: Record<string, string> = {}): Promise<T[]> {
    const items: T[] = [];
    let cursor: string | null = null;
    do {
      const query: string = new URLSearchParams({
        ...filter,
        limit: String(LIMITS.pageMax),
        ...(cursor === null ? {} : { cursor }),
      }).toString();
      const found: Page<T> = await this.#call<Page<T>>(`${path}?${query}`, schema);
      items.push(...found.items);
      cursor = found.nextCursor;
    } while (cursor !== null);
    return items;
  }
}

const credentialPath = (kind: CredentialKind): string => `/api/credentials/${encodeURIComponent(kind)}`;

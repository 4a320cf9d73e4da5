/** The control plane's client in the CLI: one method a command's call, with an API token, and retries as its transport does. */
import {
  type ApiTokenId,
  type NodeId,
  type ProjectId,
  type Random,
  type SessionId,
  type SignInSessionId,
  type TaskId,
  type WorkspaceId,
  uuid,
} from "@samovar/base";
import { ApiClient, type SendCall, toPath } from "@samovar/client/api-client";
import type { Parser } from "@samovar/client/api-call";
import type {
  AgentDefinition,
  AgentDetail,
  AgentKind,
  AgentView,
  ApiTokenView,
  AuditEntry,
  BudgetLimits,
  BudgetView,
  CreateApiToken,
  CreatedApiToken,
  CreatedDeviceLogin,
  CreateProject,
  CreateTask,
  CredentialCheck,
  CredentialKind,
  CredentialSecret,
  CredentialView,
  DeviceLoginOutcome,
  MessageView,
  MeView,
  NodeView,
  Page,
  PatchProject,
  PatchTask,
  PriceTable,
  ProjectBudgetLimits,
  ProjectBudgetView,
  ProjectView,
  PutPrices,
  SearchPage,
  SearchRequest,
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
  budgetView,
  createdApiToken,
  createdDeviceLogin,
  deviceLoginOutcome,
  credentialCheck,
  credentialView,
  LIMITS,
  messageView,
  meView,
  nodeView,
  page,
  priceTable,
  projectBudgetView,
  projectView,
  searchPage,
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
import { CliError } from "./errors.ts";
import { call, download, type Endpoint, getRules, type Transport } from "./http.ts";

interface CallOptions {
  /** Samovar asks a node or a service before it answers. */
  readonly takesLong?: boolean;
}

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
const foundPage: Parser<SearchPage> = searchPage;
const nothing: Parser<null> = z.null();

export class SamovarClient extends ApiClient<CallOptions> implements Endpoint {
  readonly url: string;
  readonly token: string;
  readonly #transport: Transport;

  /** `transport` finds Samovar's address for each call; `endpoint` is the first one. */
  constructor({ url, token }: Endpoint, random: Random, transport: Transport) {
    super(sendThrough(transport), () => uuid(random));
    this.url = url;
    this.token = token;
    this.#transport = transport;
  }

  /**
   * With the operator's secret as the token: makes the owner at the first time, and each time a new API token, which takes the
   * place of those of earlier set-ups.
   */
  setup(): Promise<SetupReply> {
    return this.call("POST /api/identity/setup", setupReply, { body: { revokeEarlier: true } });
  }

  createLink(): Promise<SignInLink> {
    return this.call("POST /api/identity/links", signInLink);
  }

  createDeviceLogin(name: string): Promise<CreatedDeviceLogin> {
    return this.call("POST /api/identity/device-logins", createdDeviceLogin, { body: { name } });
  }

  redeemDeviceLogin(deviceCode: string): Promise<DeviceLoginOutcome> {
    return this.call("POST /api/identity/device-logins/token", deviceLoginOutcome, { body: { deviceCode } });
  }

  me(): Promise<MeView> {
    return this.call("GET /api/me", meView);
  }

  async apiTokens(): Promise<readonly ApiTokenView[]> {
    return (await this.call("GET /api/tokens", apiTokenPage)).items;
  }

  createApiToken(wanted: CreateApiToken): Promise<CreatedApiToken> {
    return this.call("POST /api/tokens", createdApiToken, { body: wanted });
  }

  async revokeApiToken(tokenId: ApiTokenId): Promise<void> {
    await this.call("DELETE /api/tokens/{tokenId}", nothing, { tokenId });
  }

  async signInSessions(): Promise<readonly SignInSessionView[]> {
    return (await this.call("GET /api/sign-in-sessions", signInSessionPage)).items;
  }

  async endSignInSession(signInSessionId: SignInSessionId): Promise<void> {
    await this.call("DELETE /api/sign-in-sessions/{signInSessionId}", nothing, { signInSessionId });
  }

  /** With an API token, all browsers. */
  signOutOthers(): Promise<SignedOutOthers> {
    return this.call("POST /api/identity/sign-out-others", signedOutOthers);
  }

  /** The newest entries, newest first; at most {@link LIMITS.pageMax}. */
  async auditLog(limit: number): Promise<readonly AuditEntry[]> {
    return (await this.call("GET /api/audit-log", auditPage, { query: { limit } })).items;
  }

  async credentials(): Promise<readonly CredentialView[]> {
    return (await this.call("GET /api/credentials", credentialPage)).items;
  }

  putCredential(secret: CredentialSecret): Promise<CredentialView> {
    const kind: CredentialKind = secret.kind === "agent" ? `agent:${secret.agent}` : secret.kind;
    return this.call("PUT /api/credentials/{kind}", credentialView, { kind, body: secret });
  }

  async removeCredential(kind: CredentialKind): Promise<void> {
    await this.call("DELETE /api/credentials/{kind}", nothing, { kind });
  }

  checkCredential(kind: CredentialKind): Promise<CredentialCheck> {
    return this.call("POST /api/credentials/{kind}/validate", credentialCheck, { kind }, { takesLong: true });
  }

  async agents(): Promise<readonly AgentView[]> {
    return (await this.call("GET /api/agents", agentPage)).items;
  }

  putAgent(definition: AgentDefinition): Promise<AgentDetail> {
    return this.call("PUT /api/agents/{kind}", agentDetail, { kind: definition.kind, body: definition });
  }

  async removeAgent(kind: AgentKind): Promise<void> {
    await this.call("DELETE /api/agents/{kind}", nothing, { kind });
  }

  nodes(): Promise<NodeView[]> {
    return this.listAll("GET /api/nodes", nodePage);
  }

  node(nodeId: NodeId): Promise<NodeView> {
    return this.call("GET /api/nodes/{nodeId}", nodeView, { nodeId });
  }

  /** Its running tasks fail. */
  destroyNode(nodeId: NodeId): Promise<NodeView> {
    return this.call("POST /api/nodes/{nodeId}/destroy", nodeView, { nodeId });
  }

  /** Without a state, all that there ever were, the newest first. */
  workspaces(state?: WorkspaceState): Promise<WorkspaceView[]> {
    return this.listAll("GET /api/workspaces", workspacePage, { query: { state } });
  }

  workspace(workspaceId: WorkspaceId): Promise<WorkspaceView> {
    return this.call("GET /api/workspaces/{workspaceId}", workspaceView, { workspaceId });
  }

  readWorkspaceDiff(workspaceId: WorkspaceId): Promise<WorkspaceDiff> {
    return this.call("GET /api/workspaces/{workspaceId}/diff", workspaceDiff, { workspaceId }, { takesLong: true });
  }

  extendWorkspace(workspaceId: WorkspaceId, keepForMs: number): Promise<WorkspaceView> {
    return this.call("POST /api/workspaces/{workspaceId}/extend", workspaceView, { workspaceId, body: { keepForMs } });
  }

  destroyWorkspace(workspaceId: WorkspaceId): Promise<WorkspaceView> {
    return this.call("POST /api/workspaces/{workspaceId}/destroy", workspaceView, { workspaceId });
  }

  projects(): Promise<ProjectView[]> {
    return this.listAll("GET /api/projects", projectPage);
  }

  budget(): Promise<BudgetView> {
    return this.call("GET /api/budget", budgetView);
  }

  putBudget(limits: BudgetLimits): Promise<BudgetView> {
    return this.call("PUT /api/budget", budgetView, { body: limits });
  }

  projectBudget(projectId: ProjectId): Promise<ProjectBudgetView> {
    return this.call("GET /api/projects/{projectId}/budget", projectBudgetView, { projectId });
  }

  putProjectBudget(projectId: ProjectId, limits: ProjectBudgetLimits): Promise<ProjectBudgetView> {
    return this.call("PUT /api/projects/{projectId}/budget", projectBudgetView, { projectId, body: limits });
  }

  prices(): Promise<PriceTable> {
    return this.call("GET /api/budget/prices", priceTable);
  }

  putPrices(prices: PutPrices): Promise<PriceTable> {
    return this.call("PUT /api/budget/prices", priceTable, { body: prices });
  }

  resetPrices(): Promise<PriceTable> {
    return this.call("DELETE /api/budget/prices", priceTable);
  }

  patchProject(projectId: ProjectId, changes: PatchProject): Promise<ProjectView> {
    return this.call("PATCH /api/projects/{projectId}", projectView, { projectId, body: changes });
  }

  /** Repeatable: a host is listed once. */
  allowEgressHost(projectId: ProjectId, host: string): Promise<ProjectView> {
    return this.call("POST /api/projects/{projectId}/egress/hosts", projectView, { projectId, body: { host } });
  }

  createProject(project: CreateProject): Promise<ProjectView> {
    return this.call("POST /api/projects", projectView, { body: project });
  }

  tasks(projectId: ProjectId): Promise<TaskView[]> {
    return this.listAll("GET /api/projects/{projectId}/tasks", taskPage, { projectId });
  }

  task(projectId: ProjectId, taskId: TaskId): Promise<TaskView> {
    return this.call("GET /api/projects/{projectId}/tasks/{taskId}", taskView, { projectId, taskId });
  }

  createTask(projectId: ProjectId, task: CreateTask): Promise<TaskView> {
    return this.call("POST /api/projects/{projectId}/tasks", taskView, { projectId, body: task });
  }

  patchTask(projectId: ProjectId, taskId: TaskId, changes: PatchTask): Promise<TaskView> {
    return this.call("PATCH /api/projects/{projectId}/tasks/{taskId}", taskView, { projectId, taskId, body: changes });
  }

  cancelTask(projectId: ProjectId, taskId: TaskId): Promise<TaskView> {
    return this.call("POST /api/projects/{projectId}/tasks/{taskId}/cancel", taskView, { projectId, taskId });
  }

  /** Runs one that is stored and not run yet. */
  runTask(projectId: ProjectId, taskId: TaskId): Promise<TaskView> {
    return this.call("POST /api/projects/{projectId}/tasks/{taskId}/run", taskView, { projectId, taskId });
  }

  /** Marks a failed task as acknowledged, or as needing attention again. */
  acknowledgeTask(projectId: ProjectId, taskId: TaskId, acknowledged: boolean): Promise<TaskView> {
    const action = acknowledged ? "acknowledge" : "unacknowledge";
    return this.call(`POST /api/projects/{projectId}/tasks/{taskId}/${action}`, taskView, { projectId, taskId });
  }

  retryTask(projectId: ProjectId, taskId: TaskId): Promise<TaskView> {
    return this.call("POST /api/projects/{projectId}/tasks/{taskId}/retry", taskView, { projectId, taskId });
  }

  /** The git bundle of what could not be pushed, whole. */
  bundle(projectId: ProjectId, taskId: TaskId): Promise<Uint8Array> {
    const path = toPath("GET /api/projects/{projectId}/tasks/{taskId}/bundle", { projectId, taskId });
    return this.#transport((attempt) => download(attempt, path, LIMITS.bundleMaxBytes), getRules({}, true));
  }

  taskEvents(projectId: ProjectId, taskId: TaskId): Promise<TaskEvent[]> {
    return this.listAll("GET /api/projects/{projectId}/tasks/{taskId}/events", taskEventPage, { projectId, taskId });
  }

  verification(projectId: ProjectId, taskId: TaskId): Promise<TranscriptVerification> {
    return this.call("GET /api/projects/{projectId}/tasks/{taskId}/verification", transcriptVerification, {
      projectId,
      taskId,
    });
  }

  search(projectId: ProjectId, query: Omit<SearchRequest, "cursor">): Promise<SearchPage> {
    return this.call("GET /api/projects/{projectId}/search", foundPage, { projectId, query });
  }

  sessions(projectId: ProjectId): Promise<SessionView[]> {
    return this.listAll("GET /api/projects/{projectId}/sessions", sessionPage, { projectId });
  }

  session(projectId: ProjectId, sessionId: SessionId): Promise<SessionView> {
    return this.call("GET /api/projects/{projectId}/sessions/{sessionId}", sessionView, { projectId, sessionId });
  }

  /**
   * The whole transcript, in order: pages from the newest back to the first. A page of long messages is a short one.
   * Throws {@link CliError} when a page does not go further back than the one before it.
   */
  async messages(projectId: ProjectId, sessionId: SessionId): Promise<MessageView[]> {
    const pages: MessageView[][] = [];
    let before: number | undefined;
    do {
      const query = { limit: LIMITS.pageMax, before };
      const { messages }: MessagesPage = await this.call(
        "GET /api/projects/{projectId}/sessions/{sessionId}/messages",
        messagesPage,
        { projectId, sessionId, query },
      );
      const first = messages[0]?.position;
      if (before !== undefined && (first === undefined || first >= before))
        throw new CliError(`The messages before number ${before} of ${sessionId} could not be read.`, "Try again.");
      pages.push(messages);
      before = first;
    } while (before !== undefined && before > 0);
    return pages.toReversed().flat();
  }

  /** The transcript in order, page by page, up to its end at the last page. */
  async *messagePages(projectId: ProjectId, sessionId: SessionId): AsyncIterable<readonly MessageView[]> {
    let after = -1;
    for (;;) {
      const { messages, session }: MessagesPage = await this.call(
        "GET /api/projects/{projectId}/sessions/{sessionId}/messages",
        messagesPage,
        { projectId, sessionId, query: { limit: LIMITS.pageMax, after } },
      );
      const last = messages.at(-1)?.position;
      if (last === undefined) {
        if (after + 1 >= session.messageCount) return;
        throw new CliError(`The messages after number ${after} of ${sessionId} could not be read.`, "Try again.");
      }
      yield messages;
      after = last;
      if (after + 1 >= session.messageCount) return;
    }
  }
}

const sendThrough =
  (transport: Transport): SendCall<CallOptions> =>
  (path, schema, sent, { takesLong = false } = {}) =>
    transport((attempt) => call(attempt, path, schema, sent), getRules(sent, takesLong));

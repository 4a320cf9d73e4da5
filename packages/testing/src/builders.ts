/** Valid objects of the contracts: a test names only what matters to it. */
import { idSource } from "@samovar/base";
import type {
  AgentView,
  ApiTokenView,
  AuditEntry,
  DeliveredMessage,
  MessageView,
  NodeView,
  ProjectView,
  SessionView,
  SignInSessionView,
  TaskEvent,
  TaskView,
  ToolMetadata,
  WorkspaceView,
} from "@samovar/contracts";
import { OPEN_EGRESS, PLAIN_CHECKOUT } from "@samovar/contracts";
import { seededRandom } from "./test-time.ts";

/** When everything that is built here happened. */
export const BUILT_AT = Date.UTC(2026, 10, 22, 12);

/** Ids that no two builders share. */
const ids = idSource({ now: () => BUILT_AT }, seededRandom(7));

export function aProjectView(fields: Partial<ProjectView> = {}): ProjectView {
  return {
    id: ids.make("prj"),
    name: "tea-house",
    repoUrl: "https://example.org/tea/house.git",
    baseBranch: null,
    defaultVmSize: null,
    defaultAgent: null,
    checkout: PLAIN_CHECKOUT,
    commitIdentity: null,
    egress: OPEN_EGRESS,
    repositorySettings: "ignored",
    runtime: null,
    counts: { running: 0, attention: 0 },
    lastActivityAt: null,
    createdAt: BUILT_AT,
    updatedAt: BUILT_AT,
    archivedAt: null,
    ...fields,
  };
}

export function aTaskView(fields: Partial<TaskView> = {}): TaskView {
  return {
    id: ids.make("tsk"),
    projectId: ids.make("prj"),
    sessionId: ids.make("ses"),
    title: "Fix the test",
    description: "Fix the test",
    status: "queued",
    priority: 0,
    vmSize: null,
    agent: "script",
    model: null,
    permissionMode: null,
    dependsOn: [],
    waiting: null,
    baseBranch: null,
    budget: null,
    spending: null,
    runId: ids.make("run"),
    nodeId: null,
    workspaceId: null,
    branch: null,
    output: null,
    failure: null,
    cancelRequested: false,
    acknowledged: false,
    attempt: 1,
    version: 1,
    createdAt: BUILT_AT,
    updatedAt: BUILT_AT,
    startedAt: null,
    endedAt: null,
    ...fields,
  };
}

export function aTaskEvent(fields: Partial<TaskEvent> = {}): TaskEvent {
  return { seq: 1, at: BUILT_AT, actor: "sweep", kind: "task.created", data: {}, ...fields };
}

export function aSessionView(fields: Partial<SessionView> = {}): SessionView {
  return {
    id: ids.make("ses"),
    projectId: ids.make("prj"),
    taskId: null,
    workspaceId: null,
    topic: "Fix the test",
    status: "active",
    version: 0,
    messageCount: 0,
    lastMessageAt: null,
    activity: null,
    startedAt: BUILT_AT,
    endedAt: null,
    ...fields,
  };
}

export function aMessageView(fields: Partial<MessageView> = {}): MessageView {
  return {
    messageId: ids.messageId(),
    sessionId: ids.make("ses"),
    position: 0,
    role: "assistant",
    kind: "text",
    content: "The kettle is on.",
    toolMetadata: null,
    revision: 1,
    final: true,
    interrupted: false,
    truncated: null,
    createdAt: BUILT_AT,
    ...fields,
  };
}

/** A whole, final message unless the fields say otherwise. */
export function aDeliveredMessage(fields: Partial<DeliveredMessage> = {}): DeliveredMessage {
  return {
    messageId: ids.messageId(),
    sessionId: ids.make("ses"),
    seq: 1,
    role: "assistant",
    kind: "text",
    revision: 1,
    body: { mode: "replace", content: "The kettle is on." },
    toolMetadata: null,
    final: true,
    interrupted: false,
    truncated: null,
    timestamp: new Date(BUILT_AT).toISOString(),
    ...fields,
  };
}

export function aToolMetadata(fields: Partial<ToolMetadata> = {}): ToolMetadata {
  return {
    toolCallId: "call-1",
    tool: "execute",
    title: "npm test",
    target: null,
    status: "success",
    input: '{"command":"npm test"}',
    output: "ok\n",
    exitCode: 0,
    ...fields,
  };
}

export function aNodeView(fields: Partial<NodeView> = {}): NodeView {
  const id = fields.id ?? ids.make("nod");
  return {
    id,
    name: `samovar-${id.replace("_", "-")}`,
    provider: "hetzner",
    serverId: "42",
    size: "medium",
    location: "fsn1",
    state: "active",
    version: 1,
    epoch: 1,
    warmUntil: null,
    unreachableSince: null,
    runtime: { kind: "sandbox", reason: null },
    taskIds: [],
    retainedTaskIds: [],
    taken: fields.taskIds?.length ?? 0,
    slots: 3,
    outbox: { pending: 0, deadLetters: 0, lastDeadLetterReason: null },
    pricePerHour: null,
    maxLifetimeAt: BUILT_AT + 14_400_000,
    createdAt: BUILT_AT,
    destroyedAt: null,
    failure: null,
    ...fields,
  };
}

export function anApiTokenView(fields: Partial<ApiTokenView> = {}): ApiTokenView {
  return {
    id: ids.make("tok"),
    name: "script",
    kind: "personal",
    createdAt: BUILT_AT,
    expiresAt: BUILT_AT + 90 * 86_400_000,
    lastUsedAt: null,
    current: false,
    ...fields,
  };
}

export function aSignInSessionView(fields: Partial<SignInSessionView> = {}): SignInSessionView {
  return {
    id: ids.make("sgn"),
    userAgent: "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0",
    createdAt: BUILT_AT,
    lastUsedAt: BUILT_AT,
    expiresAt: BUILT_AT + 7 * 86_400_000,
    current: false,
    ...fields,
  };
}

export function anAuditEntry(fields: Partial<AuditEntry> = {}): AuditEntry {
  return {
    id: ids.make("aud"),
    at: BUILT_AT,
    actor: { kind: "api_token", id: ids.make("tok") },
    action: "credential.stored",
    objectId: "github",
    detail: {},
    ...fields,
  };
}

export function anAgentView(fields: Partial<AgentView> = {}): AgentView {
  return {
    kind: "script",
    name: "Script",
    description: "Runs the steps written in the task's text.",
    builtIn: true,
    usable: true,
    hint: null,
    credential: null,
    program: { from: "vm_agent" },
    secretEnv: [],
    capabilities: null,
    ...fields,
  };
}

export function aWorkspaceView(fields: Partial<WorkspaceView> = {}): WorkspaceView {
  return {
    id: ids.make("wsp"),
    projectId: ids.make("prj"),
    sessionId: ids.make("ses"),
    taskId: ids.make("tsk"),
    nodeId: ids.make("nod"),
    branch: "task/x",
    agent: "script",
    state: "retained",
    failure: null,
    retainedUntil: BUILT_AT + 3_600_000,
    createdAt: BUILT_AT,
    updatedAt: BUILT_AT,
    ...fields,
  };
}

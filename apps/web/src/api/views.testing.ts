/** Valid things for tests; a test says only what matters to it. */
import { idSource } from "@samovar/base";
import type {
  ApiTokenView,
  AuditEntry,
  MessageView,
  SessionView,
  SignInSessionView,
  TaskEvent,
  TaskView,
} from "@samovar/contracts";

let time = Date.UTC(2026, 10, 22);
let seed = 1;
const ids = idSource(
  { now: () => (time += 1) },
  {
    next: () => 0.5,
    bytes: (length) => Uint8Array.from({ length }, () => (seed = (seed * 48_271) % 2_147_483_647) & 255),
  },
);

/** Each call makes a newer one. */
export const make = ids.make;
export const aProject = make("prj");
const someTask = make("tsk");
const someSession = make("ses");

export function aSession(fields: Partial<SessionView> = {}): SessionView {
  return {
    id: fields.id ?? make("ses"),
    projectId: aProject,
    taskId: someTask,
    workspaceId: null,
    topic: "Fix the kettle",
    status: "active",
    version: 1,
    messageCount: 1,
    lastMessageAt: null,
    activity: null,
    startedAt: 1_000,
    endedAt: null,
    ...fields,
  };
}

export function aTask(fields: Partial<TaskView> = {}): TaskView {
  return {
    id: fields.id ?? make("tsk"),
    projectId: aProject,
    sessionId: someSession,
    title: "Fix the kettle",
    description: "Fix the kettle",
    status: "queued",
    priority: 0,
    vmSize: null,
    agent: null,
    model: null,
    permissionMode: null,
    dependsOn: [],
    waiting: null,
    budget: null,
    spending: null,
    baseBranch: null,
    runId: null,
    nodeId: null,
    workspaceId: null,
    branch: null,
    output: null,
    failure: null,
    cancelRequested: false,
    acknowledged: false,
    attempt: 1,
    version: 1,
    createdAt: 1_000,
    updatedAt: 1_000,
    startedAt: null,
    endedAt: null,
    ...fields,
  };
}

export function aMessage(fields: Partial<MessageView> = {}): MessageView {
  return {
    messageId: ids.messageId(),
    sessionId: someSession,
    position: 0,
    role: "assistant",
    kind: "text",
    content: "",
    toolMetadata: null,
    revision: 1,
    final: false,
    interrupted: false,
    truncated: null,
    createdAt: 1_000,
    ...fields,
  };
}

export function anEvent(seq: number, kind: TaskEvent["kind"], at: number, data: TaskEvent["data"] = {}): TaskEvent {
  return { seq, at, actor: "sweep", kind, data };
}

export const anApiToken = (fields: Partial<ApiTokenView> = {}): ApiTokenView => ({
  id: make("tok"),
  name: "script",
  kind: "personal",
  createdAt: time,
  expiresAt: Date.UTC(2027, 1, 20, 12),
  lastUsedAt: null,
  current: false,
  ...fields,
});

export const aSignInSession = (fields: Partial<SignInSessionView> = {}): SignInSessionView => ({
  id: make("sgn"),
  userAgent: "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0",
  createdAt: time,
  lastUsedAt: time,
  expiresAt: time + 604_800_000,
  current: false,
  ...fields,
});

export const anAuditEntry = (fields: Partial<AuditEntry> = {}): AuditEntry => ({
  id: make("aud"),
  at: time,
  actor: { kind: "api_token", id: make("tok") },
  action: "credential.stored",
  objectId: "github",
  detail: {},
  ...fields,
});

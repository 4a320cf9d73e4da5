/** The schema of D1 in Drizzle. Times are Unix milliseconds. The migrations in ../../migrations create exactly this. */
import type {
  AccessId,
  AgentDefinition,
  AgentKind,
  AgentCapabilities,
  ApiTokenKind,
  AuditAction,
  AuditActorKind,
  AuditDetail,
  BudgetLimits,
  CheckoutOptions,
  CommitIdentity,
  DemandedRuntime,
  ProviderName,
  CredentialKind,
  DeviceLoginView,
  EgressPolicy,
  Failure,
  MeteredUsage,
  ModelPrice,
  NodeStateName,
  RuntimeReport,
  OutboxStats,
  RepositorySettings,
  ProjectBudgetLimits,
  SpendingLimit,
  TaskOutput,
  TaskStatus,
  TaskWaiting,
  VmSize,
  WorkspaceState,
} from "@samovar/contracts";
import type {
  CredentialId,
  NodeId,
  ProjectId,
  RunId,
  SessionId,
  TaskId,
  UserId,
  WorkspaceId,
  ApiTokenId,
  AuditEntryId,
  SignInSessionId,
} from "@samovar/base";
import { index, integer, primaryKey, sqliteTable, text, uniqueIndex } from "drizzle-orm/sqlite-core";
import { time } from "./columns.ts";

export { finishedRuns, idempotencyKeys, sweepRuns } from "./schema-upkeep.ts";

/** The person that a row belongs to. */
const ownerId = () =>
  text("owner_id")
    .$type<UserId>()
    .notNull()
    .references(() => users.id);

export const users = sqliteTable("users", {
  id: text("id").$type<UserId>().primaryKey(),
  name: text("name").notNull(),
  createdAt: time("created_at").notNull(),
});

/** Browsers that are signed in. */
export const signInSessions = sqliteTable(
  "sign_in_sessions",
  {
    id: text("id").$type<SignInSessionId>().primaryKey(),
    userId: text("user_id")
      .$type<UserId>()
      .notNull()
      .references(() => users.id),
    /** SHA-256 (hex) of the cookie's value. */
    hash: text("hash").notNull(),
    /** The beginning of the browser's user agent string. */
    userAgent: text("user_agent").notNull(),
    createdAt: time("created_at").notNull(),
    lastUsedAt: time("last_used_at"),
    expiresAt: time("expires_at").notNull(),
  },
  (t) => [
    uniqueIndex("sign_in_sessions_hash").on(t.hash),
    index("sign_in_sessions_user").on(t.userId, t.id),
    index("sign_in_sessions_expiry").on(t.expiresAt),
  ],
);

/** The projects to which a sign-in session or API token has opened sockets. A row outlives its sockets, never its access. */
export const viewerAccess = sqliteTable(
  "viewer_access",
  {
    accessId: text("access_id").$type<AccessId>().notNull(),
    projectId: text("project_id")
      .$type<ProjectId>()
      .notNull()
      .references(() => projects.id),
  },
  (t) => [primaryKey({ columns: [t.accessId, t.projectId] })],
);

export const signInLinks = sqliteTable("sign_in_links", {
  hash: text("hash").primaryKey(),
  userId: text("user_id")
    .$type<UserId>()
    .notNull()
    .references(() => users.id),
  expiresAt: time("expires_at").notNull(),
  redeemedAt: time("redeemed_at"),
});

/** Command lines that ask to sign in. `owner_id`: who answered. */
export const deviceLogins = sqliteTable(
  "device_logins",
  {
    userCode: text("user_code").primaryKey(),
    deviceHash: text("device_hash").notNull(),
    name: text("name").notNull(),
    address: text("address").notNull(),
    ownerId: text("owner_id")
      .$type<UserId>()
      .references(() => users.id),
    status: text("status").$type<DeviceLoginView["status"]>().notNull(),
    /** The token that it got. Once that is revoked, it gets no other. */
    tokenId: text("token_id").$type<ApiTokenId>(),
    createdAt: time("created_at").notNull(),
    expiresAt: time("expires_at").notNull(),
  },
  (table) => [
    uniqueIndex("device_logins_hash").on(table.deviceHash),
    index("device_logins_expiry").on(table.expiresAt),
  ],
);

export const apiTokens = sqliteTable(
  "api_tokens",
  {
    id: text("id").$type<ApiTokenId>().primaryKey(),
    ownerId: ownerId(),
    name: text("name").notNull(),
    hash: text("hash").notNull(),
    kind: text("kind").$type<ApiTokenKind>().notNull().default("personal"),
    createdAt: time("created_at").notNull(),
    /** Null: valid until it is revoked. */
    expiresAt: time("expires_at"),
    lastUsedAt: time("last_used_at"),
  },
  (t) => [uniqueIndex("api_tokens_hash").on(t.hash), index("api_tokens_owner").on(t.ownerId, t.id)],
);

export const credentials = sqliteTable(
  "credentials",
  {
    id: text("id").$type<CredentialId>().primaryKey(),
    ownerId: ownerId(),
    kind: text("kind").$type<CredentialKind>().notNull(),
    ciphertext: text("ciphertext").notNull(),
    iv: text("iv").notNull(),
    keyId: text("key_id").notNull(),
    hint: text("hint").notNull(),
    createdAt: time("created_at").notNull(),
    lastUsedAt: time("last_used_at"),
  },
  (t) => [uniqueIndex("credentials_owner_kind").on(t.ownerId, t.kind)],
);

export const projects = sqliteTable(
  "projects",
  {
    id: text("id").$type<ProjectId>().primaryKey(),
    ownerId: ownerId(),
    name: text("name").notNull(),
    repoUrl: text("repo_url").notNull(),
    baseBranch: text("base_branch"),
    defaultVmSize: text("default_vm_size").$type<VmSize>(),
    defaultAgent: text("default_agent").$type<AgentKind>(),
    checkout: text("checkout", { mode: "json" }).$type<CheckoutOptions>(),
    commitIdentity: text("commit_identity", { mode: "json" }).$type<CommitIdentity>(),
    egress: text("egress", { mode: "json" }).$type<EgressPolicy>(),
    repositorySettings: text("repository_settings").$type<RepositorySettings>(),
    runtime: text("runtime").$type<DemandedRuntime>(),
    createdAt: time("created_at").notNull(),
    updatedAt: time("updated_at").notNull(),
    archivedAt: time("archived_at"),
  },
  (t) => [index("projects_owner").on(t.ownerId, t.id)],
);

export const tasks = sqliteTable(
  "tasks",
  {
    id: text("id").$type<TaskId>().primaryKey(),
    projectId: text("project_id")
      .$type<ProjectId>()
      .notNull()
      .references(() => projects.id),
    sessionId: text("session_id").$type<SessionId>().notNull(),
    title: text("title").notNull(),
    description: text("description").notNull(),
    /** The UUID of the description's message in the session. */
    promptMessageId: text("prompt_message_id").notNull(),
    status: text("status").$type<TaskStatus>().notNull(),
    priority: integer("priority").notNull().default(0),
    vmSize: text("vm_size").$type<VmSize>(),
    agent: text("agent").$type<AgentKind>(),
    model: text("model"),
    permissionMode: text("permission_mode"),
    baseBranch: text("base_branch"),
    dependsOn: text("depends_on", { mode: "json" }).$type<TaskId[]>(),
    runId: text("run_id").$type<RunId>(),
    nodeId: text("node_id").$type<NodeId>(),
    workspaceId: text("workspace_id").$type<WorkspaceId>(),
    branch: text("branch"),
    output: text("output", { mode: "json" }).$type<TaskOutput>(),
    failure: text("failure", { mode: "json" }).$type<Failure>(),
    budget: text("budget", { mode: "json" }).$type<SpendingLimit>(),
    cancelRequested: integer("cancel_requested", { mode: "boolean" }).notNull().default(false),
    acknowledged: integer("acknowledged", { mode: "boolean" }).notNull().default(false),
    attempt: integer("attempt").notNull().default(0),
    version: integer("version").notNull(),
    createdAt: time("created_at").notNull(),
    updatedAt: time("updated_at").notNull(),
    startedAt: time("started_at"),
    endedAt: time("ended_at"),
  },
  (t) => [
    index("tasks_board").on(t.projectId, t.status, t.priority, t.id),
    index("tasks_newest").on(t.projectId, t.id),
    index("tasks_activity").on(t.projectId, t.updatedAt),
    index("tasks_status").on(t.status, t.id),
  ],
);

export const taskEvents = sqliteTable(
  "task_events",
  {
    taskId: text("task_id")
      .$type<TaskId>()
      .notNull()
      .references(() => tasks.id),
    seq: integer("seq").notNull(),
    at: time("at").notNull(),
    actor: text("actor").notNull(),
    kind: text("kind").notNull(),
    data: text("data", { mode: "json" }).$type<Record<string, unknown>>().notNull(),
    /** Makes a step's event idempotent: unique per task if set. */
    dedupeKey: text("dedupe_key"),
  },
  (t) => [primaryKey({ columns: [t.taskId, t.seq] }), uniqueIndex("task_events_dedupe").on(t.taskId, t.dedupeKey)],
);

/** Limits on spending. `scopeId`: a user's id for their installation, or a project's. */
export const budgets = sqliteTable("budgets", {
  scopeId: text("scope_id").$type<UserId | ProjectId>().primaryKey(),
  ownerId: text("owner_id")
    .$type<UserId>()
    .notNull()
    .references(() => users.id),
  limits: text("limits", { mode: "json" }).$type<BudgetLimits | ProjectBudgetLimits>().notNull(),
  updatedAt: time("updated_at").notNull(),
});

/** Without a row, Samovar's own table counts. */
export const modelPrices = sqliteTable("model_prices", {
  ownerId: text("owner_id")
    .$type<UserId>()
    .primaryKey()
    .references(() => users.id),
  prices: text("prices", { mode: "json" }).$type<ModelPrice[]>().notNull(),
  asOf: text("as_of").notNull(),
  changedAt: time("changed_at").notNull(),
});

/** What each run of a task has metered so far, and its cost at the prices of the time. Its workspace is its own, while runs may share a session. */
export const runSpending = sqliteTable(
  "run_spending",
  {
    workspaceId: text("workspace_id").$type<WorkspaceId>().primaryKey(),
    taskId: text("task_id").$type<TaskId>().notNull(),
    metered: text("metered", { mode: "json" }).$type<MeteredUsage>().notNull(),
    costMicros: integer("cost_micros").notNull().default(0),
    /** Millionths of a micro-dollar that are left over. */
    costMillionths: integer("cost_millionths").notNull().default(0),
    tokens: integer("tokens").notNull().default(0),
    unpricedTokens: integer("unpriced_tokens").notNull().default(0),
    unmeteredCalls: integer("unmetered_calls").notNull().default(0),
    version: integer("version").notNull().default(0),
    updatedAt: time("updated_at").notNull(),
  },
  (t) => [index("run_spending_task").on(t.taskId)],
);

/** Sums of each UTC day, such as `2026-11-30`: the day on which a report came. */
export const dailySpending = sqliteTable(
  "daily_spending",
  {
    ownerId: ownerId(),
    day: text("day").notNull(),
    projectId: text("project_id")
      .$type<ProjectId>()
      .notNull()
      .references(() => projects.id),
    costMicros: integer("cost_micros").notNull(),
    tokens: integer("tokens").notNull(),
    unpricedTokens: integer("unpriced_tokens").notNull(),
    unmeteredCalls: integer("unmetered_calls").notNull(),
  },
  (t) => [primaryKey({ columns: [t.ownerId, t.day, t.projectId] })],
);

/** A projection: the NodeLifecycle object owns a node's state and writes every version but the first. */
export const nodes = sqliteTable(
  "nodes",
  {
    id: text("id").$type<NodeId>().primaryKey(),
    ownerId: ownerId(),
    name: text("name").notNull(),
    provider: text("provider").$type<ProviderName>().notNull(),
    serverId: text("server_id"),
    size: text("size").$type<VmSize>().notNull(),
    location: text("location"),
    state: text("state").$type<NodeStateName>().notNull(),
    version: integer("version").notNull(),
    epoch: integer("epoch").notNull(),
    slots: integer("slots").notNull(),
    taskIds: text("task_ids", { mode: "json" }).$type<TaskId[]>().notNull(),
    retainedTaskIds: text("retained_task_ids", { mode: "json" }).$type<TaskId[]>().notNull().default([]),
    taken: integer("taken").notNull().default(0),
    warmUntil: time("warm_until"),
    unreachableSince: time("unreachable_since"),
    runtime: text("runtime", { mode: "json" }).$type<RuntimeReport>(),
    outbox: text("outbox", { mode: "json" }).$type<OutboxStats>().notNull(),
    priceAmount: text("price_amount"),
    priceCurrency: text("price_currency"),
    maxLifetimeAt: time("max_lifetime_at").notNull(),
    createdAt: time("created_at").notNull(),
    destroyedAt: time("destroyed_at"),
    failure: text("failure", { mode: "json" }).$type<Failure>(),
    /** When the destroyed node's object was emptied. */
    objectDeletedAt: time("object_deleted_at"),
  },
  (t) => [index("nodes_owner_state").on(t.ownerId, t.state, t.id), uniqueIndex("nodes_name").on(t.name)],
);

/** Append-only: a row for each change of a node's state or number of tasks. */
export const nodeHistory = sqliteTable(
  "node_history",
  {
    nodeId: text("node_id").$type<NodeId>().notNull(),
    /** The node's version at the change. */
    version: integer("version").notNull(),
    ownerId: ownerId(),
    at: time("at").notNull(),
    state: text("state").$type<NodeStateName>().notNull(),
    tasks: integer("tasks").notNull(),
  },
  (t) => [primaryKey({ columns: [t.nodeId, t.version] }), index("node_history_owner").on(t.ownerId, t.at)],
);

export const workspaces = sqliteTable(
  "workspaces",
  {
    id: text("id").$type<WorkspaceId>().primaryKey(),
    ownerId: ownerId(),
    projectId: text("project_id").$type<ProjectId>(),
    sessionId: text("session_id").$type<SessionId>(),
    taskId: text("task_id").$type<TaskId>(),
    nodeId: text("node_id").$type<NodeId>().notNull(),
    branch: text("branch"),
    /** The agent whose credential its node may request. */
    agent: text("agent").$type<AgentKind>(),
    state: text("state").$type<WorkspaceState>().notNull(),
    failure: text("failure", { mode: "json" }).$type<Failure>(),
    retainedUntil: time("retained_until"),
    createdAt: time("created_at").notNull(),
    updatedAt: time("updated_at").notNull(),
  },
  (t) => [index("workspaces_owner").on(t.ownerId, t.id), index("workspaces_node").on(t.nodeId, t.state)],
);

/** The waiting tasks, as their runs last observed them. A row exists exactly while its task waits. */
export const taskQueue = sqliteTable(
  "task_queue",
  {
    taskId: text("task_id")
      .$type<TaskId>()
      .primaryKey()
      .references(() => tasks.id),
    ownerId: ownerId(),
    runId: text("run_id").$type<RunId>().notNull(),
    size: text("size").$type<VmSize>().notNull(),
    code: text("code").$type<TaskWaiting["code"]>().notNull(),
    /** Unfinished dependencies. */
    blockedBy: text("blocked_by", { mode: "json" }).$type<TaskId[]>().notNull(),
    /** Lower goes first. */
    rank: integer("rank").notNull(),
    queuedAt: time("queued_at").notNull(),
    polledAt: time("polled_at").notNull(),
  },
  (t) => [index("task_queue_order").on(t.ownerId, t.code, t.size, t.rank, t.queuedAt, t.taskId)],
);

/** Agents that people have added. */
export const agentDefinitions = sqliteTable(
  "agent_definitions",
  {
    ownerId: ownerId(),
    kind: text("kind").$type<AgentKind>().notNull(),
    definition: text("definition", { mode: "json" }).$type<AgentDefinition>().notNull(),
    createdAt: time("created_at").notNull(),
    updatedAt: time("updated_at").notNull(),
  },
  (t) => [primaryKey({ columns: [t.ownerId, t.kind] })],
);

/** The capabilities that each agent last reported. */
export const agentCapabilities = sqliteTable(
  "agent_capabilities",
  {
    ownerId: ownerId(),
    kind: text("kind").$type<AgentKind>().notNull(),
    capabilities: text("capabilities", { mode: "json" }).$type<AgentCapabilities>().notNull(),
    reportedAt: time("reported_at").notNull(),
  },
  (t) => [primaryKey({ columns: [t.ownerId, t.kind] })],
);

/** Append-only: a trigger refuses changes, and only the sweep deletes entries, when they are old. */
export const auditLog = sqliteTable(
  "audit_log",
  {
    /** The order of insertion, whatever the clock says. */
    seq: integer("seq").primaryKey({ autoIncrement: true }),
    id: text("id").$type<AuditEntryId>().notNull(),
    ownerId: ownerId(),
    at: time("at").notNull(),
    actorKind: text("actor_kind").$type<AuditActorKind>().notNull(),
    /** The sign-in session or API token; null for the operator. */
    actorId: text("actor_id"),
    action: text("action").$type<AuditAction>().notNull(),
    objectId: text("object_id").notNull(),
    detail: text("detail", { mode: "json" }).$type<AuditDetail>().notNull(),
  },
  (t) => [
    uniqueIndex("audit_log_id").on(t.id),
    index("audit_log_owner").on(t.ownerId, t.seq),
    index("audit_log_age").on(t.at),
  ],
);

/** What each route takes, generated from the OpenAPI document by `node apps/api/test/write-reference.ts`. */
import type { IdTypes } from "@samovar/base";

export interface ApiRoutes {
  "DELETE /api/agents/{kind}": { kind: string };
  "DELETE /api/budget/prices": { body?: never };
  "DELETE /api/credentials/{kind}": {
    kind: "hetzner" | "digitalocean" | "anthropic" | "openai" | "google" | "github" | `agent:${string}`;
  };
  "DELETE /api/projects/{projectId}": { projectId: IdTypes["prj"] };
  "DELETE /api/projects/{projectId}/tasks/{taskId}": { projectId: IdTypes["prj"]; taskId: IdTypes["tsk"] };
  "DELETE /api/sign-in-sessions/{signInSessionId}": { signInSessionId: IdTypes["sgn"] };
  "DELETE /api/tokens/{tokenId}": { tokenId: IdTypes["tok"] };
  "GET /api/agents": { body?: never };
  "GET /api/agents/{kind}": { kind: string };
  "GET /api/audit-log": { query?: { cursor?: string; limit?: number } };
  "GET /api/budget": { body?: never };
  "GET /api/budget/prices": { body?: never };
  "GET /api/credentials": { body?: never };
  "GET /api/identity/device-logins/{userCode}": { userCode: string };
  "GET /api/me": { body?: never };
  "GET /api/nodes": {
    query?: {
      cursor?: string;
      limit?: number;
      state?: "provisioning" | "active" | "warm" | "draining" | "destroying" | "destroyed";
    };
  };
  "GET /api/nodes/cost": { query: { since: number } };
  "GET /api/nodes/history": { query?: { hours?: number } };
  "GET /api/nodes/tasks": { body?: never };
  "GET /api/nodes/{nodeId}": { nodeId: IdTypes["nod"] };
  "GET /api/openapi.json": { body?: never };
  "GET /api/projects": { query?: { cursor?: string; limit?: number; archived?: string } };
  "GET /api/projects/{projectId}": { projectId: IdTypes["prj"] };
  "GET /api/projects/{projectId}/budget": { projectId: IdTypes["prj"] };
  "GET /api/projects/{projectId}/search": {
    projectId: IdTypes["prj"];
    query: {
      q: string;
      role?: "user" | "assistant" | "system" | "tool";
      order?: "newest" | "best";
      cursor?: string;
      limit?: number;
    };
  };
  "GET /api/projects/{projectId}/sessions": {
    projectId: IdTypes["prj"];
    query?: {
      cursor?: string;
      limit?: number;
      taskId?: IdTypes["tsk"];
      q?: string;
      status?: "active" | "stopped" | "error";
    };
  };
  "GET /api/projects/{projectId}/sessions/{sessionId}": { projectId: IdTypes["prj"]; sessionId: IdTypes["ses"] };
  "GET /api/projects/{projectId}/sessions/{sessionId}/messages": {
    projectId: IdTypes["prj"];
    sessionId: IdTypes["ses"];
    query?: { before?: number; after?: number; limit?: number };
  };
  "GET /api/projects/{projectId}/tasks": {
    projectId: IdTypes["prj"];
    query?: { cursor?: string; limit?: number; status?: string | readonly string[] };
  };
  "GET /api/projects/{projectId}/tasks/{taskId}": { projectId: IdTypes["prj"]; taskId: IdTypes["tsk"] };
  "GET /api/projects/{projectId}/tasks/{taskId}/bundle": { projectId: IdTypes["prj"]; taskId: IdTypes["tsk"] };
  "GET /api/projects/{projectId}/tasks/{taskId}/events": {
    projectId: IdTypes["prj"];
    taskId: IdTypes["tsk"];
    query?: { cursor?: string; limit?: number };
  };
  "GET /api/projects/{projectId}/tasks/{taskId}/verification": { projectId: IdTypes["prj"]; taskId: IdTypes["tsk"] };
  "GET /api/settings": { body?: never };
  "GET /api/sign-in-sessions": { body?: never };
  "GET /api/sizes": { body?: never };
  "GET /api/tokens": { body?: never };
  "GET /api/workspaces": {
    query?: {
      cursor?: string;
      limit?: number;
      state?: "creating" | "ready" | "busy" | "retained" | "destroying" | "destroyed" | "failed";
    };
  };
  "GET /api/workspaces/{workspaceId}": { workspaceId: IdTypes["wsp"] };
  "GET /api/workspaces/{workspaceId}/diff": { workspaceId: IdTypes["wsp"] };
  "PATCH /api/projects/{projectId}": {
    projectId: IdTypes["prj"];
    body: {
      name?: string;
      repoUrl?: string;
      baseBranch?: string | null;
      defaultVmSize?: "small" | "medium" | "large" | null;
      defaultAgent?: string | null;
      checkout?: { submodules: boolean; lfs: boolean; hooks: boolean };
      commitIdentity?: { name: string; email: string } | null;
      egress?: { mode: "open" | "allow-list" | "none"; hosts: readonly string[] };
      repositorySettings?: "ignored" | "used";
      runtime?: "sandbox" | "docker" | null;
      archived?: boolean;
    };
  };
  "PATCH /api/projects/{projectId}/tasks/{taskId}": {
    projectId: IdTypes["prj"];
    taskId: IdTypes["tsk"];
    body: {
      description?: string;
      title?: string;
      status?: "draft" | "ready";
      priority?: number;
      vmSize?: "small" | "medium" | "large" | null;
      agent?: string | null;
      model?: string | null;
      permissionMode?: string | null;
      baseBranch?: string | null;
      budget?: { costMicros: number | null; tokens: number | null } | null;
      dependsOn?: readonly IdTypes["tsk"][];
    };
  };
  "POST /api/credentials/{kind}/validate": {
    kind: "hetzner" | "digitalocean" | "anthropic" | "openai" | "google" | "github" | `agent:${string}`;
  };
  "POST /api/identity/device-logins": { body: { name: string } };
  "POST /api/identity/device-logins/token": { body: { deviceCode: string } };
  "POST /api/identity/device-logins/{userCode}/answer": { userCode: string; body: { approve: boolean } };
  "POST /api/identity/links": { body?: never };
  "POST /api/identity/redeem": { body: { token: string } };
  "POST /api/identity/setup": { body: { revokeEarlier?: boolean } };
  "POST /api/identity/sign-out": { body?: never };
  "POST /api/identity/sign-out-others": { body?: never };
  "POST /api/nodes/{nodeId}/destroy": { nodeId: IdTypes["nod"] };
  "POST /api/nodes/{nodeId}/drain": { nodeId: IdTypes["nod"] };
  "POST /api/projects": {
    idempotencyKey?: string;
    body: {
      name: string;
      repoUrl: string;
      baseBranch?: string | null;
      defaultVmSize?: "small" | "medium" | "large" | null;
      defaultAgent?: string | null;
      checkout?: { submodules: boolean; lfs: boolean; hooks: boolean };
      commitIdentity?: { name: string; email: string } | null;
      egress?: { mode: "open" | "allow-list" | "none"; hosts: readonly string[] };
      repositorySettings?: "ignored" | "used";
      runtime?: "sandbox" | "docker" | null;
    };
  };
  "POST /api/projects/{projectId}/egress/hosts": { projectId: IdTypes["prj"]; body: { host: string } };
  "POST /api/projects/{projectId}/tasks": {
    projectId: IdTypes["prj"];
    idempotencyKey?: string;
    body: {
      description: string;
      title?: string;
      run?: boolean;
      priority?: number;
      vmSize?: "small" | "medium" | "large" | null;
      agent?: string | null;
      model?: string | null;
      permissionMode?: string | null;
      baseBranch?: string | null;
      budget?: { costMicros: number | null; tokens: number | null } | null;
      dependsOn?: readonly IdTypes["tsk"][];
    };
  };
  "POST /api/projects/{projectId}/tasks/{taskId}/acknowledge": { projectId: IdTypes["prj"]; taskId: IdTypes["tsk"] };
  "POST /api/projects/{projectId}/tasks/{taskId}/cancel": { projectId: IdTypes["prj"]; taskId: IdTypes["tsk"] };
  "POST /api/projects/{projectId}/tasks/{taskId}/retry": {
    projectId: IdTypes["prj"];
    taskId: IdTypes["tsk"];
    idempotencyKey?: string;
  };
  "POST /api/projects/{projectId}/tasks/{taskId}/run": {
    projectId: IdTypes["prj"];
    taskId: IdTypes["tsk"];
    idempotencyKey?: string;
  };
  "POST /api/projects/{projectId}/tasks/{taskId}/unacknowledge": { projectId: IdTypes["prj"]; taskId: IdTypes["tsk"] };
  "POST /api/tokens": { body: { name: string; ttlMs?: number } };
  "POST /api/workspaces/{workspaceId}/destroy": { workspaceId: IdTypes["wsp"] };
  "POST /api/workspaces/{workspaceId}/extend": { workspaceId: IdTypes["wsp"]; body: { keepForMs: number } };
  "PUT /api/agents/{kind}": {
    kind: string;
    body: {
      kind: string;
      name: string;
      description?: string;
      program:
        | { from: "vm_agent" }
        | { from: "npm"; package: { name: string; version: string; bin: string; platforms?: Readonly<Record<string, string>>; lockfiles?: Readonly<Record<string, string>>; versionArgs?: readonly string[] }; args: readonly string[] }
        | { from: "path"; command: string; args: readonly string[] };
      env?: Readonly<Record<string, string>>;
      secretEnv?: readonly string[];
      gateway?: "anthropic" | "openai" | "google" | null;
    };
  };
  "PUT /api/budget": {
    body: {
      task: { costMicros: number | null; tokens: number | null };
      day: { costMicros: number | null; tokens: number | null };
    };
  };
  "PUT /api/budget/prices": {
    body: {
      prices: readonly { pattern: string; input: number; output: number; cacheRead: number; cacheWrite: number }[];
      asOf: string;
    };
  };
  "PUT /api/credentials/{kind}": {
    kind: "hetzner" | "digitalocean" | "anthropic" | "openai" | "google" | "github" | `agent:${string}`;
    body:
      | { kind: "hetzner"; token: string }
      | { kind: "digitalocean"; token: string }
      | { kind: "anthropic"; apiKey?: string; oauthToken?: string; baseUrl?: string }
      | { kind: "openai"; apiKey?: string; baseUrl?: string }
      | { kind: "google"; apiKey?: string; baseUrl?: string }
      | { kind: "github"; token: string }
      | { kind: "agent"; agent: string; env: Readonly<Record<string, string>> };
  };
  "PUT /api/projects/{projectId}/budget": {
    projectId: IdTypes["prj"];
    body: {
      task: { costMicros: number | null; tokens: number | null } | null;
      day: { costMicros: number | null; tokens: number | null };
    };
  };
}

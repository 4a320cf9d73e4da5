/** Agents, credentials and the settings of the installation. A credential is written and never read back. */
import {
  agentDetail,
  agentKind,
  agentView,
  credentialCheck,
  credentialView,
  page,
  vmSize,
  type AgentDefinition,
  type AgentDetail,
  type AgentKind,
  type AgentView,
  type CredentialCheck,
  type CredentialKind,
  type CredentialView,
} from "@samovar/contracts";
import { queryOptions } from "@tanstack/react-query";
import * as z from "zod";
import { anything, call } from "./client.ts";
import { agentKey, agentsKey, credentialsKey, settingsKey } from "./query-keys.ts";

const agentPage = page(agentView);
const credentialPage = page(credentialView);

export const agentsQuery = queryOptions({
  queryKey: agentsKey,
  queryFn: async ({ signal }) => (await call("/agents", agentPage, { signal })).items,
});

/** With its definition, if it is a custom agent. */
export const agentQuery = (kind: AgentKind) =>
  queryOptions({
    queryKey: agentKey(kind),
    queryFn: ({ signal }): Promise<AgentDetail> => call(`/agents/${kind}`, agentDetail, { signal }),
    staleTime: 0,
  });

export const putAgent = (definition: AgentDefinition): Promise<AgentView> =>
  call(`/agents/${definition.kind}`, agentView, { method: "PUT", body: definition });

export const deleteAgent = (kind: AgentKind): Promise<unknown> =>
  call(`/agents/${kind}`, anything, { method: "DELETE" });

export const credentialsQuery = queryOptions({
  queryKey: credentialsKey,
  queryFn: async ({ signal }) => (await call("/credentials", credentialPage, { signal })).items,
});

export const putCredential = (
  kind: CredentialKind,
  secret: Readonly<Record<string, unknown>>,
): Promise<CredentialView> =>
  call(`/credentials/${encodeURIComponent(kind)}`, credentialView, { method: "PUT", body: secret });

export const deleteCredential = (kind: CredentialKind): Promise<unknown> =>
  call(`/credentials/${encodeURIComponent(kind)}`, anything, { method: "DELETE" });

/** Asks the credential's own service whether it is good. */
export const validateCredential = (kind: CredentialKind): Promise<CredentialCheck> =>
  call(`/credentials/${encodeURIComponent(kind)}/validate`, credentialCheck, { method: "POST" });

/** What people may know of how this installation is set up. */
const installationSettings = z.object({
  defaultAgent: agentKind,
  defaultVmSize: vmSize,
  allowLocalRepos: z.boolean(),
  nodeSlots: z.number(),
  maxNodesPerUser: z.number(),
  nodeWarmTimeoutMs: z.number(),
  taskMaxDurationMs: z.number(),
  keptWorkspaceRetentionMs: z.number(),
});
export type InstallationSettings = z.infer<typeof installationSettings>;

export const settingsQuery = queryOptions({
  queryKey: [...settingsKey, "all"],
  queryFn: ({ signal }): Promise<InstallationSettings> => call("/settings", installationSettings, { signal }),
});

const apiDescription = z.object({ info: z.object({ version: z.string() }) });

/** Of the server that answers, as its API describes itself. */
export const versionQuery = queryOptions({
  queryKey: ["version"],
  queryFn: async ({ signal }) => (await call("/openapi.json", apiDescription, { signal })).info.version,
});

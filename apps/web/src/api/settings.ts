/** What only the settings pages need: agents, credentials, the installation. A credential is written and never read back. */
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
  type CredentialSecret,
  type CredentialView,
} from "@samovar/contracts";
import { queryOptions } from "@tanstack/react-query";
import * as z from "zod";
import { anything, api } from "./client.ts";
import { agentKey, credentialsKey, settingsKey } from "./query-keys.ts";

const credentialPage = page(credentialView);

/** With its definition, if it is a custom agent. */
export const agentQuery = (kind: AgentKind) =>
  queryOptions({
    queryKey: agentKey(kind),
    queryFn: ({ signal }): Promise<AgentDetail> =>
      api.call("GET /api/agents/{kind}", agentDetail, { kind }, { signal }),
    staleTime: 0,
  });

export const putAgent = (definition: AgentDefinition): Promise<AgentView> =>
  api.call("PUT /api/agents/{kind}", agentView, { kind: definition.kind, body: definition });

export const deleteAgent = (kind: AgentKind): Promise<unknown> =>
  api.call("DELETE /api/agents/{kind}", anything, { kind });

export const credentialsQuery = queryOptions({
  queryKey: credentialsKey,
  queryFn: async ({ signal }) => (await api.call("GET /api/credentials", credentialPage, {}, { signal })).items,
});

export const putCredential = (kind: CredentialKind, secret: CredentialSecret): Promise<CredentialView> =>
  api.call("PUT /api/credentials/{kind}", credentialView, { kind, body: secret });

export const deleteCredential = (kind: CredentialKind): Promise<unknown> =>
  api.call("DELETE /api/credentials/{kind}", anything, { kind });

/** Checks a credential with its service. */
export const validateCredential = (kind: CredentialKind): Promise<CredentialCheck> =>
  api.call("POST /api/credentials/{kind}/validate", credentialCheck, { kind });

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
  queryFn: ({ signal }): Promise<InstallationSettings> =>
    api.call("GET /api/settings", installationSettings, {}, { signal }),
});

const apiDescription = z.object({ info: z.object({ version: z.string() }) });

/** Of the server that answers, as its API describes itself. */
export const versionQuery = queryOptions({
  queryKey: ["version"],
  queryFn: async ({ signal }) => (await api.call("GET /api/openapi.json", apiDescription, {}, { signal })).info.version,
});

/** Agents, credentials and the settings of the installation. A credential is written and never read back. */
import {
  agentView,
  credentialView,
  page,
  type AgentDefinition,
  type AgentKind,
  type AgentView,
  type CredentialKind,
  type CredentialSecret,
  type CredentialView,
} from "@samovar/contracts";
import { queryOptions } from "@tanstack/react-query";
import { anything, call } from "./api.ts";
import { agentsKey, credentialsKey } from "./keys.ts";

const agentPage = page(agentView);
const credentialPage = page(credentialView);

export const agentsQuery = queryOptions({
  queryKey: agentsKey,
  queryFn: async ({ signal }) => (await call("/agents", agentPage, { signal })).items,
});

export const putAgent = (definition: AgentDefinition): Promise<AgentView> =>
  call(`/agents/${definition.kind}`, agentView, { method: "PUT", body: definition });

export const deleteAgent = (kind: AgentKind): Promise<unknown> =>
  call(`/agents/${kind}`, anything, { method: "DELETE" });

export const credentialsQuery = queryOptions({
  queryKey: credentialsKey,
  queryFn: async ({ signal }) => (await call("/credentials", credentialPage, { signal })).items,
});

export const putCredential = (kind: CredentialKind, secret: CredentialSecret): Promise<CredentialView> =>
  call(`/credentials/${encodeURIComponent(kind)}`, credentialView, { method: "PUT", body: secret });

export const deleteCredential = (kind: CredentialKind): Promise<unknown> =>
  call(`/credentials/${encodeURIComponent(kind)}`, anything, { method: "DELETE" });

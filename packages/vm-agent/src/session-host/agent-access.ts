/**
 * An agent's access to its model: the loopback gateway, or its owner's secret variables. Opened before the agent starts and
 * kept across its restarts, in this process's memory only. Keeps S1.
 */
import type { Logger, Random, Timers } from "@samovar/base";
import type { AgentCredential, HostLaunch } from "@samovar/contracts";
import { agentCredential } from "@samovar/contracts";
import { startGateway } from "../gateway/gateway.ts";
import type { Gateway } from "../gateway/gateway.ts";
import type { Listen } from "../listen.ts";
import { fetchForWorkspace } from "./fetch-for-workspace.ts";
import type { AgentGrant } from "./agent-environment.ts";
import type { TurnResult } from "./turn-end.ts";
import type { CurrentToken } from "./current-token.ts";
import type { SessionSecrets } from "./session-secrets.ts";

export interface AgentAccessPorts {
  readonly launch: HostLaunch;
  /** The gateway that a standby agent already uses; null: one is opened if the agent needs it. */
  readonly gateway: Gateway | null;
  /** Where a gateway listens; on the node's loopback by default. */
  readonly listen?: Listen;
  readonly tokens: CurrentToken;
  /** Gets all secrets of the access before the agent does. */
  readonly secrets: SessionSecrets;
  readonly timers: Timers;
  readonly random: Random;
  readonly log: Logger;
  /** Aborted when the session is stopped. */
  readonly signal: AbortSignal;
}

export interface AgentAccess extends AgentGrant {
  readonly gateway: Gateway | null;
  close(): Promise<void>;
}

export type AgentAccessResult =
  | { readonly kind: "open"; readonly access: AgentAccess }
  | { readonly kind: "failed"; readonly result: TurnResult };

const CREDENTIAL = { path: "agent-credential", name: "the agent's credential", schema: agentCredential };

/** Waits for the first token, and for the credential if the agent needs one. Never throws. */
export async function openAgentAccess(ports: AgentAccessPorts): Promise<AgentAccessResult> {
  const { launch, tokens, timers, log, signal } = ports;
  const stopped = new Promise<null>((resolve) => {
    if (signal.aborted) resolve(null);
    signal.addEventListener("abort", () => resolve(null), { once: true });
  });
  if ((await Promise.race([tokens.get(), stopped])) === null) return STOPPED;
  log.debug("token.received");
  if (launch.agent.gateway === null && !launch.agent.secretEnv) return createAccess(null, {});
  const { controlPlaneUrl, workspaceId } = launch;
  const fetched = await Promise.race([
    fetchForWorkspace(CREDENTIAL, { controlPlaneUrl, workspaceId, tokens, timers, signal }),
    stopped,
  ]);
  if (fetched === null || signal.aborted) return STOPPED;
  if (!fetched.ok) return createFailure(fetched.error.code, fetched.error.message);
  log.debug("credential.fetched");
  return grant(fetched.value, ports);
}

async function grant(credential: AgentCredential, ports: AgentAccessPorts): Promise<AgentAccessResult> {
  const { gateway, secretEnv } = ports.launch.agent;
  ports.secrets.add(listSecrets(credential));
  if (credential.kind === "env") {
    return secretEnv
      ? createAccess(null, credential.env)
      : createFailure("credential_unfit", "The agent's credential is not a model credential.");
  }
  if (credential.kind !== gateway) {
    const wanted = gateway === null ? "its secret variables" : `a credential for the ${gateway} API`;
    return createFailure(
      "credential_unfit",
      `The agent needs ${wanted}, but its credential is for the ${credential.kind} API.`,
    );
  }
  const { random, log, listen } = ports;
  const modelGateway = ports.gateway ?? (await startGateway({ api: credential.kind, random, log, listen }));
  ports.secrets.add([modelGateway.key]);
  modelGateway.use(credential);
  log.debug("gateway.opened");
  return createAccess(modelGateway, {});
}

function listSecrets(credential: AgentCredential): readonly string[] {
  if (credential.kind === "env") return Object.values(credential.env);
  const token = credential.kind === "anthropic" ? credential.oauthToken : undefined;
  return [credential.apiKey, token].filter((secret) => secret !== undefined);
}

function createAccess(gateway: Gateway | null, secretEnv: AgentGrant["secretEnv"]): AgentAccessResult {
  return { kind: "open", access: { gateway, secretEnv, close: async () => gateway?.close() } };
}

const createFailure = (code: string, message: string): AgentAccessResult => ({
  kind: "failed",
  result: { kind: "unready", failure: { code, message } },
});

const STOPPED = createFailure("cancelled", "The session was stopped before its agent started.");

/** The node's server at the provider: puts one question of the core and returns the answer as an event. Keeps N1, N3. */
import type { Clock, Random } from "@samovar/base";
import { renderUserData } from "@samovar/cloud-init";
import { type Failure, nodeEnvironment } from "@samovar/contracts";
import type { NodeEffect, NodeLifecycleEvent } from "@samovar/domain/node-lifecycle";
import type { ServerFacts } from "@samovar/domain/node-record";
import type { Provider, ProviderFault, Server } from "@samovar/providers";
import { SERVER_LABELS } from "@samovar/providers";
import type { Config } from "../../config.ts";
import type { Env } from "../../env.ts";
import { getNodesUrl } from "../../http/hosts.ts";
import { PROVIDER_TITLES } from "../../providers/choose-provider.ts";
import { findOwnersProvider } from "../provider.ts";
import { mintBootstrapToken } from "./bootstrap.ts";
import type { NodeStorage } from "./storage.ts";
import type { NodeIdentity } from "./storage.ts";

export type ProviderQuestion = Extract<NodeEffect, { readonly kind: `provider.${string}` }>;

export interface ServerDeps {
  readonly env: Env;
  readonly config: Config;
  readonly storage: NodeStorage;
  readonly clock: Clock;
  readonly random: Random;
}

/** Where the vm-agent keeps its files on a node. */
const STATE_DIR = "/var/lib/samovar";

export async function askProvider(
  deps: ServerDeps,
  identity: NodeIdentity,
  question: ProviderQuestion,
): Promise<NodeLifecycleEvent> {
  const provider = await findOwnersProvider(deps.env, deps.config, identity.ownerId, identity.provider);
  if (provider === null) return toFailure(question, toMissingCredential(identity), false, null);
  switch (question.kind) {
    case "provider.create":
      return create(deps, identity, provider);
    case "provider.find": {
      const found = await provider.findServer(identity.name);
      if (!found.ok) return toRefusal(question, found.error);
      const isOurs = found.value?.labels[SERVER_LABELS.installation] === deps.config.INSTALLATION_ID;
      return found.value !== null && isOurs
        ? { kind: "server.made", server: toServerFacts(found.value) }
        : { kind: "server.absent" };
    }
    case "provider.delete": {
      const seen = await provider.getServer(question.serverId);
      if (!seen.ok) return toRefusal(question, seen.error);
      if (seen.value === null || isOfAnother(deps.config, identity, seen.value)) return { kind: "server.gone" };
      const deleted = await provider.deleteServer(question.serverId);
      if (!deleted.ok) return toRefusal(question, deleted.error);
      return { kind: deleted.value === "gone" ? "server.gone" : "delete.accepted" };
    }
  }
}

async function create(deps: ServerDeps, identity: NodeIdentity, provider: Provider): Promise<NodeLifecycleEvent> {
  const { config } = deps;
  const { nodeId, name, size } = identity;
  const userData = renderUserData({
    agent: {
      controlPlaneUrl: getNodesUrl(config),
      nodeId,
      bootstrapToken: mintBootstrapToken(deps),
      stateDir: STATE_DIR,
    },
    release: config.AGENT_RELEASE,
    hostname: name,
    environment: nodeEnvironment.parse(config),
  });
  const labels = { [SERVER_LABELS.installation]: config.INSTALLATION_ID, [SERVER_LABELS.node]: nodeId };
  const created = await provider.createServer({ name, size, userData, labels });
  return created.ok
    ? { kind: "server.made", server: toServerFacts(created.value) }
    : toRefusal({ kind: "provider.create" }, created.error);
}

/**
 * Whether the labels name another node or installation. An installation that was restored from a backup remembers servers by
 * ids that are another's: those of the original, or ids that its new local cloud gives a second time.
 */
function isOfAnother(config: Config, { nodeId }: NodeIdentity, { labels }: Server): boolean {
  const { [SERVER_LABELS.installation]: installation, [SERVER_LABELS.node]: node } = labels;
  return (
    (installation !== undefined && installation !== config.INSTALLATION_ID) || (node !== undefined && node !== nodeId)
  );
}

const toMissingCredential = ({ provider }: NodeIdentity): Failure => ({
  code: "credentials_missing",
  message: `This node's provider is ${PROVIDER_TITLES[provider]}, whose credential was deleted. Store it again.`,
});

function toRefusal(question: ProviderQuestion, fault: ProviderFault): NodeLifecycleEvent {
  return toFailure(
    question,
    { code: `provider_${fault.kind}`, message: fault.message.slice(0, 4000) },
    fault.retriable,
    fault.retryAfterMs,
  );
}

function toFailure(
  question: ProviderQuestion,
  failure: Failure,
  retriable: boolean,
  retryAfterMs: number | null,
): NodeLifecycleEvent {
  if (question.kind === "provider.create")
    return { kind: "create.failed", refusal: { failure, retriable, retryAfterMs } };
  return { kind: "provider.failed", failure, retryAfterMs };
}

const toServerFacts = ({ id, location, pricePerHour }: Server): ServerFacts => ({ id, location, pricePerHour });

/** First boot: exchanges the single-use token of the user data for a node token, for the first vm-agent to claim it in time. Keeps S1. */
import type { Clock, Random } from "@samovar/base";
import { sha256 } from "@samovar/base/sha256";
import type { BootstrapRequest } from "@samovar/contracts";
import { isAlive } from "@samovar/domain/node-record";
import type { Config } from "../../config.ts";
import { mintNodeToken } from "../../identity/node-tokens.ts";
import type { BootstrapAnswer } from "./rpc.ts";
import type { NodeStorage } from "./storage.ts";

export const REFUSED_BOOTSTRAP: BootstrapAnswer = {
  ok: false,
  code: "unauthenticated",
  message: "The bootstrap token is invalid or has already been used.",
};

const TOKEN_TTL_MS = 15 * 60_000;

interface BootstrapDeps {
  readonly storage: NodeStorage;
  readonly config: Config;
  readonly clock: Clock;
  readonly random: Random;
}

/**
 * A fresh token, of which only the hash is stored. Each attempt to create the server has its own token, because an earlier
 * attempt whose answer was lost may have created the server after all.
 */
export function mintBootstrapToken({ storage, clock, random }: BootstrapDeps): string {
  const token = `smb_${btoa(String.fromCharCode(...random.bytes(32)))
    .replaceAll("+", "-")
    .replaceAll("/", "_")
    .replace(/=+$/, "")}`;
  storage.addBootstrapToken(sha256(token), clock.now() + TOKEN_TTL_MS);
  return token;
}

export async function bootstrap(deps: BootstrapDeps, request: BootstrapRequest): Promise<BootstrapAnswer> {
  const { storage, config, clock } = deps;
  const tokenHash = sha256(request.token);
  const claimHash = sha256(request.claim);
  // No await before the claim: of two concurrent requests one is first.
  const node = storage.node();
  const reason = node === null || !isAlive(node.record) ? "the node is gone" : findRefusal(deps, tokenHash, claimHash);
  if (node === null || reason !== null) {
    storage.addRefusal("bootstrap", reason ?? "the node is gone", clock.now());
    return REFUSED_BOOTSTRAP;
  }
  if (storage.bootstrapClaim() === null) storage.saveBootstrapClaim(tokenHash, claimHash, clock.now());
  const { nodeId } = node.identity;
  const { epoch } = node.record;
  const { token, expiresAt } = await mintNodeToken(config, { node: nodeId, epoch }, clock.now());
  return { ok: true, reply: { nodeToken: token, expiresAt, epoch } };
}

function findRefusal({ storage, clock }: BootstrapDeps, tokenHash: string, claimHash: string): string | null {
  const known = storage.bootstrapToken(tokenHash);
  if (known === null) return "unknown token";
  if (known.expiresAt <= clock.now()) return "expired";
  const claim = storage.bootstrapClaim();
  // The same claim repeats a request whose answer was lost.
  const isMine = claim === null || (claim.tokenHash === tokenHash && claim.claimHash === claimHash);
  return isMine ? null : "claimed by another agent";
}

/**
 * Digests of the secrets that a workspace's agent may not print: its owner's credentials, API tokens and the installation's own.
 * The node needs no secret to redact it. Keeps S1.
 */
import type { UserId } from "@samovar/base";
import { assertNever } from "@samovar/base";
import { sha256 } from "@samovar/base/sha256";
import type { CredentialSecret, SecretDigests } from "@samovar/contracts";
import { digestSecrets } from "@samovar/domain/secret-digests";
import { readAllCredentials } from "../credentials/store.ts";
import type { Deps } from "../deps.ts";
import { listApiTokenHashes } from "../identity/api-tokens.ts";

const SALT_BYTES = 16;
/** Of {@link SecretDigests}. */
const MAX_FORMS = 20_000;
const MAX_API_TOKENS = 1000;

export async function getSecretDigests(deps: Deps, ownerId: UserId): Promise<SecretDigests> {
  const { env, config, random } = deps;
  const own = [config.OPERATOR_SECRET, config.CREDENTIALS_KEY, config.SIGNING_KEY.d];
  const stored = (await readAllCredentials(env, ownerId)).flatMap(listSecrets);
  const salt = toHex(random.bytes(SALT_BYTES));
  return {
    salt,
    forms: digestSecrets([...own, ...stored], salt, sha256).slice(0, MAX_FORMS),
    apiTokens: await listApiTokenHashes(deps, ownerId, MAX_API_TOKENS),
  };
}

const toHex = (bytes: Uint8Array): string => Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");

function listSecrets(secret: CredentialSecret): string[] {
  switch (secret.kind) {
    case "hetzner":
    case "digitalocean":
    case "github":
      return [secret.token];
    case "anthropic":
      return [secret.apiKey, secret.oauthToken].filter((each) => each !== undefined);
    case "openai":
    case "google":
      return secret.apiKey === undefined ? [] : [secret.apiKey];
    case "agent":
      return Object.values(secret.env);
    default:
      return assertNever(secret, "credential");
  }
}

/**
 * Checks a stored credential by cheap requests to its service that change nothing: bounded in time, without following redirects,
 * no answer's text passed on. Addresses that people chose are never asked from here. Keeps S1.
 */
import type { CredentialCheck, CredentialSecret } from "@samovar/contracts";
import { assertNever } from "@samovar/base";
import type { Config } from "../config.ts";
import { PROVIDER_TITLES } from "../providers/choose-provider.ts";
import type { CloudSecret } from "../providers/create-provider.ts";
import { createProvider } from "../providers/create-provider.ts";
import { within } from "../within.ts";

const TIMEOUT_MS = 10_000;

interface Probe {
  /** Whose answer it is, for people. */
  readonly service: string;
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  /** What a person should know when it is good. */
  readonly good: string;
  /** Statuses by which the service says that it is not. */
  readonly refusals: readonly number[];
}

type Unchecked = Pick<CredentialCheck, "message">;

export async function checkCredential(config: Config, secret: CredentialSecret): Promise<CredentialCheck> {
  if (secret.kind === "hetzner" || secret.kind === "digitalocean") return checkCloud(config, secret);
  const probe = getProbe(config, secret);
  if ("message" in probe) return { ok: null, ...probe };
  const { service, good, refusals } = probe;
  const status = await ask(probe);
  if (status === null) return { ok: null, message: `${service} did not answer. Try again in a moment.` };
  if (status >= 200 && status < 300) return { ok: true, message: good };
  if (refusals.includes(status)) return { ok: false, message: toRefusal(service) };
  return {
    ok: null,
    message: `${service} answered ${status}, which says nothing about the credential. Try again in a moment.`,
  };
}

/** Sends reads, and requests that are refused without the right to write. */
async function checkCloud(config: Config, secret: CloudSecret): Promise<CredentialCheck> {
  const service = PROVIDER_TITLES[secret.kind];
  const asked = createProvider(config, secret).listMissingPermissions();
  const missing = await within(TIMEOUT_MS, asked).catch(() => null);
  if (missing === null) return { ok: null, message: `${service} did not answer. Try again in a moment.` };
  if (!missing.ok) {
    return missing.error.kind === "unauthorized"
      ? { ok: false, message: toRefusal(service) }
      : { ok: null, message: `${service} gave no clear answer (${missing.error.kind}). Try again in a moment.` };
  }
  if (missing.value.length === 0)
    return { ok: true, message: `${service} accepts this token, and it has all permissions that nodes need.` };
  const lacking = missing.value.join(", ");
  return {
    ok: false,
    message: `${service} accepts this token, but it lacks: ${lacking}. Create a token with these permissions, and store it.`,
  };
}

const toRefusal = (service: string) =>
  `${service} refuses it. It may be mistyped, expired or revoked: store a new one.`;

/** The answer's status; null when there was none. */
async function ask({ url, headers }: Probe): Promise<number | null> {
  try {
    const answer = await fetch(url, {
      headers: { accept: "application/json", "user-agent": "samovar", ...headers },
      redirect: "manual",
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    await answer.body?.cancel();
    return answer.status;
  } catch {
    // A refused connection and a time limit are the same to the one who asks.
    return null;
  }
}

function getProbe(config: Config, secret: Exclude<CredentialSecret, CloudSecret>): Probe | Unchecked {
  switch (secret.kind) {
    case "github":
      return {
        service: "GitHub",
        url: `${config.GITHUB_API_URL}/rate_limit`,
        headers: { authorization: `Bearer ${secret.token}` },
        good: "GitHub accepts this token. The first push shows whether it may write to the repository.",
        refusals: [401],
      };
    case "anthropic":
    case "openai":
    case "google":
      return modelProbe(secret);
    case "agent":
      return { message: "Only the agent can check its variables. Run a task to find out." };
    default:
      return assertNever(secret, "credential");
  }
}

function modelProbe(secret: Extract<CredentialSecret, { kind: "anthropic" | "openai" | "google" }>): Probe | Unchecked {
  if (secret.baseUrl !== undefined) return { message: "Only nodes contact a custom address. Run a task to find out." };
  const { apiKey } = secret;
  if (apiKey === undefined) return { message: "Only the agent can use such a token. Run a task to find out." };
  switch (secret.kind) {
    case "anthropic":
      return {
        service: "Anthropic",
        url: "https://api.anthropic.com/v1/models?limit=1",
        headers: { "x-api-key": apiKey, "anthropic-version": "2023-06-01" },
        good: "Anthropic accepts this key.",
        refusals: [401, 403],
      };
    case "openai":
      return {
        service: "OpenAI",
        url: "https://api.openai.com/v1/models",
        headers: { authorization: `Bearer ${apiKey}` },
        good: "OpenAI accepts this key.",
        refusals: [401, 403],
      };
    case "google":
      return {
        service: "Google",
        url: "https://generativelanguage.googleapis.com/v1beta/models?pageSize=1",
        headers: { "x-goog-api-key": apiKey },
        good: "Google accepts this key.",
        // A key that is none is a bad request to Google.
        refusals: [400, 401, 403],
      };
  }
}

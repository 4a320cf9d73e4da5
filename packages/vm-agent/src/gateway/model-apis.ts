/** What the gateway knows of each model API: where it is, which requests belong to it, and where its key stands. Pure. */
import type { IncomingHttpHeaders, OutgoingHttpHeaders } from "node:http";
import { assertNever } from "@samovar/base";
import type { ModelApi, ModelCredential } from "@samovar/contracts";

export interface ModelApiRules {
  /** The API's name, for people. */
  readonly name: string;
  /** Paths that are passed on; they begin with the API's version. */
  readonly paths: RegExp;
  /** The key that a request shows; null for none. */
  keyIn(headers: IncomingHttpHeaders): string | null;
  /** Where to ask, for a path with its query. */
  target(path: string, baseUrl: string | undefined): URL;
  /** In the shape of the API's own errors, so that the agent shows the reason. */
  refusal(status: number, message: string): unknown;
}

export const MODEL_APIS: Readonly<Record<ModelApi, ModelApiRules>> = {
  anthropic: {
    name: "Messages API",
    paths: /^\/v1\/(messages|models)(\/[A-Za-z0-9._-]+)*$/,
    keyIn: (headers) => single(headers["x-api-key"]) ?? bearerIn(headers),
    target: (path, baseUrl = "https://api.anthropic.com") => below(new URL(baseUrl), path),
    refusal: (status, message) => ({ type: "error", error: { type: ANTHROPIC_TYPES[status] ?? "api_error", message } }),
  },
  openai: {
    name: "OpenAI API",
    paths: /^\/v1\/(chat\/completions|completions|responses|embeddings|models)(\/[A-Za-z0-9._:-]+)*$/,
    keyIn: bearerIn,
    // Its base addresses name the version, or whatever stands in its place.
    target: (path, baseUrl = "https://api.openai.com/v1") => {
      const base = new URL(baseUrl);
      return below(base, base.pathname === "/" ? path : path.replace(/^\/v1/, ""));
    },
    refusal: (status, message) => ({
      error: { message, type: status >= 500 ? "server_error" : "invalid_request_error", param: null, code: null },
    }),
  },
  google: {
    name: "Gemini API",
    paths:
      /^\/v1(alpha|beta)?\/models(\/[A-Za-z0-9._-]+(:(generateContent|streamGenerateContent|countTokens|embedContent|batchEmbedContents))?)?$/,
    keyIn: (headers) => single(headers["x-goog-api-key"]),
    target: (path, baseUrl = "https://generativelanguage.googleapis.com") => {
      const base = new URL(baseUrl);
      base.pathname = base.pathname.replace(/\/v1(alpha|beta)?\/?$/, "");
      const target = below(base, path);
      // A key may stand here too; only the real one is sent, in its header.
      target.searchParams.delete("key");
      return target;
    },
    refusal: (status, message) => ({ error: { code: status, message, status: GOOGLE_STATUSES[status] ?? "INTERNAL" } }),
  },
};

const ANTHROPIC_TYPES: Readonly<Record<number, string>> = {
  401: "authentication_error",
  404: "not_found_error",
  405: "invalid_request_error",
  413: "request_too_large",
};
const GOOGLE_STATUSES: Readonly<Record<number, string>> = {
  401: "UNAUTHENTICATED",
  404: "NOT_FOUND",
  405: "INVALID_ARGUMENT",
  413: "INVALID_ARGUMENT",
  502: "UNAVAILABLE",
};

const OAUTH_BETA = "oauth-2025-04-20";

/** The headers that carry the real credential, given those that are passed on; none where the upstream wants none. */
export function credentialHeaders(credential: ModelCredential, headers: OutgoingHttpHeaders): OutgoingHttpHeaders {
  const { apiKey } = credential;
  switch (credential.kind) {
    case "anthropic": {
      if (apiKey !== undefined) return { "x-api-key": apiKey };
      if (credential.oauthToken === undefined) return {};
      const betas = [headers["anthropic-beta"], OAUTH_BETA].filter((beta) => typeof beta === "string");
      return { authorization: `Bearer ${credential.oauthToken}`, "anthropic-beta": betas.join(",") };
    }
    case "openai":
      return apiKey === undefined ? {} : { authorization: `Bearer ${apiKey}` };
    case "google":
      return apiKey === undefined ? {} : { "x-goog-api-key": apiKey };
    default:
      return assertNever(credential, "model credential");
  }
}

const single = (value: string | readonly string[] | undefined): string | null =>
  typeof value === "string" ? value : null;

function bearerIn({ authorization }: IncomingHttpHeaders): string | null {
  return /^bearer (.+)$/i.exec(authorization ?? "")?.[1] ?? null;
}

function below(base: URL, path: string): URL {
  return new URL(base.pathname.replace(/\/$/, "") + path, base);
}

/** The model APIs that the gateway knows: address, forwarded requests, and the position of the key. Pure. */
import type { IncomingHttpHeaders, OutgoingHttpHeaders } from "node:http";
import { assertNever } from "@samovar/base";
import type { ModelApi, ModelCredential } from "@samovar/contracts";

/** A request that is forwarded. Anything else could read or change what is not this session's: files, batches, stored replies. */
export interface ModelRoute {
  readonly method: "GET" | "POST";
  /** With the API's version. `{model}` stands for a model's id, which is one path segment. */
  readonly path: string;
  /** The query parameters that are forwarded. */
  readonly query: readonly string[];
}

export interface ModelApiRules {
  /** The API's name, for people. */
  readonly name: string;
  readonly routes: readonly ModelRoute[];
  /** One path segment that is neither `.` nor `..`. */
  readonly modelId: RegExp;
  /** A query parameter that may hold a key. It is removed, because the key is sent in its header. */
  readonly keyParameter: string | null;
  /** The key in a request; null for none. */
  readKey(headers: IncomingHttpHeaders): string | null;
  /** The upstream address for a path with its query. */
  getTarget(path: string, baseUrl: string | undefined): URL;
  /** An error in the API's format, so that the agent shows the reason. */
  createRefusal(status: number, message: string): unknown;
}

/** Azure's servers take the version of the API as a parameter. */
const AZURE = ["api-version"];
const GEMINI_METHODS = [
  "generateContent",
  "streamGenerateContent",
  "countTokens",
  "embedContent",
  "batchEmbedContents",
] as const;

export const MODEL_APIS: Readonly<Record<ModelApi, ModelApiRules>> = {
  anthropic: {
    name: "Messages API",
    routes: [
      { method: "POST", path: "/v1/messages", query: ["beta"] },
      { method: "POST", path: "/v1/messages/count_tokens", query: ["beta"] },
      { method: "GET", path: "/v1/models", query: ["beta", "limit", "after_id", "before_id"] },
      { method: "GET", path: "/v1/models/{model}", query: ["beta"] },
    ],
    modelId: /^[A-Za-z0-9][A-Za-z0-9._-]{0,199}$/,
    keyParameter: null,
    readKey: (headers) => asSingle(headers["x-api-key"]) ?? readBearer(headers),
    getTarget: (path, baseUrl = "https://api.anthropic.com") => appendPath(new URL(baseUrl), path),
    createRefusal: (status, message) => ({
      type: "error",
      error: { type: ANTHROPIC_TYPES[status] ?? "api_error", message },
    }),
  },
  openai: {
    name: "OpenAI API",
    // Codex compacts a long conversation by a separate request, and names its version to `/v1/models`.
    routes: [
      { method: "POST", path: "/v1/responses", query: AZURE },
      { method: "POST", path: "/v1/responses/compact", query: AZURE },
      { method: "POST", path: "/v1/chat/completions", query: AZURE },
      { method: "POST", path: "/v1/completions", query: AZURE },
      { method: "POST", path: "/v1/embeddings", query: AZURE },
      { method: "GET", path: "/v1/models", query: [...AZURE, "client_version"] },
      { method: "GET", path: "/v1/models/{model}", query: AZURE },
    ],
    modelId: /^[A-Za-z0-9][A-Za-z0-9._:-]{0,199}$/,
    keyParameter: null,
    readKey: readBearer,
    // Its base addresses include the version or a replacement for it.
    getTarget: (path, baseUrl = "https://api.openai.com/v1") => {
      const base = new URL(baseUrl);
      return appendPath(base, base.pathname === "/" ? path : path.replace(/^\/v1/, ""));
    },
    createRefusal: (status, message) => ({
      error: {
        message,
        type: status >= 500 ? "server_error" : (OPENAI_TYPES[status] ?? "invalid_request_error"),
        param: null,
        code: null,
      },
    }),
  },
  google: {
    name: "Gemini API",
    routes: ["/v1", "/v1alpha", "/v1beta"].flatMap((version): ModelRoute[] => [
      ...GEMINI_METHODS.map((call) => ({
        method: "POST" as const,
        path: `${version}/models/{model}:${call}`,
        query: ["alt"],
      })),
      { method: "GET", path: `${version}/models`, query: ["pageSize", "pageToken"] },
      { method: "GET", path: `${version}/models/{model}`, query: [] },
    ]),
    // No colon, which begins the name of a method.
    modelId: /^[A-Za-z0-9][A-Za-z0-9._-]{0,199}$/,
    keyParameter: "key",
    readKey: (headers) => asSingle(headers["x-goog-api-key"]),
    getTarget: (path, baseUrl = "https://generativelanguage.googleapis.com") => {
      const base = new URL(baseUrl);
      base.pathname = base.pathname.replace(/\/v1(alpha|beta)?\/?$/, "");
      return appendPath(base, path);
    },
    createRefusal: (status, message) => ({
      error: { code: status, message, status: GOOGLE_STATUSES[status] ?? "INTERNAL" },
    }),
  },
};

const ANTHROPIC_TYPES: Readonly<Record<number, string>> = {
  400: "invalid_request_error",
  401: "authentication_error",
  402: "billing_error",
  403: "permission_error",
  404: "not_found_error",
  405: "invalid_request_error",
  413: "request_too_large",
};
const OPENAI_TYPES: Readonly<Record<number, string>> = { 402: "insufficient_quota" };
const GOOGLE_STATUSES: Readonly<Record<number, string>> = {
  400: "INVALID_ARGUMENT",
  401: "UNAUTHENTICATED",
  402: "FAILED_PRECONDITION",
  403: "PERMISSION_DENIED",
  404: "NOT_FOUND",
  405: "INVALID_ARGUMENT",
  413: "INVALID_ARGUMENT",
  502: "UNAVAILABLE",
};

const OAUTH_BETA = "oauth-2025-04-20";

/** The headers with the real credential, given the forwarded headers; none where the upstream needs none. */
export function getCredentialHeaders(credential: ModelCredential, headers: OutgoingHttpHeaders): OutgoingHttpHeaders {
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

const asSingle = (value: string | readonly string[] | undefined): string | null =>
  typeof value === "string" ? value : null;

function readBearer({ authorization }: IncomingHttpHeaders): string | null {
  return /^bearer (.+)$/i.exec(authorization ?? "")?.[1] ?? null;
}

function appendPath(base: URL, path: string): URL {
  return new URL(base.pathname.replace(/\/$/, "") + path, base);
}

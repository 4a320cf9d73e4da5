/** The model APIs that the gateway knows: address, paths, and the position of the key. Pure. */
import type { IncomingHttpHeaders, OutgoingHttpHeaders } from "node:http";
import { assertNever } from "@samovar/base";
import type { ModelApi, ModelCredential } from "@samovar/contracts";

export interface ModelApiRules {
  /** The API's name, for people. */
  readonly name: string;
  /** Paths that are forwarded; they begin with the API's version. */
  readonly paths: RegExp;
  /** The key in a request; null for none. */
  readKey(headers: IncomingHttpHeaders): string | null;
  /** The upstream address for a path with its query. */
  getTarget(path: string, baseUrl: string | undefined): URL;
  /** An error in the API's format, so that the agent shows the reason. */
  createRefusal(status: number, message: string): unknown;
}

export const MODEL_APIS: Readonly<Record<ModelApi, ModelApiRules>> = {
  anthropic: {
    name: "Messages API",
    paths: /^\/v1\/(messages|models)(\/[A-Za-z0-9._-]+)*$/,
    readKey: (headers) => asSingle(headers["x-api-key"]) ?? readBearer(headers),
    getTarget: (path, baseUrl = "https://api.anthropic.com") => appendPath(new URL(baseUrl), path),
    createRefusal: (status, message) => ({
      type: "error",
      error: { type: ANTHROPIC_TYPES[status] ?? "api_error", message },
    }),
  },
  openai: {
    name: "OpenAI API",
    paths: /^\/v1\/(chat\/completions|completions|responses|embeddings|models)(\/[A-Za-z0-9._:-]+)*$/,
    readKey: readBearer,
    // Its base addresses include the version or a replacement for it.
    getTarget: (path, baseUrl = "https://api.openai.com/v1") => {
      const base = new URL(baseUrl);
      return appendPath(base, base.pathname === "/" ? path : path.replace(/^\/v1/, ""));
    },
    createRefusal: (status, message) => ({
      error: { message, type: status >= 500 ? "server_error" : "invalid_request_error", param: null, code: null },
    }),
  },
  google: {
    name: "Gemini API",
    paths:
      /^\/v1(alpha|beta)?\/models(\/[A-Za-z0-9._-]+(:(generateContent|streamGenerateContent|countTokens|embedContent|batchEmbedContents))?)?$/,
    readKey: (headers) => asSingle(headers["x-goog-api-key"]),
    getTarget: (path, baseUrl = "https://generativelanguage.googleapis.com") => {
      const base = new URL(baseUrl);
      base.pathname = base.pathname.replace(/\/v1(alpha|beta)?\/?$/, "");
      const target = appendPath(base, path);
      // The query may hold a key too; only the real key is sent, in its header.
      target.searchParams.delete("key");
      return target;
    },
    createRefusal: (status, message) => ({
      error: { code: status, message, status: GOOGLE_STATUSES[status] ?? "INTERNAL" },
    }),
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

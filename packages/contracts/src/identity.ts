/** Who sends a request: the owner, their cookie sessions and their API tokens. */
import type { ApiTokenId, SignInSessionId } from "@samovar/base";
import * as z from "zod";
import { apiTokenId, millis, signInSessionId, userId } from "./ids.ts";

/** What a person's requests and sockets are opened with. */
export type AccessId = SignInSessionId | ApiTokenId;

export const meView = z.object({ id: userId, name: z.string(), via: z.enum(["cookie", "token"]) });
export type MeView = z.infer<typeof meView>;

/** `POST /api/identity/setup`, authorised by the operator's secret: makes the owner if there is none. Repeatable. */
export const setupRequest = z.object({
  /** Revokes the tokens of earlier set-ups, which a killed `samovar up` could not revoke. */
  revokeEarlier: z.boolean().default(false),
});

export const setupReply = z.object({
  userId,
  /** A new API token for the CLI, of the kind `local`; shown this once. */
  apiToken: z.string(),
  apiTokenId,
});
export type SetupReply = z.infer<typeof setupReply>;

/** `POST /api/identity/links` with an API token: a one-time sign-in link. */
export const signInLink = z.object({
  /** `{origin}/sign-in#{token}`: opens the web app, which redeems it. */
  url: z.string(),
  expiresAt: millis,
});
export type SignInLink = z.infer<typeof signInLink>;

/** `POST /api/identity/redeem` from the page: sets the cookie. */
export const redeemLink = z.object({ token: z.string().min(20).max(200) });

const DAY_MS = 86_400_000;

/** How long an API token is valid. */
export const API_TOKEN_TTL_MS = { min: 60_000, default: 90 * DAY_MS, max: 366 * DAY_MS } as const;

/** `local`: made by `samovar up` for the CLI on its computer, and revoked when it stops or starts again. */
export const apiTokenKind = z.enum(["personal", "local"]);
export type ApiTokenKind = z.infer<typeof apiTokenKind>;

export const apiTokenView = z.object({
  id: apiTokenId,
  name: z.string(),
  kind: apiTokenKind,
  createdAt: millis,
  /** Null: valid until it is revoked. */
  expiresAt: millis.nullable(),
  lastUsedAt: millis.nullable(),
  /** The token with which this was requested. */
  current: z.boolean(),
});
export type ApiTokenView = z.infer<typeof apiTokenView>;

/** Strict: an expiry under another name must not become the default. */
export const createApiToken = z.strictObject({
  name: z.string().trim().min(1).max(100),
  /** From now, in milliseconds. */
  ttlMs: z.number().int().min(API_TOKEN_TTL_MS.min).max(API_TOKEN_TTL_MS.max).default(API_TOKEN_TTL_MS.default),
});
export type CreateApiToken = z.input<typeof createApiToken>;

/** The token itself is in this answer only. */
export const createdApiToken = apiTokenView.extend({ token: z.string() });
export type CreatedApiToken = z.infer<typeof createdApiToken>;

/** A browser that is signed in. */
export const signInSessionView = z.object({
  id: signInSessionId,
  /** The beginning of the browser's user agent string; empty if it sent none. */
  userAgent: z.string(),
  createdAt: millis,
  lastUsedAt: millis.nullable(),
  expiresAt: millis,
  /** The browser with which this was requested. */
  current: z.boolean(),
});
export type SignInSessionView = z.infer<typeof signInSessionView>;

/** How many sign-in sessions were ended. */
export const signedOutOthers = z.object({ signedOut: z.number().int().nonnegative() });
export type SignedOutOthers = z.infer<typeof signedOutOthers>;

/** Without vowels, so that no words appear, and without characters that look alike. */
const USER_CODE_LETTERS = "BCDFGHJKLMNPQRSTVWXZ";
export const USER_CODE = { letters: USER_CODE_LETTERS, length: 8, ttlMs: 15 * 60_000 } as const;

/** `BCDF-GHJK`, in either case and with or without the hyphen. */
export const userCode = z
  .string()
  .max(20)
  .transform((text) => text.toUpperCase().replaceAll(/[\s-]/g, ""))
  .refine((text) => new RegExp(`^[${USER_CODE_LETTERS}]{${USER_CODE.length}}$`).test(text), {
    error: "A code has eight letters, such as BCDF-GHJK.",
  })
  .transform((text) => `${text.slice(0, 4)}-${text.slice(4)}`);

/**
 * `POST /api/identity/device-logins` by a command line that has no token yet, as in OAuth's device authorization
 * (RFC 8628): a person compares the code and answers on the page.
 */
export const createDeviceLogin = z.strictObject({
  /** The name of the command line, such as `ada@laptop`; the person sees it. */
  name: z.string().trim().min(1).max(100),
});

export const createdDeviceLogin = z.object({
  /** Secret: it gets the token. */
  deviceCode: z.string(),
  userCode,
  /** The page with the question. A command line opens it, so it is nothing that would start a program. */
  verificationUrl: z.url({ protocol: /^https?$/ }).max(2000),
  expiresAt: millis,
  /** How long to wait between two requests for the token. */
  intervalMs: z.number().int().positive(),
});
export type CreatedDeviceLogin = z.infer<typeof createdDeviceLogin>;

/** `POST /api/identity/device-logins/token`. */
export const redeemDeviceLogin = z.strictObject({ deviceCode: z.string().min(20).max(200) });

export const deviceLoginOutcome = z.discriminatedUnion("status", [
  z.object({ status: z.literal("pending") }),
  z.object({ status: z.literal("denied") }),
  z.object({ status: z.literal("expired") }),
  z.object({ status: z.literal("approved"), token: z.string(), tokenId: apiTokenId, expiresAt: millis.nullable() }),
]);
export type DeviceLoginOutcome = z.infer<typeof deviceLoginOutcome>;

/** `GET /api/identity/device-logins/:userCode`: the request as the person sees it. */
export const deviceLoginView = z.object({
  userCode: z.string(),
  name: z.string(),
  /** The IP address of the request. */
  address: z.string(),
  status: z.enum(["pending", "approved", "denied"]),
  createdAt: millis,
  expiresAt: millis,
});
export type DeviceLoginView = z.infer<typeof deviceLoginView>;

/** `POST /api/identity/device-logins/:userCode/answer`. */
export const answerDeviceLogin = z.strictObject({ approve: z.boolean() });

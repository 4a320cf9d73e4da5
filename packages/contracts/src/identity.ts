/** Who sends a request: the owner, their cookie sessions and their API tokens. */
import * as z from "zod";
import { apiTokenId, millis, userId } from "./ids.ts";

export const meView = z.object({ id: userId, name: z.string(), via: z.enum(["cookie", "token"]) });
export type MeView = z.infer<typeof meView>;

/** `POST /api/identity/setup`, authorised by the operator's secret: makes the owner if there is none. Repeatable. */
export const setupReply = z.object({
  userId,
  /** A new API token for the CLI; shown this once. */
  apiToken: z.string(),
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

export const apiTokenView = z.object({
  id: apiTokenId,
  name: z.string(),
  createdAt: millis,
  expiresAt: millis.nullable(),
  lastUsedAt: millis.nullable(),
});
export type ApiTokenView = z.infer<typeof apiTokenView>;

export const createApiToken = z.object({
  name: z.string().trim().min(1).max(100),
  expiresAt: millis.nullable().optional(),
});
/** The token itself is in this answer only. */
export const createdApiToken = apiTokenView.extend({ token: z.string() });

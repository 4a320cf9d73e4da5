/** What a person may do about their own identity. */
import { createRoute, z } from "@hono/zod-openapi";
import {
  answerDeviceLogin,
  apiTokenId,
  apiTokenView,
  createApiToken,
  createdApiToken,
  deviceLoginView,
  meView,
  page,
  SamovarError,
  signedOutOthers,
  signInLink,
  signInSessionId,
  signInSessionView,
  userCode,
} from "@samovar/contracts";
import type { AccessId, DeviceLoginView } from "@samovar/contracts";
import { toActor } from "../audit/store.ts";
import type { Deps } from "../deps.ts";
import { createRouter, requireUser } from "../http/context.ts";
import type { Router } from "../http/context.ts";
import { json, jsonBody } from "../http/route.ts";
import * as devices from "./device-logins.ts";
import { deleteApiToken, listApiTokens, mintApiToken } from "./api-tokens.ts";
import { makeSignInLink } from "./sign-in-links.ts";
import { endOtherSignInSessions, endSignInSession, listSignInSessions, signOut } from "./sign-in-sessions.ts";

const me = createRoute({
  method: "get",
  path: "/api/me",
  summary: "Shows the caller.",
  responses: { 200: json(meView, "The caller") },
});

const link = createRoute({
  method: "post",
  path: "/api/identity/links",
  summary: "Creates a one-time sign-in link.",
  responses: { 200: json(signInLink, "The link; 15 minutes, one use") },
});

const signOutHere = createRoute({
  method: "post",
  path: "/api/identity/sign-out",
  summary: "Ends this browser's session.",
  responses: { 204: { description: "Signed out" } },
});

const signOutOthers = createRoute({
  method: "post",
  path: "/api/identity/sign-out-others",
  summary: "Signs out every browser except the caller's.",
  responses: { 200: json(signedOutOthers, "How many were signed out") },
});

const listSessions = createRoute({
  method: "get",
  path: "/api/sign-in-sessions",
  summary: "Lists the browsers that are signed in, newest first.",
  responses: { 200: json(page(signInSessionView), "Every sign-in session, without its secret") },
});

const endSession = createRoute({
  method: "delete",
  path: "/api/sign-in-sessions/{signInSessionId}",
  summary: "Signs a browser out.",
  request: { params: z.object({ signInSessionId }) },
  responses: { 204: { description: "Signed out" } },
});

const listTokens = createRoute({
  method: "get",
  path: "/api/tokens",
  summary: "Lists the caller's API tokens that are valid.",
  responses: { 200: json(page(apiTokenView), "Every token, without its secret") },
});

const makeToken = createRoute({
  method: "post",
  path: "/api/tokens",
  summary: "Creates an API token, valid for 90 days unless `ttlMs` says otherwise.",
  request: { body: jsonBody(createApiToken) },
  responses: { 201: json(createdApiToken, "The token, which is shown only once") },
});

const dropToken = createRoute({
  method: "delete",
  path: "/api/tokens/{tokenId}",
  summary: "Revokes an API token.",
  request: { params: z.object({ tokenId: apiTokenId }) },
  responses: { 204: { description: "Revoked" } },
});

const showDeviceLogin = createRoute({
  method: "get",
  path: "/api/identity/device-logins/{userCode}",
  summary: "Returns the command line that asks to sign in with this code.",
  request: { params: z.object({ userCode }) },
  responses: { 200: json(deviceLoginView, "The question") },
});

const answer = createRoute({
  method: "post",
  path: "/api/identity/device-logins/{userCode}/answer",
  summary: "Approves or denies a command line's sign-in. The first answer counts.",
  request: { params: z.object({ userCode }), body: jsonBody(answerDeviceLogin) },
  responses: { 200: json(deviceLoginView, "The request with its answer") },
});

/** Closes the sockets of an access that has ended. Sessions stand above identity: the composition root hands it in. */
export type CloseViewers = (deps: Deps, accessId: AccessId) => Promise<void>;

export function identityRoutes(closeViewers: CloseViewers): Router {
  const router = createRouter();

  router.openapi(me, (c) => {
    const { id, name, via } = requireUser(c);
    return c.json({ id, name, via }, 200);
  });

  router.openapi(link, async (c) => c.json(await makeSignInLink(c.get("deps"), toActor(requireUser(c))), 200));

  router.openapi(signOutHere, async (c) => {
    const ended = await signOut(c);
    if (ended !== null) await closeViewers(c.get("deps"), ended);
    return c.body(null, 204);
  });

  router.openapi(signOutOthers, async (c) => {
    const deps = c.get("deps");
    const ended = await endOtherSignInSessions(deps, toActor(requireUser(c)));
    for (const id of ended) await closeViewers(deps, id);
    return c.json({ signedOut: ended.length }, 200);
  });

  router.openapi(listSessions, async (c) => {
    const { id, access } = requireUser(c);
    return c.json({ items: await listSignInSessions(c.get("deps"), id, access.id), nextCursor: null }, 200);
  });

  router.openapi(endSession, async (c) => {
    const deps = c.get("deps");
    const { signInSessionId: id } = c.req.valid("param");
    if (!(await endSignInSession(deps, toActor(requireUser(c)), id)))
      throw new SamovarError("not_found", "Sign-in session not found.");
    await closeViewers(deps, id);
    return c.body(null, 204);
  });

  router.openapi(listTokens, async (c) => {
    const { id, access } = requireUser(c);
    return c.json({ items: await listApiTokens(c.get("deps"), id, access.id), nextCursor: null }, 200);
  });

  router.openapi(makeToken, async (c) => {
    const { name, ttlMs } = c.req.valid("json");
    const deps = c.get("deps");
    const wanted = { name, kind: "personal", expiresAt: deps.clock.now() + ttlMs } as const;
    return c.json(await mintApiToken(deps, toActor(requireUser(c)), wanted), 201);
  });

  router.openapi(dropToken, async (c) => {
    const deps = c.get("deps");
    const { tokenId } = c.req.valid("param");
    if (!(await deleteApiToken(deps, toActor(requireUser(c)), tokenId)))
      throw new SamovarError("not_found", "API token not found.");
    await closeViewers(deps, tokenId);
    return c.body(null, 204);
  });

  router.openapi(showDeviceLogin, async (c) => {
    const found = await devices.findDeviceLogin(c.get("deps"), c.req.valid("param").userCode);
    return c.json(requireDeviceLogin(found), 200);
  });

  router.openapi(answer, async (c) => {
    const { approve } = c.req.valid("json");
    const { userCode: code } = c.req.valid("param");
    const answered = await devices.answerDeviceLogin(c.get("deps"), toActor(requireUser(c)), code, approve);
    return c.json(requireDeviceLogin(answered), 200);
  });

  return router;
}

function requireDeviceLogin(found: DeviceLoginView | null): DeviceLoginView {
  if (found !== null) return found;
  throw new SamovarError("not_found", "No command line is waiting with this code. Codes are valid for 15 minutes.");
}

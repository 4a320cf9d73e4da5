/** Signed-in browsers: a random cookie, its hash in D1, seven days that slide with use. */
import type { Millis, SignInSessionId, UserId } from "@samovar/base";
import { sha256 } from "@samovar/base/sha256";
import type { AccessId, SignInSessionView } from "@samovar/contracts";
import { signInSessionId } from "@samovar/contracts";
import { and, desc, eq, gt, lt, ne } from "drizzle-orm";
import type { Context } from "hono";
import { deleteCookie, getCookie, setCookie } from "hono/cookie";
import type { CookieOptions } from "hono/utils/cookie";
import { recordAction, recordIfChanged, toActor } from "../audit/store.ts";
import type { AuditActor } from "../audit/store.ts";
import { signInSessions, users } from "../database/schema.ts";
import type { Deps } from "../deps.ts";
import { requireUser } from "../http/context.ts";
import type { AppContext, Caller } from "../http/context.ts";
import { getPageUrl, isPageHost } from "../http/hosts.ts";
import { makeRandomToken } from "./secrets.ts";

const DAY_MS = 24 * 3_600_000;
const LIFE_MS = 7 * DAY_MS;
/** `last_used_at` is for people; it need not be newer than this. */
const USE_GRAIN_MS = 60_000;
const USER_AGENT_CHARS = 300;

type SessionRow = typeof signInSessions.$inferSelect;

/** Begins a session with a redeemed link and sets its cookie. */
export async function beginSignInSession(c: Context<AppContext>, userId: UserId): Promise<SignInSessionId> {
  const deps = c.get("deps");
  const { db, clock, random, ids } = deps;
  const value = makeRandomToken(random);
  const now = clock.now();
  const row: SessionRow = {
    id: ids.make("sgn"),
    userId,
    hash: sha256(value),
    userAgent: (c.req.header("user-agent") ?? "").slice(0, USER_AGENT_CHARS),
    createdAt: now,
    lastUsedAt: now,
    expiresAt: now + LIFE_MS,
  };
  const actor: AuditActor = { kind: "sign_in_link", id: null, ownerId: userId };
  await db.batch([
    db.insert(signInSessions).values(row),
    recordAction(deps, actor, {
      action: "sign_in_link.redeemed",
      objectId: row.id,
      detail: { userAgent: row.userAgent },
    }),
    db.delete(signInSessions).where(lt(signInSessions.expiresAt, now)),
  ]);
  writeCookie(c, value);
  return row.id;
}

/** Null without a cookie, with one that has ended, and at an address that is not the pages'. */
export async function findCallerByCookie(c: Context<AppContext>): Promise<Caller | null> {
  if (!isPageHost(c)) return null;
  const value = getCookie(c, cookieName(c));
  if (value === undefined) return null;
  const { db, clock } = c.get("deps");
  const hash = sha256(value);
  const [found] = await db
    .select({ session: signInSessions, user: users })
    .from(signInSessions)
    .innerJoin(users, eq(users.id, signInSessions.userId))
    .where(and(eq(signInSessions.hash, hash), gt(signInSessions.expiresAt, clock.now())));
  if (found === undefined) return null;
  const expiresAt = await noteUse(c, value, found.session);
  return { id: found.user.id, name: found.user.name, via: "cookie", access: { id: found.session.id, expiresAt } };
}

/** Those that are valid, newest first. `current`: the access of the caller. */
export async function listSignInSessions(
  { db, clock }: Deps,
  userId: UserId,
  current: AccessId,
): Promise<SignInSessionView[]> {
  const rows = await db
    .select()
    .from(signInSessions)
    .where(and(eq(signInSessions.userId, userId), gt(signInSessions.expiresAt, clock.now())))
    .orderBy(desc(signInSessions.id));
  return rows.map(({ id, userAgent, createdAt, lastUsedAt, expiresAt }) => ({
    id,
    userAgent,
    createdAt,
    lastUsedAt,
    expiresAt,
    current: id === current,
  }));
}

/** Ends a session of the actor's owner. Returns whether there was one. */
export async function endSignInSession(deps: Deps, actor: AuditActor, id: SignInSessionId): Promise<boolean> {
  const { db } = deps;
  const [gone] = await db.batch([
    db
      .delete(signInSessions)
      .where(and(eq(signInSessions.id, id), eq(signInSessions.userId, actor.ownerId)))
      .returning({ id: signInSessions.id }),
    recordIfChanged(deps, actor, { action: "sign_in_session.ended", objectId: id }),
  ]);
  return gone.length > 0;
}

/** Ends all sessions of the actor's owner except the one of the actor, and returns their ids. */
export async function endOtherSignInSessions(deps: Deps, actor: AuditActor): Promise<readonly SignInSessionId[]> {
  const mine = signInSessionId.safeParse(actor.id);
  const found = await deps.db
    .select({ id: signInSessions.id })
    .from(signInSessions)
    .where(and(eq(signInSessions.userId, actor.ownerId), mine.success ? ne(signInSessions.id, mine.data) : undefined));
  for (const { id } of found) await endSignInSession(deps, actor, id);
  return found.map(({ id }) => id);
}

/** Ends the session of this browser and takes its cookie. Null for a caller without one. */
export async function signOut(c: Context<AppContext>): Promise<SignInSessionId | null> {
  const caller = requireUser(c);
  const value = getCookie(c, cookieName(c));
  if (value === undefined) return null;
  const deps = c.get("deps");
  const [found] = await deps.db
    .select({ id: signInSessions.id })
    .from(signInSessions)
    .where(and(eq(signInSessions.hash, sha256(value)), eq(signInSessions.userId, caller.id)));
  if (found !== undefined) await endSignInSession(deps, toActor(caller), found.id);
  const { secure, path } = cookieOptions(c);
  deleteCookie(c, cookieName(c), { ...(secure === undefined ? {} : { secure }), path: path ?? "/" });
  return found?.id ?? null;
}

/** Records the use, and slides the expiry once a day at most. Returns the expiry. */
async function noteUse(c: Context<AppContext>, value: string, session: SessionRow): Promise<Millis> {
  const { db, clock } = c.get("deps");
  const now = clock.now();
  const next = now + LIFE_MS;
  const slides = next - session.expiresAt >= DAY_MS;
  if (!slides && (session.lastUsedAt ?? 0) > now - USE_GRAIN_MS) return session.expiresAt;
  const expiresAt = slides ? next : session.expiresAt;
  await db.update(signInSessions).set({ lastUsedAt: now, expiresAt }).where(eq(signInSessions.id, session.id));
  if (slides) writeCookie(c, value);
  return expiresAt;
}

function writeCookie(c: Context<AppContext>, value: string): void {
  setCookie(c, cookieName(c), value, { ...cookieOptions(c), maxAge: LIFE_MS / 1000 });
}

const isSecure = (c: Context<AppContext>) => getPageUrl(c.get("deps").config).protocol === "https:";

/** `__Host-` keeps a neighbouring host from setting it; browsers accept that name over TLS only. */
const cookieName = (c: Context<AppContext>) => (isSecure(c) ? "__Host-samovar_session" : "samovar_session");

function cookieOptions(c: Context<AppContext>): CookieOptions {
  return { httpOnly: true, sameSite: "Lax", path: "/", secure: isSecure(c) };
}

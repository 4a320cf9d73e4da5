/** Signed-in browsers: a random cookie, its hash in D1, seven days that slide with use. */
import type { Millis, UserId } from "@samovar/base";
import { sha256 } from "@samovar/base/sha256";
import { and, eq, gt, lt } from "drizzle-orm";
import type { Context } from "hono";
import { deleteCookie, getCookie, setCookie } from "hono/cookie";
import type { CookieOptions } from "hono/utils/cookie";
import { cookieSessions, users } from "../database/schema.ts";
import type { AppContext, Caller } from "../http/context.ts";
import { getPageUrl, isPageHost } from "../http/hosts.ts";
import { randomToken } from "./secrets.ts";

const DAY_MS = 24 * 3_600_000;
const LIFE_MS = 7 * DAY_MS;

/** Begins a session and sets its cookie. */
export async function beginCookieSession(c: Context<AppContext>, userId: UserId): Promise<void> {
  const { db, clock, random } = c.get("deps");
  const value = randomToken(random);
  const now = clock.now();
  await db.batch([
    db.insert(cookieSessions).values({ hash: sha256(value), userId, createdAt: now, expiresAt: now + LIFE_MS }),
    db.delete(cookieSessions).where(lt(cookieSessions.expiresAt, now)),
  ]);
  writeCookie(c, value);
}

/** Null without a cookie, with one that has ended, and at an address that is not the pages'. */
export async function findCallerByCookie(c: Context<AppContext>): Promise<Caller | null> {
  if (!isPageHost(c)) return null;
  const value = getCookie(c, cookieName(c));
  if (value === undefined) return null;
  const { db, clock } = c.get("deps");
  const hash = sha256(value);
  const now = clock.now();
  const [found] = await db
    .select({ session: cookieSessions, user: users })
    .from(cookieSessions)
    .innerJoin(users, eq(users.id, cookieSessions.userId))
    .where(and(eq(cookieSessions.hash, hash), gt(cookieSessions.expiresAt, now)));
  if (found === undefined) return null;
  await slide(c, value, hash, found.session.expiresAt);
  return { id: found.user.id, name: found.user.name, via: "cookie" };
}

/** Ends the session of this browser and takes its cookie. */
export async function endCookieSession(c: Context<AppContext>): Promise<void> {
  const value = getCookie(c, cookieName(c));
  if (value === undefined) return;
  await c
    .get("deps")
    .db.delete(cookieSessions)
    .where(eq(cookieSessions.hash, sha256(value)));
  const { secure, path } = cookieOptions(c);
  deleteCookie(c, cookieName(c), { ...(secure === undefined ? {} : { secure }), path: path ?? "/" });
}

/** Once a day of use at most. */
async function slide(c: Context<AppContext>, value: string, hash: string, expiresAt: Millis): Promise<void> {
  const { db, clock } = c.get("deps");
  const next = clock.now() + LIFE_MS;
  if (next - expiresAt < DAY_MS) return;
  await db.update(cookieSessions).set({ expiresAt: next }).where(eq(cookieSessions.hash, hash));
  writeCookie(c, value);
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

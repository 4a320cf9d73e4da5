/** API tokens of the CLI and of scripts: shown once, kept as a hash, revoked by deletion. */
import type { ApiTokenId, Millis, UserId } from "@samovar/base";
import { sha256 } from "@samovar/base/sha256";
import type { ApiTokenView } from "@samovar/contracts";
import { and, asc, eq } from "drizzle-orm";
import { apiTokens, users } from "../database/schema.ts";
import type { Deps } from "../deps.ts";
import type { Caller } from "../http/context.ts";
import { randomToken } from "./secrets.ts";

type TokenRow = typeof apiTokens.$inferSelect;

/** `last_used_at` is for people; it need not be newer than this. */
const USE_GRAIN_MS = 60_000;

export async function mintApiToken(
  { db, clock, ids, random }: Deps,
  ownerId: UserId,
  name: string,
  expiresAt: Millis | null,
): Promise<ApiTokenView & { readonly token: string }> {
  const token = `smv_${randomToken(random)}`;
  const row: TokenRow = {
    id: ids.make("tok"),
    ownerId,
    name,
    hash: sha256(token),
    createdAt: clock.now(),
    expiresAt,
    lastUsedAt: null,
  };
  await db.insert(apiTokens).values(row);
  return { ...apiTokenView(row), token };
}

export async function listApiTokens({ db }: Deps, ownerId: UserId): Promise<ApiTokenView[]> {
  const rows = await db.select().from(apiTokens).where(eq(apiTokens.ownerId, ownerId)).orderBy(asc(apiTokens.id));
  return rows.map(apiTokenView);
}

/** Whether there was one. */
export async function deleteApiToken({ db }: Deps, ownerId: UserId, id: ApiTokenId): Promise<boolean> {
  const gone = await db
    .delete(apiTokens)
    .where(and(eq(apiTokens.id, id), eq(apiTokens.ownerId, ownerId)))
    .returning({ id: apiTokens.id });
  return gone.length > 0;
}

/** Null for a token that is unknown, revoked or expired. */
export async function findCallerByToken({ db, clock }: Deps, token: string): Promise<Caller | null> {
  if (!token.startsWith("smv_")) return null;
  const [found] = await db
    .select({ token: apiTokens, user: users })
    .from(apiTokens)
    .innerJoin(users, eq(users.id, apiTokens.ownerId))
    .where(eq(apiTokens.hash, sha256(token)));
  const now = clock.now();
  if (found === undefined || (found.token.expiresAt !== null && found.token.expiresAt <= now)) return null;
  if ((found.token.lastUsedAt ?? 0) <= now - USE_GRAIN_MS) {
    await db.update(apiTokens).set({ lastUsedAt: now }).where(eq(apiTokens.id, found.token.id));
  }
  return { id: found.user.id, name: found.user.name, via: "token" };
}

function apiTokenView({ id, name, createdAt, expiresAt, lastUsedAt }: TokenRow): ApiTokenView {
  return { id, name, createdAt, expiresAt, lastUsedAt };
}

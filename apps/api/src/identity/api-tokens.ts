/** API tokens of the CLI and of scripts: shown once, kept as a hash, revoked by deletion. */
import type { ApiTokenId, Millis, UserId } from "@samovar/base";
import { sha256 } from "@samovar/base/sha256";
import type { AccessId, ApiTokenKind, ApiTokenView, CreatedApiToken } from "@samovar/contracts";
import { and, asc, desc, eq, gt, isNull, or } from "drizzle-orm";
import { recordAction, recordIfChanged } from "../audit/store.ts";
import type { AuditActor } from "../audit/store.ts";
import { apiTokens, users } from "../database/schema.ts";
import type { Deps } from "../deps.ts";
import type { Caller } from "../http/context.ts";
import { makeRandomToken } from "./secrets.ts";

type TokenRow = typeof apiTokens.$inferSelect;

/** `last_used_at` is for people; it need not be newer than this. */
const USE_GRAIN_MS = 60_000;

export interface NewToken {
  readonly name: string;
  readonly kind: ApiTokenKind;
  /** Null: valid until it is revoked. */
  readonly expiresAt: Millis | null;
}

/** The token is the actor's owner's. `secret`: 32 bytes in base64url that nobody can guess. */
export async function mintApiToken(
  deps: Deps,
  actor: AuditActor,
  wanted: NewToken,
  secret: string = makeRandomToken(deps.random),
): Promise<CreatedApiToken> {
  const { db, clock, ids } = deps;
  const token = toApiToken(secret);
  const row: TokenRow = {
    id: ids.make("tok"),
    ownerId: actor.ownerId,
    hash: sha256(token),
    createdAt: clock.now(),
    lastUsedAt: null,
    ...wanted,
  };
  const { name, kind, expiresAt } = wanted;
  await db.batch([
    db.insert(apiTokens).values(row),
    recordAction(deps, actor, { action: "api_token.created", objectId: row.id, detail: { name, kind, expiresAt } }),
  ]);
  return { ...toView(row, null), token };
}

/** SHA-256 of the owner's valid tokens, the newest first, at most `max`. */
export async function listApiTokenHashes({ db, clock }: Deps, ownerId: UserId, max: number): Promise<string[]> {
  const isValid = or(isNull(apiTokens.expiresAt), gt(apiTokens.expiresAt, clock.now()));
  const rows = await db
    .select({ hash: apiTokens.hash })
    .from(apiTokens)
    .where(and(eq(apiTokens.ownerId, ownerId), isValid))
    .orderBy(desc(apiTokens.id))
    .limit(max);
  return rows.map(({ hash }) => hash);
}

const toApiToken = (secret: string): string => `smv_${secret}`;

/** The token that was minted with this secret and is valid, or null. */
export async function findApiTokenBySecret(deps: Deps, secret: string): Promise<CreatedApiToken | null> {
  const token = toApiToken(secret);
  const [row] = await deps.db
    .select()
    .from(apiTokens)
    .where(eq(apiTokens.hash, sha256(token)));
  return row === undefined ? null : { ...toView(row, null), token };
}

/** Those that are valid, oldest first. `current`: the access of the caller. */
export async function listApiTokens(
  { db, clock }: Deps,
  ownerId: UserId,
  current: AccessId | null,
): Promise<ApiTokenView[]> {
  const rows = await db
    .select()
    .from(apiTokens)
    .where(and(eq(apiTokens.ownerId, ownerId), or(isNull(apiTokens.expiresAt), gt(apiTokens.expiresAt, clock.now()))))
    .orderBy(asc(apiTokens.id));
  return rows.map((row) => toView(row, current));
}

/** Deletes a token of the actor's owner. Returns whether there was one. */
export async function deleteApiToken(deps: Deps, actor: AuditActor, id: ApiTokenId): Promise<boolean> {
  const { db } = deps;
  const [gone] = await db.batch([
    db
      .delete(apiTokens)
      .where(and(eq(apiTokens.id, id), eq(apiTokens.ownerId, actor.ownerId)))
      .returning({ id: apiTokens.id }),
    recordIfChanged(deps, actor, { action: "api_token.revoked", objectId: id }),
  ]);
  return gone.length > 0;
}

/** Deletes the tokens of earlier set-ups and returns their ids. */
export async function deleteLocalTokens(deps: Deps, actor: AuditActor): Promise<readonly ApiTokenId[]> {
  const found = await deps.db
    .select({ id: apiTokens.id })
    .from(apiTokens)
    .where(and(eq(apiTokens.ownerId, actor.ownerId), eq(apiTokens.kind, "local")));
  for (const { id } of found) await deleteApiToken(deps, actor, id);
  return found.map(({ id }) => id);
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
  const { id, expiresAt, lastUsedAt } = found.token;
  if ((lastUsedAt ?? 0) <= now - USE_GRAIN_MS) {
    await db.update(apiTokens).set({ lastUsedAt: now }).where(eq(apiTokens.id, id));
  }
  return { id: found.user.id, name: found.user.name, via: "token", access: { id, expiresAt } };
}

function toView(
  { id, name, kind, createdAt, expiresAt, lastUsedAt }: TokenRow,
  current: AccessId | null,
): ApiTokenView {
  return { id, name, kind, createdAt, expiresAt, lastUsedAt, current: id === current };
}
